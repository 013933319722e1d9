"""Faults of streams: events in the wrong order, lost pieces, and chunks that arrive late."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from messages_conformance.reference_gateway.changes import PASSTHROUGH, TRANSLATES, Events, Fields
from messages_conformance.reference_gateway.chat_answer import BrokenAnswerError
from messages_conformance.reference_gateway.edits import events_of_type, per_event, setting
from messages_conformance.reference_gateway.faults.row import fault
from messages_conformance.reference_gateway.http import UpstreamError

PASSES = (PASSTHROUGH,)
CHAT = (TRANSLATES,)


async def _one_late(events: Events) -> AsyncIterator[Fields]:
    """Each event leaves when the next one comes."""
    held: Fields | None = None
    async for event in events:
        if held is not None:
            yield held
        held = event
    if held is not None:
        yield held


async def _in_groups(events: Events) -> AsyncIterator[Fields]:
    """Ten events leave together."""
    held: list[Fields] = []
    try:
        async for event in events:
            held.append(event)
            if len(held) == 10:
                for one in held:
                    yield one
                held = []
    except (UpstreamError, BrokenAnswerError):
        for one in held:
            yield one
        raise
    for one in held:
        yield one


async def _blocks_at_once(events: Events) -> AsyncIterator[Fields]:
    """The deltas of a block leave when it ends."""
    held: list[Fields] = []
    try:
        async for event in events:
            held.append(event)
            if event["type"] != "content_block_delta":
                for one in held:
                    yield one
                held = []
    except (UpstreamError, BrokenAnswerError):
        for one in held:
            yield one
        raise


async def _arguments_at_once(events: Events) -> AsyncIterator[Fields]:
    """The arguments of a call leave when it ends."""
    held: list[Fields] = []
    async for event in events:
        if (event.get("delta") or {}).get("type") == "input_json_delta":
            held.append(event)
            continue
        for one in held:
            yield one
        held = []
        yield event


async def _same_index(events: Events) -> AsyncIterator[Fields]:
    """Every block has the index 0."""
    async for event in events:
        yield {**event, "index": 0} if "index" in event else event


async def _overlapping(events: Events) -> AsyncIterator[Fields]:
    """Blocks are stopped at the end of the stream."""
    stops: list[Fields] = []
    async for event in events:
        if event["type"] == "content_block_stop":
            stops.append(event)
            continue
        if event["type"] == "message_delta":
            for stop in stops:
                yield stop
        yield event


def _drop(kind: str) -> Any:
    return events_of_type(kind, lambda event: None)


def _twice(kind: str) -> Any:
    return per_event(lambda event: [event, event] if event["type"] == kind else [event])


BUFFERED = "stream.incremental"
ARGUMENTS = "stream.arguments"

fault(
    "buffer_stream",
    "A stream is sent when it is complete.",
    BUFFERED,
    ARGUMENTS,
    "stream.silence",
    flags=frozenset({"buffers"}),
)
fault("one_event_late", "Each event is sent when the next one comes.", BUFFERED, ARGUMENTS, events=_one_late)
fault("ten_events_at_once", "Ten events are sent together.", BUFFERED, ARGUMENTS, events=_in_groups)
fault("blocks_at_once", "The deltas of a block are sent when it ends.", BUFFERED, ARGUMENTS, events=_blocks_at_once)
fault(
    "arguments_at_once",
    "The arguments of a call are sent when it ends.",
    BUFFERED,
    modes=PASSES,
    events=_arguments_at_once,
)
fault(
    "hold_arguments",
    "The arguments of a call are sent when it ends.",
    ARGUMENTS,
    modes=CHAT,
    events=_arguments_at_once,
)
fault(
    "never_streams",
    "A stream is answered with one JSON body.",
    "answer.delivered",
    modes=CHAT,
    flags=frozenset({"never_streams", "whole_upstream"}),
)
fault(
    "never_pings",
    "Nothing is sent during a silence of the upstream.",
    "stream.silence",
    modes=CHAT,
    flags=frozenset({"never_pings"}),
)
fault(
    "hold_streams_open",
    "The body of a stream does not end after message_stop.",
    "stream.closed",
    flags=frozenset({"holds_open"}),
)
fault(
    "drop_types",
    "The data of an event has no type.",
    "stream.types",
    flags=frozenset({"drops_types"}),
)
fault("no_pings", "Pings of the upstream are not passed on.", "stream.pings", modes=PASSES, events=_drop("ping"))
fault("same_index", "All blocks of a stream have the index 0.", "stream.order", events=_same_index)
fault("overlapping_blocks", "Blocks of a stream are stopped at its end.", "stream.order", events=_overlapping)
fault("drop_block_stop", "Blocks of a stream are not stopped.", "stream.order", events=_drop("content_block_stop"))
fault("drop_block_start", "Blocks of a stream are not started.", "stream.order", events=_drop("content_block_start"))
fault(
    "drop_message_delta",
    "A stream has no message_delta.",
    "stream.order",
    events=_drop("message_delta"),
)
fault(
    "drop_message_stop",
    "A stream has no message_stop.",
    "stream.order",
    "answer.delivered",
    events=_drop("message_stop"),
)
fault("drop_message_start", "A stream has no message_start.", "stream.order", events=_drop("message_start"))
fault(
    "double_deltas",
    "Each delta is sent twice.",
    "answer.text",
    "answer.arguments",
    "answer.form",
    "answer.thinking",
    "answer.reasoning",
    "error.text-before",
    events=_twice("content_block_delta"),
)
fault("double_message_stop", "A stream ends twice.", "stream.order", events=_twice("message_stop"))
fault("double_message_start", "A stream begins twice.", "stream.order", events=_twice("message_start"))
fault(
    "stop_without_reason",
    "The message_delta has no stop_reason.",
    "answer.stop-reason",
    "answer.stop-sequence",
    "answer.other-fields",
    events=events_of_type("message_delta", setting(delta={})),
)


async def _without_last_delta(events: Events) -> AsyncIterator[Fields]:
    """The last delta of each block is lost."""
    held: Fields | None = None
    async for event in events:
        if event["type"] == "content_block_delta":
            if held is not None:
                yield held
            held = event
            continue
        held = None
        yield event


fault(
    "drop_last_delta",
    "The last delta of each block is lost.",
    "answer.text",
    "answer.arguments",
    "answer.form",
    "answer.thinking",
    "answer.thinking-signature",
    events=_without_last_delta,
)
fault(
    "drop_first_delta",
    "Deltas that begin with a capital letter are lost.",
    "answer.text",
    "error.text-before",
    events=per_event(lambda event: [] if (event.get("delta") or {}).get("text", "")[:1].isupper() else [event]),
)


async def _without_small_deltas(events: Events) -> AsyncIterator[Fields]:
    """Deltas of one character are lost."""
    async for event in events:
        delta = event.get("delta") or {}
        if len(str(delta.get("text", delta.get("partial_json", "--")))) != 1:
            yield event


fault(
    "drop_single_characters",
    "Deltas of one character are lost.",
    "answer.text",
    "answer.arguments",
    "answer.form",
    events=_without_small_deltas,
)
