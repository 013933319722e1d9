"""The page of one run: its verdict, what it violates, what works, and what changed since when."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from messages_conformance.fleet.cells import slug
from messages_conformance.fleet.collecting import SavedRun
from messages_conformance.history.standing import Standing
from messages_conformance.report.page.html import Child, Markup, breakable, element, joined
from messages_conformance.report.summarized import Summary, SummaryRow
from messages_conformance.report.text import cut
from messages_conformance.site import model
from messages_conformance.site.layout import Column, Page, definitions, link, paragraph, table
from messages_conformance.site.model import TONES

FOUND_CHARACTERS: Final = 300
"""How much of a finding the page shows; the report of the run has all of it (our own)."""

BADGE_ALT: Final = "Messages API"


def run_page(run: SavedRun, *, standings: Sequence[Standing], has_report: bool) -> Page:
    """The page of a run. `has_report`: its whole report is in the site, too."""
    summary = run.summary
    head = [
        element("h1", breakable(run.id)),
        element("p", run.verdict, class_=f"verdict {TONES[run.exit_code]}"),
        definitions(_facts(run, summary)),
    ]
    if has_report:
        head.append(paragraph(link("The whole report of this run", f"{slug(run.id)}.report.html")))
    sections: list[tuple[str, Markup]] = []
    if summary is not None:
        sections += _violated(summary, {row.requirement: row for row in standings})
        sections += _works(summary)
    flapping = [row for row in standings if row.is_flapping]
    if flapping:
        names = joined([element("code", breakable(row.requirement)) for row in flapping], ", ")
        sections.append(("Flapping", joined((paragraph("Their verdicts change from night to night: "), names))))
    sections.append(("Badge", _badge(run)))
    return Page(path=model.run_path(run), title=run.id, head=joined(head), sections=sections)


def _facts(run: SavedRun, summary: Summary | None) -> list[tuple[str, Child]]:
    facts: list[tuple[str, Child]] = [
        ("implementation", link(breakable(run.name), f"../{model.target_path(run.name)}")),
        ("model", breakable(run.model)),
        ("profile", run.profile),
        ("depth", run.depth),
    ]
    if summary is not None:
        spent = summary.spent
        cost = f"{spent.requests:,} requests, {spent.input_tokens:,} input and {spent.output_tokens:,} output tokens"
        facts += [
            ("target", breakable(summary.run.target)),
            ("started", summary.run.started_at),
            ("edition", summary.run.edition),
            ("version", summary.run.version),
            (
                "verified",
                f"{summary.verified:,} of {summary.applicable:,} requirements; {summary.not_verified:,} not verified",
            ),
            ("cost", f"{cost}, {spent.elapsed_s:.1f} s"),
        ]
        if summary.run.warning:
            facts.append(("warning", summary.run.warning))
    return [(term, text) for term, text in facts if text]


def _violated(summary: Summary, standings: dict[str, Standing]) -> list[tuple[str, Markup]]:
    sections = [
        (f"Causes ({len(summary.causes):,})", element("ul", *(element("li", one.sentence) for one in summary.causes)))
    ]
    failing = {row.id for row in summary.failing}
    groups = (
        ("Fails", [row for row in summary.deviating if row.id in failing]),
        ("Warns", [row for row in summary.deviating if row.id not in failing and row.excuse is None]),
        ("Excused", [row for row in summary.deviating if row.excuse is not None]),
    )
    for title, rows in groups:
        if rows:
            sections.append((f"{title} ({len(rows):,})", _rows(title, rows, standings)))
    return sections if summary.causes else sections[1:]


def _rows(title: str, rows: Sequence[SummaryRow], standings: dict[str, Standing]) -> Markup:
    columns = [Column(title="requirement", class_="long"), Column(title="harm"), Column(title="found", class_="long")]
    columns += [Column(title="wanted", class_="long"), *([Column(title="since")] if standings else [])]
    return table(f"{title}: requirements", columns, [_row(row, standings) for row in rows], cards=True)


def _row(row: SummaryRow, standings: dict[str, Standing]) -> tuple[Child, ...]:
    href = f"../requirements/{slug(row.id)}.html"
    name = joined(
        (
            link(element("span", breakable(row.id), class_="id"), href),
            f" {row.level}",
            element("div", row.sentence, class_="note"),
        )
    )
    found, wanted = (row.findings[0].found, row.findings[0].wanted) if row.findings else (row.reason, "")
    cells: tuple[Child, ...] = (name, row.harm, cut(found, FOUND_CHARACTERS), cut(wanted, FOUND_CHARACTERS))
    if not standings:
        return cells
    standing = standings.get(row.id)
    since = "" if standing is None else standing.since[:10]
    if standing is not None and standing.since_release:
        since += f" ({standing.since_release})"
    return (*cells, since or "–")


def _works(summary: Summary) -> list[tuple[str, Markup]]:
    sections = []
    if summary.clients:
        rows = [(one.client, one.status) for one in summary.clients]
        sections.append(("Clients", table("Clients", (Column(title="client"), Column(title="status")), rows)))
    seen = [one for one in summary.features if {one.whole.result, one.streamed.result} != {"unknown"}]
    if seen:
        columns = (Column(title="feature"), Column(title="whole"), Column(title="streamed"))
        shown = [(one.title, one.whole.result, one.streamed.result) for one in seen]
        sections.append(("Features", table("Features", columns, shown)))
    return sections


def _badge(run: SavedRun) -> Markup:
    name = f"badges/{slug(run.id)}"
    text = f"![{BADGE_ALT}](ADDRESS/{name}.svg)"
    note = paragraph(
        "For a README, with the address of this site; the JSON beside it is for badge services.", class_="note"
    )
    return joined(
        (element("pre", text), note, paragraph(link("SVG", f"../{name}.svg"), " · ", link("JSON", f"../{name}.json")))
    )
