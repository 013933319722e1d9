"""Loads the report of a saved run from report.json and from exchanges.jsonl in the same folder.

Without exchanges.jsonl the report has no traces and no times. Nothing is judged again: the verdicts, sentences and
sources are those of the version that made the run.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.gate import Difference, Excuse, Gate
from messages_conformance.report import recording, schema_coverage
from messages_conformance.report.causes import Cause
from messages_conformance.report.files import ReportError
from messages_conformance.report.json_report import FILE_NAME, SCHEMA_ID
from messages_conformance.report.model import FailedTest, Planned, Report, RunInfo, SavedExchange, Spent, Statement
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
    path = path / FILE_NAME if path.is_dir() else path
    document = _document(path)
    try:
        return _report(document, _exchanges(path.parent / recording.FILE_NAME))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReportError(
            f"{str(path)!r} is not a complete report: {_missing(error)}; was it cut or edited? run again with --report"
        ) from error


def _missing(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _document(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise ReportError(
            f"{str(path)!r} could not be read: {error.strerror}; name the folder that a run with --report wrote"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ReportError(
            f"{str(path)!r} is not JSON ({error}): was it cut off? run again with --report, or name another folder"
        ) from error
    if not isinstance(document, dict) or not str(document.get("schema", "")).startswith(f"{FAMILY}/"):
        raise ReportError(
            f'{str(path)!r} is not a report of messages-conformance: it does not begin with "schema": "{SCHEMA_ID}"'
        )
    _check_version(path, str(document["schema"]))
    return document


def _check_version(path: Path, stated: str) -> None:
    version = stated.rpartition("/")[2]
    if version == str(VERSION):
        return
    newer = version.isdecimal() and int(version) > VERSION
    cure = "update messages-conformance to read it" if newer else "it was never released"
    raise ReportError(
        f"{str(path)!r} is in the form {stated}, and this version reads {SCHEMA_ID}: {cure}",
    )


def _exchanges(path: Path) -> dict[int, Exchange]:
    return {exchange.number: exchange for exchange in recording.read(path)} if path.is_file() else {}


def _report(document: Mapping[str, Any], exchanges: dict[int, Exchange]) -> Report:
    rows = document["requirements"]
    statement, planned = document["statement"], document.get("planned")
    judged = {row["number"] for row in document["exchanges"]}
    return Report(
        run=_made(RunInfo, document["run"]),
        verdicts=tuple(_verdict(row) for row in rows),
        exchanges={number: exchange for number, exchange in exchanges.items() if number in judged},
        catalogue={
            row["id"]: Described(sentence=row["sentence"], source=row["source"], harm=row.get("harm", ""))
            for row in rows
        },
        spent=_made(Spent, document["spent"]),
        planned=None if planned is None else _made(Planned, planned),
        complete=bool(document["complete"]),
        statement=None if statement is None else _made(Statement, statement),
        harness_errors=tuple(document["harness_errors"]),
        drifts=tuple(_made(Drift, row) for row in document.get("drifts", ())),
        failed_tests=tuple(_made(FailedTest, row) for row in document.get("failed_tests", ())),
        request_coverage=schema_coverage.from_json(document["request_coverage"] or {"rows": (), "not_sent": ()})
        if "request_coverage" in document
        else (),
        saved_exchanges=_saved_exchanges(document, exchanges),
        gate=_gate(document.get("gate", {}), rows),
        causes=tuple(_made(Cause, row) for row in document.get("causes", ())),
    )


def _gate(row: Mapping[str, Any], rows: list[Mapping[str, Any]]) -> Gate:
    difference = row.get("difference")
    return Gate(
        excuses={each["id"]: _made(Excuse, each["excuse"]) for each in rows if each.get("excuse")},
        problems=tuple(row.get("problems", ())),
        difference=None if difference is None else _made(Difference, difference),
    )


def _verdict(row: Mapping[str, Any]) -> Verdict:
    findings, explained = (
        tuple(_finding(row["id"], found) for found in held) for held in (row["findings"], row.get("explained", ()))
    )
    named = {"requirement": row["id"], "outcome": row["verdict"], "cause": row.get("cause") or ""}
    made: Verdict = _made(Verdict, {**row, **named, "findings": findings, "explained": explained})
    return made


def _finding(requirement: str, row: Mapping[str, Any]) -> Finding:
    place = _made(Place, row["place"])
    made: Finding = _made(
        Finding, {**row, "requirement": requirement, "place": place, "exchange": row["exchange"] or 0}
    )
    return made


def _saved_exchanges(document: Mapping[str, Any], exchanges: Mapping[int, Exchange]) -> dict[int, SavedExchange]:
    """What report.json has of the exchanges whose recordings are missing."""
    found = [one for row in document["requirements"] for one in (*row["findings"], *row.get("explained", ()))]
    commands = {finding["exchange"]: finding["curl"] for finding in found if finding["curl"]}
    generated = {
        finding["exchange"]: {key: finding[key] for key in GENERATED_KEYS if key in finding} for finding in found
    }
    return {
        row["number"]: SavedExchange(
            row=row, curl=commands.get(row["number"], ""), generated=generated.get(row["number"], {})
        )
        for row in document["exchanges"]
        if row["number"] not in exchanges
    }


def _made(kind: Any, row: Mapping[str, Any]) -> Any:
    """A dataclass made of a JSON object. Unknown keys are ignored, lists become tuples."""
    known = {field.name for field in fields(kind)}
    if not isinstance(row, Mapping):
        raise TypeError(f"{row!r:.60} is not a {kind.__name__}")
    return kind(**{name: _frozen(value) for name, value in row.items() if name in known})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
