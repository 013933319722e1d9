"""junit.xml for CI systems: one test suite for each topic, one test case for each requirement."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from messages_conformance.report.failure_text import FailureText, as_text, describe_failure
from messages_conformance.report.files import replace
from messages_conformance.report.model import Report, fails, verdict_sentence
from messages_conformance.report.text import sentence, xml_safe
from messages_conformance.rules.verdict import ERROR, NOT_APPLICABLE, NOT_VERIFIED, WARN, Verdict

FILE_NAME: Final = "junit.xml"
RUN_SUITE: Final = "run"
"""The suite for all that belongs to no requirement: why a run ended early, waivers, own tests and our errors."""


def to_xml(report: Report) -> str:
    """The document as text. It is valid XML 1.0 whatever the target sent."""
    root = ElementTree.Element("testsuites", name="messages-conformance", time=f"{report.spent.elapsed_s:.3f}")
    topics: dict[str, list[Verdict]] = {}
    for verdict in report.verdicts:
        topics.setdefault(verdict.requirement.partition(".")[0], []).append(verdict)
    suites = [_suite(report, topic, (_case(report, v) for v in topics[topic])) for topic in sorted(topics)]
    of_run = list(_run_cases(report))
    if of_run:
        suites.append(_suite(report, RUN_SUITE, of_run))
    for suite in suites:
        root.append(suite)
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    ElementTree.indent(root, " ")
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def write(report: Report, folder: Path | str) -> Path:
    """Writes junit.xml into the folder, completely or not at all; raises ReportError."""
    path = Path(folder) / FILE_NAME
    replace(path, to_xml(report))
    return path


def _suite(report: Report, name: str, cases: Iterable[ElementTree.Element]) -> ElementTree.Element:
    children = list(cases)
    suite = _element("testsuite", name=name, tests=str(len(children)))
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(attribute, str(_number_with(children, tag)))
    suite.set("timestamp", xml_safe(report.run.started_at))
    if report.run.warning:
        properties = _element("properties")
        properties.append(_element("property", name="warning", value=sentence(report.run.warning)))
        suite.append(properties)
    suite.extend(children)
    return suite


def _number_with(cases: Sequence[ElementTree.Element], tag: str) -> int:
    return sum(1 for case in cases if case.find(tag) is not None)


def _case(report: Report, verdict: Verdict) -> ElementTree.Element:
    case = _element("testcase", classname=verdict.requirement.partition(".")[0], name=verdict.requirement, time="0")
    reason = sentence(verdict.reason)
    if fails(report, verdict):
        failure = describe_failure(report, verdict)
        _child(case, "failure", as_text(failure), message=_message(failure), type=verdict.level)
    elif (excuse := report.gate.excuses.get(verdict.requirement)) is not None and verdict.findings:
        _child(
            case,
            "skipped",
            as_text(describe_failure(report, verdict)),
            message=sentence(f"{excuse.kind}: {excuse.reason}"),
        )
    elif verdict.outcome == WARN:
        _child(case, "system-out", as_text(describe_failure(report, verdict)))
    elif verdict.outcome in (NOT_VERIFIED, NOT_APPLICABLE):
        _child(case, "skipped", "", message=f"{verdict.outcome}: {reason}" if reason else verdict.outcome)
    elif verdict.outcome == ERROR:
        _child(case, "error", reason, message=reason or "harness error", type="harness-error")
    return case


def _message(failure: FailureText) -> str:
    """The one-line message that GitLab and Jenkins show beside the name in the list of failures."""
    found = f" Found {failure.found}" if failure.found else ""
    wanted = f", wanted {failure.wanted}" if failure.wanted else ""
    because = f"{failure.cause} " if failure.cause else ""
    return f"{because}{failure.sentence}{found}{wanted}" + (f" ({failure.where})" if failure.where else "")


def _run_cases(report: Report) -> Iterable[ElementTree.Element]:
    if report.statement is not None or not report.complete:
        case = _element("testcase", classname=RUN_SUITE, name="judged-as-a-whole", time="0")
        message = verdict_sentence(report) if report.statement is None else sentence(report.statement.message)
        kind = "incomplete" if report.statement is None else report.statement.kind
        _child(case, "error", message, message=message, type=kind)
        yield case
    for number, problem in enumerate(report.gate.problems, start=1):
        case = _element("testcase", classname=RUN_SUITE, name=f"waiver-{number}", time="0")
        _child(case, "failure", problem, message=sentence(problem), type="waiver")
        yield case
    for test in report.failed_tests:
        case = _element("testcase", classname="own-tests", name=test.name, time="0")
        _child(case, "failure", test.message, message=sentence(test.message.partition("\n")[0]), type="own-test")
        yield case
    if report.drifts:
        case = _element("testcase", classname=RUN_SUITE, name="shapes", time="0")
        lines = [f"{drift.situation}: {drift}" for drift in report.drifts]
        _child(case, "failure", "\n".join(lines), message=sentence(lines[0]), type="drift")
        yield case
    for number, error in enumerate(report.harness_errors, start=1):
        case = _element("testcase", classname=RUN_SUITE, name=f"harness-error-{number}", time="0")
        _child(case, "error", error, message=sentence(error), type="harness-error")
        yield case


def _element(tag: str, **attributes: str) -> ElementTree.Element:
    return ElementTree.Element(tag, {name: xml_safe(value) for name, value in attributes.items()})


def _child(parent: ElementTree.Element, tag: str, text: str, **attributes: str) -> None:
    child = _element(tag, **attributes)
    child.text = xml_safe(text) or None
    parent.append(child)
