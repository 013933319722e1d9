"""Crimes in single events of a stream that a document would commit in single fields, and in names and payloads."""

from __future__ import annotations

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.fault_operations import (
    Events,
    Frames,
    dropped,
    inserted,
    map_start,
    updated,
)
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.stream_content import map_block_starts
from messages_conformance.reference.http import HttpResponse


def with_ending(events: Events, **changes: object) -> Events:
    """The events with the delta of message_delta changed."""
    return updated(events, "message_delta", lambda data: {**data, "delta": {**data["delta"], **changes}})


# -- message_start --------------------------------------------------------------------------------------------------


@fault("stream-content", trips={"stream.start.content-empty"}, at=Stage.EVENTS, seen="sdk_streams X21")
def nullify_content_in_start(events: Events) -> Events:
    """The content in message_start is null."""
    return map_start(events, lambda message: {**message, "content": None})


@fault("stream-content", trips={"stream.start.message-object"}, at=Stage.EVENTS, seen="impact.json role_missing")
def omit_role_in_start(events: Events) -> Events:
    """The Message of message_start has no role."""
    return map_start(events, lambda message: dropped(message, "role"))


@fault("stream-content", trips={"stream.start.message-object"}, at=Stage.EVENTS, seen="impact.json model_missing")
def omit_model_in_start(events: Events) -> Events:
    """The Message of message_start does not name its model."""
    return map_start(events, lambda message: dropped(message, "model"))


@fault(
    "stream-content",
    trips={"stream.start.message-object"},
    at=Stage.EVENTS,
    seen="impact.json type_missing, msg_type_missing",
)
def omit_type_in_start(events: Events) -> Events:
    """The Message of message_start does not say that it is one."""
    return map_start(events, lambda message: dropped(message, "type"))


@fault("stream-content", trips={"stream.start.message-object"}, at=Stage.EVENTS)
def start_as_user(events: Events) -> Events:
    """The role of the Message in message_start is user."""
    return map_start(events, lambda message: {**message, "role": "user"})


@fault("stream-content", trips={"stream.start.message-object"}, at=Stage.EVENTS)
def nullify_message_in_start(events: Events) -> Events:
    """The Message of message_start is null."""
    return updated(events, "message_start", lambda data: {**data, "message": None})


@fault("stream-content", trips={"stream.start.id-stable"}, at=Stage.EVENTS, seen="impact.json id_missing")
def drop_id_in_start(events: Events) -> Events:
    """The Message of message_start has no id."""
    return map_start(events, lambda message: dropped(message, "id"))


@fault(
    "stream-content",
    trips={"response.id.unique"},
    at=Stage.EVENTS,
    seen="defects.json message-id-reused-across-responses",
)
def repeat_message_id_in_streams(events: Events) -> Events:
    """Every stream has the same message id."""
    return map_start(events, lambda message: {**message, "id": "msg_proxy_stream"})


@fault(
    "stream-content",
    trips={"response.id.msg-prefix-anthropic"},
    at=Stage.EVENTS,
    seen="impact.json id_no_prefix; deviations: claude-code-router",
)
def name_streams_like_openai(events: Events) -> Events:
    """The id in message_start begins with chatcmpl-."""
    return map_start(events, lambda message: {**message, "id": "chatcmpl-" + message["id"][4:]})


# -- message_delta --------------------------------------------------------------------------------------------------


@fault(
    "stream-content",
    trips={"stream.msgdelta.delta-object"},
    at=Stage.EVENTS,
    seen="sdk_streams X74; impact.json stop_reason_missing",
)
def omit_stop_reason_in_stream(events: Events) -> Events:
    """message_delta has no stop reason."""
    return updated(events, "message_delta", lambda data: {**data, "delta": dropped(data["delta"], "stop_reason")})


@fault("stream-content", trips={"stream.msgdelta.delta-object"}, at=Stage.EVENTS)
def nullify_delta_in_message_delta(events: Events) -> Events:
    """The delta of message_delta is null."""
    return updated(events, "message_delta", lambda data: {**data, "delta": None})


