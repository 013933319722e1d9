"""Crimes against tool calls and thoughts in a stream: in what their starts and deltas say, and in their absence."""

from __future__ import annotations

import json
from collections.abc import Callable

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.events import Event
from messages_conformance.reference.fault_operations import Events, Json, dropped, inserted, position
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.stream_blocks import Span, delta, deltas_of, left_out, spans
from messages_conformance.reference.faults.stream_content import map_block_starts, map_deltas

Rewritten = list[Event]
BROKEN_INPUT = {"stream.delta.partial-json-concat", "stream.delta.partial-json-prefix-valid"}


def with_inputs(events: Events, change: Callable[[list[str]], list[str]], *, skip: int = 0) -> Events:
    """The events with the pieces of every tool input changed; `skip` leaves the first calls alone."""
    changed = events
    for span in reversed(spans(events, "tool_use")[skip:]):
        places = deltas_of(events, span)
        pieces = change([events[at][1]["delta"]["partial_json"] for at in places])
        new = [delta(span.index, {"type": "input_json_delta", "partial_json": piece}) for piece in pieces]
        changed = inserted(left_out(changed, *places), span.start + 1, *new)
    return changed


# -- the input of a call --------------------------------------------------------------------------------------------


@fault(
    "stream-content",
    trips={"stream.final.tool-input"},
    at=Stage.EVENTS,
    seen="defects.json tool-arguments-empty-in-stream; sdk_streams X28",
)
def lose_tool_input_in_stream(events: Events) -> Events:
    """A tool call that is streamed has no input delta."""
    return with_inputs(events, lambda pieces: [])


@fault(
    "stream-content",
    trips={"stream.final.tool-input"},
    at=Stage.EVENTS,
    seen="sdk_streams X29; impact.json partial_json_empty",
)
def empty_tool_input_in_stream(events: Events) -> Events:
    """The only input delta of a tool call that is streamed is the empty string."""
    return with_inputs(events, lambda pieces: [""])


@fault("stream-content", trips={"stream.final.tool-input"}, at=Stage.EVENTS)
def lose_input_of_second_call(events: Events) -> Events:
    """Every tool call of a stream but the first comes without its input."""
    return with_inputs(events, lambda pieces: [], skip=1)


@fault(
    "stream-content",
    trips={"stream.delta.partial-json-concat"},
    at=Stage.EVENTS,
    seen="sdk_streams X31; impact.json truncated_partial_json",
)
def cut_tool_input_short(events: Events) -> Events:
    """The last piece of a tool's input is missing."""
    return with_inputs(events, lambda pieces: pieces[:-1] if len(pieces) > 2 else pieces)


@fault("stream-content", trips={"stream.delta.partial-json-concat"}, at=Stage.EVENTS)
def cut_input_of_second_call_short(events: Events) -> Events:
    """The last piece of the input is missing from every tool call but the first."""
    return with_inputs(events, lambda pieces: pieces[:-1], skip=1)


@fault("stream-content", trips=BROKEN_INPUT, at=Stage.EVENTS, seen="sdk_streams X33")
def repeat_tool_input_so_far(events: Events) -> Events:
    """Each piece of a tool's input repeats all that came before it."""
    return with_inputs(events, lambda pieces: ["".join(pieces[: at + 1]) for at in range(len(pieces))])


@fault("stream-content", trips=BROKEN_INPUT, at=Stage.EVENTS)
def send_tool_input_twice(events: Events) -> Events:
    """The whole input of a tool call follows its pieces once more."""
    return with_inputs(events, lambda pieces: [*pieces, "".join(pieces)])


@fault("stream-content", trips=BROKEN_INPUT, at=Stage.EVENTS)
def begin_tool_input_with_empty_object(events: Events) -> Events:
    """The pieces of a tool's input begin with {}, which was only the place that they should fill."""
    return with_inputs(events, lambda pieces: ["{}", *pieces])


@fault(
    "stream-content",
    trips={"stream.delta.partial-json-concat"},
    at=Stage.EVENTS,
    seen="defects.json tool-args-double-encoded; sdk_streams X32",
)
def encode_tool_input_twice(events: Events) -> Events:
    """The input of a tool call adds up to a JSON string that holds the object's JSON."""
    return with_inputs(events, lambda pieces: [json.dumps("".join(pieces))] if any(pieces) else pieces)


