"""The page for the vendor of an endpoint: the verdict, what fails, and the evidence, without the rest of the report.

Each failure shows the request as a curl command and the answer to it, both unfolded. Nobody needs this program to check
them. Warnings, clients and times are only in report.html.
"""

from __future__ import annotations

import contextlib
from importlib import metadata
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

WHOLE_BYTES: Final = 8_000
"""An answer up to this length is shown whole: most answers of the suites are shorter (our own choice)."""

ANSWER_BYTES: Final = 1_000
"""How much of a longer answer is shown after the place of the finding (our own choice)."""

PROGRAM: Final = "messages-conformance"
UNKNOWN_OWNER: Final = "OWNER"
"""In place of the owner in the address of the repository, until a release is made."""


def to_html(report: Report) -> str:
    """The page as HTML text."""
    judged = () if report.unjudged else (failing.caused(report), _failed(report), failing.caused_beside(report))
    sections = (*judged, _about(report))
    return document(
        title=f"Failures of {inline(report.run.target, 80)} · messages-conformance",
        head=overview.headline(report, is_brief=True),
        sections=sections,
        is_scripted=True,
    )


def _about(report: Report) -> Section:
    """Who made the page, and how its reader checks it."""
    address = _address()
    maker = element("a", PROGRAM, href=address) if address else PROGRAM
    return Section(
        name="about",
        title="About this page",
        body=joined(
            (
                paragraph("Made by ", maker, f", version {report.run.version} (MIT licence)."),
                paragraph(
                    "To check a failure, run its curl command: no other program is needed. The command after “again” "
                    f"needs {PROGRAM}. If you got the whole report folder, `{PROGRAM} report verify FOLDER` judges "
                    "its recording again, without a network. A source such as “stream X17” is a measurement with "
                    f"official SDKs; `{PROGRAM} explain ID` shows what each client did."
                ),
            )
        ),
    )


def _address() -> str:
    """The address of the project, from the metadata of the package; empty without one."""
    with contextlib.suppress(metadata.PackageNotFoundError):
        for row in metadata.metadata(PROGRAM).get_all("Project-URL") or ():
            address = str(row).partition(",")[2].strip()
            if address.startswith("https://") and UNKNOWN_OWNER not in address:
                return address
    return ""


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
        is_short = len(exchange.response.body) <= WHOLE_BYTES
        start, most = (0, WHOLE_BYTES) if is_short else (place.offset_bytes or 0, ANSWER_BYTES)
        answer = answer_excerpt(exchange.response, start, header=place.header or "", most_bytes=most)
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
