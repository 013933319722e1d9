"""The command `proxy`: passes the traffic of any client on to an endpoint, and judges it as it passes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from messages_conformance.cli.checking import USED, session_options
from messages_conformance.cli.commands import Command
from messages_conformance.cli.parameters import Parsed, flag, option, port_option
from messages_conformance.cli.parsing import wrong_usage
from messages_conformance.cli.settings import effective, run_options
from messages_conformance.configuration import ConfigurationError
from messages_conformance.options import OPTIONS, problem

PORT: Final = 8788

NOT_HERE: Final = frozenset({"model", "quiet", "open"})
"""The options of `check` that a proxy does not have: it prints what happens."""


def commands() -> tuple[Command, ...]:
    """Declares `proxy`."""
    params = [
        option("--upstream", metavar="URL", help="the endpoint that answers, such as https://api.anthropic.com"),
        port_option(PORT),
        flag("--fail-fast", help="end at the first violation of a MUST"),
        *run_options(tuple(name for name in USED if name not in NOT_HERE), profile="anthropic-2023-06-01"),
    ]
    text = (
        "Write `-- COMMAND` at the end to run a command with ANTHROPIC_BASE_URL set to the proxy; it ends the proxy, "
        "and its exit code counts, too."
    )
    return (Command("proxy", _proxy, params, text=text, takes_command=True),)


def _proxy(parsed: Parsed) -> int:
    from messages_conformance.session import UsageError

    try:
        found = {name: setting.value for name, setting in effective(parsed).items() if name in USED}
        if wrong := problem({option.destination: found.get(option.name) for option in OPTIONS}):
            raise ConfigurationError(wrong)
        if wrong := _wrong(parsed):
            raise ConfigurationError(wrong)
        return _served(parsed, found)
    except (ConfigurationError, UsageError) as error:
        return wrong_usage(error)


def _wrong(parsed: Parsed) -> str:
    """What is wrong with the options of the proxy itself; empty when they can be used."""
    if not parsed.upstream:
        return "no --upstream was given; it is the address that answers, such as https://api.anthropic.com"
    if not _is_address(parsed.upstream):
        return f"--upstream is {parsed.upstream!r}; it is an address that begins with http:// or https://"
    if extra := _extra(parsed.upstream):
        return f"--upstream has {extra}; leave it out: the proxy passes on what the client sends"
    if not 0 <= parsed.port <= 65_535:
        return f"--port is {parsed.port}; it must be a number from 0 (any free port) to 65535"
    return ""


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets without an end, or a port that is none
        return False


def _extra(address: str) -> str:
    """What the address has beside host and path. It would be a secret that every line shows."""
    parts = urlsplit(address)
    if "@" in parts.netloc:
        return "a user name or a password"
    return "a query" if parts.query else "a fragment" if parts.fragment else ""


def _served(parsed: Parsed, found: Mapping[str, Any]) -> int:
    from messages_conformance import report
    from messages_conformance.live import Observer
    from messages_conformance.proxy import ProxyOptions, bound_socket, run_proxy

    try:
        bound = bound_socket(parsed.port)
    except OSError as error:
        why = os.strerror(error.errno) if error.errno else str(error)
        raise ConfigurationError(f"port {parsed.port} cannot be used ({why}); name another with --port") from None
    with bound:
        # Under --output json, the lines of exchanges and what the command prints are written to standard error.
        as_json = found.get("output") == "json"
        lines = report.console(sys.stderr) if as_json else report.console()
        out = report.console() if as_json else lines
        upstream = parsed.upstream.removesuffix("/").removesuffix("/v1")
        observer = Observer(f"proxy to {upstream}", session_options(found), out=out, base_url=upstream)
        try:
            observer.session.announce()
            address = f"http://127.0.0.1:{bound.getsockname()[1]}"
            end = "ends with the command" if parsed.after else "press Ctrl-C to end"
            lines.print(f"listening on {address}, answers come from {upstream}; {end}", soft_wrap=True)
            options = ProxyOptions(
                upstream=upstream,
                command=tuple(parsed.after),
                fail_fast=parsed.fail_fast,
                command_output=sys.stderr if as_json else None,
            )
            return run_proxy(bound, options, observer, say=lambda text: lines.print(text, soft_wrap=True))
        except (FileNotFoundError, PermissionError) as error:
            why = os.strerror(error.errno) if error.errno else str(error)
            return wrong_usage(OSError(f"{parsed.after[0]!r} cannot be started ({why}); write the command after --"))
        finally:
            observer.close()