@fault("stream-content", trips={"stream.delta.partial-json-concat"}, at=Stage.EVENTS, seen="sdk_streams X32")
def list_tool_input(events: Events) -> Events:
    """The input of a tool call adds up to a list."""
    return with_inputs(events, lambda pieces: ["[", *pieces, "]"] if any(pieces) else pieces)


@fault("stream-content", trips={"stream.delta.partial-json-concat"}, at=Stage.EVENTS)
def nullify_tool_input_in_stream(events: Events) -> Events:
    """The input of a tool call adds up to null."""
    return with_inputs(events, lambda pieces: ["null"])


@fault("stream-content", trips={"stream.delta.partial-json-string"}, at=Stage.EVENTS)
def nullify_partial_json(events: Events) -> Events:
    """The first input delta of a tool call holds null."""
    seen: set[int] = set()

    def first_is_null(name: str, data: Json) -> Json:
        if name != "content_block_delta" or data["delta"]["type"] != "input_json_delta" or data["index"] in seen:
            return data
        seen.add(data["index"])
        return {**data, "delta": {**data["delta"], "partial_json": None}}

    return [(name, first_is_null(name, data)) for name, data in events]


@fault("stream-content", trips={"stream.delta.partial-json-string"}, at=Stage.EVENTS)
def omit_partial_json(events: Events) -> Events:
    """An input delta holds its text under another name."""
    return map_deltas(events, "input_json_delta", lambda old: {"type": old["type"], "input_json": old["partial_json"]})


@fault(
    "stream-content",
    trips={"stream.delta.type-matches-block"},
    at=Stage.EVENTS,
    seen="sdk_streams X11; impact.json text_delta_for_tool",
)
def send_tool_input_as_text(events: Events) -> Events:
    """The input of a tool call arrives in text deltas."""
    return map_deltas(events, "input_json_delta", lambda old: {"type": "text_delta", "text": old["partial_json"]})


@fault("stream-content", trips={"stream.delta.type-matches-block"}, at=Stage.EVENTS, seen="sdk_streams X12")
def send_text_as_tool_input(events: Events) -> Events:
    """The words of a text block arrive in input deltas."""
    return map_deltas(events, "text_delta", lambda old: {"type": "input_json_delta", "partial_json": old["text"]})


@fault("stream-content", trips={"stream.final.tool-input"}, at=Stage.EVENTS)
def trim_tool_input(events: Events) -> Events:
    """The blanks at the ends of each piece of a tool's input are lost, inside of its strings too."""
    return map_deltas(events, "input_json_delta", lambda old: {**old, "partial_json": old["partial_json"].strip()})


# -- the start of a call --------------------------------------------------------------------------------------------


@fault("stream-content", trips={"stream.block.start-tool-input-empty"}, at=Stage.EVENTS, seen="sdk_streams X25")
def start_tool_input_as_string(events: Events) -> Events:
    """The content_block_start of a tool call has an empty string for its input."""
    return map_block_starts(events, "tool_use", lambda block: {**block, "input": ""})


@fault(
    "stream-content",
    trips={"stream.block.start-tool-input-empty"},
    at=Stage.EVENTS,
    seen="impact.json tool_start_no_input",
)
def omit_input_in_block_start(events: Events) -> Events:
    """The content_block_start of a tool call has no input."""
    return map_block_starts(events, "tool_use", lambda block: dropped(block, "input"))


@fault(
    "stream-content", trips={"stream.block.start-tool-input-empty"}, at=Stage.EVENTS, seen="impact.json tool_id_missing"
)
def omit_call_id_in_stream(events: Events) -> Events:
    """The content_block_start of a tool call has no id."""
    return map_block_starts(events, "tool_use", lambda block: dropped(block, "id"))


@fault("stream-content", trips={"stream.block.start-tool-input-empty"}, at=Stage.EVENTS)
def omit_call_name_in_stream(events: Events) -> Events:
    """The content_block_start of a tool call has no name."""
    return map_block_starts(events, "tool_use", lambda block: dropped(block, "name"))


