"""The found and wanted values of a finding in words that need no other part of the report."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.report.order import is_lenient
from messages_conformance.report.text import cut, inline, without_numbers
from messages_conformance.rules.catalogue import CATALOGUE, RUN
from messages_conformance.rules.verdict import STATUS, Finding, Place, Verdict

FOUND_CHARACTERS: Final = 100
"""How much of a found value is a part of the verdict sentence (our own choice)."""


ACCUMULATED: Final = "the accumulated message, "
"""How rules name a place in the message that a client has at the end of a stream (`accessors.at`)."""

_PLAIN: Final = "the message that the stream adds up to, "


def place_words(place: Place) -> str:
    """A place of a response for a reader; report.json keeps the short form."""
    return str(place).replace(ACCUMULATED, _PLAIN)


def readable(finding: Finding, text: str) -> str:
    """The found or wanted value without the numbers of exchanges, which only report.json explains."""
    row = CATALOGUE.get(finding.requirement)
    return without_numbers(text) if row is not None and row.over == RUN else text


def _beginning(text: str) -> str:
    """The text, or its beginning: how much is left out says nothing in a sentence."""
    return text if len(text) <= FOUND_CHARACTERS else text[: FOUND_CHARACTERS - 1].rstrip() + "…"


def found_clause(finding: Finding) -> str:
    """What was found as the end of a sentence: `; found: null (/delta/stop_reason)`; empty without a value."""
    text = inline(_beginning(readable(finding, finding.found).strip())).rstrip(" .;:")
    if not text:
        return ""
    pointer = finding.place.pointer or ""
    pointer = pointer.replace(ACCUMULATED, "in the stream: ")
    where = f" ({inline(cut(pointer, FOUND_CHARACTERS))})" if pointer and finding.place != STATUS else ""
    return f"; found: {text}{where}"


MANY_ACCEPTED: Final = 3
"""So many kinds of invalid request are summed up, because none of them is the worst (our own choice)."""


def accepted_mistakes(failed: Sequence[Verdict]) -> str:
    """The failures as a clause, if all of them are invalid requests that are accepted; else nothing."""
    if len(failed) < MANY_ACCEPTED or not all(is_lenient(verdict.requirement) for verdict in failed):
        return ""
    return f"it accepts {len(failed):,} kinds of invalid request; the first: {failed[0].requirement}"


_UNCOUNTED: Final = re.compile(
    r"(?P<part>[^:(]+?)(?P<position> \([^)]*\))? adds (?P<tokens>no|-?\d+) tokens: (?P<rest>.*)", re.DOTALL
)
"""How a rule says that a part of a request costs too few tokens (`parts_counted`)."""

EARLIER: Final = "an earlier turn"
IN_TURNS: Final = " in /messages/"

MOST_PARTS: Final = 4
"""How many parts a sentence lists (our own choice)."""


def uncounted_parts(findings: Iterable[Finding]) -> str:
    """Which parts of requests are lost, as a clause: `the system prompt adds no tokens: it is lost, or not counted`.

    Empty for findings about anything else.
    """
    found = [_UNCOUNTED.match(finding.found) for finding in findings if finding.part]
    stated = [match for match in found if match is not None]
    if not stated:
        return ""
    is_none = all(match["tokens"] == "no" or int(match["tokens"]) <= 0 for match in stated)
    tokens = "no tokens" if is_none else "too few tokens"
    if any(match["part"] == EARLIER for match in stated):  # and so is what earlier turns have
        beside = dict.fromkeys(match["part"] for match in stated if IN_TURNS not in match["rest"])
        parts = ["earlier turns", *(part for part in beside if part != EARLIER)]
    else:
        parts = list(dict.fromkeys(match["part"] for match in stated))
        parts = [parts[0] + (stated[0]["position"] or "")] if len(stated) == 1 else parts
    if len(parts) == 1 and parts[0] != "earlier turns":
        return f"{inline(parts[0])} adds {tokens}: it is lost, or not counted"
    shown, more = parts[:MOST_PARTS], len(parts) - MOST_PARTS
    last = f" and {more} more" if more > 0 else f" and {shown.pop()}" if len(shown) > 1 else ""
    return f"{inline(', '.join(shown))}{last} add {tokens}: they are lost, or not counted"
