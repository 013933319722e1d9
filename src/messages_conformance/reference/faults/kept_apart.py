"""Features that work alone fail together; JSON is wrapped, deltas change places, and requests read what others sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Events, Failures, Json, map_text, refused_if
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.lost_beside_thinking import has_thinking
from messages_conformance.reference.faults.lost_text import nth
from messages_conformance.reference.request_parts import blocks, object_of, turns

TOGETHER: Final = "request.combinations.accepted"
BARE: Final = "request.output_config.format-bare"
COMPLETE: Final = "stream.delta.text-complete"


@fault("thinking", trips={TOGETHER}, at=Stage.FAILURES)
def refuse_tools_beside_thinking(failures: Failures, context: RequestContext) -> Failures:
    """Tools and thinking are accepted alone, and refused together."""
    both = has_thinking(context) and bool(context.body.get("tools"))
    return refused_if(failures, both, "thinking is not supported with tools")


@fault("thinking", trips={TOGETHER}, at=Stage.FAILURES, seen="farion1231/cc-switch#3377")
def demand_thinking_in_each_earlier_turn(failures: Failures, context: RequestContext) -> Failures:
    """With thinking, an earlier turn of the assistant without a thinking block is refused."""
    earlier = [turn for turn in turns(context.body) if turn.get("role") == "assistant"]
    plain = has_thinking(context) and not all(blocks({"messages": [turn]}, "thinking") for turn in earlier)
    return refused_if(failures, plain, "The reasoning_content in the thinking mode must be passed back to the API.")


@fault("request", trips={TOGETHER}, at=Stage.FAILURES)
def refuse_empty_inputs_of_earlier_calls(failures: Failures, context: RequestContext) -> Failures:
    """An earlier tool call with an empty input is refused."""
    empty = any(block.get("type") == "tool_use" and not block.get("input") for block in blocks(context.body))
    return refused_if(failures, empty, "messages: tool_use.input: Field required")


def _has_format(context: RequestContext) -> bool:
    return "format" in object_of(context.body, "output_config")


@fault("output", trips={BARE}, at=Stage.MESSAGE, seen="raullenchai/Rapid-MLX#683")
def fence_the_json_of_streams(message: Json, context: RequestContext) -> Json:
    """In streams, the JSON of an output format is in a code fence."""
    wraps = context.streams and _has_format(context)
    return map_text(message, lambda text: f"```json\n{text}\n```") if wraps else message


@fault("output", trips={BARE, COMPLETE, "request.output_config.format-valid-json"}, at=Stage.MESSAGE)
def announce_the_json_of_whole_answers(message: Json, context: RequestContext) -> Json:
    """In whole answers, a sentence comes before the JSON of an output format."""
    wraps = not context.streams and _has_format(context)
    return map_text(message, lambda text: f"Here is the JSON: {text}") if wraps else message


def _is_text_delta(event: tuple[str, Mapping[str, Any]]) -> bool:
    return event[0] == "content_block_delta" and event[1]["delta"].get("type") == "text_delta"


@fault("stream", trips={COMPLETE}, at=Stage.EVENTS)
def swap_two_deltas_of_every_third_stream(events: Events, context: RequestContext) -> Events:
    """Every third stream has its second and third text delta in the wrong order."""
    places = [at for at, event in enumerate(events) if _is_text_delta(event)]
    if len(places) < 3 or nth(context, "streams with three deltas") % 3:
        return events
    changed = list(events)
    changed[places[1]], changed[places[2]] = changed[places[2]], changed[places[1]]
    return changed


@fault("stream", trips={COMPLETE}, at=Stage.EVENTS)
def lose_the_text_after_thinking_that_is_shown(events: Events) -> Events:
    """A stream that shows its thinking lacks its first text delta."""
    shown = any(event[0] == "content_block_delta" and event[1]["delta"].get("thinking") for event in events)
    first = next((at for at, event in enumerate(events) if _is_text_delta(event)), None)
    return [event for at, event in enumerate(events) if at != first] if shown else events


@fault("stop", trips={"stop.max_tokens.occurs"}, at=Stage.MESSAGE)
def report_a_full_window_at_the_limit(message: Json, context: RequestContext) -> Json:
    """A whole answer that max_tokens cuts reports that the context window is full."""
    cut = message["stop_reason"] == "max_tokens" and not context.streams
    return {**message, "stop_reason": "model_context_window_exceeded"} if cut else message


@fault(
    "context",
    trips={
        "usage.cache.zero-without-control",
        "usage.input.deterministic",
        "usage.input.own-request",
        "usage.input.stream-equals-nonstream",
    },
    at=Stage.BODY,
)
def keep_the_system_prompt_for_the_next_request(body: Json, context: RequestContext) -> Json:
    """A request without a system prompt gets that of the request before."""
    if body.get("system"):
        context.memory["system prompt of the last request"] = body["system"]
        return body
    kept = context.memory.pop("system prompt of the last request", None)
    return {**body, "system": kept} if kept else body


@fault("tools", trips={"request.tool_choice.any-forces", "request.tool_choice.tool-forces"}, at=Stage.BODY)
def force_no_call_in_later_turns(body: Json) -> Json:
    """A forced tool_choice has no effect in a conversation of several turns."""
    forced = object_of(body, "tool_choice").get("type") in ("any", "tool")
    return {**body, "tool_choice": {"type": "auto"}} if forced and len(turns(body)) > 1 else body
