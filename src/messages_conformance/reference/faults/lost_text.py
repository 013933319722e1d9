"""Streams lack a part of the text that the whole answer has."""

from __future__ import annotations

import re

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import (
    Events,
    Json,
    inserted,
    map_start,
    map_text,
    map_text_deltas,
    only_counted,
    position,
    updated,
)
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.message import plain_text
from messages_conformance.reference.request_parts import object_of
from messages_conformance.reference.stream_edits import consecutive_blocks, deltas_of, left_out, reindexed, spans

COMPLETE = "stream.delta.text-complete"
MADE_UP = re.compile(r"\b[a-z]{3,}-\d\d\b")
"""A word that no model writes by chance."""

LONG_STREAM = 100
"""The most characters of a stream that is not long (our own choice)."""

KEPT_DELTAS = 3
"""How many deltas a stream keeps that is cut (our own choice)."""


def text_deltas(events: Events) -> list[list[int]]:
    """The places of the text deltas of each text block."""
    return [deltas_of(events, span, "text_delta") for span in spans(events, "text")]


def nth(context: RequestContext, name: str) -> int:
    """The number of this call with that name in the life of an endpoint, from 1."""
    context.memory[name] = context.memory.get(name, 0) + 1
    return int(context.memory[name])


@fault("response", trips={"response.content.own-answer"}, at=Stage.MESSAGE, seen="QuantumNous/new-api#5445")
def give_some_answers_to_another_caller(message: Json, context: RequestContext) -> Json:
    """Every fifth short answer has the text of an earlier answer to another request."""
    text = plain_text(message["content"])
    if MADE_UP.search(text):
        context.memory["earlier"] = text
    if text.strip(" .\n").lower() != "ok" or nth(context, "short answers") % 5 or "earlier" not in context.memory:
        return message
    return map_text(message, lambda _: str(context.memory["earlier"]))


@fault("stream-content", trips={COMPLETE}, at=Stage.EVENTS, seen="vllm-project/semantic-router#2845")
def end_after_first_text_delta(events: Events) -> Events:
    """Every stream ends after its first text delta, in good order and as end_turn."""
    return left_out(events, *(at for places in text_deltas(events) for at in places[1:]))


@fault("stream-content", trips={COMPLETE}, at=Stage.EVENTS, seen="BerriAI/litellm#30014; BerriAI/litellm#30024")
def lose_first_text_delta_after_thinking(events: Events) -> Events:
    """A stream lacks the first text delta of every text block that follows a thinking block."""
    followed = [text for before, text in consecutive_blocks(events) if before.kind == "thinking"]
    return left_out(events, *(at for span in followed for at in deltas_of(events, span, "text_delta")[:1]))


@fault("stream-content", trips={COMPLETE}, at=Stage.EVENTS)
def lose_last_delta_of_long_streams(events: Events) -> Events:
    """A stream with more than 100 characters of text lacks its last text delta, and is billed for it."""
    places = [at for block in text_deltas(events) for at in block]
    long = sum(len(events[at][1]["delta"]["text"]) for at in places) > LONG_STREAM
    return left_out(events, places[-1]) if long else events


@fault("stream-content", trips={COMPLETE}, at=Stage.EVENTS, seen="langflow-ai/langflow#5338")
def send_third_delta_of_some_streams_twice(events: Events, context: RequestContext) -> Events:
    """Every third stream has its third text delta twice."""
    third = [places[KEPT_DELTAS - 1] for places in text_deltas(events) if len(places) >= KEPT_DELTAS]
    if nth(context, "doubled streams") % 3 or not third:
        return events
    return inserted(events, third[0], events[third[0]])


@fault("stream-content", trips={COMPLETE}, at=Stage.EVENTS, seen="vllm-project/semantic-router#2845")
def cut_every_second_stream(events: Events, context: RequestContext) -> Events:
    """Every second stream ends after three text deltas, as end_turn."""
    if nth(context, "cut streams") % 2:
        return events
    return left_out(events, *(at for places in text_deltas(events) for at in places[KEPT_DELTAS:]))


