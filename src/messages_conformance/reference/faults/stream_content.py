"""Crimes in what the events of a stream say."""

from __future__ import annotations

from collections.abc import Callable

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.fault_operations import (
    Events,
    Json,
    dropped,
    inserted,
    map_start,
    map_text_deltas,
    only_counted,
    position,
    updated,
)
from messages_conformance.reference.fault_registry import fault


@fault("stream-content", trips={"stream.start.message-object"}, at=Stage.EVENTS, seen="sdk_streams X80")
def omit_role_and_model_in_start(events: Events) -> Events:
    """The Message of message_start has no type, role and model."""
    return map_start(events, lambda message: dropped(message, "type", "role", "model"))


@fault("stream-content", trips={"stream.start.message-object"}, at=Stage.EVENTS)
def start_without_message(events: Events) -> Events:
    """message_start holds no Message."""
    return updated(events, "message_start", lambda data: dropped(data, "message"))


@fault("stream-content", trips={"stream.start.content-empty"}, at=Stage.EVENTS, seen="sdk_streams X20")
def omit_content_in_start(events: Events) -> Events:
    """The Message of message_start has no content field."""
    return map_start(events, lambda message: dropped(message, "content"))


@fault("stream-content", trips={"stream.start.content-empty"}, at=Stage.EVENTS, seen="sdk_streams X22")
def fill_content_in_start(events: Events) -> Events:
    """The Message of message_start already holds a text block."""
    return map_start(events, lambda message: {**message, "content": [{"type": "text", "text": ""}]})


@fault("stream-content", trips={"stream.start.stop_reason-null"}, at=Stage.EVENTS)
def stop_in_start(events: Events) -> Events:
    """message_start already knows the stop reason."""
    return map_start(events, lambda message: {**message, "stop_reason": "end_turn"})


@fault(
    "stream-content",
    trips={"stream.start.usage-object"},
    at=Stage.EVENTS,
    seen="sdk_streams X15; impact.json start_usage_missing_delta_output_only, start_usage_missing, usage_missing_all",
)
def omit_usage_in_start(events: Events) -> Events:
    """message_start has no usage."""
    return map_start(events, lambda message: dropped(message, "usage"))


@fault(
    "stream-content",
    trips={"stream.start.usage-object"},
    at=Stage.EVENTS,
    seen="sdk_streams X16; impact.json start_usage_null",
)
def nullify_usage_in_start(events: Events) -> Events:
    """The usage in message_start is null."""
    return map_start(events, lambda message: {**message, "usage": None})


@fault("stream-content", trips={"stream.start.usage-object"}, at=Stage.EVENTS, seen="impact.json start_usage_no_output")
def omit_output_tokens_in_start(events: Events) -> Events:
    """The usage in message_start has no output_tokens."""
    return map_start(events, lambda message: {**message, "usage": dropped(message["usage"], "output_tokens")})


@fault(
    "stream-content",
    trips={"stream.start.input-tokens-real"},
    at=Stage.EVENTS,
    seen="deviations: LiteLLM; sdk_streams X63",
)
def start_with_zero_input(events: Events) -> Events:
    """message_start reports 0 input tokens; the real number comes at the end."""
    return map_start(events, lambda message: {**message, "usage": {**message["usage"], "input_tokens": 0}})


@fault(
    "stream-content",
    trips={"stream.start.id-stable"},
    at=Stage.EVENTS,
    seen="defects.json message-id-reused-across-responses",
)
def omit_id_in_start(events: Events) -> Events:
    """The Message of message_start has an empty id."""
    return map_start(events, lambda message: {**message, "id": ""})


@fault("stream-content", trips={"stream.block.index-integer"}, at=Stage.EVENTS, seen="sdk_streams X69")
def omit_delta_index(events: Events) -> Events:
    """A content_block_delta has no index."""
    return updated(events, "content_block_delta", lambda data: dropped(data, "index"))


@fault("stream-content", trips={"stream.block.index-integer"}, at=Stage.EVENTS, seen="sdk_streams X68")
def spell_index(events: Events) -> Events:
    """Indexes are strings."""
    return [(name, {**data, "index": str(data["index"])} if "index" in data else data) for name, data in events]


def shifted(events: Events, by: int) -> Events:
    return [(name, {**data, "index": data["index"] + by} if "index" in data else data) for name, data in events]


