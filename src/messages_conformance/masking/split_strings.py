"""Finds a secret that is cut into pieces over several JSON strings, such as the deltas of a stream.

The strings under one name are joined in the order in which they came: once for the whole body, once for each content
block, and once together with the strings of all other names that hold content.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final

from messages_conformance.masking.spellings import spans
from messages_conformance.masking.views import SEPARATOR, Span

_CONTENT: Final = rb'[^"\\\r\n]*+(?:\\[^\r\n][^"\\\r\n]*+)*+'
_PAIR: Final = re.compile(
    rb'"(%b)"[ \t]*+:[ \t]*+(?:"(%b)"|([0-9]{1,9}))|"%b"?|([\r\n])' % (_CONTENT, _CONTENT, _CONTENT),
)
"""A name with its string or number, another string, or the end of a line. An unclosed string ends with its line: JSON
allows no line break in a string."""

_NO_CONTENT: Final = frozenset({b"type", b"id", b"role", b"model", b"name", b"stop_reason", b"tool_use_id"})
"""Names whose strings stand between the pieces of content, and are no content."""

_ALL_CONTENT: Final = None
"""The group of all strings that hold content."""

_PROTOCOL_WORDS: Final = frozenset(
    b"message message_start message_delta message_stop content_block_start content_block_delta content_block_stop ping "
    b"text text_delta input_json_delta thinking thinking_delta signature_delta tool_use assistant standard".split()
)
"""Values that nearly every answer repeats. A group of these alone has no piece of a key."""

_Groups = dict[object, list[int]]
"""The numbers of the strings that may be joined: by name, by block and name, and all content."""


def split_spans(body: bytes, secret: bytes) -> tuple[tuple[Span, ...], ...]:
    """The places of the secret that are made of pieces of several strings: for each place, the spans of its pieces."""
    strings, groups = _grouped(body)
    if not groups:
        return ()
    data = SEPARATOR.join(b"".join([strings[number] for number in group]) for group in groups)
    if not spans(data, secret):
        return ()
    data, starts, begins = _joined(body, groups)
    found = []
    for span in spans(data, secret):
        pieces = tuple(_pieces(span, starts, begins))
        if len(pieces) > 1:
            found.append(pieces)
    return tuple(found)


def _grouped(body: bytes) -> tuple[list[bytes], list[list[int]]]:
    """The strings of the body that have a name, and the groups of them that may hold a cut secret."""
    strings: list[bytes] = []
    groups: _Groups = {}
    line: list[tuple[bytes, int]] = []
    index = b""
    for name, string, number, end in _PAIR.findall(body):
        if end:
            _add(groups, line, index)
            line, index = [], b""
        elif string:
            line.append((name, len(strings)))
            strings.append(string)
        elif number and name == b"index" and not index:
            # In a stream, a line holds one event, and an event is about one content block.
            index = number
    _add(groups, line, index)
    return strings, _worth_reading(groups, strings)


def _add(groups: _Groups, line: list[tuple[bytes, int]], index: bytes) -> None:
    for name, number in line:
        groups.setdefault(name, []).append(number)
        groups.setdefault((index, name), []).append(number)
        if name not in _NO_CONTENT:
            groups.setdefault(_ALL_CONTENT, []).append(number)


def _worth_reading(groups: _Groups, strings: list[bytes]) -> list[list[int]]:
    """The groups of several strings, each once: most names belong to one block."""
    different = dict.fromkeys(map(tuple, groups.values()))
    return [
        list(group)
        for group in different
        if len(group) > 1 and not all(strings[number] in _PROTOCOL_WORDS for number in group)
    ]


def _joined(body: bytes, groups: list[list[int]]) -> tuple[bytes, list[int], list[int]]:
    """All groups of strings in one, and where each string begins in it and in the body."""
    places = [found.span(2) for found in _PAIR.finditer(body) if found[2]]
    parts, starts, begins, size = [], [], [], 0
    for group in groups:
        for start, end in (places[number] for number in group):
            parts.append(body[start:end])
            starts.append(size)
            begins.append(start)
            size += end - start
        parts.append(SEPARATOR)
        starts.append(size)
        begins.append(0)
        size += len(SEPARATOR)
    return b"".join(parts), starts, begins


def _pieces(span: Span, starts: list[int], begins: list[int]) -> Iterator[Span]:
    """The spans in the body that a span of the joined strings is made of."""
    at, number = span[0], bisect_right(starts, span[0]) - 1
    while at < span[1]:
        end = min(span[1], starts[number + 1])
        yield begins[number] + at - starts[number], begins[number] + end - starts[number]
        at, number = end, number + 1