@fault("stream-content", trips={"stream.block.start-tool-input-empty"}, at=Stage.EVENTS)
def nullify_call_id_in_stream(events: Events) -> Events:
    """The id of a tool call that is streamed is null."""
    return map_block_starts(events, "tool_use", lambda block: {**block, "id": None})


@fault(
    "stream-content",
    trips={"response.content.tool_use-name-known"},
    at=Stage.EVENTS,
    seen="defects.json tool-use-empty-name",
)
def empty_call_name_in_stream(events: Events) -> Events:
    """The name of a tool call that is streamed is an empty string."""
    return map_block_starts(events, "tool_use", lambda block: {**block, "name": ""})


@fault("stream-content", trips={"response.content.tool_use-id-pattern"}, at=Stage.EVENTS)
def empty_call_id_in_stream(events: Events) -> Events:
    """The id of a tool call that is streamed is an empty string."""
    return map_block_starts(events, "tool_use", lambda block: {**block, "id": ""})


@fault("stream-content", trips={"response.content.tool_use-ids-unique"}, at=Stage.EVENTS)
def share_id_between_calls(events: Events) -> Events:
    """All tool calls of a stream have the same id."""
    return map_block_starts(events, "tool_use", lambda block: {**block, "id": "toolu_01A09q90qw90lq917835lq9"})


@fault("stream-content", trips={"response.content.tool_use-name-known"}, at=Stage.EVENTS)
def name_second_call_after_nothing(events: Events) -> Events:
    """Every tool call of a stream but the first names a tool that nobody gave."""
    changed = list(events)
    for span in spans(events, "tool_use")[1:]:
        name, data = events[span.start]
        changed[span.start] = (name, {**data, "content_block": {**data["content_block"], "name": "tool_1"}})
    return changed


@fault("stream-content", trips={"response.content.block-type"}, at=Stage.EVENTS, seen="impact.json block_type_missing")
def omit_block_type_in_stream(events: Events) -> Events:
    """The block in content_block_start has no type."""
    return [
        (name, {**data, "content_block": dropped(data["content_block"], "type")} if "content_block" in data else data)
        for name, data in events
    ]


@fault("stream-content", trips={"response.content.block-type"}, at=Stage.EVENTS)
def start_block_without_block(events: Events) -> Events:
    """content_block_start holds no block."""
    return [(name, dropped(data, "content_block")) for name, data in events]


@fault(
    "stream-content", trips={"stream.delta.type-matches-block"}, at=Stage.EVENTS, seen="impact.json delta_type_missing"
)
def omit_delta_type(events: Events) -> Events:
    """A delta has no type."""
    return [
        (name, {**data, "delta": dropped(data["delta"], "type")} if name == "content_block_delta" else data)
        for name, data in events
    ]


# -- whole blocks ---------------------------------------------------------------------------------------------------


def without_blocks(events: Events, lost: list[Span]) -> Events:
    """The events without some blocks, and those that remain numbered anew."""
    gone = {at for span in lost for at in range(span.start, span.stop + 1)}
    kept = [event for at, event in enumerate(events) if at not in gone or event[0] == "ping"]
    indexes = {span.index: number for number, span in enumerate(span for span in spans(events) if span not in lost)}
    return [(name, {**data, "index": indexes[data["index"]]} if "index" in data else data) for name, data in kept]


@fault(
    "stream-content",
    trips={"request.tool_choice.any-forces", "request.tool_choice.tool-forces", "stop.tool_use.implies-block"},
    at=Stage.EVENTS,
    seen="defects.json stream-tool-call-dropped-nonstream-ok",
)
def lose_calls_in_stream(events: Events) -> Events:
    """A stream has no tool call where the same answer has one that is not streamed."""
    return without_blocks(events, spans(events, "tool_use"))


@fault(
    "stream-content",
    trips={"request.tool_choice.any-forces", "request.tool_choice.tool-forces", "response.content.array"},
    at=Stage.EVENTS,
    seen="defects.json streaming-tool-call-dropped-ndjson",
)
def hide_calls_in_stream(events: Events) -> Events:
    """A stream has no tool call and a natural end where the same answer has one that is not streamed."""
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    hidden = without_blocks(events, spans(events, "tool_use"))
    if hidden == events:
        return events
    return [(name, {**data, "delta": ending} if name == "message_delta" else data) for name, data in hidden]


