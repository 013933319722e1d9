"""The events of a stream come in the wrong order. Events that are missing are rows of stream_order.toml."""

from __future__ import annotations

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.edits import Events, inserted, position
from messages_conformance.reference.fault_registry import fault

TEXT_BLOCK = {"type": "text", "text": ""}


@fault("stream-order", trips={"stream.order.message-start-first"}, at=Stage.EVENTS)
def delay_message_start(events: Events) -> Events:
    """message_start comes after the first content_block_start."""
    return [events[1], events[0], *events[2:]] if len(events) > 3 else events


@fault(
    "stream-order",
    trips={"stream.order.message-start-once"},
    at=Stage.EVENTS,
    seen="sdk_streams X57; defects.json duplicate-message-start; impact.json message_start_twice",
)
def repeat_message_start(events: Events) -> Events:
    """message_start comes twice."""
    return [events[0], *events]


@fault("stream-order", trips={"stream.order.block-start-before-delta"}, at=Stage.EVENTS, seen="sdk_streams X05")
def delta_before_block_start(events: Events) -> Events:
    """The first delta comes before the start of its block."""
    start, delta = position(events, "content_block_start"), position(events, "content_block_delta")
    if start is None or delta is None:
        return events
    rest = [event for at, event in enumerate(events) if at != delta]
    return inserted(rest, start, events[delta])


@fault(
    "stream-order",
    trips={"stream.order.block-start-before-stop"},
    at=Stage.EVENTS,
    seen="sdk_streams X76; defects.json stop-for-never-opened-index",
)
def stop_unknown_block(events: Events) -> Events:
    """A content_block_stop names a block that never started."""
    at = position(events, "message_delta")
    stop = {"type": "content_block_stop", "index": 7}
    return inserted(events, at, ("content_block_stop", stop)) if at is not None else events


@fault("stream-order", trips={"stream.order.block-closed-once"}, at=Stage.EVENTS)
def repeat_block_stop(events: Events) -> Events:
    """A content block stops twice."""
    at = position(events, "content_block_stop")
    return inserted(events, at, events[at]) if at is not None else events


@fault(
    "stream-order",
    trips={"stream.order.no-delta-after-stop"},
    at=Stage.EVENTS,
    seen="sdk_streams X14; impact.json delta_after_stop",
)
def delta_after_block_stop(events: Events) -> Events:
    """The last delta comes after the stop of its block."""
    delta = position(events, "content_block_delta", last=True)
    stop = position(events, "content_block_stop", last=True)
    if delta is None or stop is None:
        return events
    rest = [event for at, event in enumerate(events) if at != delta]
    return inserted(rest, stop, events[delta])


