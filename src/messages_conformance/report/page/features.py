"""The section of the page that shows which features of a request work, whole and streamed."""

from __future__ import annotations

from itertools import groupby
from typing import Final

from messages_conformance.report.feature_matrix import BROKEN, IGNORED, REFUSES, UNKNOWN, WORKS, Cell
from messages_conformance.report.model import Report
from messages_conformance.report.page.document import Section, paragraph, row, table
from messages_conformance.report.page.html import Markup, element, joined
from messages_conformance.report.page.overview import link
from messages_conformance.report.text import inline

MARKS: Final = {
    WORKS: ("good", "●"),
    REFUSES: ("open", "⊘"),
    IGNORED: ("fair", "◐"),
    BROKEN: ("bad", "✕"),
    UNKNOWN: ("open", "○"),
}
"""A colour and a sign for each result; the page always shows the word, too."""

NOTE: Final = (
    "Works: such requests are accepted, and answers show the effect where the API promises one. Refused: with 4xx, so "
    "that the caller knows. Ignored: accepted without effect. Broken: 5xx, an error, cut off, no answer, or malformed. "
    "Unknown: not sent in this run, or the effect could not be seen."
)


def features(report: Report) -> Section | None:
    """The feature matrix; None in a report of an older version."""
    if not report.features:
        return None
    failing = {verdict.requirement for verdict in report.verdicts if verdict.findings}
    parts = []
    for area, rows in groupby(sorted(report.features, key=lambda one: one.area), key=lambda one: one.area):
        cells = [row(one.title, *(_cell(found, failing) for found in one.cells)) for one in rows]
        parts.append(table((area, "whole", "streamed"), cells, class_="features"))
    return Section(name="features", title="Features", body=joined((*parts, paragraph(NOTE, class_="note"))))


def _cell(found: Cell, failing: set[str]) -> Markup:
    tone, mark = MARKS[found.result]
    status = element("span", element("span", mark, aria_hidden="true"), f" {found.result}", class_=f"status {tone}")
    if found.result == WORKS:
        return status
    why = inline(found.reason, 160)
    if found.requirement in failing:
        return joined((status, " ", link(found.requirement), element("br"), element("small", why)))
    return joined((status, element("br"), element("small", why)))