@fault("stream-content", trips={"stream.msgdelta.delta-object"}, at=Stage.EVENTS)
def flatten_message_delta(events: Events) -> Events:
    """The stop reason stands in message_delta itself instead of in its delta."""
    return updated(events, "message_delta", lambda data: {**dropped(data, "delta"), **data["delta"]})


@fault("stream-content", trips={"stream.msgdelta.delta-object"}, at=Stage.EVENTS)
def number_stop_reason_in_stream(events: Events) -> Events:
    """The stop reason of a stream is a number."""
    return with_ending(events, stop_reason=1)


@fault(
    "stream-content",
    trips={"stop.end_turn.stop_sequence-null", "stream.msgdelta.stop_sequence-key"},
    at=Stage.EVENTS,
)
def deny_stop_sequence_in_stream(events: Events) -> Events:
    """The stop sequence of a stream that hit none is false."""
    return updated(
        events,
        "message_delta",
        lambda data: {**data, "delta": {**data["delta"], "stop_sequence": data["delta"]["stop_sequence"] or False}},
    )


@fault(
    "stream-content",
    trips={"response.stop_reason.own-words"},
    trips_tokmodel={"response.stop_reason.enum-tokmodel"},
    at=Stage.EVENTS,
    seen="impact.json stop_reason_unknown",
)
def stop_like_openai_in_stream(events: Events) -> Events:
    """The natural end of a stream is reported as stop."""
    natural = any(data["delta"]["stop_reason"] == "end_turn" for name, data in events if name == "message_delta")
    return with_ending(events, stop_reason="stop") if natural else events


@fault(
    "stream-content",
    trips={"stop.tool_use.block-implies"},
    at=Stage.EVENTS,
    seen="impact.json stop_reason_end_turn_on_tool; defects.json end-turn-with-tool-use-block",
)
def report_tool_use_as_end_turn_in_stream(events: Events) -> Events:
    """A stream that calls a tool claims a natural end; the same answer tells the truth when it comes whole."""
    calls = any(data["delta"]["stop_reason"] == "tool_use" for name, data in events if name == "message_delta")
    return with_ending(events, stop_reason="end_turn") if calls else events


@fault("stream-content", trips={"stop.max_tokens.occurs"}, at=Stage.EVENTS)
def report_limit_as_end_turn_in_stream(events: Events) -> Events:
    """A stream that was cut by the limit claims a natural end."""
    cut = any(data["delta"]["stop_reason"] == "max_tokens" for name, data in events if name == "message_delta")
    return with_ending(events, stop_reason="end_turn") if cut else events


@fault("stream-content", trips={"stop.stop_sequence.occurs"}, at=Stage.EVENTS)
def report_stop_sequence_as_end_turn_in_stream(events: Events) -> Events:
    """A stream that a stop sequence ended claims a natural end."""
    hit = any(data["delta"]["stop_sequence"] for name, data in events if name == "message_delta")
    return with_ending(events, stop_reason="end_turn", stop_sequence=None) if hit else events


@fault("stream-content", trips={"stop.stop_sequence.value"}, at=Stage.EVENTS)
def keep_stop_sequence_secret_in_stream(events: Events) -> Events:
    """A stream ended at a stop sequence, and does not say which."""
    hit = any(data["delta"]["stop_sequence"] for name, data in events if name == "message_delta")
    return with_ending(events, stop_sequence=None) if hit else events


@fault(
    "stream-content", trips={"stream.msgdelta.usage-required"}, at=Stage.EVENTS, seen="impact.json delta_usage_missing"
)
def put_usage_into_delta(events: Events) -> Events:
    """The usage of message_delta stands inside of its delta."""
    return updated(
        events,
        "message_delta",
        lambda data: {**dropped(data, "usage"), "delta": {**data["delta"], "usage": data["usage"]}},
    )


