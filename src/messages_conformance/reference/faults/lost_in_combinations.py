"""A feature has no effect in requests that have another one: later turns, tools, a system prompt, a long prompt."""

from __future__ import annotations

import itertools
import json
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Events, Json, dropped, inserted, with_usage
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.lost_context import map_content
from messages_conformance.reference.faults.lost_text import nth, text_deltas
from messages_conformance.reference.request_parts import object_of, turns
from messages_conformance.reference.stream_edits import left_out

OCCURS: Final = "stop.stop_sequence.occurs"
PARTS: Final = "request.parts.counted"
COMPLETE: Final = "stream.delta.text-complete"
UNSTEADY: Final = ("usage.input.deterministic", "usage.input.stream-equals-nonstream")

PDF: Final = "application/pdf"
MANY_CHARACTERS: Final = 20_000
MANY_TURNS: Final = 50
MANY_DELTAS: Final = 40
MANY_SENT: Final = 500
"""The limits of a gateway (our own choice)."""


@fault("stop", trips={OCCURS}, at=Stage.BODY)
def ignore_stop_sequences_of_later_turns(body: Json) -> Json:
    """Stop sequences are ignored if the request has an assistant turn."""
    has_earlier = any(turn.get("role") == "assistant" for turn in turns(body))
    return dropped(body, "stop_sequences") if has_earlier else body


@fault("thinking", trips={"request.thinking.beside-tools"}, at=Stage.BODY)
def forget_thinking_beside_tools(body: Json) -> Json:
    """Thinking is switched off if the request has tools."""
    return dropped(body, "thinking") if body.get("tools") else body


@fault(
    "request",
    trips={"request.output_config.format-beside-system", "request.output_config.format-valid-json"},
    at=Stage.BODY,
)
def ignore_format_beside_system_prompts(body: Json) -> Json:
    """An output format is ignored in requests with a system prompt."""
    config = dropped(object_of(body, "output_config"), "format")
    return {**body, "output_config": config} if body.get("system") and "output_config" in body else body


@fault("context", trips={PARTS}, at=Stage.BODY)
def forget_system_prompts_of_long_prompts(body: Json) -> Json:
    """The system prompt is lost if the messages have more than 20,000 characters."""
    is_long = len(json.dumps(body["messages"])) > MANY_CHARACTERS
    return dropped(body, "system") if is_long else body


@fault("context", trips={PARTS}, at=Stage.BODY)
def forget_first_turns_of_long_conversations(body: Json) -> Json:
    """Of more than 50 turns, only the last ones reach the model."""
    messages = body["messages"]
    return {**body, "messages": messages[-MANY_TURNS + 1 :]} if len(messages) > MANY_TURNS else body


@fault("stream-content", trips={COMPLETE}, at=Stage.EVENTS)
def end_texts_of_streams_after_40_deltas(events: Events) -> Events:
    """The text deltas of a block after the fortieth are lost; all other events are sent."""
    return left_out(events, *(at for places in text_deltas(events) for at in places[MANY_DELTAS:]))


@fault("context", trips={PARTS}, at=Stage.BODY)
def replace_results_that_are_errors(body: Json) -> Json:
    """The content of a tool_result with is_error is replaced by one word."""

    def replaced(content: list[Any]) -> list[Any]:
        return [
            {**one, "content": "Error"} if isinstance(one, dict) and one.get("is_error") else one for one in content
        ]

    return map_content(body, replaced)


@fault("tools", trips={"request.tool_choice.disable-parallel-any"}, at=Stage.BODY)
def ignore_parallel_limit_of_streams(body: Json) -> Json:
    """disable_parallel_tool_use is ignored in streams."""
    choice = dropped(object_of(body, "tool_choice"), "disable_parallel_tool_use")
    return {**body, "tool_choice": choice} if choice and body.get("stream") is True else body