@fault(
    "stream-content",
    trips={"stream.block.index-sequential"},
    at=Stage.EVENTS,
    seen="sdk_streams X06; impact.json index_from_1; defects.json noncontiguous-block-indices",
)
def count_blocks_from_one(events: Events) -> Events:
    """The first content block has the index 1."""
    return shifted(events, 1)


@fault("stream-content", trips={"stream.block.index-integer"}, at=Stage.EVENTS, seen="sdk_streams X09")
def count_blocks_from_minus_one(events: Events) -> Events:
    """The first content block has the index -1."""
    return shifted(events, -1)


@fault("stream-content", trips={"stream.block.start-text-empty"}, at=Stage.EVENTS, seen="sdk_streams X23")
def omit_text_in_block_start(events: Events) -> Events:
    """The content_block_start of a text block has no text."""
    return map_block_starts(events, "text", lambda block: dropped(block, "text"))


@fault("stream-content", trips={"stream.block.start-text-empty"}, at=Stage.EVENTS, seen="sdk_streams X24")
def repeat_text_of_block_start(events: Events) -> Events:
    """The content_block_start of a text block holds the first delta's text, which comes again."""
    first = next(
        (data["delta"]["text"] for _, data in events if data.get("delta", {}).get("type") == "text_delta"), "Hi"
    )
    return map_block_starts(events, "text", lambda block: {**block, "text": first})


@fault("stream-content", trips={"stream.block.start-tool-input-empty"}, at=Stage.EVENTS, seen="sdk_streams X27")
def fill_tool_input_in_block_start(events: Events) -> Events:
    """The content_block_start of a tool call already has an input."""
    return map_block_starts(events, "tool_use", lambda block: {**block, "input": {"early": True}})


@fault("stream-content", trips={"stream.delta.citations"}, trips_tokmodel=set(), at=Stage.EVENTS)
def cite_nothing(events: Events) -> Events:
    """A citations_delta carries a string in place of a citation."""
    citing: list[tuple[str, Json]] = []
    for name, data in events:
        if name == "content_block_stop" and citing and citing[-1][1].get("delta", {}).get("type") == "text_delta":
            delta = {"type": "citations_delta", "citation": "page 7"}
            citing.append(
                ("content_block_delta", {"type": "content_block_delta", "index": data["index"], "delta": delta})
            )
        citing.append((name, data))
    return citing


@fault("stream-content", trips={"stream.block.start-thinking-fields"}, at=Stage.EVENTS, seen="sdk_streams X66")
def omit_thinking_in_block_start(events: Events) -> Events:
    """The content_block_start of a thinking block has no thinking."""
    return map_block_starts(events, "thinking", lambda block: dropped(block, "thinking"))


def map_block_starts(events: Events, kind: str, change: Callable[[Json], Json]) -> Events:
    return [
        (name, {**data, "content_block": change(data["content_block"])})
        if name == "content_block_start" and data["content_block"]["type"] == kind
        else (name, data)
        for name, data in events
    ]


def map_deltas(events: Events, kind: str, change: Callable[[Json], Json]) -> Events:
    return [
        (name, {**data, "delta": change(data["delta"])})
        if name == "content_block_delta" and data["delta"].get("type") == kind
        else (name, data)
        for name, data in events
    ]


@fault(
    "stream-content",
    trips={"stream.delta.type-matches-block"},
    at=Stage.EVENTS,
    seen="sdk_streams X12; defects.json thinking-delta-in-text-block",
)
def think_in_text_block(events: Events) -> Events:
    """The deltas of a text block are thinking deltas."""
    return map_text_deltas(events, lambda delta, _: {"type": "thinking_delta", "thinking": delta["text"]})


@fault("stream-content", trips={"stream.delta.text-string"}, at=Stage.EVENTS, seen="sdk_streams X67")
def nullify_delta_text(events: Events) -> Events:
    """The text of the first delta is null."""
    return map_text_deltas(events, lambda delta, number: {**delta, "text": None} if number == 0 else delta)


@fault("stream-content", trips={"stream.delta.text-string"}, at=Stage.EVENTS)
def list_delta_text(events: Events) -> Events:
    """The text of a delta is a list of strings."""
    return map_text_deltas(events, lambda delta, _: {**delta, "text": [delta["text"]]})


