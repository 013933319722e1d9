"""The part of report.json that a table of many runs needs: read in milliseconds, without the recordings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, field

from messages_conformance.input_files import MAX_SAVED_BYTES, InputError, parsed_json, read_bytes, typed
from messages_conformance.report.files import ReportError
from messages_conformance.report.json_report import FILE_NAME
from messages_conformance.report.model import FAIL_ON_SHOULD
from messages_conformance.report.report_document import CellRow, ExcuseRow, RunRow, SpentRow, StatementRow
from messages_conformance.report.saved import FAMILY, check_version
from messages_conformance.rules.verdict import FAIL, NOT_APPLICABLE, NOT_VERIFIED, SHOULD, WARN

SHOWN_FINDINGS: Final = 1
"""Findings of a requirement that a summary keeps: the page of the run has the others (our own)."""


class SeenFinding(Struct, frozen=True):
    """What was found, and what is legal."""

    found: str
    wanted: str


class SummaryRow(Struct, frozen=True):
    """One requirement in one run."""

    id: Annotated[str, Meta(min_length=1)]
    level: Literal["MUST", "SHOULD", "MAY"]
    verdict: str
    reason: str = ""
    sentence: str = ""
    source: str = ""
    harm: str = ""
    findings: tuple[SeenFinding, ...] = ()
    excuse: ExcuseRow | None = None


class ClientSummary(Struct, frozen=True):
    """Whether one measured client works."""

    client: str
    status: str


class FeatureSummary(Struct, frozen=True):
    """One feature of requests with its results."""

    feature: str
    title: str
    area: str
    whole: CellRow
    streamed: CellRow


class CauseSummary(Struct, frozen=True):
    """What explains several failures."""

    requirement: str
    sentence: str


class Summary(Struct, frozen=True):
    """One run: what it was, its verdict, and the verdict of each requirement. Unknown keys of the file are ignored."""

    schema: str
    complete: bool
    exit_code: Literal[0, 1, 2]
    verdict_sentence: str
    run: RunRow
    spent: SpentRow
    requirements: tuple[SummaryRow, ...]
    statement: StatementRow | None = None
    clients: tuple[ClientSummary, ...] = ()
    features: tuple[FeatureSummary, ...] = ()
    causes: tuple[CauseSummary, ...] = field(default=())

    @property
    def failing(self) -> tuple[SummaryRow, ...]:
        """The requirements that fail the run; excused ones are not among them (as `report.failures`)."""
        with_warnings = self.run.fail_on == FAIL_ON_SHOULD
        return tuple(
            row
            for row in self.requirements
            if row.excuse is None
            and (row.verdict == FAIL or (with_warnings and row.verdict == WARN and row.level == SHOULD))
        )

    @property
    def deviating(self) -> tuple[SummaryRow, ...]:
        """The requirements with a violation of any level, excused or not."""
        return tuple(row for row in self.requirements if row.verdict in (FAIL, WARN))

    @property
    def verified(self) -> int:
        """How many requirements were seen to hold or not to hold."""
        return sum(row.verdict in ("pass", FAIL, WARN) for row in self.requirements)

    @property
    def applicable(self) -> int:
        """How many requirements the profile promises."""
        return sum(row.verdict != NOT_APPLICABLE for row in self.requirements)

    @property
    def not_verified(self) -> int:
        """How many requirements were not seen."""
        return sum(row.verdict == NOT_VERIFIED for row in self.requirements)


_DECODER: Final = msgspec.json.Decoder(Summary)


def summarized(place: Path | str) -> Summary:
    """The summary of a folder or of a report.json file; raises ReportError with the cure."""
    path = Path(place)
    path = path if path.name == FILE_NAME else path / FILE_NAME
    try:
        data = read_bytes(path, limit_bytes=MAX_SAVED_BYTES)
    except InputError as error:
        raise ReportError(
            f"{str(path)!r} could not be read: {error}; name the folder that a run with --report wrote"
        ) from error
    try:
        found = _decoded(data)
    except InputError as error:
        raise ReportError(
            f"{str(path)!r} is not a complete report: {error}; name the folder that a run with --report wrote"
        ) from error
    if not found.schema.startswith(f"{FAMILY}/"):
        raise ReportError(f"{str(path)!r} is not a report of messages-conformance; name the folder of a report")
    check_version(path, found.schema)
    return _cut(found)


def _decoded(data: bytes) -> Summary:
    """Decodes what is valid at once; the slow reader says what is wrong with the rest."""
    try:
        return _DECODER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return typed(parsed_json(data), Summary)


def _cut(found: Summary) -> Summary:
    """The summary without the findings that no table shows: thousands of summaries must fit in memory."""
    rows = tuple(_lean(row) for row in found.requirements)
    return msgspec.structs.replace(found, requirements=rows)


_TEXTS: Final[dict[str, str]] = {}
"""One copy of each sentence: all reports of a version have the same ones."""


def _lean(row: SummaryRow) -> SummaryRow:
    changes: dict[str, Any] = {name: _TEXTS.setdefault(text, text) for name, text in _repeated(row)}
    return msgspec.structs.replace(row, findings=row.findings[:SHOWN_FINDINGS], **changes)


def _repeated(row: SummaryRow) -> Iterator[tuple[str, str]]:
    for name in ("id", "sentence", "source", "harm", "reason"):
        yield name, getattr(row, name)
