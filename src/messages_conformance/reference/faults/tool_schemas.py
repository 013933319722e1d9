"""The schema of a tool loses keywords before the model reads it, and entities of inputs are escaped or decoded."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.input_values import each_input, map_values
from messages_conformance.reference.request_parts import object_of

NUMBERS: Final = "response.content.tool_use-number-enum"
ENTITIES: Final = "response.content.tool_use-entities"
COUNTED: Final = "request.tools.keywords-counted"
SCHEMA: Final = "response.content.tool_use-input-schema"

KNOWN: Final = frozenset({"type", "properties", "required", "items", "description", "enum"})
"""The keywords that a simple translation of schemas knows (our own choice)."""


def map_schemas(body: Json, change: Callable[[Any], Any], *, strict: bool = False) -> Json:
    """The body with each object inside the schemas of tools changed, from the inside out; `strict` ones if so."""

    def changed(tool: Json) -> Json:
        custom = isinstance(tool.get("input_schema"), dict) and (strict or tool.get("strict") is not True)
        return {**tool, "input_schema": map_values(tool["input_schema"], change)} if custom else tool

    listed = isinstance(body.get("tools"), list)
    return {**body, "tools": [changed(tool) for tool in body["tools"]]} if listed else body


def without_members(schema: Any, *names: str) -> Any:
    """A schema without some members; any other value as it is."""
    return {name: value for name, value in schema.items() if name not in names} if isinstance(schema, dict) else schema


@fault("tools", trips={NUMBERS}, at=Stage.BODY, seen="NousResearch/hermes-agent#15082")
def drop_enums_of_numbers(body: Json) -> Json:
    """An enum of numbers is removed from the schema of a tool."""

    def dropped(schema: Any) -> Any:
        numeric = object_of({"schema": schema}, "schema").get("type") in ("integer", "number")
        return without_members(schema, "enum") if numeric else schema

    return map_schemas(body, dropped)


@fault("tools", trips={NUMBERS}, at=Stage.BODY)
def write_enums_of_numbers_as_text(body: Json) -> Json:
    """An enum of numbers becomes an enum of texts, and the model keeps the type: it takes any number."""

    def retyped(schema: Any) -> Any:
        numeric = object_of({"schema": schema}, "schema").get("type") in ("integer", "number")
        return (
            {**without_members(schema, "enum"), "description": str(schema["enum"])}
            if numeric and "enum" in schema
            else schema
        )

    return map_schemas(body, retyped)


@fault("tools", trips={COUNTED}, at=Stage.BODY, seen="promptfoo/promptfoo#6904")
def keep_known_keywords_only(body: Json, context: RequestContext) -> Json:
    """Of the schema of a tool, only a few keywords reach the model: const, pattern, default and $defs are lost."""

    def reduced(value: Any) -> Any:
        is_schema = isinstance(value, dict) and ("type" in value or "$ref" in value or "const" in value)
        return {name: part for name, part in value.items() if name in KNOWN} if is_schema else value

    return map_schemas(body, reduced)


@fault("tools", trips={COUNTED}, at=Stage.BODY)
def lose_definitions_of_schemas(body: Json) -> Json:
    """The $defs in the schema of a tool are lost, and what refers to them may be anything."""
    return map_schemas(body, lambda schema: without_members(schema, "$defs", "$ref"))


@fault(
    "tools",
    trips={ENTITIES, SCHEMA},
    at=Stage.MESSAGE,
    seen="langchain-ai/deepagents#2956; tetsuo-ai/AgenC#1280",
)
def write_entities_in_inputs(message: Json) -> Json:
    """The texts in the input of a tool call are escaped as for HTML."""
    return each_input(lambda value: html.escape(value) if isinstance(value, str) else value)(message)


@fault("tools", trips={ENTITIES, SCHEMA}, at=Stage.MESSAGE)
def write_markup_as_entities(message: Json) -> Json:
    """The characters <, > and & in the input of a tool call become entities; quotes stay."""
    return each_input(lambda value: html.escape(value, quote=False) if isinstance(value, str) else value)(message)


@fault("tools", trips={ENTITIES, SCHEMA}, at=Stage.MESSAGE, seen="smg-project/smg#1888")
def decode_entities_in_inputs(message: Json) -> Json:
    """The entities in the texts of a tool call's input are decoded."""
    return each_input(lambda value: html.unescape(value) if isinstance(value, str) else value)(message)


ONLY_CHOICE: Final = "response.content.tool_use-only-choice"
TAKEN_FOR_KEYWORDS: Final = ("title", "format", "default", "pattern", "examples")


@fault("tools", trips={ONLY_CHOICE, SCHEMA}, at=Stage.MESSAGE, seen="NousResearch/hermes-agent#42801")
def break_latin_letters_of_inputs(message: Json) -> Json:
    """A letter of Latin-1 in the input of a tool call becomes NUL and two hexadecimal digits."""
    pattern = re.compile("[\u00a0-\u00ff]")
    return each_input(
        lambda value: pattern.sub(lambda one: f"\0{ord(one[0]):02x}", value) if isinstance(value, str) else value
    )(message)


@fault("tools", trips={ONLY_CHOICE, SCHEMA}, at=Stage.MESSAGE, seen="openclaw/openclaw#14634")
def escape_line_breaks_of_inputs(message: Json) -> Json:
    """A line break in the input of a tool call becomes the characters backslash and n."""
    return each_input(lambda value: value.replace("\n", "\\n") if isinstance(value, str) else value)(message)


@fault("tools", trips={ONLY_CHOICE, SCHEMA}, at=Stage.BODY, seen="router-for-me/CLIProxyAPI#1542")
def take_members_for_keywords(body: Json) -> Json:
    """A member of an input is lost if its name is a keyword of schemas."""

    def reduced(schema: Any) -> Any:
        if not isinstance(schema, dict) or not isinstance(schema.get("properties"), dict):
            return schema
        properties = without_members(schema["properties"], *TAKEN_FOR_KEYWORDS)
        required = [name for name in schema.get("required") or () if name in properties]
        return {**schema, "properties": properties, "required": required}

    return map_schemas(body, reduced, strict=True)
