"""The JSON of a shields.io endpoint badge: https://shields.io/badges/endpoint-badge."""

from __future__ import annotations

from typing import Any, Final

from messages_conformance.report.model import CONFORMANT, VIOLATIONS, Report, counts, exit_code, failures
from messages_conformance.report.text import counted

LABEL: Final = "Messages API"
COLOURS: Final = {CONFORMANT: "brightgreen", VIOLATIONS: "red"}


def to_badge(report: Report) -> dict[str, Any]:
    """The JSON object that a badge endpoint returns."""
    code = exit_code(report)
    return {
        "schemaVersion": 1,
        "label": LABEL,
        "message": _message(report, code) + (", with a warning" if report.run.warning else ""),
        "color": COLOURS.get(code, "lightgrey"),
    }


def _message(report: Report, code: int) -> str:
    total = counts(report)
    if code == CONFORMANT and total.excused:
        return f"passes, {total.excused:,} excused"
    if code == CONFORMANT:
        # Never only "passing": the claim includes how much was verified.
        return f"conforms, {total.verified:,} of {total.verified + total.not_verified:,} verified"
    if code == VIOLATIONS:
        found = len(failures(report))
        return counted(found, "failure") if found else "fails"
    return "could not be judged"