# -- block events ---------------------------------------------------------------------------------------------------


@fault(
    "stream-content", trips={"stream.block.start-text-empty"}, at=Stage.EVENTS, seen="impact.json text_start_no_text"
)
def nullify_text_in_block_start(events: Events) -> Events:
    """The text of a text block's start is null."""
    return map_block_starts(events, "text", lambda block: {**block, "text": None})


@fault("stream-content", trips={"stream.block.index-integer"}, at=Stage.EVENTS, seen="impact.json index_missing")
def omit_index(events: Events) -> Events:
    """No event of a block has an index."""
    return [(name, dropped(data, "index")) for name, data in events]


@fault("stream-content", trips={"stream.block.index-integer"}, at=Stage.EVENTS)
def omit_stop_index(events: Events) -> Events:
    """A content_block_stop has no index."""
    return updated(events, "content_block_stop", lambda data: dropped(data, "index"))


@fault("stream-content", trips={"stream.block.index-integer"}, at=Stage.EVENTS)
def nullify_index(events: Events) -> Events:
    """Indexes are null."""
    return [(name, {**data, "index": None} if "index" in data else data) for name, data in events]


@fault("stream-content", trips={"stream.block.index-integer"}, at=Stage.EVENTS)
def count_blocks_in_floats(events: Events) -> Events:
    """Indexes have half a block more."""
    return [(name, {**data, "index": data["index"] + 0.5} if "index" in data else data) for name, data in events]


@fault("stream-content", trips={"stream.delta.text-string"}, at=Stage.EVENTS)
def omit_delta_text(events: Events) -> Events:
    """A text delta holds its text in a field named content."""
    return [
        (name, {**data, "delta": {"type": "text_delta", "content": data["delta"]["text"]}})
        if data.get("delta", {}).get("type") == "text_delta"
        else (name, data)
        for name, data in events
    ]


@fault("stream-content", trips={"stream.delta.type-matches-block"}, at=Stage.EVENTS)
def nullify_delta(events: Events) -> Events:
    """The delta of a content_block_delta is null."""
    return updated(events, "content_block_delta", lambda data: {**data, "delta": None})


@fault("stream-content", trips={"stream.delta.type-matches-block"}, at=Stage.EVENTS)
def stringify_deltas(events: Events) -> Events:
    """The delta of a text block is a bare string."""
    return [
        (name, {**data, "delta": data["delta"]["text"]})
        if data.get("delta", {}).get("type") == "text_delta"
        else (name, data)
        for name, data in events
    ]


