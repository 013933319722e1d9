"""The found and wanted values of a finding in words that need no other part of the report."""

from __future__ import annotations

from typing import Final

from messages_conformance.report.text import cut, inline, without_numbers
from messages_conformance.rules.catalogue import CATALOGUE, RUN
from messages_conformance.rules.verdict import STATUS, Finding, Place

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


def found_clause(finding: Finding) -> str:
    """What was found as the end of a sentence: `; found: null (/delta/stop_reason)`; empty without a value."""
    text = inline(cut(readable(finding, finding.found).strip(), FOUND_CHARACTERS)).rstrip(" .;:")
    if not text:
        return ""
    pointer = finding.place.pointer or ""
    pointer = pointer.replace(ACCUMULATED, "in the stream: ")
    where = f" ({inline(cut(pointer, FOUND_CHARACTERS))})" if pointer and finding.place != STATUS else ""
    return f"; found: {text}{where}"
