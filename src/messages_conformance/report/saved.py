"""Loads the report of a saved run from report.json and from exchanges.jsonl in the same folder.

Without exchanges.jsonl the report has no traces and no times. Nothing is judged again: the verdicts, sentences and
sources are those of the version that made the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from msgspec import UNSET, Struct, structs, to_builtins

from messages_conformance.exchange import Exchange
from messages_conformance.gate import Difference, Excuse, Gate
from messages_conformance.input_files import MAX_SAVED_BYTES, InputError, parsed_json, read_bytes, typed
from messages_conformance.report import recording, schema_coverage
from messages_conformance.report.causes import Cause
from messages_conformance.report.client_effects import Effect
from messages_conformance.report.clients import ClientStatus
from messages_conformance.report.feature_matrix import Cell, Row
from messages_conformance.report.files import ReportError
from messages_conformance.report.json_report import FILE_NAME, SCHEMA_ID
from messages_conformance.report.model import Report, Statement
from messages_conformance.report.report_document import (
    ClientRow,
    FeatureRow,
    FindingRow,
    GateRow,
    ReportDocument,
    RequirementRow,
)
from messages_conformance.report.run_info import FailedTest, Planned, RunInfo, SavedExchange, Spent
from messages_conformance.rules.verdict import Finding, Place, Verdict
from messages_conformance.shapes import Drift

FAMILY: Final = SCHEMA_ID.rpartition("/")[0]
VERSION: Final = int(SCHEMA_ID.rpartition("/")[2])
GENERATED_KEYS: Final = ("intermittent", "draw_again")
"""The additional keys of a finding about a generated request."""


@dataclass(frozen=True, kw_only=True)
class Described:
    """A requirement in the words of the version that made the run."""

    sentence: str
    source: str
    harm: str


def load(place: Path | str) -> Report:
    """The report of a folder or of a report.json file; raises ReportError with the cure."""
    path = Path(place)
    path = path / FILE_NAME if _is_folder(path) else path
    document = _document(path)
    try:
        read = typed(document, ReportDocument)
    except InputError as error:
        raise ReportError(
            f"{str(path)!r} is not a complete report: {error}; was it cut or edited? run again with --report"
        ) from error
    return _report(read, _exchanges(path.parent / recording.FILE_NAME))


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except (OSError, ValueError):  # reading the file says why
        return False


def _document(path: Path) -> Mapping[str, Any]:
    try:
        data = read_bytes(path, limit_bytes=MAX_SAVED_BYTES)
    except InputError as error:
        raise ReportError(
            f"{str(path)!r} could not be read: {error}; name the folder that a run with --report wrote"
        ) from error
    try:
        document = parsed_json(data)
    except InputError as error:
        raise ReportError(
            f"{str(path)!r} is no report ({error}): was it cut off? run again with --report, or name another folder"
        ) from error
    stated = document.get("schema") if isinstance(document, dict) else None
    if not isinstance(stated, str) or not stated.startswith(f"{FAMILY}/"):
        raise ReportError(
            f'{str(path)!r} is not a report of messages-conformance: it does not begin with "schema": "{SCHEMA_ID}"'
        )
    check_version(path, stated)
    read: dict[str, Any] = document
    return read


def check_version(path: Path, stated: str) -> None:
    """Raises ReportError for a report of another version of the format."""
    version = stated.rpartition("/")[2]
    if version == str(VERSION):
        return
    newer = version.isascii() and version.isdecimal() and (len(version) > 1 or int(version) > VERSION)
    cure = "update messages-conformance to read it" if newer else "it was never released"
    raise ReportError(
        f"{str(path)!r} is in the form {stated[:STATED_CHARACTERS]!r}, and this version reads {SCHEMA_ID}: {cure}",
    )


STATED_CHARACTERS: Final = 100
"""A message quotes at most this much of the form that a file states (our own choice)."""


def _exchanges(path: Path) -> dict[int, Exchange]:
    return {exchange.number: exchange for exchange in recording.read(path)} if path.is_file() else {}


def _report(document: ReportDocument, exchanges: dict[int, Exchange]) -> Report:
    judged = {row.number for row in document.exchanges}
    coverage = document.request_coverage
    return Report(
        run=_made(RunInfo, document.run),
        verdicts=tuple(map(_verdict, document.requirements)),
        exchanges={number: exchange for number, exchange in exchanges.items() if number in judged},
        catalogue={
            row.id: Described(sentence=row.sentence, source=row.source, harm=row.harm) for row in document.requirements
        },
        spent=_made(Spent, document.spent),
        planned=None if document.planned is None else _made(Planned, document.planned),
        complete=document.complete,
        statement=None if document.statement is None else _made(Statement, document.statement),
        harness_errors=document.harness_errors,
        drifts=tuple(_made(Drift, row) for row in document.drifts),
        failed_tests=tuple(_made(FailedTest, row) for row in document.failed_tests),
        request_coverage=() if coverage is None else schema_coverage.from_json(to_builtins(coverage)),
        saved_exchanges=_saved_exchanges(document, exchanges),
        gate=_gate(document.gate, document.requirements),
        causes=tuple(_made(Cause, row) for row in document.causes),
        features=tuple(map(_feature, document.features)),
        recording_sha256=document.recording_sha256,
        stated_exit_code=document.exit_code,
        stated_clients=tuple(map(_client, document.clients)),
    )


def _client(row: ClientRow) -> ClientStatus:
    return ClientStatus(
        client=row.client,
        status=row.status,
        effects=tuple(_made(Effect, effect) for effect in row.effects),
        unseen=row.unseen,
        not_offered=row.not_offered,
    )


def _gate(row: GateRow, rows: tuple[RequirementRow, ...]) -> Gate:
    return Gate(
        excuses={each.id: _made(Excuse, each.excuse) for each in rows if each.excuse is not None},
        problems=row.problems,
        difference=None if row.difference is None else _made(Difference, row.difference),
    )


def _feature(row: FeatureRow) -> Row:
    whole, streamed = _made(Cell, row.whole), _made(Cell, row.streamed)
    return Row(feature=row.feature, title=row.title, area=row.area, whole=whole, streamed=streamed)


def _verdict(row: RequirementRow) -> Verdict:
    return Verdict(
        requirement=row.id,
        level=row.level,
        outcome=row.verdict,
        reason=row.reason,
        findings=tuple(_finding(row.id, found) for found in row.findings),
        judged=row.judged,
        cause=row.cause or "",
        uncertain=row.uncertain,
        pattern=row.pattern,
        explained=tuple(_finding(row.id, found) for found in row.explained),
    )


def _finding(requirement: str, row: FindingRow) -> Finding:
    return Finding(
        requirement=requirement,
        exchange=row.exchange or 0,
        found=row.found,
        wanted=row.wanted,
        place=_made(Place, row.place),
        ask_again=row.ask_again,
    )


def _saved_exchanges(document: ReportDocument, exchanges: Mapping[int, Exchange]) -> dict[int, SavedExchange]:
    """What report.json has of the exchanges whose recordings are missing."""
    found = [one for row in document.requirements for one in (*row.findings, *row.explained)]
    commands = {finding.exchange: finding.curl for finding in found if finding.curl}
    generated = {
        finding.exchange: {key: value for key in GENERATED_KEYS if (value := getattr(finding, key)) is not UNSET}
        for finding in found
    }
    return {
        row.number: SavedExchange(
            row=to_builtins(row), curl=commands.get(row.number) or "", generated=generated.get(row.number, {})
        )
        for row in document.exchanges
        if row.number not in exchanges
    }


def _made(kind: Any, row: Struct) -> Any:
    """A dataclass with the values of a row; their names are the same."""
    return kind(**structs.asdict(row))