@fault("stream-content", trips={"stream.delta.text-incremental"}, at=Stage.EVENTS, seen="sdk_streams X34")
def repeat_whole_text_at_the_end(events: Events) -> Events:
    """The last delta of a text block repeats all of its text."""
    texts = [data for _, data in events if data.get("delta", {}).get("type") == "text_delta"]
    if len(texts) < 2:
        return events
    index = texts[-1]["index"]
    own = [data["delta"]["text"] for data in texts if data["index"] == index]
    stop = next(at for at, (name, d) in enumerate(events) if name == "content_block_stop" and d["index"] == index)
    again = {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": "".join(own)}}
    return inserted(events, stop, ("content_block_delta", again))


@fault("stream-content", trips={"stream.final.same-kinds"}, at=Stage.EVENTS)
def send_deltas_of_unknown_type(events: Events) -> Events:
    """The words of a text block come in deltas of a type that nobody knows."""
    return [
        (name, {**data, "delta": {"type": "output_text_delta", "text": data["delta"]["text"]}})
        if data.get("delta", {}).get("type") == "text_delta"
        else (name, data)
        for name, data in events
    ]


# -- names and payloads ---------------------------------------------------------------------------------------------


@fault("stream-frame", trips={"stream.frame.event-line"}, at=Stage.FRAMES, seen="sdk_streams X55")
def omit_event_line_of_pings(frames: Frames) -> Frames:
    """A ping has no name, only data."""
    return [frame.removeprefix(b"event: ping\n") for frame in frames]


@fault("stream-frame", trips={"stream.frame.event-line"}, at=Stage.FRAMES)
def omit_event_line_of_deltas(frames: Frames) -> Frames:
    """A content_block_delta has no name, only data."""
    return [frame.removeprefix(b"event: content_block_delta\n") for frame in frames]


@fault("stream-frame", trips={"stream.frame.type-matches-event"}, at=Stage.FRAMES)
def name_every_event_message(frames: Frames) -> Frames:
    """Every event has the name message."""
    return [b"event: message\n" + frame.partition(b"\n")[2] for frame in frames]


@fault("stream-frame", trips={"stream.frame.data-json"}, at=Stage.FRAMES, seen="impact.json garbage_json")
def break_data_of_last_delta(frames: Frames) -> Frames:
    """The data of the last delta breaks off."""
    deltas = [at for at, frame in enumerate(frames) if frame.startswith(b"event: content_block_delta")]
    return [frame[:-3] + b"\n\n" if deltas and at == deltas[-1] else frame for at, frame in enumerate(frames)]


@fault("stream-frame", trips={"stream.frame.data-json"}, at=Stage.FRAMES, seen="impact.json ping_empty_data")
def empty_data_of_pings(frames: Frames) -> Frames:
    """The data of each ping is empty."""
    return [b"event: ping\ndata:\n\n" if frame.startswith(b"event: ping") else frame for frame in frames]


@fault("stream-frame", trips={"stream.frame.data-json"}, at=Stage.FRAMES)
def empty_data_of_stops(frames: Frames) -> Frames:
    """The data of message_stop is empty."""
    return [b"event: message_stop\ndata:\n\n" if b"event: message_stop" in frame else frame for frame in frames]


@fault("stream-frame", trips={"stream.frame.data-json"}, at=Stage.FRAMES)
def write_nan(frames: Frames) -> Frames:
    """The data of each ping holds NaN, which is no JSON."""
    return [frame.replace(b'{"type":"ping"}', b'{"type":"ping","load":NaN}') for frame in frames]


@fault("stream-frame", trips={"stream.frame.data-json"}, at=Stage.FRAMES)
def encode_data_twice(frames: Frames) -> Frames:
    """The data of each event is a JSON string that holds the event's JSON."""

    def quoted(frame: bytes) -> bytes:
        name, _, data = frame.partition(b"\ndata: ")
        text = data.strip().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        return name + b'\ndata: "' + text + b'"\n\n'

    return [quoted(frame) for frame in frames]


@fault("stream-frame", trips={"transport.content-type.sse-response"}, at=Stage.RESPONSE, seen="sdk_streams X73, X81")
def answer_streams_in_text(response: HttpResponse) -> HttpResponse:
    """A request for a stream gets 200 and a line of plain text."""
    if not response.is_stream:
        return response
    return response.with_body(b"upstream error").with_header("content-type", "text/plain")


@fault("transport", trips={"transport.content-type.sse-response"}, at=Stage.RESPONSE, seen="impact.json ct_wrong")
def label_stream_as_text(response: HttpResponse) -> HttpResponse:
    """A stream is labelled text/plain."""
    return response.with_header("content-type", "text/plain; charset=utf-8") if response.is_stream else response


@fault("transport", trips={"transport.content-type.sse-response"}, at=Stage.RESPONSE)
def omit_stream_content_type(response: HttpResponse) -> HttpResponse:
    """A stream has no content type."""
    return response.without_header("content-type") if response.is_stream else response


@fault(
    "transport",
    trips={"transport.accept-encoding"},
    at=Stage.RESPONSE,
    seen="defects.json gzip-stream-not-decoded",
)
def garble_compressed_stream(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A stream is labelled gzip and is not."""
    return response.with_header("content-encoding", "gzip") if response.is_stream else response
