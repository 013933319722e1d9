"""A badge for a README: as SVG without a script or an address, and as JSON for badge services."""

from __future__ import annotations

from typing import Any, Final

from messages_conformance.fleet.collecting import SavedRun
from messages_conformance.report.page.html import element
from messages_conformance.report.text import counted, xml_safe

LABEL: Final = "Messages API"
COLOURS: Final = {
    0: ("#19703a", "brightgreen"),
    1: ("#ad2318", "red"),
    2: ("#4d5a78", "lightgrey"),
    4: ("#4d5a78", "lightgrey"),
}

CHARACTER: Final = 6.6
"""The width of a character at 11 px, Verdana, as badge services estimate it."""

PADDING: Final = 12


def message(run: SavedRun) -> str:
    """The words of a badge: what was verified belongs to every claim."""
    summary = run.summary
    if summary is None or run.exit_code in (2, 4):
        return "could not be judged"
    if run.exit_code == 1:
        return counted(len(summary.failing), "failure") if summary.failing else "fails"
    excused = sum(row.excuse is not None for row in summary.deviating)
    words = (
        f"passes, {excused:,} excused"
        if excused
        else f"conforms, {summary.verified:,} of {summary.applicable:,} verified"
    )
    return words + (", with a warning" if summary.run.warning else "")


def to_json(run: SavedRun) -> dict[str, Any]:
    """The JSON object of a badge endpoint: https://shields.io/badges/endpoint-badge."""
    return {"schemaVersion": 1, "label": LABEL, "message": message(run), "color": COLOURS[run.exit_code][1]}


def to_svg(run: SavedRun) -> str:
    """The badge as an SVG image."""
    text = xml_safe(message(run))
    left, right = (round(len(part) * CHARACTER + PADDING) for part in (LABEL, text))
    colour = COLOURS[run.exit_code][0]
    made = element(
        "svg",
        element("title", f"{LABEL}: {text}"),
        element("rect", width=left, height=20, fill="#40444b"),
        element("rect", x=left, width=right, height=20, fill=colour),
        element(
            "g",
            element("text", LABEL, x=left / 2, y=14),
            element("text", text, x=left + right / 2, y=14),
            fill="#fff",
            text_anchor="middle",
            font_family="Verdana,DejaVu Sans,sans-serif",
            font_size=11,
        ),
        xmlns="http://www.w3.org/2000/svg",
        width=left + right,
        height=20,
        role="img",
        aria_label=f"{LABEL}: {text}",
    )
    return f"{made}\n"
