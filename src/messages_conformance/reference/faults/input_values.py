"""The inputs of tool calls are changed on their way: numbers, nested objects, enums."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.request_parts import object_of, tools

NUMBERS: Final = "response.content.tool_use-numbers"
CHOICES: Final = "response.content.tool_use-enum"
VALUES: Final = "response.content.tool_use-values"
EMPTY: Final = "response.content.tool_use-empty-values"


def map_inputs(message: Json, change: Callable[[Json, Any], Json]) -> Json:
    """The Message with the input of every call changed; the change also gets the name of the tool."""
    blocks = [
        {**block, "input": change(block["input"], block["name"])} if block["type"] == "tool_use" else block
        for block in message["content"]
    ]
    return {**message, "content": blocks}


def map_values(value: Any, change: Callable[[Any], Any]) -> Any:
    """The value with everything inside it changed, from the inside out."""
    if isinstance(value, dict):
        return change({name: map_values(item, change) for name, item in value.items()})
    if isinstance(value, list):
        return change([map_values(item, change) for item in value])
    return change(value)


def is_integer(value: Any) -> bool:
    """Whether a value is an integer and no boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


def each_input(change: Callable[[Any], Any]) -> Callable[[Json], Json]:
    """A fault that changes the values inside every input."""
    return lambda message: map_inputs(
        message, lambda given, _: {key: map_values(item, change) for key, item in given.items()}
    )


@fault("tools", trips={NUMBERS}, at=Stage.MESSAGE, seen="earendil-works/pi#8943; cline/cline#9589")
def round_large_integers(message: Json) -> Json:
    """Integers above 2^53 in the input of a tool call are rounded."""
    return each_input(lambda value: int(float(value)) if is_integer(value) else value)(message)


@fault("tools", trips={NUMBERS}, at=Stage.MESSAGE, seen="google/adk-python#3592")
def write_integers_as_floats(message: Json) -> Json:
    """Integers in the input of a tool call come as floats."""
    return each_input(lambda value: float(value) if is_integer(value) and abs(value) < 2**53 else value)(message)


@fault(
    "tools",
    trips={VALUES, "response.content.tool_use-input-schema", "response.content.tool_use-strict-types"},
    at=Stage.MESSAGE,
    seen="vllm-project/vllm#46924; earendil-works/pi#9931",
)
def stringify_nested_inputs(message: Json) -> Json:
    """Objects and lists inside the input of a tool call come as JSON text."""
    return map_inputs(
        message,
        lambda given, _: {
            name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in given.items()
        },
    )


@fault("tools", trips={VALUES}, at=Stage.MESSAGE, seen="jundot/omlx#2646")
def decode_json_text_in_inputs(message: Json) -> Json:
    """A text in the input of a tool call that holds a JSON object or list comes as this object or list."""

    def decoded(value: Any) -> Any:
        if not isinstance(value, str) or not value.startswith(("{", "[")):
            return value
        try:
            return json.loads(value)
        except ValueError:
            return value

    return map_inputs(message, lambda given, _: {name: decoded(value) for name, value in given.items()})


@fault("tools", trips={VALUES, "response.content.tool_use-input-schema"}, at=Stage.MESSAGE)
def lose_line_breaks_of_streamed_inputs(message: Json, context: RequestContext) -> Json:
    """The line breaks in the texts of a streamed tool call's input are lost."""
    if not context.streams:
        return message
    return each_input(lambda value: value.replace("\n", "") if isinstance(value, str) else value)(message)


@fault("tools", trips={CHOICES}, at=Stage.MESSAGE)
def leave_the_enum(message: Json, context: RequestContext) -> Json:
    """A property with an enum has a value outside it, if the tool is not strict."""
    known = {tool.get("name"): tool for tool in tools(context.body) if not tool.get("strict")}

    def outside(given: Json, name: Any) -> Json:
        properties = object_of(object_of(known.get(name, {}), "input_schema"), "properties")
        return {key: "other" if "enum" in object_of(properties, key) else value for key, value in given.items()}

    return map_inputs(message, outside)


def _without_empty_values(given: Json, _: Any = None) -> Json:
    return {name: value for name, value in given.items() if value}


@fault(
    "tools",
    trips={EMPTY, "response.content.tool_use-input-schema"},
    at=Stage.MESSAGE,
    seen="diegosouzapw/OmniRoute#4959",
)
def drop_empty_values_of_streamed_inputs(message: Json, context: RequestContext) -> Json:
    """Empty values in the input of a streamed tool call are left out."""
    return map_inputs(message, _without_empty_values) if context.streams else message


@fault(
    "tools",
    trips={EMPTY, "response.content.tool_use-only-choice", "response.content.tool_use-input-schema"},
    at=Stage.MESSAGE,
)
def drop_empty_values_of_inputs(message: Json) -> Json:
    """Empty values in the input of every tool call are left out."""
    return map_inputs(message, _without_empty_values)


@fault("tools", trips={EMPTY}, at=Stage.MESSAGE)
def write_empty_values_of_whole_inputs_as_null(message: Json, context: RequestContext) -> Json:
    """Empty texts, lists and objects in the input of a tool call that is not streamed are null."""
    if context.streams:
        return message
    return map_inputs(
        message, lambda given, _: {name: None if value in ("", [], {}) else value for name, value in given.items()}
    )
