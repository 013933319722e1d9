"""report.json: the whole report as data that schemas/report.json describes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any, Final

from messages_conformance import contract
from messages_conformance.exchange import Exchange
from messages_conformance.report import schema_coverage
from messages_conformance.report.causes import Cause
from messages_conformance.report.clients import ClientStatus
from messages_conformance.report.failure_text import command_of, sentence_of, situations_of, source_of
from messages_conformance.report.files import replace
from messages_conformance.report.generated_requests import origin_record, repeat_command
from messages_conformance.report.impact_text import impact_sentence
from messages_conformance.report.model import (
    Report,
    clients_of,
    counts,
    exit_code,
    harm_of,
    headline,
    verdict_sentence,
)
from messages_conformance.report.text import encodable, json_text
from messages_conformance.rules.verdict import Finding, Verdict

SCHEMA_ID: Final = "messages-conformance/report/1"
FILE_NAME: Final = "report.json"


def to_json(report: Report) -> dict[str, Any]:
    """The report as a JSON object that is valid under schemas/report.json."""
    cleaned: dict[str, Any] = encodable(_document(report))
    return cleaned


def _document(report: Report) -> dict[str, Any]:
    """The same with tuples, and with surrogates that UTF-8 cannot encode."""
    commands = _Commands(report)
    return {
        "schema": SCHEMA_ID,
        "complete": report.complete and report.statement is None,
        "exit_code": exit_code(report),
        "verdict_sentence": verdict_sentence(report),
        "headline": None if (first := headline(report)) is None else asdict(first),
        "causes": [_cause(report, cause, commands) for cause in report.causes],
        "features": [asdict(row) for row in report.features],
        "statement": None if report.statement is None else asdict(report.statement),
        "run": asdict(report.run),
        "recording_sha256": report.recording_sha256,
        "planned": None if report.planned is None else asdict(report.planned),
        "spent": asdict(report.spent),
        "counts": {**asdict(counts(report)), "verified": counts(report).verified},
        "harness_errors": report.harness_errors,
        "request_coverage": schema_coverage.to_json(report.request_coverage) if report.request_coverage else None,
        "gate": {
            "edition": report.run.edition,
            "problems": report.gate.problems,
            "difference": None if report.gate.difference is None else asdict(report.gate.difference),
        },
        "clients": [_client(found) for found in clients_of(report)],
        "failed_tests": [asdict(test) for test in report.failed_tests],
        "drifts": [asdict(drift) for drift in report.drifts],
        "requirements": [_requirement(report, verdict, commands) for verdict in report.verdicts],
        "exchanges": [_row(report, number) for number in sorted({*report.exchanges, *report.saved_exchanges})],
    }


def to_text(report: Report) -> str:
    """The text of report.json."""
    document = _document(report)
    try:
        return json_text(document)
    except UnicodeEncodeError:
        return json_text(encodable(document))


def write(report: Report, folder: Path | str) -> Path:
    """Writes report.json into the folder, completely or not at all; raises ReportError."""
    path = Path(folder) / FILE_NAME
    replace(path, to_text(report))
    return path


class _Commands:
    """The curl command of each exchange; each command is made once."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._made = cache(self._make)

    def __call__(self, number: int) -> str | None:
        return self._made(number)

    def _make(self, number: int) -> str | None:
        return command_of(self._report, number) or None


def _client(found: ClientStatus) -> dict[str, Any]:
    return {
        "client": found.client,
        "status": found.status,
        "effects": [asdict(effect) for effect in found.effects],
        "unseen": found.unseen,
        "not_offered": found.not_offered,
    }


def _requirement(report: Report, verdict: Verdict, commands: _Commands) -> dict[str, Any]:
    impact = impact_sentence(verdict.requirement) if verdict.findings else ""
    return {
        "id": verdict.requirement,
        "level": verdict.level,
        "verdict": verdict.outcome,
        "reason": verdict.reason,
        "sentence": sentence_of(report, verdict.requirement),
        "source": source_of(report, verdict.requirement),
        "judged": verdict.judged,
        "harm": harm_of(report, verdict.requirement),
        "severity": contract.severity(verdict.requirement),
        "cause": verdict.cause or None,
        "uncertain": verdict.uncertain,
        "pattern": verdict.pattern,
        "excuse": asdict(excuse) if (excuse := report.gate.excuses.get(verdict.requirement)) else None,
        "findings": [_finding(report, finding, impact, commands) for finding in verdict.findings],
        "explained": [_finding(report, finding, impact, commands) for finding in verdict.explained],
    }


def _cause(report: Report, cause: Cause, commands: _Commands) -> dict[str, Any]:
    return {
        **asdict(cause),
        "harm": harm_of(report, cause.requirement),
        "situations": situations_of(report, cause.example),
        "curl": commands(cause.example),
    }


def _finding(report: Report, finding: Finding, impact: str, commands: _Commands) -> dict[str, Any]:
    return {
        "exchange": finding.exchange or None,
        "situations": situations_of(report, finding.exchange),
        "place": {**asdict(finding.place), "text": str(finding.place)},
        "found": finding.found,
        "wanted": finding.wanted,
        "impact": impact,
        "curl": commands(finding.exchange),
        **({"ask_again": finding.ask_again} if finding.ask_again else {}),
        **_of_generated(report, finding.exchange),
    }


def _of_generated(report: Report, number: int) -> Mapping[str, Any]:
    """The additional keys of a finding about a generated request."""
    exchange = report.exchanges.get(number)
    if exchange is None:
        return report.saved_exchanges[number].generated if number in report.saved_exchanges else {}
    if exchange.origin is None:
        return {}
    return {"intermittent": exchange.intermittent, "draw_again": repeat_command(report.run, exchange)}


def _row(report: Report, number: int) -> Mapping[str, Any]:
    exchange = report.exchanges.get(number)
    return report.saved_exchanges[number].row if exchange is None else _exchange(exchange)


def _exchange(exchange: Exchange) -> dict[str, Any]:
    response, failure = exchange.response, exchange.failure
    return {
        "number": exchange.number,
        "situations": exchange.situations,
        "attempt": exchange.attempt,
        "method": exchange.request.method,
        "path": exchange.request.path,
        "status": response and response.status,
        "first_byte_ms": response and _ms(response.headers_at_s),
        "total_ms": response and _ms(response.ended_at_s),
        "bytes": response and sum(len(chunk.data) for chunk in response.chunks),
        "events": response and (len(response.events) if response.is_event_stream else 0),
        "ending": response and response.ending,
        "failure": failure and {"kind": failure.kind, "message": failure.message},
        "waits": _strings(exchange.waits),
        **({} if exchange.origin is None else {"origin": origin_record(exchange.origin)}),
    }


def _strings(values: Iterable[Any]) -> list[str]:
    return [str(value) for value in values]


def _ms(at_s: float) -> float:
    return round(at_s * 1000, 1)
