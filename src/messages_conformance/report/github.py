"""Workflow commands of GitHub Actions: one annotation for each failure."""

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
from messages_conformance.report.text import cut, sentence, visible
from messages_conformance.rules.verdict import Verdict

SHOWN: Final = 10
"""GitHub shows ten errors and ten warnings for each step and silently drops the others (its documented limit)."""

MESSAGE_CHARACTERS: Final = 1_000
"""Our own limit: an annotation is read beside the code, and report.json has the full text."""


def to_annotations(report: Report) -> str:
    """Workflow commands, one on each line: the verdict, then failures and warnings, worst first."""
    return "".join(f"{line}\n" for line in _lines(report))


def _lines(report: Report) -> Iterator[str]:
    kind = "notice" if exit_code(report) == CONFORMANT else "error"
    yield _command(kind, "messages-conformance", verdict_sentence(report))
    if report.unjudged:
        return
    # The verdict is one of the errors that GitHub shows.
    yield from _shown("error", report, failures(report), SHOWN - 1)
    yield from _shown("warning", report, warnings(report), SHOWN)


def _shown(kind: str, report: Report, found: tuple[Verdict, ...], places: int) -> Iterator[str]:
    fit = len(found) if len(found) <= places else places - 1
    for verdict in found[:fit]:
        failure = describe_failure(report, verdict)
        text = (
            f"{failure.sentence}\nfound: {failure.found}\nwanted: {failure.wanted}\n"
            f"where: {failure.where}\nbreaks: {failure.impact}"
        )
        yield _command(kind, f"{failure.id} {failure.level}", text)
    if len(found) > fit:
        yield _command(kind, "messages-conformance", f"and {len(found) - fit:,} more: see the summary of the job")


def _command(kind: str, title: str, message: str) -> str:
    return f"::{kind} title={_property(sentence(title))}::{_data(visible(cut(message, MESSAGE_CHARACTERS)))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