@fault("stream-content", trips={COMPLETE}, at=Stage.EVENTS, seen="vllm-project/semantic-router#2845")
def cut_every_second_stream_and_count_less(events: Events, context: RequestContext) -> Events:
    """Every second stream ends after three text deltas, and bills only these."""
    lost = [at for places in text_deltas(events) for at in places[KEPT_DELTAS:]]
    if nth(context, "cut streams") % 2 or not lost or events[-2][1]["delta"]["stop_reason"] != "end_turn":
        return events
    cut = left_out(events, *lost)
    return updated(cut, "message_delta", lambda data: {**data, "usage": only_counted(data["usage"], KEPT_DELTAS + 1)})


@fault("stream-content", trips={COMPLETE}, at=Stage.EVENTS, seen="NVIDIA/TensorRT-LLM#18289")
def lose_last_text_delta(events: Events) -> Events:
    """The last text delta of every block is lost."""
    return left_out(events, *(places[-1] for places in text_deltas(events) if len(places) > 1))


@fault("stream-content", trips={COMPLETE}, at=Stage.EVENTS, seen="karthink/gptel#261")
def lose_middle_text_delta(events: Events) -> Events:
    """A text delta in the middle of every longer block is lost."""
    return left_out(events, *(places[len(places) // 2] for places in text_deltas(events) if len(places) > 2))


@fault("stream-content", trips={COMPLETE}, at=Stage.EVENTS, seen="karthink/gptel#261")
def lose_every_fifth_text_delta(events: Events) -> Events:
    """Every fifth text delta is lost."""
    return left_out(events, *(at for places in text_deltas(events) for at in places[4::5]))


@fault(
    "stream-content",
    trips={COMPLETE, "response.content.complete-each-time"},
    at=Stage.EVENTS,
    seen="BerriAI/litellm#20136",
)
def lose_first_delta_of_every_second_stream(events: Events, context: RequestContext) -> Events:
    """Every second stream lacks its first text delta."""
    lost = [places[0] for places in text_deltas(events) if len(places) > 1]
    return events if nth(context, "first deltas") % 2 else left_out(events, *lost)


@fault("stream-content", trips={COMPLETE}, at=Stage.EVENTS, seen="CopilotKit/CopilotKit#7008")
def hold_back_text_for_stop_sequences(events: Events, context: RequestContext) -> Events:
    """With stop sequences, the end of a stream is held back for a match and never sent."""
    stops = context.body.get("stop_sequences") or ()
    if not stops or events[-2][1]["delta"]["stop_reason"] != "end_turn":
        return events
    longest = max(map(len, stops))
    kept = sum(len(events[at][1]["delta"]["text"]) for places in text_deltas(events) for at in places) - longest
    seen = 0

    def shortened(delta: Json, _: int) -> Json:
        nonlocal seen
        start, seen = seen, seen + len(delta["text"])
        return {**delta, "text": delta["text"][: max(0, kept - start)]}

    return map_text_deltas(events, shortened)


@fault(
    "text",
    trips={"response.content.text-unchanged"},
    at=Stage.EVENTS,
    seen="CopilotKit/CopilotKit#7008",
)
def lose_beginnings_of_tags(events: Events) -> Events:
    """A text delta that begins with < loses this character."""
    return map_text_deltas(events, lambda delta, _: {**delta, "text": delta["text"].removeprefix("<")})


@fault(
    "text",
    trips={"response.content.text-unchanged"},
    at=Stage.EVENTS,
    seen="diegosouzapw/OmniRoute#9170",
)
def drop_blank_deltas(events: Events) -> Events:
    """Text deltas that consist of blanks or line breaks are lost, and line breaks at the ends of the others."""

    def stripped(delta: Json, _: int) -> Json:
        return {**delta, "text": delta["text"].strip("\n") if delta["text"].strip() else ""}

    return map_text_deltas(events, stripped)


@fault("text", trips={"response.content.text-unchanged"}, at=Stage.MESSAGE)
def fill_templates_in_text(message: Json) -> Json:
    """What is between {{ and }} in a text is taken for a template and lost."""
    return map_text(message, lambda text: re.sub(r"\{\{.*?\}\}", "", text))


@fault("stream-content", trips={"stream.start.same-model"}, at=Stage.EVENTS, seen="deviations: claude-code-router")
def name_another_model_in_streams(events: Events) -> Events:
    """message_start names another model than an answer that is not streamed."""
    return map_start(events, lambda message: {**message, "model": f"{message['model']}-20251101"})


def is_forced(context: RequestContext) -> bool:
    """Whether the request forces a call."""
    return object_of(context.body, "tool_choice").get("type") in ("any", "tool")


@fault("tools", trips={"response.tool_use.forced-alone"}, at=Stage.MESSAGE)
def announce_forced_calls(message: Json, context: RequestContext) -> Json:
    """A text comes before every forced call."""
    is_forced = object_of(context.body, "tool_choice").get("type") in ("any", "tool")
    if not is_forced or not any(block["type"] == "tool_use" for block in message["content"]):
        return message
    return {**message, "content": [{"type": "text", "text": "I call the tool now."}, *message["content"]]}


@fault("tools", trips={"response.tool_use.forced-first"}, at=Stage.EVENTS, seen="BerriAI/litellm#25216")
def begin_forced_calls_with_empty_text_in_streams(events: Events, context: RequestContext) -> Events:
    """A stream with a forced call begins with an empty text block."""
    first = position(events, "content_block_start")
    if first is None or not is_forced(context):
        return events
    empty = {"type": "text", "text": ""}
    shifted = reindexed(events, {span.index: span.index + 1 for span in spans(events)})
    return inserted(
        shifted,
        first,
        ("content_block_start", {"type": "content_block_start", "index": 0, "content_block": empty}),
        ("content_block_stop", {"type": "content_block_stop", "index": 0}),
    )


@fault("tools", trips={"response.tool_use.forced-first"}, at=Stage.DOCUMENT, seen="BerriAI/litellm#25216")
def begin_forced_calls_with_empty_text(message: Json, context: RequestContext) -> Json:
    """An answer with a forced call begins with an empty text block."""
    empty = {"type": "text", "text": ""}
    return {**message, "content": [empty, *message["content"]]} if is_forced(context) else message


@fault("usage", trips={"usage.output.positive"}, at=Stage.DOCUMENT)
def count_nothing_in_every_fifth_answer(message: Json, context: RequestContext) -> Json:
    """Every fifth answer that is not streamed reports 0 output tokens."""
    if nth(context, "counted answers") % 5:
        return message
    return {**message, "usage": only_counted(message["usage"], 0)}


@fault("thinking", trips={"stream.final.same-kinds"}, at=Stage.DOCUMENT)
def think_in_streams_only(message: Json) -> Json:
    """Answers that are not streamed have no thinking block."""
    return {**message, "content": [block for block in message["content"] if block["type"] != "thinking"]}


@fault("tools", trips={"stream.final.same-kinds"}, at=Stage.DOCUMENT, seen="andrewyng/aisuite#386")
def keep_first_call_of_whole_answers(message: Json) -> Json:
    """An answer that is not streamed has only the first of its tool calls."""
    calls = [at for at, block in enumerate(message["content"]) if block["type"] == "tool_use"]
    return {**message, "content": [block for at, block in enumerate(message["content"]) if at not in calls[1:]]}


@fault(
    "thinking",
    trips={"response.content.echoable", "stream.delta.thinking-complete"},
    trips_tokmodel={"stream.delta.thinking-complete"},
    at=Stage.EVENTS,
    seen="BerriAI/litellm#20737",
)
def lose_thinking_after_two_deltas(events: Events) -> Events:
    """A stream has the first two deltas of a thinking block only."""
    return left_out(
        events, *(at for span in spans(events, "thinking") for at in deltas_of(events, span, "thinking_delta")[2:])
    )
