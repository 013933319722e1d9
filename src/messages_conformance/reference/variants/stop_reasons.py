"""Why an answer ends."""

from __future__ import annotations

from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.events import Event
from messages_conformance.reference.variant_registry import ANTHROPIC, NOT_TOKMODEL, variant

Json = dict[str, Any]
SHORT_ANSWER_TOKENS: Final = 30
"""Answers up to this length are left alone, so that a run can start; our own number."""


def usage_with_output(message: Json, output_tokens: int) -> Json:
    """The usage of a message with another number of output tokens, none of them for thinking."""
    usage = {name: value for name, value in message["usage"].items() if name != "output_tokens_details"}
    return {**usage, "output_tokens": output_tokens}


def is_plain_end(message: Json) -> bool:
    """Whether a message has content and ends by itself."""
    return message.get("stop_reason") == "end_turn" and bool(message["content"])


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def silent_model(message: Json) -> Json:
    """The model has no answer: its turn ends with empty content and two tokens."""
    if not is_plain_end(message):
        return message
    return {**message, "content": [], "usage": usage_with_output(message, 2)}


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def refusing_model(message: Json) -> Json:
    """The model refuses every longer answer, with empty content and no tokens."""
    if not is_plain_end(message) or message["usage"]["output_tokens"] <= SHORT_ANSWER_TOKENS:
        return message
    details = {"type": "refusal", "category": None, "explanation": None}
    refusal = {"stop_reason": "refusal", "stop_details": details}
    return {**message, **refusal, "content": [], "usage": usage_with_output(message, 0)}


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def full_context_window(message: Json) -> Json:
    """Longer answers end because the context window is full."""
    if not is_plain_end(message) or message["usage"]["output_tokens"] <= SHORT_ANSWER_TOKENS:
        return message
    return {**message, "stop_reason": "model_context_window_exceeded"}


def ended_by_limit(message_delta: Event, context: RequestContext) -> Event:
    """The message_delta event of an answer that max_tokens cut."""
    name, data = message_delta
    usage = {**data["usage"], "output_tokens": context.body["max_tokens"]}
    return name, {**data, "delta": {**data["delta"], "stop_reason": "max_tokens"}, "usage": usage}


@variant(at=Stage.EVENTS, conforms=ANTHROPIC)
def cut_tool_calls(events: list[Event], context: RequestContext) -> list[Event]:
    """max_tokens cuts a streamed tool call in the middle of its input."""
    fragments = [at for at, (_, data) in enumerate(events) if data.get("delta", {}).get("partial_json")]
    if not fragments or not events[-2][1].get("usage"):
        return events
    return [
        *(event for at, event in enumerate(events[:-2]) if at != fragments[-1]),
        ended_by_limit(events[-2], context),
        events[-1],
    ]


@variant(at=Stage.MESSAGE, conforms=ANTHROPIC)
def silent_after_thought(message: Json, context: RequestContext) -> Json:
    """The model reasons without showing it, as its usage details report, and then ends with empty content."""
    thinking = context.body.get("thinking")
    is_disabled = isinstance(thinking, dict) and thinking.get("type") == "disabled"
    if message.get("stop_reason") != "end_turn" or is_disabled:
        return message
    tokens = max(message["usage"]["output_tokens"], 2)
    details = {"output_tokens": tokens, "output_tokens_details": {"thinking_tokens": tokens - 2}}
    return {**message, "content": [], "usage": {**message["usage"], **details}}


@variant(at=Stage.EVENTS, conforms=NOT_TOKMODEL)
def cut_thoughts(events: list[Event], context: RequestContext) -> list[Event]:
    """max_tokens cuts a streamed thinking block, which then has no signature."""
    thinking_deltas = [
        at for at, (_, data) in enumerate(events) if data.get("delta", {}).get("type") == "thinking_delta"
    ]
    if not thinking_deltas or not events[-2][1].get("usage"):
        return events
    kept = events[: thinking_deltas[0] + 1]
    stop: Event = ("content_block_stop", {"type": "content_block_stop", "index": kept[-1][1]["index"]})
    return [*kept, stop, ended_by_limit(events[-2], context), events[-1]]
