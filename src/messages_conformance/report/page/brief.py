"""The page for the vendor of an endpoint: the verdict, what fails, and the evidence, without the rest of the report.

Each failure shows the request as a curl command and the answer to it, both unfolded. Nobody needs this program to check
them. Warnings, clients and times are only in report.html.
"""

from __future__ import annotations

from typing import Final

from messages_conformance.report.excerpt import answer_excerpt
from messages_conformance.report.failure_text import describe_failure
from messages_conformance.report.model import Report, failures
from messages_conformance.report.page import failing, overview
from messages_conformance.report.page.document import Section, document, paragraph
from messages_conformance.report.page.html import Markup, element, joined
from messages_conformance.report.text import inline
from messages_conformance.rules.verdict import Verdict

EVIDENCE: Final = 100
"""Number of failures with their evidence (our own choice)."""

ANSWER_BYTES: Final = 1_000
"""How much of an answer is shown after the place of the finding (our own choice)."""


def to_html(report: Report) -> str:
    """The page as HTML text."""
    sections = () if report.unjudged else (failing.caused(report), _failed(report), failing.caused_beside(report))
    return document(
        title=f"Failures of {inline(report.run.target, 80)} · messages-conformance",
        head=overview.headline(report, is_brief=True),
        sections=sections,
        is_scripted=True,
    )


def _failed(report: Report) -> Section:
    found = failures(report)
    if not found:
        return Section(name="failures", title="Failures (0)", body=paragraph("No requirement fails."))
    body = [_evidence(report, verdict) for verdict in found[:EVIDENCE]]
    if len(found) > EVIDENCE:
        body.append(paragraph(f"{len(found) - EVIDENCE:,} more are in report.json.", class_="note"))
    return Section(name="failures", title=f"Failures ({len(found):,})", body=joined(body))


def _evidence(report: Report, verdict: Verdict) -> Markup:
    """One failure: the facts, the command, and the answer."""
    failure = describe_failure(report, verdict)
    exchange = report.exchanges.get(failure.exchange)
    place = verdict.findings[0].place if verdict.findings else None
    answer = ""
    if exchange is not None and exchange.response is not None and place is not None:
        answer = answer_excerpt(
            exchange.response, place.offset_bytes or 0, header=place.header or "", most_bytes=ANSWER_BYTES
        )
    return failing.article(
        report,
        verdict,
        evidence=(
            _code("request", failure.curl if len(failure.curl) <= failing.COMMAND_CHARACTERS else ""),
            _code("answer", answer),
        ),
    )


def _code(title: str, text: str) -> Markup | None:
    if not text:
        return None
    return joined((paragraph(title, class_="note"), element("pre", element("code", text), tabindex="0")))
