"""Why a tool definition is refused: custom tools, and tools whose schema the API knows by their type."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from messages_conformance.contract.user_schemas import schema_mismatch
from messages_conformance.reference import output_schemas, request_blocks
from messages_conformance.reference.failures import Failure

NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
"""Documentation says 64 characters, the live schema says 128; names between the two are accepted."""

CUSTOM_FIELDS = frozenset(
    {
        *("name", "input_schema", "description", "type", "cache_control", "strict", "defer_loading"),
        *("input_examples", "eager_input_streaming", "allowed_callers"),
    }
)
"""anthropic 2.12.0 (PyPI), types/tool_param.py"""

NAMED_TOOLS: tuple[tuple[re.Pattern[str], str | None], ...] = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"bash_20250124", "bash"),
        (r"text_editor_20250124", "str_replace_editor"),
        (r"text_editor_(20250429|20250728)", "str_replace_based_edit_tool"),
        (r"code_execution_(20250522|20250825|20260120|20260521)", "code_execution"),
        (r"computer_(20250124|20251124)", "computer"),
        (r"advisor_20260301", "advisor"),
        (r"memory_20250818", "memory"),
        (r"web_search_(20250305|20260209|20260318)", "web_search"),
        (r"web_fetch_(20250910|20260209|20260309|20260318)", "web_fetch"),
        (r"tool_search_tool_bm25(_20251119)?", "tool_search_tool_bm25"),
        (r"tool_search_tool_regex(_20251119)?", "tool_search_tool_regex"),
        (r"(computer|browser)_toolset_20260801", None),
        (r"mcp_toolset", None),
    )
)
"""Type -> the only name for tools of this type; None for toolsets, which have no name (anthropic 2.12.0, types/)."""

FIXED_NAMES = "request.tools.anthropic-schema.names"
LIMITS = {"max_uses": "request.server_tools.max_uses", "max_characters": "request.tools.text_editor"}
"""Member of a tool -> the requirement that it is 1 or more."""

SCHEMA_TYPES = frozenset(["object", "array", "string", "number", "integer", "boolean", "null"])
MAX_STRICT_TOOLS = 20


def failures(tools: Sequence[Any]) -> Iterator[Failure]:
    """Every reason to refuse the tools of a request."""
    for at, tool in enumerate(tools):
        yield from definition(tool, f"tools.{at}")
    names = [tool.get("name") for tool in tools if isinstance(tool, dict) and isinstance(tool.get("name"), str)]
    if len(names) != len(set(names)):
        yield Failure(message="tools: Tool names must be unique.", requirement="request.tools.unique-names")
    if sum(isinstance(tool, dict) and tool.get("strict") is True for tool in tools) > MAX_STRICT_TOOLS:
        yield Failure(
            message=f"tools: at most {MAX_STRICT_TOOLS} tools may be strict", requirement="request.tools.strict.limits"
        )


def definition(tool: object, where: str) -> Iterator[Failure]:
    """Every reason to refuse one tool."""
    if not isinstance(tool, dict):
        yield Failure(message=f"{where}: Input should be an object")
        return
    if tool.get("cache_control") is not None:
        yield from request_blocks.cache_control(tool["cache_control"], f"{where}.cache_control")
    kind = tool.get("type")
    yield from custom(tool, where) if kind in (None, "custom") else named(tool, str(kind), where)


def named(tool: Mapping[str, Any], kind: str, where: str) -> Iterator[Failure]:
    """Why a tool of a known type is refused: its name or its limits."""
    known = next((name for pattern, name in NAMED_TOOLS if pattern.fullmatch(kind)), "")
    if known == "":
        yield Failure(message=f"{where}: Input tag {kind!r} does not match any of the expected tags")
    elif tool.get("name") != known:
        yield Failure(message=f"{where}.{kind}.name: Input should be {known!r}", requirement=FIXED_NAMES)
    for name in ("input_schema", "description"):
        if known and name in tool:
            yield Failure(message=f"{where}.{kind}.{name}: Extra inputs are not permitted", requirement=FIXED_NAMES)
    for limit, requirement in LIMITS.items():
        value = tool.get(limit)
        if value is not None and not (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
            yield Failure(message=f"{where}.{kind}.{limit}: Input should be greater than 0", requirement=requirement)
    if kind == "text_editor_20250124" and "max_characters" in tool:
        yield Failure(
            message=f"{where}.{kind}.max_characters: Extra inputs are not permitted",
            requirement=LIMITS["max_characters"],
        )


def custom(tool: Mapping[str, Any], where: str) -> Iterator[Failure]:
    """Why a custom tool is refused."""
    name, schema = tool.get("name"), tool.get("input_schema")
    for field in sorted(tool.keys() - CUSTOM_FIELDS):
        yield request_blocks.extra_input(f"{where}.custom.{field}")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield Failure(
            message=f"{where}.custom.name: String should match pattern '^[a-zA-Z0-9_-]{{1,128}}$'",
            requirement="request.tools.name-pattern",
        )
    if not isinstance(schema, dict) or schema.get("type") != "object":
        yield Failure(
            message=f"{where}.custom.input_schema: an object with type 'object' is required",
            requirement="request.tools.input_schema-required",
        )
    elif not valid_schema(schema):
        yield Failure(
            message=f"{where}.custom.input_schema: JSON schema is invalid, it must match draft 2020-12",
            requirement="request.tools.schema-2020-12",
        )
    else:
        yield from details(tool, schema, where)


def details(tool: Mapping[str, Any], schema: Mapping[str, Any], where: str) -> Iterator[Failure]:
    """Why an optional part of a custom tool is refused."""
    description = tool.get("description")
    if description is not None and not isinstance(description, str):
        yield Failure(message=f"{where}.custom.description: Input should be a valid string")
    for flag in ("strict", "defer_loading", "eager_input_streaming"):
        if not isinstance(tool.get(flag), bool | None):
            yield Failure(message=f"{where}.custom.{flag}: Input should be a valid boolean")
    examples = tool.get("input_examples")
    for at, example in enumerate(examples if isinstance(examples, list) else ()):
        if reason := schema_mismatch(schema, example):
            yield Failure(message=f"{where}.custom.input_examples.{at}: {reason}")
    if tool.get("strict") is True:
        yield from output_schemas.failures(schema, f"{where}.custom.input_schema")


def valid_schema(schema: object) -> bool:
    """Whether types, properties and item schemas have the right form; the metaschema is not checked in full."""
    if isinstance(schema, bool):
        return True
    if not isinstance(schema, dict):
        return False
    kinds = schema.get("type", [])
    listed = kinds if isinstance(kinds, list) else [kinds]
    if not all(isinstance(kind, str) and kind in SCHEMA_TYPES for kind in listed):
        return False
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list):
        return False
    parts = [*properties.values(), *([schema["items"]] if "items" in schema else [])]
    return all(valid_schema(part) for part in parts)
