"""The data of a stream's events is wrong. Faults that need no code are rows of stream_content.toml."""

from __future__ import annotations

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import (
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
from messages_conformance.reference.stream_edits import map_block_starts, map_deltas


@fault("stream-content", trips={"stream.block.start-text-empty"}, at=Stage.EVENTS, seen="sdk_streams X24")
def repeat_text_of_block_start(events: Events) -> Events:
    """The content_block_start of a text block holds the text of the first delta, which is sent again."""
    first = next(
        (data["delta"]["text"] for _, data in events if data.get("delta", {}).get("type") == "text_delta"), "Hi"
    )
    return map_block_starts(events, "text", lambda block: {**block, "text": first})


@fault("stream-content", trips={"stream.delta.citations"}, trips_tokmodel=set(), at=Stage.EVENTS)
def cite_nothing(events: Events) -> Events:
    """The citation in a citations_delta is a string."""
    citing: list[tuple[str, Json]] = []
    for name, data in events:
        if name == "content_block_stop" and citing and citing[-1][1].get("delta", {}).get("type") == "text_delta":
            delta = {"type": "citations_delta", "citation": "page 7"}
            citing.append(
                ("content_block_delta", {"type": "content_block_delta", "index": data["index"], "delta": delta})
            )
        citing.append((name, data))
    return citing


@fault("stream-content", trips={"stream.delta.text-string"}, at=Stage.EVENTS, seen="sdk_streams X67")
def nullify_delta_text(events: Events) -> Events:
    """The text of the first delta is null."""
    return map_text_deltas(events, lambda delta, number: {**delta, "text": None} if number == 0 else delta)


@fault(
    "stream-content",
    trips={"stream.delta.text-incremental", "usage.output.ge-list"},
    at=Stage.EVENTS,
    seen="sdk_streams X34",
)
def send_snapshots(events: Events) -> Events:
    """Each delta repeats the whole text so far."""
    so_far: list[str] = []

    def snapshot(delta: Json, _: int) -> Json:
        so_far.append(delta["text"])
        return {**delta, "text": "".join(so_far)}

    return map_text_deltas(events, snapshot)


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
    """The signature of a thinking block arrives in two deltas."""
    split: Events = []
    for name, data in events:
        if data.get("delta", {}).get("type") != "signature_delta":
            split.append((name, data))
            continue
        value = data["delta"]["signature"]
        for part in (value[:20], value[20:]):
            split.append((name, {**data, "delta": {"type": "signature_delta", "signature": part}}))
    return split


@fault("stream-content", trips={"stream.msgdelta.no-null-overwrite"}, at=Stage.EVENTS, seen="sdk_streams X60")
def take_back_stop_reason(events: Events) -> Events:
    """A second message_delta resets the stop reason to null."""
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
    """message_delta has no stop_sequence field when no stop sequence was reached."""
    return updated(
        events,
        "message_delta",
        lambda data: (
            data if data["delta"].get("stop_sequence") else {**data, "delta": dropped(data["delta"], "stop_sequence")}
        ),
    )


@fault("stream-content", trips={"stream.msgdelta.usage-required"}, at=Stage.EVENTS, seen="sdk_streams X18")
def nullify_final_usage(events: Events) -> Events:
    """The usage of message_delta holds only an output_tokens of null."""
    return updated(events, "message_delta", lambda data: {**data, "usage": {"output_tokens": None}})


@fault("stream-content", trips={"stream.msgdelta.usage-cumulative"}, at=Stage.EVENTS, seen="sdk_streams X62")
def count_increments(events: Events) -> Events:
    """message_start counts all output tokens except two, message_delta only those two."""
    at = position(events, "message_delta")
    total = events[at][1]["usage"]["output_tokens"] if at is not None else 0
    if total < 5:
        return events
    started = map_start(events, lambda message: {**message, "usage": {**message["usage"], "output_tokens": total - 2}})
    return updated(started, "message_delta", lambda data: {**data, "usage": only_counted(data["usage"], 2)})


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
    """All token counts of a stream are 0."""
    started = map_start(
        events, lambda message: {**message, "usage": {**message["usage"], "input_tokens": 0, "output_tokens": 0}}
    )
    return updated(started, "message_delta", lambda data: {**data, "usage": {"input_tokens": 0, "output_tokens": 0}})


@fault(
    "stream-content",
    trips={"response.content.own-answer", "stream.concurrent-isolation"},
    at=Stage.EVENTS,
    seen="defects.json concurrent-streams-share-event-queue",
)
def mix_streams(events: Events, context: RequestContext) -> Events:
    """A stream also contains the first text of an earlier stream."""
    if "output_config" in context.body:
        return events
    first = [data for name, data in events if name == "content_block_delta" and data["index"] == 0]
    own = [("content_block_delta", data) for data in first if data["delta"].get("type") == "text_delta"][:3]
    queues = context.memory.setdefault("queues", {})
    foreign = queues.get(len(context.request.body), [])
    queues[len(context.request.body)] = own
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
    """The second text delta of every block comes twice."""
    second = first_text_deltas(events, number=1)
    return [copy for event in events for copy in ([event, event] if event in second else [event])]


def first_text_deltas(events: Events, *, number: int = 0) -> Events:
    """The first text delta of each block, or another one by its number from 0."""
    found: dict[int, Events] = {}
    for name, data in events:
        if name == "content_block_delta" and data["delta"]["type"] == "text_delta":
            found.setdefault(data["index"], []).append((name, data))
    return [deltas[number] for deltas in found.values() if len(deltas) > number]


@fault(
    "stream-content",
    trips={"response.id.msg-prefix-anthropic"},
    at=Stage.EVENTS,
    seen="impact.json id_no_prefix; deviations: claude-code-router",
)
def name_streams_like_openai(events: Events) -> Events:
    """The id in message_start begins with chatcmpl-."""
    return map_start(events, lambda message: {**message, "id": "chatcmpl-" + message["id"][4:]})


@fault("stream-content", trips={"claude-code.stream.delta-object", "stream.msgdelta.delta-object"}, at=Stage.EVENTS)
def flatten_message_delta(events: Events) -> Events:
    """The members of the delta are in message_delta itself."""
    return updated(events, "message_delta", lambda data: {**dropped(data, "delta"), **data["delta"]})


@fault(
    "stream-content",
    trips={"stop.end_turn.stop_sequence-null", "stream.msgdelta.stop_sequence-key"},
    at=Stage.EVENTS,
)
def deny_stop_sequence_in_stream(events: Events) -> Events:
    """The stop_sequence of a stream without one is false."""
    return updated(
        events,
        "message_delta",
        lambda data: {**data, "delta": {**data["delta"], "stop_sequence": data["delta"]["stop_sequence"] or False}},
    )


@fault(
    "stream-content", trips={"stream.msgdelta.usage-required"}, at=Stage.EVENTS, seen="impact.json delta_usage_missing"
)
def put_usage_into_delta(events: Events) -> Events:
    """The usage of message_delta is inside its delta."""
    return updated(
        events,
        "message_delta",
        lambda data: {**dropped(data, "usage"), "delta": {**data["delta"], "usage": data["usage"]}},
    )


@fault("stream-content", trips={"stream.delta.type-matches-block"}, at=Stage.EVENTS)
def stringify_deltas(events: Events) -> Events:
    """The delta of a text block is a string."""
    return [
        (name, {**data, "delta": data["delta"]["text"]})
        if data.get("delta", {}).get("type") == "text_delta"
        else (name, data)
        for name, data in events
    ]


@fault(
    "stream-content",
    trips={"stream.delta.text-incremental", "stop.stop_sequence.nothing-added"},
    at=Stage.EVENTS,
    seen="sdk_streams X34",
)
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


def is_citation(event: tuple[str, Json]) -> bool:
    """Whether an event is a citations_delta."""
    return event[0] == "content_block_delta" and event[1]["delta"].get("type") == "citations_delta"


@fault("stream-content", trips={"stream.final.same-kinds"}, at=Stage.EVENTS, seen="stdapi-ai/stdapi.ai#229")
def lose_citations_in_stream(events: Events) -> Events:
    """A stream has no citations; whole answers have them."""
    return [event for event in events if not is_citation(event)]


@fault("stream-content", trips={"stream.final.same-kinds"}, at=Stage.DOCUMENT)
def lose_citations_in_documents(message: Json) -> Json:
    """A whole answer has no citations; streams have them."""
    blocks = [{key: part for key, part in block.items() if key != "citations"} for block in message["content"]]
    return {**message, "content": blocks}
