"""SARIF 2.1.0, for code scanning: each requirement is a rule, each finding a result.

A service has no source file. A result points at the entry of the requirement in report.json; its logical location is
the place in the traffic.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, Final

from messages_conformance import contract
from messages_conformance.report.failure_text import command_of, place, sentence_of, source_of
from messages_conformance.report.finding_words import readable
from messages_conformance.report.impact_text import impact_sentence
from messages_conformance.report.json_report import FILE_NAME, to_text
from messages_conformance.report.model import NOT_JUDGED, Report, cause_of, exit_code, fails, harm_of, verdict_sentence
from messages_conformance.report.source_links import address_in
from messages_conformance.report.text import cut, encodable, inline, sentence
from messages_conformance.rules.catalogue import BREAKS, LEAKS, LOSES, MISBILLS
from messages_conformance.rules.verdict import ERROR, FAIL, MUST, WARN, Finding, Verdict

VERSION: Final = "2.1.0"
SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINDINGS: Final = 20
"""Number of places of one requirement that become results; the first result counts the others (our own choice)."""

RESULTS: Final = 5_000
"""GitHub accepts 25,000 results of a run and shows 5,000 (its documented limits)."""

TEXT_CHARACTERS: Final = 1_000

_LEVELS: Final = dict.fromkeys((LEAKS, BREAKS, LOSES, MISBILLS), "error")
"""The level of a failure by its harm; of any other harm it is a warning (our own choice)."""


def to_sarif(report: Report) -> dict[str, Any]:
    """The report as a SARIF log with one run."""
    judged = [verdict for verdict in report.verdicts if verdict.outcome in (FAIL, WARN)]
    run = {
        "tool": {"driver": _driver(report, judged)},
        "invocations": [_invocation(report)],
        "automationDetails": {"id": f"messages-conformance/{inline(report.run.profile)}/"},
        "columnKind": "unicodeCodePoints",
        "results": [] if report.unjudged else list(_results(report, judged))[:RESULTS],
        "properties": {"target": report.run.target, "model": report.run.model, "verdict": verdict_sentence(report)},
    }
    cleaned: dict[str, Any] = encodable({"$schema": SCHEMA, "version": VERSION, "runs": [run]})
    return cleaned


def _driver(report: Report, judged: list[Verdict]) -> dict[str, Any]:
    return {
        "name": "messages-conformance",
        "semanticVersion": report.run.version,
        "rules": [_rule(report, verdict) for verdict in judged],
    }


def _rule(report: Report, verdict: Verdict) -> dict[str, Any]:
    name, description = verdict.requirement, sentence_of(report, verdict.requirement)
    harm = harm_of(report, name)
    return {
        "id": name,
        "shortDescription": {"text": description},
        "fullDescription": {"text": description},
        "help": {"text": f"Source: {source_of(report, name)}. What it breaks: {impact_sentence(name)}"},
        **({"helpUri": address} if (address := address_in(source_of(report, name))) else {}),
        "defaultConfiguration": {"level": _LEVELS.get(harm, "warning") if verdict.level == MUST else "note"},
        "properties": {
            "tags": [name.partition(".")[0], verdict.level, harm],
            "harm": harm,
            "severity": contract.severity(name),
        },
    }


def _level(report: Report, verdict: Verdict) -> str:
    """The level of a result: by harm for what fails the run, a note for what only warns."""
    if not fails(report, verdict):
        return "note"
    return "warning" if verdict.uncertain else _LEVELS.get(harm_of(report, verdict.requirement), "warning")


def _results(report: Report, judged: list[Verdict]) -> Iterator[dict[str, Any]]:
    lines = _lines(report)
    for index, verdict in enumerate(judged):
        # A verdict without a finding is still a result.
        found = verdict.findings or (Finding(found=verdict.reason, wanted=""),)
        for number, finding in enumerate(found[:FINDINGS]):
            more = 0 if number else len(found) - FINDINGS
            yield _result(report, verdict, finding, index=index, line=lines.get(verdict.requirement, 1), more=more)


def _result(report: Report, verdict: Verdict, finding: Finding, *, index: int, line: int, more: int) -> dict[str, Any]:
    where = place(report, finding)
    found, wanted = (inline(readable(finding, value), TEXT_CHARACTERS) for value in (finding.found, finding.wanted))
    cause = cause_of(report, verdict.requirement)
    because = f"{cause.sentence} " if cause is not None and finding.exchange in cause.exchanges else ""
    text = f"{because}{sentence_of(report, verdict.requirement)} Found: {found}. Wanted: {wanted}. Where: {where}."
    text += " The model or the server may be the reason." if verdict.uncertain else ""
    text += f" And {more:,} more places." if more > 0 else ""
    key = f"{verdict.requirement}\n{finding.place.pointer or finding.place.header or finding.place.event_type or ''}"
    curl = command_of(report, finding.exchange)
    excuse = report.gate.excuses.get(verdict.requirement)
    return {
        **({"suppressions": [{"kind": "external", "justification": sentence(excuse.reason)}]} if excuse else {}),
        "ruleId": verdict.requirement,
        "ruleIndex": index,
        "level": _level(report, verdict),
        "message": {"text": sentence(text)},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": FILE_NAME}, "region": {"startLine": line}},
                "logicalLocations": [{"fullyQualifiedName": where, "kind": "exchange"}],
            }
        ],
        "partialFingerprints": {"requirementAndPlace/v1": hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()},
        "properties": {
            "exchange": finding.exchange,
            "curl": cut(curl, 8 * TEXT_CHARACTERS),
            **({"cause": cause.sentence, "explains": list(cause.explains)} if because and cause is not None else {}),
        },
    }


def _lines(report: Report) -> dict[str, int]:
    """Requirement id -> the line of its entry in report.json."""
    found: dict[str, int] = {}
    ids = {f'   "id": {json.dumps(verdict.requirement, ensure_ascii=False)},': verdict for verdict in report.verdicts}
    for number, text in enumerate(to_text(report).split("\n"), start=1):
        if text in ids:
            found.setdefault(ids[text].requirement, number)
    return found


def _invocation(report: Report) -> dict[str, Any]:
    """How the run itself went. Internal errors and network problems are notifications, never results."""
    notifications = [(f"{v.requirement}: {v.reason}", "error") for v in report.verdicts if v.outcome == ERROR]
    notifications += [(message, "error") for message in report.harness_errors]
    notifications += [(report.statement.message, "error")] if report.statement is not None else []
    notifications += [(report.run.warning, "warning")] if report.run.warning else []
    notifications += [(note, "note") for note in report.run.notes]
    code = exit_code(report)
    return {
        "executionSuccessful": code != NOT_JUDGED,
        "exitCode": code,
        "toolExecutionNotifications": [
            {"message": {"text": sentence(text)}, "level": level} for text, level in notifications
        ],
    }
