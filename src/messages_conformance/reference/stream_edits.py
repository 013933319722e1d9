"""Functions that read and change the content blocks of a stream: their events, indexes, deltas and tool inputs."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from messages_conformance.reference.edits import Events, Json, inserted
from messages_conformance.reference.events import Event


@dataclass(frozen=True, kw_only=True)
class Span:
    """One content block: the places of its first and last event, its index and its kind."""

    start: int
    stop: int
    index: int
    kind: str


def spans(events: Events, *kinds: str) -> list[Span]:
    """The blocks of a stream in order; only those of some kinds if any are named."""
    starts = [at for at, (name, _) in enumerate(events) if name == "content_block_start"]
    stops = [at for at, (name, _) in enumerate(events) if name == "content_block_stop"]
    found = [
        Span(start=start, stop=stop, index=events[start][1]["index"], kind=events[start][1]["content_block"]["type"])
        for start, stop in zip(starts, stops, strict=True)
    ]
    return [span for span in found if not kinds or span.kind in kinds]


def consecutive_blocks(events: Events) -> Iterator[tuple[Span, Span]]:
    """Every block with the block after it."""
    return itertools.pairwise(spans(events))


def deltas_of(events: Events, span: Span, kind: str = "") -> list[int]:
    """The places of a block's deltas; only those of one kind if it is given."""
    places = [at for at in range(span.start, span.stop) if events[at][0] == "content_block_delta"]
    return [at for at in places if kind in ("", events[at][1]["delta"]["type"])]


def delta(index: int, content: Json) -> Event:
    """A content_block_delta."""
    return "content_block_delta", {"type": "content_block_delta", "index": index, "delta": content}


def reindexed(events: Events, indexes: dict[int, int]) -> Events:
    """The events with other block indexes."""
    return [
        (name, {**data, "index": indexes.get(data["index"], data["index"])} if "index" in data else data)
        for name, data in events
    ]


def left_out(events: Events, *places: int) -> Events:
    """The events without those at some places."""
    return [event for at, event in enumerate(events) if at not in places]


def without_blocks(events: Events, lost: list[Span]) -> Events:
    """The events without some blocks; the indexes of the others are sequential again."""
    gone = {at for span in lost for at in range(span.start, span.stop + 1)}
    kept = [event for at, event in enumerate(events) if at not in gone or event[0] == "ping"]
    indexes = {span.index: number for number, span in enumerate(span for span in spans(events) if span not in lost)}
    return [(name, {**data, "index": indexes[data["index"]]} if "index" in data else data) for name, data in kept]


def map_block_starts(events: Events, kind: str, change: Callable[[Json], Json]) -> Events:
    """The events with the block in each content_block_start of one kind changed."""
    return [
        (name, {**data, "content_block": change(data["content_block"])})
        if name == "content_block_start" and data["content_block"]["type"] == kind
        else (name, data)
        for name, data in events
    ]


def map_deltas(events: Events, kind: str, change: Callable[[Json], Json]) -> Events:
    """The events with the delta in each content_block_delta of one kind changed."""
    return [
        (name, {**data, "delta": change(data["delta"])})
        if name == "content_block_delta" and data["delta"].get("type") == kind
        else (name, data)
        for name, data in events
    ]


def with_inputs(events: Events, change: Callable[[list[str]], list[str]], *, skip: int = 0) -> Events:
    """The events with the pieces of every tool input changed; the first `skip` calls are left alone."""
    changed = events
    for span in reversed(spans(events, "tool_use")[skip:]):
        places = deltas_of(events, span)
        pieces = change([events[at][1]["delta"]["partial_json"] for at in places])
        new = [delta(span.index, {"type": "input_json_delta", "partial_json": piece}) for piece in pieces]
        changed = inserted(left_out(changed, *places), span.start + 1, *new)
    return changed