@fault(
    "stream-order",
    trips={"stream.order.blocks-sequential"},
    at=Stage.EVENTS,
    seen="sdk_streams X10; deviations: LiteLLM openai",
)
def interleave_blocks(events: Events) -> Events:
    """A second text block starts before the first one stops."""
    stop = position(events, "content_block_stop", last=True)
    if stop is None:
        return events
    index = events[stop][1]["index"] + 1
    start = {"type": "content_block_start", "index": index, "content_block": dict(TEXT_BLOCK)}
    delta = {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": "!"}}
    end = {"type": "content_block_stop", "index": index}
    return [
        *events[:stop],
        ("content_block_start", start),
        ("content_block_delta", delta),
        events[stop],
        ("content_block_stop", end),
        *events[stop + 1 :],
    ]


@fault(
    "stream-order",
    trips={"stream.block.index-sequential"},
    at=Stage.EVENTS,
    seen="sdk_streams X07; defects.json text-then-thinking-same-index",
)
def reuse_block_index(events: Events) -> Events:
    """A second text block has the index of the first."""
    return with_second_block(events, 0)


@fault(
    "stream-order",
    trips={"stream.block.index-sequential"},
    at=Stage.EVENTS,
    seen="sdk_streams X08; defects.json noncontiguous-block-indices",
)
def skip_block_index(events: Events) -> Events:
    """A second text block has an index two higher than the first."""
    return with_second_block(events, 2)


def with_second_block(events: Events, step: int) -> Events:
    """The events with a second text block, whose index is that of the last block plus a step."""
    stop = position(events, "content_block_stop", last=True)
    if stop is None:
        return events
    index = events[stop][1]["index"] + step
    return inserted(
        events,
        stop + 1,
        (
            "content_block_start",
            {"type": "content_block_start", "index": index, "content_block": dict(TEXT_BLOCK)},
        ),
        (
            "content_block_delta",
            {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": "!"}},
        ),
        ("content_block_stop", {"type": "content_block_stop", "index": index}),
    )


@fault("stream-order", trips={"stream.order.message-stop-last"}, at=Stage.EVENTS, seen="sdk_streams X58")
def continue_after_message_stop(events: Events) -> Events:
    """The last delta comes after message_stop."""
    delta = position(events, "content_block_delta", last=True)
    if delta is None:
        return events
    return [*(event for at, event in enumerate(events) if at != delta), events[delta]]


@fault("stream-order", trips={"stream.order.message-stop-last"}, at=Stage.EVENTS)
def stop_before_message_delta(events: Events) -> Events:
    """message_stop comes before message_delta."""
    return [*events[:-2], events[-1], events[-2]]


@fault("stream-order", trips={"stream.order.message-stop-once"}, at=Stage.EVENTS)
def repeat_message_stop(events: Events) -> Events:
    """message_stop comes twice."""
    return [*events, events[-1]]


@fault(
    "stream-order",
    trips={"stream.error.no-silent-truncation"},
    at=Stage.EVENTS,
    seen="sdk_streams X04; impact.json cut_mid",
)
def truncate_in_block(events: Events) -> Events:
    """A stream ends in the middle of a text block, without an error."""
    at = position(events, "content_block_stop")
    return events[: at - 1] if at else events[:1]


@fault("stream-order", trips={"stream.error.no-silent-truncation"}, at=Stage.EVENTS)
def truncate_after_message_start(events: Events) -> Events:
    """A stream ends after message_start."""
    return events[:1]


@fault(
    "stream-order",
    trips={"stream.error.no-silent-truncation"},
    at=Stage.EVENTS,
    seen="defects.json unknown-finish-suppresses-terminal-events; impact.json no_message_delta_stop",
)
def truncate_after_block(events: Events) -> Events:
    """A stream ends after its last content block."""
    at = position(events, "content_block_stop", last=True)
    return events[: at + 1] if at is not None else events[:1]


@fault(
    "stream-order",
    trips={"stream.error.no-silent-truncation"},
    at=Stage.EVENTS,
    seen="defects.json empty-200-stream; impact.json empty_stream",
)
def send_empty_stream(events: Events) -> Events:
    """A stream has no events."""
    return []


ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}


def broken_off(events: Events) -> Events:
    """The events before the last delta of the first block."""
    at = position(events, "content_block_stop")
    return events[: at - 1] if at else events[:1]


@fault(
    "stream-error",
    trips={"stream.error.event-shape", "transport.path.post-messages"},
    at=Stage.EVENTS,
    seen="deviations: claude-code-router",
)
def misshape_error_event(events: Events) -> Events:
    """An error event has its details in message instead of error."""
    return [*broken_off(events), ("error", {"type": "error", "message": ERROR["error"]})]


@fault(
    "stream-error",
    trips={"stream.error.event-shape", "transport.path.post-messages"},
    at=Stage.EVENTS,
    seen="defects.json error-event-then-no-close-of-blocks; deviations: claude-code-router",
)
def continue_after_error(events: Events) -> Events:
    """A stream goes on to its natural end after an error event."""
    at = position(events, "content_block_stop")
    return inserted(events, at if at is not None else 1, ("error", ERROR))
