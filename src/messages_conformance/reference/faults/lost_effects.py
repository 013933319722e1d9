"""Thinking that never comes, inputs with other types or empty members, and bills that do not fit the text."""

from __future__ import annotations

import json
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Events, Failures, Json, refused_if, with_usage
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.input_values import map_inputs, map_values
from messages_conformance.reference.json_values import as_list
from messages_conformance.reference.request_parts import object_of, tools, turns

HONOURED: Final = "request.thinking.honoured"
VALUES: Final = "response.content.tool_use-values"
OPTIONAL: Final = "response.content.tool_use-optional-absent"
SCHEMA: Final = "response.content.tool_use-input-schema"
STRICT_TYPES: Final = "response.content.tool_use-strict-types"
LISTS: Final = "usage.output.ge-list"
ALIKE: Final = "usage.output.stream-equals-nonstream"


# -- thinking


@fault("thinking", trips={HONOURED}, at=Stage.BODY, seen="BerriAI/litellm#29518")
def ignore_thinking(body: Json) -> Json:
    """thinking is accepted and ignored."""
    return {name: value for name, value in body.items() if name != "thinking"}


@fault("thinking", trips={HONOURED}, at=Stage.MESSAGE, seen="MAXeaglet/commandcode-proxy#4")
def bill_thinking_and_drop_it(message: Json) -> Json:
    """Answers bill thinking and have no block of it."""
    return {**message, "content": [block for block in message["content"] if block["type"] != "thinking"]}


# -- inputs of calls


def as_text(value: Any) -> Any:
    """A number or boolean as its JSON text; any other value as it is."""
    return json.dumps(value) if isinstance(value, int | float) else value


@fault("tools", trips={VALUES, SCHEMA, STRICT_TYPES}, at=Stage.MESSAGE)
def write_numbers_as_strings(message: Json) -> Json:
    """Numbers and booleans in the input of a tool call come as strings."""
    return map_inputs(message, lambda given, _: {name: map_values(item, as_text) for name, item in given.items()})


@fault("tools", trips={VALUES}, at=Stage.MESSAGE)
def write_booleans_as_words(message: Json) -> Json:
    """Booleans in the input of a tool call come as the words True and False."""

    def as_word(value: Any) -> Any:
        return str(value) if isinstance(value, bool) else value

    return map_inputs(message, lambda given, _: {name: map_values(item, as_word) for name, item in given.items()})


def filled(message: Json, context: RequestContext, empty: Any) -> Json:
    """The Message with an empty value for each optional member that a call leaves out."""
    known = {tool.get("name"): object_of(object_of(tool, "input_schema"), "properties") for tool in tools(context.body)}
    return map_inputs(message, lambda given, name: {**dict.fromkeys(known.get(name, {}), empty), **given})


@fault("tools", trips={OPTIONAL}, at=Stage.MESSAGE, seen="decolua/9router#1278")
def fill_optional_members_with_empty_strings(message: Json, context: RequestContext) -> Json:
    """Optional members that a tool call leaves out come as empty strings."""
    return filled(message, context, "")


@fault("tools", trips={OPTIONAL}, at=Stage.MESSAGE)
def fill_optional_members_with_null(message: Json, context: RequestContext) -> Json:
    """Optional members that a tool call leaves out come as null."""
    return filled(message, context, None)


# -- bills


@fault("usage", trips={LISTS, "usage.output.monotone-with-text", "usage.thinking.le-output"}, at=Stage.MESSAGE)
def bill_blocks_not_tokens(message: Json) -> Json:
    """An answer with a natural end bills one output token for each content block."""
    ended = message["stop_reason"] == "end_turn" and message["content"]
    return with_usage(message, output_tokens=len(message["content"])) if ended else message


@fault("usage", trips={ALIKE, "usage.thinking.le-output"}, at=Stage.EVENTS)
def bill_streams_for_less(events: Events) -> Events:
    """message_delta of a complete stream bills three quarters of its output tokens."""
    changed = []
    for name, data in events:
        if name == "message_delta" and data["delta"]["stop_reason"] == "end_turn":
            usage = data["usage"]
            data = {**data, "usage": {**usage, "output_tokens": usage["output_tokens"] * 3 // 4 or 1}}
        changed.append((name, data))
    return changed


# -- formats, and places of cache_control


@fault(
    "request",
    trips={"request.output_config.format-streamed"},
    at=Stage.BODY,
    seen="raullenchai/Rapid-MLX#683",
)
def ignore_format_of_streams(body: Json) -> Json:
    """An output format is ignored in streams only."""
    if body.get("stream") is not True:
        return body
    return {name: value for name, value in body.items() if name != "output_config"}


@fault(
    "refusals",
    trips={"request.cache_control.in-tool-result"},
    at=Stage.FAILURES,
    seen="caozhiyuan/copilot-api#241",
)
def refuse_cache_control_in_tool_results(failures: Failures, context: RequestContext) -> Failures:
    """cache_control on a block inside the content of a tool_result is refused."""
    inside = any(
        "cache_control" in part
        for turn in turns(context.body)
        for block in as_list(turn.get("content"))
        if object_type(block) == "tool_result"
        for part in as_list(block.get("content"))
        if isinstance(part, dict)
    )
    return refused_if(failures, inside, "cache_control may not be specified within `tool_result.content`")


def object_type(block: Any) -> Any:
    """The type of a block; None for any other value."""
    return block.get("type") if isinstance(block, dict) else None
