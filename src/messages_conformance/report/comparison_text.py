"""The comparison of several runs for a terminal: what differs comes first, each run has a letter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from string import ascii_uppercase
from typing import Final

from messages_conformance import contract
from messages_conformance.report.comparison import ABSENT, Comparison
from messages_conformance.report.text import counted, inline, sentence
from messages_conformance.rules.verdict import FAIL, WARN

SHORT: Final = {FAIL: "FAIL", WARN: "warn", "not-verified": "unknown", "not-applicable": "n/a", ABSENT: "-"}
ALIKE: Final = 12
"""Lines for requirements that all runs violate: they are no difference (our own choice)."""

NAME_CHARACTERS: Final = 72
"""The width of the first column: the longest id of a requirement with its harm."""


def to_text(comparison: Comparison) -> str:
    """The comparison as plain text."""
    return "\n".join(_lines(comparison)) + "\n"


def _lines(comparison: Comparison) -> Iterator[str]:
    number = counted(len(comparison.rows), "requirement is", "requirements are")
    differing = [row for row in comparison.rows if row.differs]
    alike = [row for row in comparison.rows if not row.differs]
    yield f"{counted(len(comparison.columns), 'run')} compared; {number} violated; they differ in {len(differing):,}"
    yield ""
    letters = [_letter(place) for place in range(len(comparison.columns))]
    for letter, column in zip(letters, comparison.columns, strict=True):
        yield f"  {letter}  {inline(column.label)}"
        yield f"     {inline(column.verdict)}"
    yield from (f"  -  {inline(label)}\n     NOT RUN: {inline(why)}" for label, why in comparison.without.items())
    features = [(row.title, row.shown) for row in comparison.features if len(set(row.results)) > 1]
    yield from _table("FEATURES THAT DIFFER", letters, features)
    rows = [(f"{row.requirement}  {row.harm}", tuple(_short(one) for one in row.outcomes)) for row in differing]
    yield from _table("REQUIREMENTS THAT DIFFER", letters, rows)
    clients = zip(contract.clients(), *(column.client_statuses for column in comparison.columns), strict=True)
    yield from _table("CLIENTS", letters, [(client, found) for client, *found in clients])
    if alike:
        yield ""
        yield f"VIOLATED ALIKE ({len(alike):,})"
        yield from (f"  {inline(row.requirement)}  {row.harm}  {sentence(row.sentence)}" for row in alike[:ALIKE])
        if len(alike) > ALIKE:
            yield f"  and {len(alike) - ALIKE:,} more: --format markdown shows them"


def _letter(place: int) -> str:
    return ascii_uppercase[place] if place < len(ascii_uppercase) else str(place + 1)


def _short(outcome: str) -> str:
    return SHORT.get(outcome, outcome)


def _table(title: str, letters: Sequence[str], rows: Iterable[tuple[str, Sequence[str]]]) -> Iterator[str]:
    """A table whose columns are as wide as their longest cell; nothing without rows."""
    rows = [(inline(name, NAME_CHARACTERS), tuple(map(inline, cells))) for name, cells in rows]
    if not rows:
        return
    first = max(len(name) for name, _ in rows)
    widths = [max(len(letter), *(len(cells[at]) for _, cells in rows)) for at, letter in enumerate(letters)]
    yield ""
    yield f"{title} ({len(rows):,})"
    for name, cells in (("", letters), *rows):
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        yield f"  {name:<{first}}  {line}".rstrip()
