"""The section of the page that shows which features of a request work, whole and streamed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from messages_conformance.report.feature_matrix import BROKEN, IGNORED, REFUSES, UNKNOWN, WORKS, Cell, Row, was_sent
from messages_conformance.report.model import Report
from messages_conformance.report.page.document import Section, paragraph, row, table
from messages_conformance.report.page.html import Child, Markup, element, joined
from messages_conformance.report.page.overview import address, link
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
    "Unknown: the effect could not be seen. A dash: not sent in this run."
)


def features(report: Report) -> Section | None:
    """The feature matrix; None in a report of an older version."""
    if not report.features:
        return None
    failing = {verdict.requirement for verdict in report.verdicts if verdict.findings}
    sent = [one for one in report.features if any(map(was_sent, one.cells))]
    tables = [
        table((area, "whole", "streamed"), [_row(one, failing) for one in rows], class_="features")
        for area, rows in groupby(sorted(sent, key=lambda one: one.area), key=lambda one: one.area)
    ]
    parts = [element("div", *tables, class_="features"), *_reasons(sent, failing)]
    if unsent := [one.title for one in report.features if one not in sent]:
        parts.append(paragraph(f"Not sent in this run: {', '.join(unsent)}.", class_="note"))
    return Section(name="features", title="Features", body=joined((*parts, paragraph(NOTE, class_="note"))))


def _row(one: Row, failing: set[str]) -> Markup:
    return row(one.title, *(_cell(found, failing) for found in one.cells))


def _cell(found: Cell, failing: set[str]) -> Child:
    """The result of one mode; it is a link to the failure that shows it."""
    if not was_sent(found):
        return "–"
    tone, mark = MARKS[found.result]
    words = element("span", element("span", mark, aria_hidden="true"), f" {found.result}", class_=f"status {tone}")
    if found.result in (BROKEN, IGNORED) and found.requirement in failing:
        return element("a", words, href=f"#{address(found.requirement)}")
    return words


def _reasons(rows: list[Row], failing: set[str]) -> Iterator[Markup]:
    """The reasons of all results that are not `works`, folded."""
    reasons: dict[tuple[str, str, str], None] = {}
    for one in rows:
        for found in one.cells:
            if found.result != WORKS and found.reason and was_sent(found):
                reasons[f"{one.title}: {found.result}", inline(found.reason, 160), found.requirement] = None
    lines = [
        element("li", f"{title}: {why}", *((" ", link(name)) if name in failing else ()))
        for title, why, name in reasons
    ]
    if lines:
        yield element("details", element("summary", f"Why not ({len(lines):,})"), element("ul", *lines))
