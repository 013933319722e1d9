"""The bytes of a stream's events are wrong. Faults that need no code are rows of stream_frames.toml."""

from __future__ import annotations

from dataclasses import replace

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.edits import Frames, map_frames
from messages_conformance.reference.events import to_json
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse

ERROR_DATA = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'


@fault(
    "stream-frame",
    trips={"stream.frame.event-line"},
    at=Stage.FRAMES,
    seen="sdk_streams X42; impact.json no_event_lines; defects.json sse-event-line-missing",
)
def omit_event_lines(frames: Frames) -> Frames:
    """Events have no name, only data."""
    return map_frames(frames, lambda name, data: f"data: {to_json(data)}\n\n".encode())


@fault(
    "stream-frame",
    trips={"stream.frame.blank-line"},
    at=Stage.FRAMES,
    seen="sdk_streams X52; impact.json single_newline",
)
def omit_blank_lines(frames: Frames) -> Frames:
    """There is no blank line between two events."""
    return [*(frame.removesuffix(b"\n") for frame in frames[:-1]), *frames[-1:]]


@fault(
    "stream-frame",
    trips={"stream.frame.blank-line"},
    at=Stage.FRAMES,
    seen="sdk_streams X75; impact.json no_final_blank",
)
def omit_final_blank_line(frames: Frames) -> Frames:
    """No blank line follows the last event."""
    return [*frames[:-1], *(frame.removesuffix(b"\n") for frame in frames[-1:])]


@fault("stream-frame", trips={"stream.frame.type-matches-event"}, at=Stage.FRAMES, seen="sdk_streams X44")
def omit_data_type(frames: Frames) -> Frames:
    """The data of an event does not repeat its type."""

    def untyped(name: str, data: dict[str, object]) -> bytes:
        kept = {key: value for key, value in data.items() if key != "type"}
        return f"event: {name}\ndata: {to_json(kept)}\n\n".encode()

    return map_frames(frames, untyped)


@fault(
    "stream-frame",
    trips={"stream.frame.no-done", "stream.order.message-stop-once"},
    at=Stage.FRAMES,
    seen="impact.json done_for_stop",
)
def end_with_done(frames: Frames) -> Frames:
    """The line data: [DONE] replaces message_stop."""
    return [*frames[:-1], b"data: [DONE]\n\n"]


@fault("stream-frame", trips={"stream.frame.no-bom"}, at=Stage.FRAMES, seen="sdk_streams X50; impact.json bom")
def begin_with_byte_order_mark(frames: Frames) -> Frames:
    """A stream begins with a byte-order mark."""
    return [b"\xef\xbb\xbf" + frame if at == 0 else frame for at, frame in enumerate(frames)]


@fault("stream-frame", trips={"stream.frame.line-endings"}, at=Stage.FRAMES)
def mix_line_endings(frames: Frames) -> Frames:
    """Lines end with LF, and blank lines with CRLF."""
    return [frame.removesuffix(b"\n") + b"\r\n" for frame in frames]


@fault(
    "stream-frame",
    trips={"stream.error.named", "transport.path.post-messages"},
    at=Stage.FRAMES,
    seen="sdk_streams X41; impact.json sse_error_no_event",
)
def break_off_with_unnamed_error(frames: Frames) -> Frames:
    """A stream breaks off with an error event that has no name."""
    deltas = [at for at, frame in enumerate(frames) if frame.startswith(b"event: content_block_delta")]
    kept = frames[: deltas[-1]] if deltas else frames[:1]
    return [*kept, b"data: " + ERROR_DATA + b"\n\n"]


@fault(
    "stream-frame",
    trips={
        "response.content.tool_use-input-schema",
        "response.content.tool_use-values",
        "stop.stop_sequence.value",
        "stream.frame.utf8-boundaries",
    },
    at=Stage.FRAMES,
)
def send_latin_1_stream(frames: Frames) -> Frames:
    """A stream is encoded in Latin-1."""
    return [frame.decode().encode("latin-1", "replace") for frame in frames]


@fault(
    "stream-frame",
    trips={"stream.frame.incremental"},
    at=Stage.RESPONSE,
    seen="impact.json one_chunk; defects.json no-early-keepalive-ttft",
)
def buffer_stream(response: HttpResponse) -> HttpResponse:
    """A stream is delivered in one piece at its end."""
    if not response.is_stream:
        return response
    pieces = tuple(response.pieces)
    return replace(response, pieces=((1.8, b"".join(data for _, data in pieces)),))


@fault("stream-frames", trips={"stream.frame.blank-line"}, at=Stage.FRAMES, seen="a body cut at a declared length")
def break_off_in_last_event(frames: list[bytes]) -> list[bytes]:
    """The last bytes of the stream are missing, though the body is complete as HTTP."""
    return [*frames[:-1], frames[-1][:-8]]


@fault("stream-frame", trips={"stream.frame.type-matches-event"}, at=Stage.FRAMES)
def name_every_event_message(frames: Frames) -> Frames:
    """Every event has the name message."""
    return [b"event: message\n" + frame.partition(b"\n")[2] for frame in frames]


@fault(
    "stream-frame",
    trips={"stream.delta.text-complete", "stream.frame.data-json"},
    at=Stage.FRAMES,
    seen="impact.json garbage_json",
)
def break_data_of_last_delta(frames: Frames) -> Frames:
    """The data of the last delta is cut off."""
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
def encode_data_twice(frames: Frames) -> Frames:
    """The data of each event is a JSON string that holds the event's JSON."""

    def quoted(frame: bytes) -> bytes:
        name, _, data = frame.partition(b"\ndata: ")
        text = data.strip().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        return name + b'\ndata: "' + text + b'"\n\n'

    return [quoted(frame) for frame in frames]
