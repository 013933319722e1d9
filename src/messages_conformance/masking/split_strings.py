"""Finds a secret that is cut into pieces over several JSON strings, such as the deltas of a stream.

The strings under one name are joined in the order in which they came: once for the whole body, once for each content
block, and once together with the strings of all other names that hold content.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from typing import Final

from messages_conformance.masking.spellings import spans
from messages_conformance.masking.views import SEPARATOR, Span

_CONTENT: Final = rb'[^"\\\r\n]*+(?:\\[^\r\n][^"\\\r\n]*+)*+'
_PAIR: Final = re.compile(
    rb'"(%b)"[ \t]*+:[ \t]*+(?:"(%b)"|([0-9]{1,9}))|"%b"?' % (_CONTENT, _CONTENT, _CONTENT),
)
"""A name with its string or number, or another string. An unclosed string ends with its line: JSON allows no line break
in a string."""

_LINE: Final = re.compile(rb"[^\r\n]+")

_NO_CONTENT: Final = frozenset({b"type", b"id", b"role", b"model", b"name", b"stop_reason", b"tool_use_id"})
"""Names whose strings stand between the pieces of content, and are no content."""


_ALL_CONTENT: Final = None
"""The group of all strings that hold content."""


def split_spans(body: bytes, secret: bytes) -> tuple[tuple[Span, ...], ...]:
    """The places of the secret that are made of pieces of several strings: for each place, the spans of its pieces."""
    data, starts, begins = _joined(body)
    found = []
    for span in spans(data, secret) if data else ():
        pieces = tuple(_pieces(span, starts, begins))
        if len(pieces) > 1:
            found.append(pieces)
    return tuple(found)


def _joined(body: bytes) -> tuple[bytes, list[int], list[int]]:
    """All groups of strings in one, and where each string begins in it and in the body."""
    groups = [group for group in _groups(body).values() if len(group) > 1]
    parts, starts, begins, size = [], [], [], 0
    for group in groups:
        for start, end in group:
            parts.append(body[start:end])
            starts.append(size)
            begins.append(start)
            size += end - start
        parts.append(SEPARATOR)
        starts.append(size)
        begins.append(0)
        size += len(SEPARATOR)
    return b"".join(parts), starts, begins


def _groups(body: bytes) -> Mapping[object, list[Span]]:
    """The spans of the strings that may be joined: by name, by block and name, and all content."""
    groups: dict[object, list[Span]] = {}
    for line in _LINE.finditer(body):
        pairs = [found for found in _PAIR.finditer(body, *line.span()) if found[1] is not None]
        # In a stream, a line holds one event, and an event is about one content block.
        index = next((found[3] for found in pairs if found[1] == b"index" and found[3]), b"")
        for found in pairs:
            if found[2]:
                for key in {found[1], (index, found[1]), found[1] if found[1] in _NO_CONTENT else _ALL_CONTENT}:
                    groups.setdefault(key, []).append(found.span(2))
    return groups


def _pieces(span: Span, starts: list[int], begins: list[int]) -> Iterator[Span]:
    """The spans in the body that a span of the joined strings is made of."""
    at, number = span[0], bisect_right(starts, span[0]) - 1
    while at < span[1]:
        end = min(span[1], starts[number + 1])
        yield begins[number] + at - starts[number], begins[number] + end - starts[number]
        at, number = end, number + 1
