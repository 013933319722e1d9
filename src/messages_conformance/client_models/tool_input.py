"""The arguments of a call out of pieces of JSON, as the SDKs complete them: a part that was cut off is left out.

`beginning` is how the Python SDK does it, `completed` the TypeScript SDK.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable
from typing import Any, Final

CLOSING: Final = {"{": "}", "[": "]"}


NUMBER: Final = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?")
WORDS: Final = {"true": True, "false": False, "null": None}


class _Ends(Exception):
    """The text ends here, or a comma is missing."""


def beginning(text: str) -> Any:
    """The value at the beginning of the text, as far as it goes: how the Python SDK completes cut JSON.

    A missing comma ends the text, and what follows the value is ignored. Raises ValueError for text that is no JSON.
    """
    found: list[Any] = []
    with contextlib.suppress(_Ends):
        _value(text, 0, found.append)
    if not found:
        raise ValueError("the arguments are no JSON")
    return found[0]


def _value(text: str, place: int, put: Callable[[Any], object]) -> int:
    place = _next(text, place)
    match text[place]:
        case "{":
            return _members(text, place + 1, put)
        case "[":
            items: list[Any] = []
            put(items)
            return _parts(text, place + 1, "]", lambda start: _value(text, start, items.append))
        case '"':
            value, place = _string(text, place)
            put(value)
            return place
    return _scalar(text, place, put)


def _members(text: str, place: int, put: Callable[[Any], object]) -> int:
    members: dict[str, Any] = {}
    put(members)

    def member(start: int) -> int:
        if text[start] != '"':
            raise ValueError("a name in the arguments is no string")
        name, end = _string(text, start)
        end = _next(text, end)
        if text[end] != ":":
            raise ValueError("a name in the arguments has no value")
        return _value(text, end + 1, lambda value: members.__setitem__(name, value))

    return _parts(text, place, "}", member)


def _parts(text: str, place: int, end: str, part: Callable[[int], int]) -> int:
    place = _next(text, place)
    if text[place] == end:
        return place + 1
    while True:
        place = _next(text, part(_next(text, place)))
        if text[place] == end:
            return place + 1
        if text[place] != ",":
            raise _Ends
        place += 1


def _next(text: str, place: int) -> int:
    while place < len(text) and text[place] in " \t\n\r":
        place += 1
    if place == len(text):
        raise _Ends
    return place


def _string(text: str, place: int) -> tuple[str, int]:
    end = place + 1
    while end < len(text) and text[end] != '"':
        end += 2 if text[end] == "\\" else 1
    if end >= len(text):
        raise _Ends
    return json.loads(text[place : end + 1]), end + 1


def _scalar(text: str, place: int, put: Callable[[Any], object]) -> int:
    for word, value in WORDS.items():
        if text.startswith(word, place):
            put(value)
            return place + len(word)
        if word.startswith(text[place:]):
            raise _Ends
    number = NUMBER.match(text, place)
    if number is None:
        if text[place:] == "-":
            raise _Ends
        raise ValueError("the pieces of the arguments are no JSON")
    put(json.loads(number[0]))
    return number.end()


def completed(text: str) -> Any:
    """The value of whole or cut JSON; raises ValueError for text that is neither."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if not _is_beginning(text):
        raise ValueError("the pieces of the arguments are no JSON")
    for cut in _cuts(text):
        try:
            return json.loads(cut + _open(cut))
        except (ValueError, RecursionError):
            continue
    return {}


def _is_beginning(text: str) -> bool:
    """Whether the first mistake is at the end of the text."""
    try:
        json.JSONDecoder().raw_decode(text.lstrip())
    except json.JSONDecodeError as error:
        rest = text.lstrip()[error.pos :].strip()
        return not rest or rest.startswith('"') or any(word.startswith(rest) for word in ("true", "false", "null", "-"))
    return False


def _cuts(text: str) -> list[str]:
    """The text without its end, the longest first, at places where a member ends."""
    places = [place for place, character in enumerate(text) if character in ",{[" and not _inside_text(text[:place])]
    return [text, *(text[:place] if text[place] == "," else text[: place + 1] for place in reversed(places))]


def _inside_text(text: str) -> bool:
    inside = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = inside
        elif character == '"':
            inside = not inside
    return inside


def _open(text: str) -> str:
    """What closes the brackets that are open."""
    stack: list[str] = []
    inside = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = inside
        elif character == '"':
            inside = not inside
        elif not inside and character in CLOSING:
            stack.append(CLOSING[character])
        elif not inside and character in "}]" and stack:
            stack.pop()
    return "".join(reversed(stack))