@fault("stream-content", trips={"stream.delta.text-incremental"}, at=Stage.EVENTS, seen="sdk_streams X34")
def send_snapshots(events: Events) -> Events:
    """Each delta repeats the whole text so far."""
    so_far: list[str] = []

    def snapshot(delta: Json, _: int) -> Json:
        so_far.append(delta["text"])
        return {**delta, "text": "".join(so_far)}

    return map_text_deltas(events, snapshot)


@fault(
    "stream-content",
    trips={"stream.delta.partial-json-string"},
    at=Stage.EVENTS,
    seen="impact.json partial_json_object",
)
def send_partial_json_as_object(events: Events) -> Events:
    """The partial JSON of a tool's input is an object."""
    return map_deltas(events, "input_json_delta", lambda delta: {**delta, "partial_json": {"part": True}})


@fault(
    "stream-content",
    trips={"stream.delta.partial-json-concat", "stream.delta.partial-json-prefix-valid"},
    at=Stage.EVENTS,
    seen="sdk_streams X30; defects.json tool-args-invalid-json; impact.json bad_partial_json",
)
def break_partial_json(events: Events) -> Events:
    """The input of a tool call is not JSON."""
    return map_deltas(
        events, "input_json_delta", lambda delta: {**delta, "partial_json": delta["partial_json"].replace('"', "'")}
    )


@fault("stream-content", trips={"stream.delta.signature-single"}, at=Stage.EVENTS, seen="sdk_streams X64")
def split_signature(events: Events) -> Events:
    """The signature of a thought arrives in two deltas."""
    split: Events = []
    for name, data in events:
        if data.get("delta", {}).get("type") != "signature_delta":
            split.append((name, data))
            continue
        value = data["delta"]["signature"]
        for part in (value[:20], value[20:]):
            split.append((name, {**data, "delta": {"type": "signature_delta", "signature": part}}))
    return split


@fault("stream-content", trips={"stream.msgdelta.delta-object"}, at=Stage.EVENTS)
def omit_delta_in_message_delta(events: Events) -> Events:
    """message_delta has no delta."""
    return updated(events, "message_delta", lambda data: dropped(data, "delta"))


@fault(
    "stream-content",
    trips={"stream.msgdelta.delta-object"},
    at=Stage.EVENTS,
    seen="defects.json null-stop-reason-final; impact.json stop_reason_null",
)
def nullify_stop_reason_in_stream(events: Events) -> Events:
    """The stop reason of a stream is null to the end."""
    return updated(events, "message_delta", lambda data: {**data, "delta": {**data["delta"], "stop_reason": None}})


@fault("stream-content", trips={"stream.msgdelta.no-null-overwrite"}, at=Stage.EVENTS, seen="sdk_streams X60")
def take_back_stop_reason(events: Events) -> Events:
    """A second message_delta sets the stop reason back to null."""
    at = position(events, "message_delta")
    if at is None:
        return events
    again = {**events[at][1], "delta": {**events[at][1]["delta"], "stop_reason": None}}
    return inserted(events, at + 1, ("message_delta", again))


@fault(
    "stream-content",
    trips={"stream.msgdelta.stop_sequence-key"},
    at=Stage.EVENTS,
    seen="deviations: LiteLLM; sdk_streams X77",
)
def omit_stop_sequence_in_stream(events: Events) -> Events:
    """message_delta has no field for the stop sequence where there is none."""
    return updated(
        events,
        "message_delta",
        lambda data: (
            data if data["delta"].get("stop_sequence") else {**data, "delta": dropped(data["delta"], "stop_sequence")}
        ),
    )


@fault(
    "stream-content",
    trips={"stream.msgdelta.usage-required"},
    at=Stage.EVENTS,
    seen="sdk_streams X17; impact.json usage_missing_all",
)
def omit_usage_in_message_delta(events: Events) -> Events:
    """message_delta has no usage."""
    return updated(events, "message_delta", lambda data: dropped(data, "usage"))


@fault("stream-content", trips={"stream.msgdelta.usage-required"}, at=Stage.EVENTS, seen="sdk_streams X18")
def nullify_final_usage(events: Events) -> Events:
    """The usage of message_delta holds nothing but null."""
    return updated(events, "message_delta", lambda data: {**data, "usage": {"output_tokens": None}})


@fault("stream-content", trips={"stream.msgdelta.usage-required"}, at=Stage.EVENTS, seen="sdk_streams X19")
def empty_final_usage(events: Events) -> Events:
    """The usage of message_delta is an empty object."""
    return updated(events, "message_delta", lambda data: {**data, "usage": {}})


