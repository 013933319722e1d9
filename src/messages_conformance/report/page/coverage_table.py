"""The section about the request schema: how often each field was sent in valid and in invalid requests."""

from __future__ import annotations

from typing import Final

from messages_conformance.report.model import Report
from messages_conformance.report.page.document import Section, cell, paragraph, row, table
from messages_conformance.report.page.html import Markup, breakable, element, joined
from messages_conformance.report.schema_coverage import FieldCoverage, Tally, shares
from messages_conformance.report.schema_coverage import sentence as shares_sentence
from messages_conformance.report.text import inline

FIELDS: Final = 400
NAMED_CASES: Final = 6


def requests(report: Report) -> Section | None:
    """The table of request coverage; None when the report has none."""
    if not report.request_coverage:
        return None
    sent = [found for found in report.request_coverage if found.valid.sent or found.invalid.sent]
    unsent = [found for found in report.request_coverage if found not in sent and not found.beta]
    head = ("field", "valid, accepted", "invalid, refused", "cases sent", "cases not sent")
    text = shares_sentence(shares(report.request_coverage))
    body = [
        paragraph(f"{text[:1].upper()}{text[1:]}."),
        table(head, [_row(found) for found in sent[:FIELDS]], class_="fields", caption="Request fields that were sent"),
    ]
    if unsent:
        names = joined((element("code", breakable(inline(found.name))) for found in unsent[:FIELDS]), ", ")
        body.append(element("details", element("summary", f"{len(unsent):,} fields were never sent"), names))
    return Section(name="requests", title="Requests that were sent", body=joined(body))


def _row(found: FieldCoverage) -> Markup:
    missing = [name for name, tally in found.cases.items() if not tally.sent]
    more = f", and {len(missing) - NAMED_CASES} more" if len(missing) > NAMED_CASES else ""
    return row(
        element("code", breakable(inline(found.name))),
        cell(_share(found.valid, found.valid.accepted), class_="number"),
        cell(_share(found.invalid, found.invalid.refused), class_="number"),
        cell(f"{len(found.cases) - len(missing)} of {len(found.cases)}" if found.cases else "", class_="number"),
        ", ".join(inline(name, 40) for name in missing[:NAMED_CASES]) + more,
    )


def _share(tally: Tally, part: int) -> str:
    return f"{part:,} of {tally.sent:,}" if tally.sent else "·"
