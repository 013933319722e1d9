"""Tool calls and thinking blocks of a stream lose or change content. Simpler faults are rows of stream_calls.toml."""

from __future__ import annotations

import json
from itertools import accumulate

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.edits import Events, Json, inserted, position
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.stream_edits import (
    deltas_of,
    left_out,
    map_deltas,
    spans,
    with_inputs,
    without_blocks,
)

BROKEN_INPUT = {"stream.delta.partial-json-concat", "stream.delta.partial-json-prefix-valid"}
LONG_INPUT_CHARS = 128
"""How much of a tool input one fault keeps; our own number."""


# -- the input of a call


@fault(
    "stream-content",
    trips={"stream.delta.partial-json-concat"},
    at=Stage.EVENTS,
    seen="sdk_streams X31; impact.json truncated_partial_json",
)
def cut_tool_input_short(events: Events) -> Events:
    """The last delta of a tool's input is missing."""
    return with_inputs(events, lambda pieces: pieces[:-1] if len(pieces) > 2 else pieces)


def kept_to(pieces: list[str], length: int) -> list[str]:
    """The pieces up to the one that exceeds a length; it and the pieces after it are left out."""
    ends = accumulate(map(len, pieces))
    return [piece for piece, end in zip(pieces, ends, strict=True) if end <= length]


@fault(
    "tools",
    trips={"stream.delta.partial-json-concat"},
    at=Stage.EVENTS,
    seen="decolua/9router#3416; anthropics/claude-code#69085",
)
def cut_long_tool_inputs(events: Events) -> Events:
    """A streamed tool input of more than 128 characters lacks its end."""
    return with_inputs(events, lambda pieces: kept_to(pieces, LONG_INPUT_CHARS))


@fault("tools", trips={"stream.delta.partial-json-concat"}, at=Stage.EVENTS, seen="decolua/9router#3416")
def cut_tool_inputs_at_escaped_quotes(events: Events) -> Events:
    """A streamed tool input ends at the first quote that is escaped in it."""

    def cut(pieces: list[str]) -> list[str]:
        before, found, _ = "".join(pieces).partition('\\"')
        return kept_to(pieces, len(before)) if found else pieces

    return with_inputs(events, cut)


@fault("stream-content", trips={"stream.delta.partial-json-concat"}, at=Stage.EVENTS)
def cut_input_of_second_call_short(events: Events) -> Events:
    """The last delta of the input is missing from every tool call except the first."""
    return with_inputs(events, lambda pieces: pieces[:-1], skip=1)


@fault("stream-content", trips=BROKEN_INPUT, at=Stage.EVENTS, seen="sdk_streams X33")
def repeat_tool_input_so_far(events: Events) -> Events:
    """Each delta of a tool's input repeats the deltas before it."""
    return with_inputs(events, lambda pieces: ["".join(pieces[: at + 1]) for at in range(len(pieces))])


@fault("stream-content", trips=BROKEN_INPUT, at=Stage.EVENTS)
def send_tool_input_twice(events: Events) -> Events:
    """The whole input of a tool call follows its deltas again."""
    return with_inputs(events, lambda pieces: [*pieces, "".join(pieces)])


@fault("stream-content", trips=BROKEN_INPUT, at=Stage.EVENTS)
def begin_tool_input_with_empty_object(events: Events) -> Events:
    """The deltas of a tool's input begin with {}."""
    return with_inputs(events, lambda pieces: ["{}", *pieces])


@fault(
    "stream-content",
    trips={"stream.delta.partial-json-concat"},
    at=Stage.EVENTS,
    seen="defects.json tool-args-double-encoded; sdk_streams X32",
)
def encode_tool_input_twice(events: Events) -> Events:
    """The input of a streamed tool call is a JSON string that holds JSON."""
    return with_inputs(events, lambda pieces: [json.dumps("".join(pieces))] if any(pieces) else pieces)