@fault("stream-content", trips={"stream.final.same-kinds"}, at=Stage.EVENTS)
def lose_second_call_in_stream(events: Events) -> Events:
    """A stream has the first tool call alone where the same answer has two that are not streamed."""
    return without_blocks(events, spans(events, "tool_use")[1:])


@fault(
    "stream-content",
    trips={"response.content.array"},
    at=Stage.EVENTS,
    seen="sdk_streams X78; defects.json empty-message-no-blocks",
)
def lose_text_in_stream(events: Events) -> Events:
    """A stream has no text block at all."""
    return without_blocks(events, spans(events, "text"))


@fault("stream-content", trips={"stream.final.same-kinds", "usage.thinking.le-output"}, at=Stage.EVENTS)
def lose_text_in_uncounted_stream(events: Events) -> Events:
    """A stream has no text block, and one that ends by itself counts one token."""
    lost = without_blocks(events, spans(events, "text"))
    at = position(lost, "message_delta")
    if at is None or lost == events or lost[at][1]["delta"]["stop_reason"] != "end_turn":
        return lost
    ending = lost[at][1]
    return [
        *lost[:at],
        ("message_delta", {**ending, "usage": {**ending["usage"], "output_tokens": 1}}),
        *lost[at + 1 :],
    ]


@fault(
    "stream-content",
    trips={"stream.final.same-kinds"},
    at=Stage.EVENTS,
    seen="defects.json omitted-thinking-block-dropped",
)
def lose_thoughts_in_stream(events: Events) -> Events:
    """A stream has no thinking block where the same answer has one that is not streamed."""
    return without_blocks(events, spans(events, "thinking"))


# -- the signature of a thought -------------------------------------------------------------------------------------


@fault(
    "stream-content",
    trips={"stream.delta.signature-single"},
    at=Stage.EVENTS,
    seen="defects.json stream-thinking-signature-missing; impact.json thinking_no_sig; deviations: LiteLLM",
)
def omit_signature_delta(events: Events) -> Events:
    """A thought that is streamed has no signature."""
    return [event for event in events if event[1].get("delta", {}).get("type") != "signature_delta"]


@fault("stream-content", trips={"stream.delta.signature-single"}, at=Stage.EVENTS)
def sign_before_thinking(events: Events) -> Events:
    """The signature of a thought comes before the thought."""
    changed = events
    for span in reversed(spans(events, "thinking")):
        signed = [at for at in deltas_of(events, span) if events[at][1]["delta"]["type"] == "signature_delta"]
        changed = inserted(left_out(changed, *signed), span.start + 1, *(events[at] for at in signed))
    return changed


@fault("stream-content", trips={"stream.delta.signature-single"}, at=Stage.EVENTS)
def repeat_signature(events: Events) -> Events:
    """The signature of a thought comes twice."""
    return [event for event in events for _ in range(1 + (event[1].get("delta", {}).get("type") == "signature_delta"))]


@fault("stream-content", trips={"stream.block.start-thinking-fields"}, at=Stage.EVENTS, seen="sdk_streams X65")
def omit_signature_in_block_start(events: Events) -> Events:
    """The content_block_start of a thinking block has no signature."""
    return map_block_starts(events, "thinking", lambda block: dropped(block, "signature"))


@fault("stream-content", trips={"stream.delta.signature-single"}, at=Stage.EVENTS)
def nullify_signature_delta(events: Events) -> Events:
    """The signature of a thought that is streamed is null."""
    return map_deltas(events, "signature_delta", lambda old: {**old, "signature": None})


@fault("stream-content", trips={"stream.final.equals-nonstream-shape"}, at=Stage.EVENTS)
def nullify_thinking_delta(events: Events) -> Events:
    """The text of a thinking delta is null."""
    return map_deltas(events, "thinking_delta", lambda old: {**old, "thinking": None})


@fault("stream-content", trips={"stream.delta.text-incremental"}, at=Stage.EVENTS)
def think_in_snapshots(events: Events) -> Events:
    """Each thinking delta repeats the whole thought so far."""
    so_far: list[str] = []

    def snapshot(old: Json) -> Json:
        so_far.append(old["thinking"])
        return {**old, "thinking": "".join(so_far)}

    return map_deltas(events, "thinking_delta", snapshot)
