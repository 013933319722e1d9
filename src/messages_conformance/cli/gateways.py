"""The command `gateway`: judges a gateway from both sides, with a scripted upstream behind it."""

from __future__ import annotations

import errno
import os
import shlex
from typing import Any, Final

from messages_conformance.cli.checking import session_options
from messages_conformance.cli.commands import Command
from messages_conformance.cli.parameters import NUMBER, WHOLE_NUMBER, Parsed, argument, option
from messages_conformance.cli.parsing import wrong_usage
from messages_conformance.cli.settings import SOURCES, effective, run_options
from messages_conformance.cli.signals import end_on_signals
from messages_conformance.configuration import ConfigurationError
from messages_conformance.options import OPTIONS, problem

USED: Final = (
    *("model", "profile", "only", "skip", "fail-on", "waivers", "baseline", "edition", "report", "show-trace"),
    *("output", "quiet", "events"),
    *("header", "base-path", "ca-bundle", "client-cert", "client-key", "insecure"),
)
"""The options of a run that this command has, too."""

KEY_VARIABLE: Final = "MESSAGES_API_KEY"
DIALECTS: Final = ("anthropic", "openai-chat", "openai-responses")
PROMISES: Final = ("passthrough", "translates")
NO_PORT: Final = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM})
"""Errors of the system about a port."""

CLIENT_KEY: Final = "client-key-3f9a71c2e5"
"""The key of the client when the user gives none: a gateway without keys ignores it, and it must not go further."""


def commands() -> tuple[Command, ...]:
    """Declares `gateway`."""
    params = [
        argument("url", metavar="URL", help="the address of the gateway, such as http://127.0.0.1:4000"),
        option("--upstream-port", kind=WHOLE_NUMBER, required=True, help="port on 127.0.0.1 that the gateway asks"),
        option(
            "--speaks",
            choices=DIALECTS,
            required=True,
            help="API that the gateway asks there: anthropic, openai-chat or openai-responses",
            metavar="DIALECT",
        ),
        option(
            "--promise",
            choices=PROMISES,
            help="passthrough or translates (default: passthrough for anthropic, else translates)",
        ),
        option(
            "--also",
            metavar="PROMISE",
            multiple=True,
            help="what the gateway promises besides: own-system-text, no-reasoning, forwards-key; may be repeated",
        ),
        option(
            "--key",
            metavar="TEXT",
            help=f"the client's key for the gateway (default: ${KEY_VARIABLE}, else a made-up key)",
        ),
        option("--case", metavar="NAME", multiple=True, help="only this case; may be repeated"),
        option(
            "--silence-limit",
            kind=NUMBER,
            metavar="SECONDS",
            help="silence of the upstream after which the gateway promises to end a request (default: not judged)",
        ),
        *run_options(USED, profile="that of --promise or --speaks"),
    ]
    return (Command("gateway", _gateway, params, text=SOURCES),)


def _gateway(parsed: Parsed) -> int:
    from messages_conformance.gateway import judge_gateway
    from messages_conformance.session import UsageError

    try:
        found = {name: setting.value for name, setting in effective(parsed).items() if name in USED}
        if wrong := problem({option.destination: found.get(option.name) for option in OPTIONS}):
            raise ConfigurationError(wrong)
        if not 0 < parsed.upstream_port <= 65_535:
            raise UsageError(f"--upstream-port is {parsed.upstream_port}; it must be a number from 1 to 65535")
        end_on_signals()
        code, _ = judge_gateway(_options(parsed, found))
    except (ConfigurationError, UsageError) as error:
        return wrong_usage(error)
    except OSError as error:
        if error.filename is not None or error.errno not in NO_PORT:
            raise
        why = os.strerror(error.errno) if error.errno else str(error)
        return wrong_usage(OSError(f"port {parsed.upstream_port} cannot be used ({why}); name another --upstream-port"))
    return code


def _options(parsed: Parsed, found: dict[str, Any]) -> Any:
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
        silence_limit_s=parsed.silence_limit,
        connection=_connection(found),
        judged_by=shlex.join(again),
    )


def _connection(found: dict[str, Any]) -> Any:
    from messages_conformance.gateway import Connection
    from messages_conformance.options import parsed_header

    names = ("base_path", "ca_bundle", "client_cert", "client_key", "insecure")
    given = {name: found[name.replace("_", "-")] for name in names if found.get(name.replace("_", "-"))}
    return Connection(headers=tuple(map(parsed_header, found.get("header") or ())), **given)


def _promise(dialect: str) -> str:
    return "passthrough" if dialect == "anthropic" else "translates"
