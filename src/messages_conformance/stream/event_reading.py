"""Reads single events: which events the target meant, the index of one, and the end marker of another API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from weakref import WeakKeyDictionary

from messages_conformance.contract import event_types
from messages_conformance.exchange import UNPARSED, Response, StreamEvent

DONE_SENTINEL: Final = "[DONE]"
"""The data with which OpenAI's APIs end a stream; no event of the Messages API."""

_logical: WeakKeyDictionary[Response, tuple[StreamEvent, ...]] = WeakKeyDictionary()


def logical_events(response: Response) -> tuple[StreamEvent, ...]:
    """The events that the target meant: an unfinished last one counts, merged ones are separated.

    Rules on framing judge `Response.events`, the events as they arrived; rules on order and content judge these.
    """
    kept = _logical.get(response)
    if kept is None:
        events: list[StreamEvent] = []
        for event in response.events:
            if len(event.wire.names) < 2:
                events.append(event)
            else:
                events.extend(_separated(event))
        kept = tuple(events)
        if not response.is_released:
            _logical[response] = kept
    return kept


def forget_events(response: Response) -> None:
    """Releases the memory of the events of a response."""
    _logical.pop(response, None)


def _separated(event: StreamEvent) -> Iterator[StreamEvent]:
    """The events of a block of lines in which blank lines are missing: one for each pair of name and data line."""
    names, data = event.wire.names, event.wire.data
    lines = [] if data is None else data.split("\n")
    if len(names) != len(lines) or event.data is not UNPARSED:
        yield event
        return
    for name, line in zip(names, lines, strict=True):
        wire = event.wire._replace(names=(name,), data=line, id=None, retry=None, comments=(), unknown_fields=())
        yield StreamEvent(number=event.number, at_s=event.at_s, wire=wire)


def is_sentinel(event: StreamEvent) -> bool:
    """True for OpenAI's end marker, with or without a name."""
    return event.wire.data is not None and event.wire.data.strip() == DONE_SENTINEL


def known_event(event: StreamEvent) -> bool:
    """True when the contract knows the event's type."""
    return event.type in event_types()


def index_of(event: StreamEvent) -> int | None:
    """The event's index; None when it is not an integer of 0 or more, which the schemas report."""
    index = event.fields.get("index")
    return index if isinstance(index, int) and not isinstance(index, bool) and index >= 0 else None


def is_made_by_code(block: Any) -> bool:
    """True for a tool_use block whose `caller` is code execution: the code made the call, not the model."""
    caller = block.get("caller") if isinstance(block, dict) else None
    kind = caller.get("type") if isinstance(caller, dict) else None
    return isinstance(kind, str) and kind.startswith("code_execution")


def is_complete_message(message: Any) -> bool:
    """True for the message of a message_start that has its stop_reason and content with a call made by code."""
    content = message.get("content") if isinstance(message, dict) else None
    if not isinstance(content, list) or message.get("stop_reason") is None:
        return False
    return any(is_made_by_code(block) for block in content)


def index_after(event: StreamEvent, index: int) -> int:
    """The index that follows the one of a content_block_start; a server that starts at -1 continues with 0."""
    stated = event.fields.get("index")
    return stated + 1 if isinstance(stated, int) and stated < 0 else index + 1
