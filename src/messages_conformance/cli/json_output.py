"""The result of a command as JSON on standard output; what a person reads meanwhile is written to standard error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from messages_conformance.cli.parameters import Parsed


def console_of(parsed: Parsed) -> Any:
    """The console for people: standard error under `--output json`."""
    from messages_conformance import report

    return report.console(sys.stderr) if parsed.output == "json" else report.console()


def print_json(parsed: Parsed, document: Any) -> None:
    """Prints a document under `--output json`; anything else prints nothing. A closed pipe changes no exit code."""
    from messages_conformance import report
    from messages_conformance.masking import masked
    from messages_conformance.report.text import encodable, json_text

    if parsed.output == "json":
        report.StandardOutput().write(masked(json_text(encodable(document))))
