"""Every value of a JSON document, replaced by values of every other kind, by nothing, and by a deep nest."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any, Final

DEPTH: Final = 100_000
"""Deeper than any parser nests."""

DEEP: Final = object()
"""A marker for a value that is nested DEPTH times, which Python cannot build with json.dumps."""
REMOVED: Final = object()

VALUES: Final[dict[str, Any]] = {
    "null": None,
    "true": True,
    "zero": 0,
    "negative": -7,
    "fraction": 1.5,
    "huge": 10**400,
    "digits": "DIGITS",
    "text": "x",
    "empty text": "",
    "control": "a\x1b[31m\u202e\x00b",
    "surrogate": "\ud800",
    "list": [],
    "list of lists": [[["x"]]],
    "list of null": [None],
    "object": {},
    "other object": {"x": {"y": 1}},
    "deep": DEEP,
    "removed": REMOVED,
}

Keys = tuple[Any, ...]


def places(value: Any, path: Keys = ()) -> Iterator[Keys]:
    """The path of each value inside a document, the document itself included."""
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from places(item, (*path, key))


def mutated(document: Any, path: Keys, value: Any) -> Any:
    """A copy with another value at the path. DEEP is written by `as_json`."""
    if not path:
        return {} if value is REMOVED else value
    made = copy.deepcopy(document)
    inner = made
    for key in path[:-1]:
        inner = inner[key]
    if value is REMOVED:
        del inner[path[-1]]
    else:
        inner[path[-1]] = "DEEP" if value is DEEP else value
    return made


def as_json(document: Any) -> str:
    """The document as JSON text."""
    text = json.dumps("DEEP" if document is DEEP else document)
    return text.replace('"DEEP"', "[" * DEPTH + "]" * DEPTH).replace('"DIGITS"', "9" * 5000)