@fault("stream-content", trips={COMPLETE}, at=Stage.EVENTS)
def send_a_delta_of_every_seventh_stream_twice(events: Events, context: RequestContext) -> Events:
    """Every seventh stream with a text has its first text delta twice."""
    first = next((at for places in text_deltas(events) for at in places), None)
    return events if first is None or nth(context, "texts") % 7 else inserted(events, first, events[first])


@fault("usage", trips={"usage.input.own-request", *UNSTEADY}, at=Stage.MESSAGE)
def bill_the_whole_session(message: Json, context: RequestContext) -> Json:
    """input_tokens is the sum over all requests so far."""
    context.memory["input"] = context.memory.get("input", 0) + message["usage"]["input_tokens"]
    return with_usage(message, input_tokens=context.memory["input"])


@fault("stop", trips={"stop.stop_sequence.nothing-added"}, at=Stage.EVENTS, seen="smg-project/smg#2203")
def end_held_back_texts_with_a_tail(events: Events, context: RequestContext) -> Events:
    """A stream with stop sequences that never come ends with a part of a control token."""
    last = next((at for places in reversed(text_deltas(events)) for at in places[::-1]), None)
    reason = next((data["delta"].get("stop_reason") for name, data in events if name == "message_delta"), None)
    if last is None or reason != "end_turn" or not context.body.get("stop_sequences"):
        return events
    name, data = events[last]
    tail = {**data, "delta": {"type": "text_delta", "text": "ep|>"}}
    return inserted(events, last + 1, (name, tail))


@fault("context", trips={"request.document.affects-input-tokens"}, at=Stage.BODY, seen="sgl-project/sglang#31179")
def replace_pdfs_by_a_notice(body: Json) -> Json:
    """A notice is in the place of a PDF."""
    notice = {"type": "text", "text": "[Document attached: application/pdf. Its content cannot be read.]"}

    def replaced(content: list[Any]) -> list[Any]:
        return [notice if object_of(one, "source").get("media_type") == PDF else one for one in content]

    return map_content(body, replaced)


@fault("tools", trips={"request.tool_choice.none-forbids"}, at=Stage.BODY)
def ignore_forbidden_choice_in_later_turns(body: Json) -> Json:
    """The tool choice none is ignored after earlier turns."""
    is_none = object_of(body, "tool_choice").get("type") == "none"
    return dropped(body, "tool_choice") if is_none and len(turns(body)) > 1 else body


@fault("context", trips={PARTS}, at=Stage.BODY)
def read_system_prompts_to_the_first_breakpoint(body: Json) -> Json:
    """The blocks of a system prompt after its first one with cache_control are lost."""
    system = body.get("system")
    listed = system if isinstance(system, list) else []
    marked = next((at for at, block in enumerate(listed) if block.get("cache_control")), None)
    return body if marked is None else {**body, "system": listed[: marked + 1]}


@fault("stop", trips={"stop.max_tokens.occurs"}, at=Stage.MESSAGE)
def end_cut_answers_of_later_turns(message: Json, context: RequestContext) -> Json:
    """An answer that max_tokens cuts ends as end_turn after earlier turns."""
    is_cut = message["stop_reason"] == "max_tokens" and len(turns(context.body)) > 1
    return {**message, "stop_reason": "end_turn"} if is_cut else message


@fault("stream-content", trips={COMPLETE}, at=Stage.EVENTS)
def end_texts_of_streams_after_500_characters(events: Events) -> Events:
    """The text of a stream after its first 500 characters is not sent."""
    places = [at for found in text_deltas(events) for at in found]
    ends = itertools.accumulate(len(events[at][1]["delta"]["text"]) for at in places)
    return left_out(events, *(at for at, end in zip(places, ends, strict=True) if end > MANY_SENT))


@fault("tools", trips={"request.tool_result.is-error"}, at=Stage.BODY, seen="maximhq/bifrost#5890")
def forget_that_calls_failed(body: Json) -> Json:
    """is_error of a tool_result does not reach the model."""

    def unmarked(content: list[Any]) -> list[Any]:
        return [dropped(one, "is_error") if isinstance(one, dict) else one for one in content]

    return map_content(body, unmarked)
