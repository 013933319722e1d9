"""Fields of a request are accepted and ignored. Faults that need no code are rows of ignored_fields.toml."""

from __future__ import annotations

from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json, map_text
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.message import plain_text
from messages_conformance.reference.request_parts import object_of, turns


@fault("request", trips={"request.prefill.continue"}, at=Stage.MESSAGE)
def repeat_prefill(message: Json, context: RequestContext) -> Json:
    """The answer repeats the text of the final assistant message."""
    messages = turns(context.body)
    if not messages or messages[-1].get("role") != "assistant":
        return message
    return map_text(message, lambda text: plain_text(messages[-1].get("content")) + text)


@fault(
    "request",
    trips={"request.output_config.format-beside-tools", "request.output_config.format-valid-json"},
    at=Stage.BODY,
    seen="BerriAI/litellm#35637",
)
def ignore_format_beside_tools(body: Json) -> Json:
    """An output format is ignored in requests with tools."""
    return {name: value for name, value in body.items() if name != "output_config"} if body.get("tools") else body


def with_choice(body: Json, **choice: Any) -> Json:
    """The body with another tool choice, if it has tools."""
    return {**body, "tool_choice": choice} if body.get("tools") else body


@fault(
    "tools",
    trips={"request.tool_choice.any-forces"},
    at=Stage.BODY,
    seen="defects.json tool-choice-ignored; deviations: LiteLLM mock",
)
def ignore_forced_choice(body: Json) -> Json:
    """The tool choice any is treated as auto."""
    choice = object_of(body, "tool_choice")
    return with_choice(body, **{**choice, "type": "auto"}) if choice.get("type") == "any" else body


@fault("tools", trips={"request.tool_choice.tool-forces"}, at=Stage.BODY, seen="defects.json tool-choice-ignored")
def call_another_tool(body: Json) -> Json:
    """The tool choice names one tool, and the answer calls another."""
    choice, tools = object_of(body, "tool_choice"), body.get("tools") or []
    others = [tool["name"] for tool in tools if tool.get("name") != choice.get("name")]
    return with_choice(body, type="tool", name=others[0]) if choice.get("type") == "tool" and others else body


@fault("tools", trips={"request.tool_choice.none-forbids"}, at=Stage.BODY)
def ignore_forbidden_choice(body: Json) -> Json:
    """The tool choice none is treated as auto."""
    return with_choice(body, type="auto") if object_of(body, "tool_choice").get("type") == "none" else body


@fault("tools", trips={"request.tool_choice.disable-parallel-auto"}, at=Stage.BODY)
def ignore_parallel_limit(body: Json) -> Json:
    """disable_parallel_tool_use is ignored in the tool choice auto."""
    return with_choice(body, type="auto") if object_of(body, "tool_choice").get("type") == "auto" else body


@fault("tools", trips={"request.tool_choice.disable-parallel-any"}, at=Stage.BODY)
def ignore_parallel_limit_of_forced_calls(body: Json) -> Json:
    """disable_parallel_tool_use is ignored in the tool choices any and tool."""
    choice = {key: value for key, value in object_of(body, "tool_choice").items() if key != "disable_parallel_tool_use"}
    return with_choice(body, **choice) if choice.get("type") in ("any", "tool") else body