@fault("stream-content", trips={"stream.delta.partial-json-concat"}, at=Stage.EVENTS, seen="sdk_streams X32")
def list_tool_input(events: Events) -> Events:
    """The input of a streamed tool call is a list."""
    return with_inputs(events, lambda pieces: ["[", *pieces, "]"] if any(pieces) else pieces)


@fault("stream-content", trips={"stream.delta.partial-json-string"}, at=Stage.EVENTS)
def nullify_partial_json(events: Events) -> Events:
    """The partial_json of a tool call's first input delta is null."""
    seen: set[int] = set()

    def first_is_null(name: str, data: Json) -> Json:
        if name != "content_block_delta" or data["delta"]["type"] != "input_json_delta" or data["index"] in seen:
            return data
        seen.add(data["index"])
        return {**data, "delta": {**data["delta"], "partial_json": None}}

    return [(name, first_is_null(name, data)) for name, data in events]


# -- the start of a call


@fault("stream-content", trips={"response.content.tool_use-name-known"}, at=Stage.EVENTS)
def name_second_call_after_nothing(events: Events) -> Events:
    """Every tool call of a stream except the first names an unknown tool."""
    changed = list(events)
    for span in spans(events, "tool_use")[1:]:
        name, data = events[span.start]
        changed[span.start] = (name, {**data, "content_block": {**data["content_block"], "name": "tool_1"}})
    return changed


# -- whole blocks


@fault(
    "stream-content",
    trips={"request.tool_choice.any-forces", "request.tool_choice.tool-forces", "response.content.array"},
    at=Stage.EVENTS,
    seen="defects.json streaming-tool-call-dropped-ndjson",
)
def hide_calls_in_stream(events: Events) -> Events:
    """A stream has no tool call and a natural end; the answer that is not streamed has a call."""
    ending = {"stop_reason": "end_turn", "stop_sequence": None}
    hidden = without_blocks(events, spans(events, "tool_use"))
    if hidden == events:
        return events
    return [(name, {**data, "delta": ending} if name == "message_delta" else data) for name, data in hidden]


@fault("stream-content", trips={"stream.final.same-kinds", "usage.thinking.le-output"}, at=Stage.EVENTS)
def lose_text_in_uncounted_stream(events: Events) -> Events:
    """A stream has no text block, and counts one token at a natural end."""
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


# -- thinking blocks


@fault(
    "stream-content",
    trips={"stream.delta.signature-single"},
    at=Stage.EVENTS,
    seen="defects.json stream-thinking-signature-missing; impact.json thinking_no_sig; deviations: LiteLLM",
)
def omit_signature_delta(events: Events) -> Events:
    """A streamed thinking block has no signature."""
    return [event for event in events if event[1].get("delta", {}).get("type") != "signature_delta"]


@fault("stream-content", trips={"stream.delta.signature-single"}, at=Stage.EVENTS)
def sign_before_thinking(events: Events) -> Events:
    """The signature of a thinking block comes before its text."""
    changed = events
    for span in reversed(spans(events, "thinking")):
        signed = deltas_of(events, span, "signature_delta")
        changed = inserted(left_out(changed, *signed), span.start + 1, *(events[at] for at in signed))
    return changed


@fault("stream-content", trips={"stream.delta.signature-single"}, at=Stage.EVENTS)
def repeat_signature(events: Events) -> Events:
    """The signature of a thinking block comes twice."""
    return [event for event in events for _ in range(1 + (event[1].get("delta", {}).get("type") == "signature_delta"))]


@fault(
    "stream-content",
    trips={"response.content.echoable", "stream.delta.text-incremental"},
    trips_tokmodel={"stream.delta.text-incremental"},
    at=Stage.EVENTS,
)
def think_in_snapshots(events: Events) -> Events:
    """Each thinking delta repeats the whole text so far."""
    so_far: list[str] = []

    def snapshot(old: Json) -> Json:
        so_far.append(old["thinking"])
        return {**old, "thinking": "".join(so_far)}

    return map_deltas(events, "thinking_delta", snapshot)
