"""The form of a violation: where it is and what kind of value was found, without the value itself.

A client may ignore a wrong `stop_reason` of a text, and still end its loop when the `stop_reason` of a tool call is
wrong. A client that reads `null` can fail on an absent member. So what was measured counts first of all for the same
form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

FOUND_CHARACTERS: Final = 60
"""Of a sentence about what was found (our own: its beginning says what kind of violation it is)."""

_MORE: Final = re.compile(r" \(and at \S+ more places? of this response\)$")
_NUMBERS: Final = re.compile(r"-?\d[\d,]*(\.\d+)?")
_QUOTED: Final = re.compile(r'"[^"]*"|\'[^\']*\'')
_WORD: Final = re.compile(r"[a-z][a-z0-9_/+.-]{0,30}")
_NAMED: Final = ("type", "role", "stop_reason", "content-type")
"""Members whose words are part of the contract; other strings are the model's."""


@dataclass(frozen=True, kw_only=True)
class FindingForm:
    """`streamed` and `tools` are about the request: whether it asks for a stream and offers tools; None if unknown.

    `place` is event type, header and JSON pointer, with # for each position; `found` the kind of the value.
    """

    requirement: str
    streamed: bool | None = None
    tools: bool | None = None
    place: str = ""
    found: str = ""


def place_of(*, event_type: str | None, header: str | None, pointer: str | None) -> str:
    """Event type, header and pointer as text, with # for each position in an array."""
    parts = (event_type, header, re.sub(r"/\d+", "/#", pointer or ""))
    return " ".join(part for part in parts if part)


def kind_of(found: str, *, place: str) -> str:
    """The kind of the value that was found, such as `null`, `array`, `fraction`, or the beginning of a sentence."""
    text = _MORE.sub("", found)
    if not text.isprintable():
        return "unreadable"
    try:
        value = json.loads(text)
    except ValueError:
        return _QUOTED.sub('"…"', _NUMBERS.sub("#", text))[:FOUND_CHARACTERS]
    if isinstance(value, str) and place.endswith(_NAMED) and _WORD.fullmatch(value):
        return value
    return _kind(value)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return _kind_of_number(value)
    if isinstance(value, str):
        return "string" if value else "empty string"
    return ("array" if isinstance(value, list) else "object") if value else f"empty {type(value).__name__}"


def _kind_of_number(value: float) -> str:
    if isinstance(value, float) and not value.is_integer():
        return "fraction"
    return "zero" if value == 0 else "negative" if value < 0 else "number"


def same_form(form: FindingForm, known: Mapping[FindingForm, str]) -> frozenset[str]:
    """The effects of this form; without tools also those of the form whose request has other tools.

    A lost stop reason or block does nothing to a client that reads text, and ends the loop of one that runs tools.
    """
    if form in known:
        return frozenset({known[form]})
    if form.tools:
        return frozenset()
    alike = (form.streamed, form.place, form.found)
    return frozenset(effect for one, effect in known.items() if (one.streamed, one.place, one.found) == alike)


def near_forms(form: FindingForm, known: Mapping[FindingForm, str]) -> frozenset[str]:
    """The effects of other kinds of values at the same place, or else at any place; empty if there are none."""
    streamed = {one: effect for one, effect in known.items() if form.streamed in (None, one.streamed)}
    same_place = frozenset(effect for one, effect in streamed.items() if one.place == form.place)
    return same_place or frozenset(streamed.values())
