"""The events of a streamed response. Each has a number, in the order in which they are sent."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from messages_conformance.upstream import replies
from messages_conformance.upstream.pacing import Kind, pieces_of
from messages_conformance.upstream.replies import alternating, text_of
from messages_conformance.upstream.response_items import Item, part
from messages_conformance.upstream.script import Block, Refusal, Script

Event: TypeAlias = tuple[Kind, str, Mapping[str, Any]]
"""What a frame of the event counts as, its name, and its data without type and number."""

EMPTY: Final[Mapping[str, Any]] = {"summary": [], "content": [], "arguments": "", "status": "in_progress"}
"""The fields that an item fills later -> their value when it is added."""


def to_bytes(name: str, data: Mapping[str, Any], number: int) -> bytes:
    """The bytes of one event."""
    value = {"type": name, **data, "sequence_number": number}
    return b"event: " + name.encode() + b"\ndata: " + replies.to_bytes(value) + b"\n\n"


def of_item(index: int, item: Item, script: Script) -> Iterator[Event]:
    """The events of one item, from output_item.added to output_item.done."""
    yield _added(index, item)
    if item.is_call:
        yield from _arguments(index, item, script)
    elif item.value["type"] == "reasoning":
        yield from _summary(index, item, script)
    else:
        for number, block in enumerate(item.blocks):
            yield from _part(index, number, item, block, script)
    yield _done(index, item)


def of_calls_in_turn(calls: Sequence[tuple[int, Item]], script: Script) -> Iterator[Event]:
    """The events of several function calls, with their arguments in turn."""
    yield from (_added(index, item) for index, item in calls)
    yield from alternating([list(_arguments(index, item, script)) for index, item in calls])
    yield from (_done(index, item) for index, item in calls)


def _added(index: int, item: Item) -> Event:
    begun = {name: EMPTY.get(name, value) for name, value in item.value.items()}
    return "around", "response.output_item.added", {"output_index": index, "item": begun}


def _done(index: int, item: Item) -> Event:
    return "around", "response.output_item.done", {"output_index": index, "item": item.value}


def _arguments(index: int, item: Item, script: Script) -> Iterator[Event]:
    place = {"item_id": item.value["id"], "output_index": index}
    yield from _deltas("response.function_call_arguments.delta", place, item.blocks[0], script)
    yield "around", "response.function_call_arguments.done", {**place, "arguments": item.value["arguments"]}


def _summary(index: int, item: Item, script: Script) -> Iterator[Event]:
    for number, summary in enumerate(item.value["summary"]):
        place = {"item_id": item.value["id"], "output_index": index, "summary_index": number}
        yield "around", "response.reasoning_summary_part.added", {**place, "part": {**summary, "text": ""}}
        yield from _deltas("response.reasoning_summary_text.delta", place, item.blocks[0], script)
        yield "around", "response.reasoning_summary_text.done", {**place, "text": summary["text"]}
        yield "around", "response.reasoning_summary_part.done", {**place, "part": summary}


def _part(index: int, number: int, item: Item, block: Block, script: Script) -> Iterator[Event]:
    place = {"item_id": item.value["id"], "output_index": index, "content_index": number}
    whole = part(block)
    field = "refusal" if isinstance(block, Refusal) else "text"
    name = f"response.{whole['type']}"
    logprobs: dict[str, Any] = {"logprobs": []} if field == "text" else {}
    yield "around", "response.content_part.added", {**place, "part": {**whole, field: ""}}
    yield from _deltas(f"{name}.delta", {**place, **logprobs}, block, script)
    yield "around", f"{name}.done", {**place, field: whole[field], **logprobs}
    yield "around", "response.content_part.done", {**place, "part": whole}


def _deltas(name: str, place: Mapping[str, Any], block: Block, script: Script) -> Iterator[Event]:
    for piece in pieces_of(text_of(block), block, script):
        yield "delta" if piece else "around", name, {**place, "delta": piece}
