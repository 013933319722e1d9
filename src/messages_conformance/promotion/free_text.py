"""Replaces what people wrote in a request by letters that mean nothing, of the same kind and length.

The shape of the request stays: its blocks, ids, tools, white space, punctuation, and how many bytes each text has.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

TEXT_FIELDS: Final = frozenset(
    {"text", "content", "system", "thinking", "title", "context", "cited_text", "user_id", "source", "url"}
)
"""The fields whose strings people write. Names of tools, schemas, ids, signatures and media stay."""

WHOLE_FIELDS: Final = frozenset({"input"})
"""The fields of which every string is text, however deep: the arguments of a call."""

_LATIN: Final = {"Lu": "X", "Ll": "x", "Nd": "0"}


def without_text(body: Any) -> Any:
    """A copy of a JSON body in which every letter and digit of its texts is replaced."""
    return _replaced(body, is_text=False, is_whole=False)


def _replaced(value: Any, *, is_text: bool, is_whole: bool) -> Any:
    if isinstance(value, str):
        return "".join(map(_letter, value)) if is_text else value
    if isinstance(value, list):
        return [_replaced(item, is_text=is_text, is_whole=is_whole) for item in value]
    if isinstance(value, Mapping):
        return {key: _field(key, item, is_whole=is_whole) for key, item in value.items()}
    return value


def _field(key: str, value: Any, *, is_whole: bool) -> Any:
    is_whole = is_whole or key in WHOLE_FIELDS
    if key == "source" and isinstance(value, Mapping):
        return _source(value)
    return _replaced(value, is_text=is_whole or key in TEXT_FIELDS, is_whole=is_whole)


def _source(source: Mapping[str, Any]) -> dict[str, Any]:
    """The source of a document or an image: the data of a text is text, other data stays."""
    is_text = source.get("type") == "text"
    return {
        key: _replaced(item, is_text=True, is_whole=False)
        if is_text and key == "data"
        else _field(key, item, is_whole=False)
        for key, item in source.items()
    }


def _letter(character: str) -> str:
    category = unicodedata.category(character)
    if character.isascii():
        return _LATIN.get(category, character)
    if category[0] not in "LN":
        return character
    return "é" if ord(character) < 0x800 else "語" if ord(character) < 0x10000 else "𝐱"