@fault("stream-content", trips={"stream.msgdelta.usage-cumulative"}, at=Stage.EVENTS, seen="sdk_streams X62")
def count_increments(events: Events) -> Events:
    """message_start counts all output tokens but two, and message_delta those two."""
    at = position(events, "message_delta")
    total = events[at][1]["usage"]["output_tokens"] if at is not None else 0
    if total < 5:
        return events
    started = map_start(events, lambda message: {**message, "usage": {**message["usage"], "output_tokens": total - 2}})
    return updated(started, "message_delta", lambda data: {**data, "usage": only_counted(data["usage"], 2)})


@fault("stream-content", trips={"stream.msgdelta.no-zero-overwrite"}, at=Stage.EVENTS, seen="sdk_streams X61")
def overwrite_input_with_zero(events: Events) -> Events:
    """message_delta reports 0 input tokens after message_start told the truth."""
    return updated(events, "message_delta", lambda data: {**data, "usage": {**data["usage"], "input_tokens": 0}})


@fault(
    "stream-content",
    trips={"stream.final.output-tokens-positive", "stream.msgdelta.usage-cumulative"},
    at=Stage.EVENTS,
    seen="defects.json stream-output-tokens-zero",
)
def forget_output_tokens_in_stream(events: Events) -> Events:
    """The final number of output tokens of a stream is 0."""
    return updated(events, "message_delta", lambda data: {**data, "usage": {**data["usage"], "output_tokens": 0}})


@fault(
    "stream-content",
    trips={
        "stream.final.output-tokens-positive",
        "stream.start.input-tokens-real",
        "usage.input.positive",
        "usage.input.stream-equals-nonstream",
    },
    at=Stage.EVENTS,
    seen="deviations: claude-code-router, 0/0 in every stream",
)
def stream_without_counting(events: Events) -> Events:
    """All token counts of a stream are 0, at its start and at its end."""
    started = map_start(
        events, lambda message: {**message, "usage": {**message["usage"], "input_tokens": 0, "output_tokens": 0}}
    )
    return updated(started, "message_delta", lambda data: {**data, "usage": {"input_tokens": 0, "output_tokens": 0}})


@fault(
    "stream-content",
    trips={"stream.delta.blanks-kept"},
    at=Stage.EVENTS,
    seen="defects.json delta-whitespace-trimmed",
)
def trim_deltas(events: Events) -> Events:
    """The spaces at the ends of each text delta are lost."""
    return map_text_deltas(events, lambda delta, _: {**delta, "text": delta["text"].strip()})


@fault(
    "stream-content",
    trips={"stream.concurrent-isolation"},
    at=Stage.EVENTS,
    seen="defects.json concurrent-streams-share-event-queue",
)
def mix_streams(events: Events, scene: RequestContext) -> Events:
    """A stream of plain text also delivers the first words of the one before it whose request was equally long."""
    if "output_config" in scene.body:
        return events
    first = [data for name, data in events if name == "content_block_delta" and data["index"] == 0]
    own = [("content_block_delta", data) for data in first if data["delta"].get("type") == "text_delta"][:3]
    queues = scene.memory.setdefault("queues", {})
    foreign = queues.get(len(scene.request.body), [])
    queues[len(scene.request.body)] = own
    at = position(events, "content_block_stop")
    return events if at is None or not own else inserted(events, at, *foreign)


@fault(
    "stream-content",
    trips={"stream.delta.text-complete"},
    at=Stage.EVENTS,
    seen="gateways that take the first chunk for the role alone",
)
def lose_first_text_delta(events: Events) -> Events:
    """The first text delta of every block is lost."""
    return [event for event in events if event not in first_text_deltas(events)]


@fault("stream-content", trips={"stream.delta.text-complete"}, at=Stage.EVENTS, seen="a retry that sends a chunk again")
def double_second_text_delta(events: Events) -> Events:
    """One text delta of every block comes twice."""
    second = first_text_deltas(events, number=1)
    return [copy for event in events for copy in ([event, event] if event in second else [event])]


def first_text_deltas(events: Events, *, number: int = 0) -> Events:
    """The first text delta of each block, or another one by its number."""
    found: dict[int, Events] = {}
    for name, data in events:
        if name == "content_block_delta" and data["delta"]["type"] == "text_delta":
            found.setdefault(data["index"], []).append((name, data))
    return [deltas[number] for deltas in found.values() if len(deltas) > number]
