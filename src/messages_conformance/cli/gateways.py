"""The command `gateway`: judges a gateway from both sides, with a scripted upstream behind it."""

from __future__ import annotations

import argparse
import os
import shlex
from typing import Any, Final

from messages_conformance.cli.checking import session_options
from messages_conformance.cli.parsing import Commands, wrong_usage
from messages_conformance.cli.settings import add_options, effective
from messages_conformance.configuration import ConfigurationError
from messages_conformance.options import OPTIONS, problem

USED: Final = ("model", "profile", "only", "skip", "fail-on", "waivers", "baseline", "edition", "report", "show-trace")
"""The options of a run that this command has, too."""

KEY_VARIABLE: Final = "MESSAGES_API_KEY"
DIALECTS: Final = ("anthropic", "openai-chat", "openai-responses")
CLIENT_KEY: Final = "client-key-3f9a71c2e5"
"""The key of the client when the user gives none: a gateway without keys ignores it, and it must not go further."""


def add(commands: Commands) -> None:
    """Declares `gateway`."""
    gateway = commands.add_parser(
        "gateway",
        help="judge a gateway from both sides: clients in front, a scripted upstream behind",
        allow_abbrev=False,
    )
    gateway.set_defaults(command=_gateway, parser=gateway)
    gateway.add_argument("url", metavar="URL", help="the address of the gateway, such as http://127.0.0.1:4000")
    gateway.add_argument("--upstream-port", type=int, required=True, help="port on 127.0.0.1 that the gateway asks")
    gateway.add_argument("--speaks", choices=DIALECTS, required=True, help="the API that the gateway asks there")
    gateway.add_argument(
        "--promise", choices=("passthrough", "translates"), help="(default: passthrough for anthropic, else translates)"
    )
    gateway.add_argument(
        "--also",
        metavar="PROMISE",
        action="append",
        default=[],
        help="what the gateway promises besides: own-system-text, no-reasoning, forwards-key; may be repeated",
    )
    gateway.add_argument(
        "--key", help=f"the client's key for the gateway (default: ${KEY_VARIABLE}, else a made-up key)"
    )
    gateway.add_argument("--case", metavar="NAME", action="append", default=[], help="only this case; may be repeated")
    add_options(gateway, USED)


def _gateway(parsed: argparse.Namespace) -> int:
    from messages_conformance.gateway import judge_gateway
    from messages_conformance.session import UsageError

    try:
        found = {name: setting.value for name, setting in effective(parsed).items() if name in USED}
        if wrong := problem({option.destination: found.get(option.name) for option in OPTIONS}):
            raise ConfigurationError(wrong)
        if not 0 < parsed.upstream_port <= 65_535:
            raise UsageError(f"--upstream-port is {parsed.upstream_port}; it must be a number from 1 to 65535")
        code, _ = judge_gateway(_options(parsed, found))
    except (ConfigurationError, UsageError) as error:
        return wrong_usage(error)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        return wrong_usage(OSError(f"port {parsed.upstream_port} cannot be used ({why}); name another --upstream-port"))
    return code


def _options(parsed: argparse.Namespace, found: dict[str, Any]) -> Any:
    from dataclasses import replace

    from messages_conformance.gateway import GatewayOptions
    from messages_conformance.gateway.judging import MODEL

    session = session_options(found)
    profile = found.get("profile") or f"gateway-{parsed.promise or _promise(parsed.speaks)}"
    again = ["messages-conformance", "gateway", parsed.url, "--upstream-port", str(parsed.upstream_port)]
    again += ["--speaks", parsed.speaks, *(["--model", found["model"]] if found.get("model") else [])]
    again += [word for name in parsed.also for word in ("--also", name)]
    return GatewayOptions(
        url=parsed.url,
        port=parsed.upstream_port,
        dialect=parsed.speaks,
        promise=parsed.promise or "",
        model=found.get("model") or MODEL,
        key=parsed.key or os.environ.get(KEY_VARIABLE) or CLIENT_KEY,
        also=tuple(parsed.also),
        session=replace(session, profile=profile),
        only_cases=tuple(parsed.case),
        judged_by=shlex.join(again),
    )


def _promise(dialect: str) -> str:
    return "passthrough" if dialect == "anthropic" else "translates"
