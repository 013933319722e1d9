"""What GitHub Actions shows beside a commit: one line for each failure, as its workflow commands want them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from messages_conformance.report.failure_text import describe_failure
from messages_conformance.report.model import (
    CONFORMANT,
    Report,
    exit_code,
    failures,
    verdict_sentence,
    warnings,
)
from messages_conformance.report.text import cut, sentence
from messages_conformance.rules.verdict import Verdict

SHOWN: Final = 10
"""GitHub shows ten errors and ten warnings of a step, and drops the others without a word."""

MESSAGE_CHARACTERS: Final = 1_000


def to_annotations(report: Report) -> str:
    """Workflow commands, a line each: the verdict, then the failures and the warnings, the worst first."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    kind = "notice" if exit_code(report) == CONFORMANT else "error"
    yield _command(kind, "messages-conformance", verdict_sentence(report))
    if report.void:
        return
    # The verdict took one of the places.
    yield from _shown("error", report, failures(report), SHOWN - 1)
    yield from _shown("warning", report, warnings(report), SHOWN)


def _shown(kind: str, report: Report, found: tuple[Verdict, ...], places: int) -> Iterator[str]:
    fit = len(found) if len(found) <= places else places - 1
    for verdict in found[:fit]:
        told = describe_failure(report, verdict)
        text = (
            f"{told.sentence}\nfound: {told.found}\nwanted: {told.wanted}\nwhere: {told.where}\nbreaks: {told.breaks}"
        )
        yield _command(kind, f"{told.id} {told.level}", text)
    if len(found) > fit:
        yield _command(kind, "messages-conformance", f"and {len(found) - fit:,} more: see the job's summary")


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_property(sentence(title))}::{_data(cut(message, MESSAGE_CHARACTERS))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
