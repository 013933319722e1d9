"""The command `upstream`: a scripted model server to put behind a gateway."""

from __future__ import annotations

import contextlib
import json
import os
from typing import IO, TYPE_CHECKING, Final

from messages_conformance.cli.commands import Command
from messages_conformance.cli.completion_words import dialects
from messages_conformance.cli.parameters import FILE, Parsed, option, port_option
from messages_conformance.cli.parsing import complain, near, wrong_usage
from messages_conformance.cli.signals import signals_blocked, until_signal

if TYPE_CHECKING:
    from messages_conformance.upstream import UpstreamExchange

PORT: Final = 8789
SHOWN_CHARACTERS: Final = 100


def commands() -> tuple[Command, ...]:
    """Declares `upstream`."""
    params = [
        port_option(PORT),
        option("--speaks", metavar="DIALECT", words=dialects, help="anthropic, openai-chat or openai-responses"),
        option("--record", metavar="FILE", kind=FILE, help="write each exchange as a line of JSON when it ends"),
    ]
    return (Command("upstream", _upstream, params),)


def _upstream(parsed: Parsed) -> int:
    from messages_conformance.upstream import DIALECTS, Upstream

    if parsed.speaks not in DIALECTS:
        asked = "no --speaks was given" if parsed.speaks is None else f"there is no dialect {parsed.speaks!r}"
        return wrong_usage(ValueError(f"{asked}{near(parsed.speaks or '', DIALECTS)}; valid: {', '.join(DIALECTS)}"))
    if not 0 <= parsed.port <= 65_535:
        return wrong_usage(ValueError(f"--port is {parsed.port}; it must be a number from 0 (any free port) to 65535"))
    with contextlib.ExitStack() as stack:
        try:
            record = stack.enter_context(open(parsed.record, "w", encoding="utf-8")) if parsed.record else None
        except OSError as error:
            return wrong_usage(OSError(f"--record: {parsed.record!r} cannot be written ({_why(error)})"))
        try:
            took = _Printer(record).took
            with signals_blocked(), Upstream(parsed.speaks, port=parsed.port, ended=took, keeps=False) as upstream:
                base = upstream.base_url + ("" if parsed.speaks == "anthropic" else "/v1")
                print(f"speaking {parsed.speaks} on {base} with any key; press Ctrl-C to end", flush=True)
                until_signal()
        except OSError as error:
            return wrong_usage(OSError(f"port {parsed.port} cannot be used ({_why(error)}); name another with --port"))
    return 0


class _Printer:
    """Prints a line for each exchange that ended, and writes it to the file of --record if there is one."""

    def __init__(self, record: IO[str] | None) -> None:
        self._record = record

    def took(self, exchange: UpstreamExchange) -> None:
        """Takes one exchange. A file that cannot be written ends the record, not the server."""
        from messages_conformance.report.text import inline
        from messages_conformance.upstream.record import as_json

        path = inline(exchange.path.partition("?")[0], SHOWN_CHARACTERS)
        ending = f"refused: {inline(exchange.refused, 2 * SHOWN_CHARACTERS)}" if exchange.refused else exchange.ending
        script = "scripted" if exchange.token else "without a script"
        with contextlib.suppress(OSError):  # that nobody reads the lines ends nothing
            print(f"{exchange.method} {path}  {exchange.status or 'no status'}  {script}  {ending}", flush=True)
        if self._record is None:
            return
        try:
            self._record.write(json.dumps(as_json(exchange)) + "\n")
            self._record.flush()
        except OSError as error:
            complain(f"--record: the file cannot be written any more ({_why(error)}); the upstream goes on without it")
            self._record = None


def _why(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno else str(error)
