"""Several runs on one page: who fails what, and who can use which."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from messages_conformance import contract
from messages_conformance.report.clients import STATUSES
from messages_conformance.report.comparison import ABSENT, Comparison, Row
from messages_conformance.report.page.document import Section, cell, document, paragraph, row, table
from messages_conformance.report.page.html import Markup, breakable, element, joined
from messages_conformance.report.page.overview import MARKS, OUTCOME_TONES, TONES
from messages_conformance.report.text import counted

ROWS: Final = 1_000


def to_html(made: Comparison) -> str:
    """The whole page as text."""
    differing = sum(line.differs for line in made.rows)
    violated = counted(len(made.rows), "requirement")
    head = joined(
        (
            paragraph("messages-conformance", class_="eyebrow"),
            element("h1", f"{counted(len(made.columns), 'run')} compared"),
            paragraph(f"{violated} violated by at least one; {differing:,} of them not alike in all.", class_="facts"),
        )
    )
    sections = (_verdicts(made), _clients(made), _matrix(made))
    return document(title="Comparison · messages-conformance", head=head, sections=sections)


def _verdicts(made: Comparison) -> Section:
    rows = []
    for column in made.columns:
        tone, told = TONES.get(column.exit_code, "open"), column.figures
        held = joined((element("div", f"{share} {level} hold", class_="held") for level, share in told.conformance))
        cells = (str(told.coverage), held, f"{told.unverified:,}", element("span", column.verdict, class_=tone))
        rows.append(row(breakable(column.label), *cells))
    head = ("run", "verified", "of these", "not verified", "verdict")
    return Section(name="verdicts", title="Verdicts", body=table(head, rows, class_="wide", caption="Verdicts"))


def _clients(made: Comparison) -> Section:
    rows = [
        row(client, *(_status(column.client_statuses[place]) for column in made.columns))
        for place, client in enumerate(contract.clients())
    ]
    head = ("client", *(breakable(column.label) for column in made.columns))
    words = ", ".join(STATUSES)
    note = paragraph(f"Each is one of: {words}. The page of each run says through which requirement.", class_="note")
    shown = table(head, rows, class_="grid", caption="Who can use which")
    return Section(name="clients", title="Who can use which", body=joined((shown, note)))


def _status(status: str) -> Markup:
    tone, mark = MARKS[status]
    return cell(element("span", mark, aria_hidden="true"), f" {status}", class_=tone)


def _matrix(made: Comparison) -> Section:
    head = ("requirement", "impact", *(breakable(column.label) for column in made.columns))
    parts = [table(head, list(_lines(made)), class_="grid", caption="Who fails what")]
    if len(made.rows) > ROWS:
        parts.append(paragraph(f"{len(made.rows) - ROWS:,} more are left out.", class_="note"))
    if not made.rows:
        parts = [paragraph("No run violates anything that was verified.")]
    return Section(name="matrix", title="Who fails what", body=joined(parts))


def _lines(made: Comparison) -> Iterator[Markup]:
    for line in made.rows[:ROWS]:
        yield row(_name(line), line.severity, *(_outcome(outcome) for outcome in line.outcomes))


def _name(line: Row) -> Markup:
    told = element("div", line.sentence, class_="note")
    return joined((element("code", breakable(line.requirement)), f" {line.level}", told))


def _outcome(outcome: str) -> Markup:
    words = "·" if outcome == ABSENT else outcome.replace("-", " ")
    return cell(words, class_=OUTCOME_TONES.get(outcome, "none"))
