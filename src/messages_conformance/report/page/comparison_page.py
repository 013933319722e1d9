"""The comparison of several runs as one HTML page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from messages_conformance import contract
from messages_conformance.report.clients import STATUSES
from messages_conformance.report.comparison import ABSENT, Comparison, Row
from messages_conformance.report.feature_matrix import RESULTS
from messages_conformance.report.page.document import Section, cell, document, paragraph, row, table
from messages_conformance.report.page.features import MARKS as FEATURE_MARKS
from messages_conformance.report.page.html import Markup, breakable, element, joined
from messages_conformance.report.page.overview import MARKS, OUTCOME_TONES, TONES
from messages_conformance.report.text import counted

ROWS: Final = 1_000


def to_html(comparison: Comparison) -> str:
    """The page as HTML text."""
    differing = sum(line.differs for line in comparison.rows)
    number = counted(len(comparison.rows), "requirement is", "requirements are")
    head = joined(
        (
            paragraph("messages-conformance", class_="eyebrow"),
            element("h1", f"{counted(len(comparison.columns), 'run')} compared"),
            paragraph(f"{number} violated by at least one run; the runs differ in {differing:,}.", class_="facts"),
        )
    )
    sections = (_verdicts(comparison), _features(comparison), _clients(comparison), _matrix(comparison))
    return document(title="Comparison · messages-conformance", head=head, sections=sections)


def _verdicts(comparison: Comparison) -> Section:
    rows = []
    for column in comparison.columns:
        tone, found = TONES.get(column.exit_code, "open"), column.figures
        held = joined((element("div", f"{share} {level} hold", class_="held") for level, share in found.conformance))
        cells = (str(found.coverage), held, f"{found.unverified:,}", element("span", column.verdict, class_=tone))
        rows.append(row(breakable(column.label), *cells))
    for label, reason in comparison.without.items():
        rows.append(row(breakable(label), "–", "–", "–", element("span", f"NOT RUN: {reason}", class_="open")))
    head = ("run", "verified", "of which", "not verified", "verdict")
    return Section(name="verdicts", title="Verdicts", body=table(head, rows, class_="wide", caption="Verdicts"))


def _features(comparison: Comparison) -> Section | None:
    """The feature matrix of all runs; None when no report has one."""
    if not comparison.features:
        return None
    head = ("feature", *(breakable(column.label) for column in comparison.columns))
    rows = [row(line.title, *map(_feature, line.results, line.shown)) for line in comparison.features]
    title = "Which feature works with which run"
    return Section(name="features", title=title, body=table(head, rows, class_="grid", caption=title))


def _feature(results: tuple[str, str], words: str) -> Markup:
    if ABSENT in results:
        return cell("·", class_="none")
    tone, mark = FEATURE_MARKS[min(results, key=RESULTS.index)]
    return cell(element("span", mark, aria_hidden="true"), f" {words}", class_=tone)


def _clients(comparison: Comparison) -> Section:
    rows = [
        row(client, *(_status(column.client_statuses[place]) for column in comparison.columns))
        for place, client in enumerate(contract.clients())
    ]
    head = ("client", *(breakable(column.label) for column in comparison.columns))
    words = ", ".join(STATUSES)
    note = paragraph(
        f"Each status is one of: {words}. The page of each run names the requirements that cause it.", class_="note"
    )
    shown = table(head, rows, class_="grid", caption="Which client works with which run")
    return Section(name="clients", title="Which client works with which run", body=joined((shown, note)))


def _status(status: str) -> Markup:
    tone, mark = MARKS[status]
    return cell(element("span", mark, aria_hidden="true"), f" {status}", class_=tone)


def _matrix(comparison: Comparison) -> Section:
    head = ("requirement", "harm", *(breakable(column.label) for column in comparison.columns))
    parts = [table(head, list(_lines(comparison)), class_="grid", caption="Which run fails which requirement")]
    if len(comparison.rows) > ROWS:
        parts.append(paragraph(f"{len(comparison.rows) - ROWS:,} more are not shown.", class_="note"))
    if not comparison.rows:
        parts = [paragraph("No run violates a verified requirement.")]
    return Section(name="matrix", title="Which run fails which requirement", body=joined(parts))


def _lines(comparison: Comparison) -> Iterator[Markup]:
    for line in comparison.rows[:ROWS]:
        yield row(_name(line), line.harm, *(_outcome(outcome) for outcome in line.outcomes))


def _name(line: Row) -> Markup:
    text = element("div", line.sentence, class_="note")
    return joined((element("code", breakable(line.requirement)), f" {line.level}", text))


def _outcome(outcome: str) -> Markup:
    words = "·" if outcome == ABSENT else outcome.replace("-", " ")
    return cell(words, class_=OUTCOME_TONES.get(outcome, "none"))
