"""The page about time: cells by outcome, night by night; what fails since when; what flaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from messages_conformance.history.standing import Night, Standing
from messages_conformance.report.page.html import Markup, breakable, element, joined
from messages_conformance.report.text import counted
from messages_conformance.site.layout import Column, Page, paragraph, table

NIGHTS: Final = 60
"""Nights that the chart shows (our own: two months)."""

ROWS: Final = 1_000
"""Rows of each table (our own)."""

FEWEST: Final = 30
"""The chart has room for at least this many nights, so that the bar of one night is not too wide (our own)."""

HEIGHT: Final = 100
BAR: Final = 10


def history_page(nights: Sequence[Night], found: Sequence[Standing]) -> Page:
    """The page about time."""
    head = joined(
        (
            element("h1", "History"),
            paragraph(
                f"{counted(len(nights), 'day')} with runs. Of several runs of a cell on one day, the last counts."
            ),
        )
    )
    failing = sorted((row for row in found if row.is_violated and not row.is_flapping), key=lambda row: row.since)
    flapping = [row for row in found if row.is_flapping]
    repaired = sorted((row for row in found if not row.is_violated and not row.is_flapping), key=lambda row: row.since)
    sections = [
        ("Nights", joined((_chart(nights[-NIGHTS:]), _table(nights[-NIGHTS:])))),
        (f"Fails since ({len(failing):,})", _standings(failing[::-1], "What fails, the newest first")),
        (f"Flaps ({len(flapping):,})", _standings(flapping, "What changes from night to night")),
        (f"Holds again ({len(repaired):,})", _standings(repaired[::-1], "What was repaired, the newest first")),
    ]
    return Page(path="history.html", title="History", head=head, sections=sections)


def _chart(nights: Sequence[Night]) -> Markup:
    """Bars: one for each night, with the parts that pass, have violations, and were not judged."""
    most = max((night.passes + night.violations + night.not_judged for night in nights), default=0) or 1
    bars = []
    for place, night in enumerate(nights):
        top = float(HEIGHT)
        for number, tone in ((night.passes, "good"), (night.violations, "bad"), (night.not_judged, "open")):
            height = HEIGHT * number / most
            top -= height
            if number:
                bars.append(
                    element("rect", x=place * BAR, y=round(top, 2), width=BAR - 2, height=round(height, 2), class_=tone)
                )
    width = max(len(nights), FEWEST) * BAR
    label = f"Cells by outcome on {counted(len(nights), 'day')}; the table below has the numbers"
    return element(
        "svg",
        *bars,
        class_="trend",
        viewBox=f"0 0 {width} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def _table(nights: Sequence[Night]) -> Markup:
    columns = (
        Column(title="day"),
        Column(title="pass", class_="number"),
        Column(title="violations", class_="number"),
        Column(title="not judged", class_="number"),
        Column(title="releases", class_="long"),
    )
    rows = [
        (
            night.day,
            (f"{night.passes:,}", "good"),
            (f"{night.violations:,}", "bad"),
            (f"{night.not_judged:,}", "open"),
            ", ".join(night.releases),
        )
        for night in reversed(nights)
    ]
    return table("Cells by outcome", columns, rows)


def _standings(found: Sequence[Standing], caption: str) -> Markup:
    if not found:
        return paragraph("None.")
    columns = (
        Column(title="cell"),
        Column(title="requirement", class_="long"),
        Column(title="now"),
        Column(title="since"),
        Column(title="release"),
        Column(title="before that"),
    )
    rows = [
        (
            breakable(row.cell),
            element("code", breakable(row.requirement)),
            (row.outcome, "bad" if row.is_violated else "good"),
            row.since[:10],
            row.since_release or "–",
            row.before[:10] or "–",
        )
        for row in found[:ROWS]
    ]
    left = len(found) - ROWS
    more = paragraph(f"{left:,} more: history show", class_="note") if left > 0 else None
    return joined((table(caption, columns, rows, cards=True), more))
