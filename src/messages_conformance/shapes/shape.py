"""The shape of one answer as sorted lines of text: `path  type`.

The rules of this file:

1. A line has a place and its types, joined by " | ". Lines are sorted, so that the order of keys is not part of a
   shape.
2. Items of an array are one place, `content[]`; items with a `type` are one place for each type, `content[text]`.
3. A value is written only when it distinguishes kinds of objects (`DISCRIMINATORS`).
4. Content that the caller or the model chooses is left out: the members of the `input` of a tool.
5. The order of events is one line, with "+" after repeated events: how a text is divided into deltas is not part of a
   shape. Pings depend on time and are left out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any, Final

from messages_conformance.exchange import UNPARSED, Response, StreamEvent

DISCRIMINATORS: Final = frozenset({"type", "role", "stop_reason", "object"})
"""Members whose value is the kind of the object around them, or of the way in which an answer ended."""

FREE_CONTENT: Final = frozenset({"input"})
PING: Final = "ping"
DELTA: Final = "content_block_delta"
MAX_PATH_CHARACTERS: Final = 500
"""A longer path is cut: names of a hostile answer can have megabytes (our own choice)."""

COLUMN: Final = 48
"""The column of the types, so that most lines of a file look like two columns (our own choice)."""

Line = tuple[str, str]


def shape(situation: str, response: Response) -> str:
    """The text of the shape of an answer; it ends with a line break."""
    types: dict[str, set[str]] = defaultdict(set)
    for path, kind in _lines(response):
        types[path].add(kind)
    rows = (f"{path:<{COLUMN}}  {' | '.join(sorted(kinds))}" for path, kinds in sorted(types.items()))
    return "\n".join([f"# {situation}", *rows, ""])


def parse(text: str) -> dict[str, str]:
    """Path -> types, read from the text of a shape; other lines are ignored."""
    rows = (line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#"))
    return {row[0][:MAX_PATH_CHARACTERS]: row[1].strip() for row in rows if len(row) == 2}


def _lines(response: Response) -> Iterator[Line]:
    yield "(status)", str(response.status)
    yield "(media-type)", response.media_type or "none"
    if response.is_event_stream:
        events = [event for event in response.events if event.type != PING and event.wire.data is not None]
        yield "(events)", " ".join(_sequence(events))
        for event in events:
            yield from _members(event.data, f"{event.type}:")
    elif response.json is UNPARSED:
        yield "(body)", "not JSON"
    else:
        yield from _members(response.json, "")


def _sequence(events: Iterable[StreamEvent]) -> Iterator[str]:
    for name, run in groupby(_name(event) for event in events):
        repeated = sum(1 for _ in run) > 1 or name.startswith(DELTA)
        yield f"{name}+" if repeated else name


def _name(event: StreamEvent) -> str:
    """The type of the event, with the type of the block or delta that it contains."""
    for member in ("content_block", "delta"):
        part = event.fields.get(member)
        if isinstance(part, dict) and isinstance(part.get("type"), str):
            return f"{event.type}({part['type']})"
    return str(event.type)


def _members(value: Any, path: str) -> Iterator[Line]:
    """One line for each place inside a value, without the value itself."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _place(member, f"{path}.{name}" if path and not path.endswith(":") else f"{path}{name}", name)
    elif isinstance(value, list):
        for item in value:
            kind = item.get("type") if isinstance(item, dict) else None
            yield from _place(item, f"{path}[{kind if isinstance(kind, str) else ''}]", "")


def _place(value: Any, path: str, name: str) -> Iterator[Line]:
    characters = path[:MAX_PATH_CHARACTERS]
    where = "".join(one if one.isprintable() and one != " " else "_" for one in characters)
    yield where, _type(value, name)
    if name not in FREE_CONTENT:
        yield from _members(value, where)


def _type(value: Any, name: str) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return f'"{value}"' if name in DISCRIMINATORS and value.isprintable() else "string"
        case int():
            return "integer"
        case float():
            return "number"
        case list():
            return "array"
        case _:
            return "object"
