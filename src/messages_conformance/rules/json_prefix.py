"""Decides whether a text is the beginning of JSON, as a client has it while the input of a tool arrives.

The text is completed and read as JSON. Open strings, arrays and objects are closed. A partial literal is completed. A
key or a colon without a value gets a value.
"""

from __future__ import annotations

import re
from typing import Final

from messages_conformance.exchange import UNPARSED, parse_json

_STRING: Final = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*')
_HALF_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?")
_LITERALS: Final = ("true", "false", "null")
_NUMBER: Final = re.compile(r"-?(?:\d+(?:\.\d*)?(?:[eE][-+]?\d*)?)?$")


def is_prefix(text: str) -> bool:
    """Whether some continuation of the text is JSON."""
    return not text.strip() or any(parse_json(closed) is not UNPARSED for closed in _endings(text))


def _endings(text: str) -> list[str]:
    """All completions of the text; one of them is JSON if the text is the beginning of JSON."""
    brackets, open_at = _scan(text)
    stack = "".join("}" if opened == "{" else "]" for opened in reversed(brackets))
    if open_at is not None:
        ended = text[:open_at] + '"'
        return [ended + stack, ended + ":0" + stack]  # a value, or a key
    trimmed = text.rstrip()
    word = re.search(r"[-+.\w]*$", trimmed)
    tail = word[0] if word else ""
    heads = [trimmed]
    if tail:
        heads += [trimmed.removesuffix(tail) + literal for literal in _LITERALS if literal.startswith(tail)]
        heads += [trimmed + "0"] if _NUMBER.match(tail) else []
    return [head + filler + stack for head in heads for filler in ("", "0", ":0", '"":0')]


def _scan(text: str) -> tuple[list[str], int | None]:
    """The brackets that are open at the end, and the end of the last complete character of an open string."""
    opened: list[str] = []
    place = 0
    while place < len(text):
        letter = text[place]
        string = _STRING.match(text, place) if letter == '"' else None
        if string is not None:
            place = string.end()
            if place == len(text) or _HALF_ESCAPE.fullmatch(text, place):
                return opened, place
        elif letter in "{[":
            opened.append(letter)
        elif letter in "}]" and opened:
            opened.pop()
        place += 1
    return opened, None
