"""JSON as strict parsers read it."""

from __future__ import annotations

import json
from typing import Any, Final


class _Unparsed:
    """The value of something that is not JSON."""

    def __repr__(self) -> str:
        return "UNPARSED"

    def __bool__(self) -> bool:
        return False


UNPARSED: Final[Any] = _Unparsed()
"""Stands for text that is not JSON; false, and equal only to itself."""


def parse_json(text: str | bytes) -> Any:
    """The JSON value, or UNPARSED. NaN, Infinity and invalid UTF-8 are not JSON; a byte-order mark is ignored."""
    try:
        # json.loads would guess the encoding of bytes, and accept UTF-16 and surrogates. RFC 8259, 8.1: a byte-order
        # mark may be ignored.
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return _STRICT.decode(decoded)
    except (ValueError, RecursionError):
        return UNPARSED


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


MAX_DIGITS: Final = 100
"""A number with more digits is read as the largest number with this many (origin: our own). Python refuses to print
integers of thousands of digits, and floats end at 308."""

_MOST: Final = 10**MAX_DIGITS


def bounded_integer(text: str) -> int:
    """The integer that decimal digits mean, with a sign or without; at most 10 to the power of MAX_DIGITS."""
    if len(text) <= MAX_DIGITS:
        return int(text)
    return -_MOST if text.startswith("-") else _MOST


def _bounded_float(text: str) -> float:
    return min(max(float(text), -float(_MOST)), float(_MOST))


_STRICT: Final = json.JSONDecoder(
    parse_constant=_refuse_constant, parse_int=bounded_integer, parse_float=_bounded_float
)
"""One decoder for all calls: `json.loads` with an option makes one for each call, which costs as much as an event."""
