"""With thinking, other parts of a request or an answer are lost; and texts of tool inputs are changed at their ends."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Events, Failures, Json, dropped, refused_if
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.input_values import map_inputs, map_values
from messages_conformance.reference.request_parts import blocks, object_of, turns

ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})")
CHANGED: Final = ("response.content.tool_use-only-choice", "response.content.tool_use-input-schema")


def has_thinking(context: RequestContext) -> bool:
    """Whether the request asks for thinking."""
    return object_of(context.body, "thinking").get("type") in ("enabled", "adaptive")


@fault("thinking", trips={"request.thinking.keeps-request", "request.tools.affects-input-tokens"}, at=Stage.BODY)
def forget_tools_beside_thinking(body: Json, context: RequestContext) -> Json:
    """Tools are lost if the request asks for thinking."""
    return dropped(body, "tools", "tool_choice") if has_thinking(context) else body


@fault("tools", trips={"response.content.tool_use-input-arrives"}, at=Stage.MESSAGE)
def empty_inputs_beside_thinking(message: Json, context: RequestContext) -> Json:
    """Tool inputs are empty if the request asks for thinking."""
    return map_inputs(message, lambda *_: {}) if has_thinking(context) else message


@fault(
    "thinking",
    trips={"response.content.echoable"},
    trips_tokmodel=set(),
    at=Stage.FAILURES,
    seen="maximhq/bifrost#6342",
)
def refuse_thoughts_before_calls(failures: Failures, context: RequestContext) -> Failures:
    """An assistant turn with a thought and a call is refused."""
    kinds = [{one.get("type") for one in blocks({"messages": [turn]})} for turn in turns(context.body)]
    return refused_if(failures, any(kind >= {"thinking", "tool_use"} for kind in kinds), "messages: invalid thinking")


@fault(
    "thinking",
    trips={"response.content.thinking-not-as-text"},
    at=Stage.MESSAGE,
    seen="vllm-project/vllm#39885",
)
def stream_thoughts_as_text_after_results(message: Json, context: RequestContext) -> Json:
    """In streams after a tool_result, the thought comes as the first text."""
    thoughts = [block["thinking"] for block in message["content"] if block["type"] == "thinking"]
    after_results = next(iter(blocks(context.body, "tool_result")), None) is not None
    if not (context.streams and thoughts and after_results):
        return message
    others = [block for block in message["content"] if block["type"] != "thinking"]
    return {**message, "content": [{"type": "text", "text": "".join(thoughts)}, *others]}


def map_texts(given: Json, change: Callable[[str], str]) -> Json:
    """The input with each of its strings changed."""

    def changed(value: Any) -> Any:
        return change(value) if isinstance(value, str) else value

    mapped: Json = map_values(given, changed)
    return mapped


@fault("tools", trips={*CHANGED}, at=Stage.MESSAGE)
def strip_texts_of_inputs(message: Json) -> Json:
    """The texts of tool inputs lose the blanks and line breaks at both ends."""
    return map_inputs(message, lambda given, _: map_texts(given, str.strip))


@fault("tools", trips={*CHANGED}, at=Stage.MESSAGE, seen="anthropics/claude-code#72957")
def decode_escapes_in_inputs(message: Json) -> Json:
    """The six characters of an escape in a text of a tool input become one letter."""
    return map_inputs(message, lambda given, _: map_texts(given, decoded))


def decoded(text: str) -> str:
    """The text with its escapes of four digits replaced."""
    return ESCAPE.sub(lambda found: chr(int(found.group(1), 16)), text)


@fault(
    "thinking",
    trips={"request.thinking.display-summarized"},
    at=Stage.BODY,
    seen="decolua/9router#2295; router-for-me/CLIProxyAPI#4146",
)
def omit_the_summary(body: Json) -> Json:
    """Thinking with display summarized comes as if it were omitted."""
    thinking = object_of(body, "thinking")
    asks = thinking.get("display") == "summarized"
    return {**body, "thinking": {**thinking, "display": "omitted"}} if asks else body


@fault("thinking", trips={"response.content.thinking-order"}, at=Stage.MESSAGE, seen="maximhq/bifrost#3688")
def think_after_the_calls(message: Json) -> Json:
    """In an answer with calls, the thinking block comes last."""
    thoughts = [block for block in message["content"] if block["type"] == "thinking"]
    others = [block for block in message["content"] if block["type"] != "thinking"]
    has_calls = any(block["type"] == "tool_use" for block in others)
    return {**message, "content": [*others, *thoughts]} if has_calls else message


@fault("tools", trips={*CHANGED}, at=Stage.MESSAGE)
def round_numbers_of_inputs_to_six_digits(message: Json) -> Json:
    """Numbers that are no integers keep six digits in tool inputs."""

    def rounded(value: Any) -> Any:
        return float(f"{value:.6g}") if isinstance(value, float) else value

    return map_inputs(message, lambda given, _: map_values(given, rounded))


@fault("context", trips={"request.parts.counted", "request.thinking.keeps-request"}, at=Stage.BODY)
def forget_system_prompts_beside_thinking(body: Json, context: RequestContext) -> Json:
    """The system prompt is lost if the request asks for thinking."""
    return dropped(body, "system") if has_thinking(context) else body


@fault(
    "thinking",
    trips={"response.content.echoable"},
    trips_tokmodel=set(),
    at=Stage.EVENTS,
    seen="openclaw/openclaw#92201",
)
def cut_signatures_of_streams(events: Events) -> Events:
    """The signature of a streamed thinking block lacks its end."""
    return [
        (name, {**data, "delta": {**data["delta"], "signature": data["delta"]["signature"][:-8]}})
        if object_of(data, "delta").get("type") == "signature_delta"
        else (name, data)
        for name, data in events
    ]
