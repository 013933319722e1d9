"""What makes a request with tools wrong: definitions, choices, and results that do not answer their calls."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from messages_conformance.reference.failures import Failure

NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
"""Documentation says 64 characters, the live schema says 128; names between the two are accepted."""

SERVER_TOOL = re.compile(r"[a-z_]+_\d{8}|tool_search_tool_(?:bm25|regex)")
SCHEMA_TYPES = frozenset(["object", "array", "string", "number", "integer", "boolean", "null"])
CHOICES: Mapping[str, frozenset[str]] = {
    "auto": frozenset({"disable_parallel_tool_use"}),
    "any": frozenset({"disable_parallel_tool_use"}),
    "tool": frozenset({"name", "disable_parallel_tool_use"}),
    "none": frozenset(),
}
Body = Mapping[str, Any]


def failures(body: Body) -> Iterator[Failure]:
    tools = body.get("tools")
    if tools is not None and not isinstance(tools, list):
        yield Failure(message="tools: Input should be a valid list")
        return
    for at, tool in enumerate(tools or ()):
        yield from definition(tool, f"tools.{at}")
    names = [tool.get("name") for tool in tools or () if isinstance(tool, dict) and isinstance(tool.get("name"), str)]
    if len(names) != len(set(names)):
        yield Failure(message="tools: Tool names must be unique.", requirement="request.tools.unique-names")
    yield from choice(body.get("tool_choice"), tools or (), names)
    turns = body.get("messages")
    if isinstance(turns, list):
        yield from results(turns)


def definition(tool: object, where: str) -> Iterator[Failure]:
    if not isinstance(tool, dict):
        yield Failure(message=f"{where}: Input should be an object")
        return
    kind = tool.get("type")
    if kind not in (None, "custom"):
        if not isinstance(kind, str) or not SERVER_TOOL.fullmatch(kind):
            yield Failure(message=f"{where}: Input tag {kind!r} does not match any of the expected tags")
        return
    name, schema = tool.get("name"), tool.get("input_schema")
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


def valid_schema(schema: object) -> bool:
    """Whether types, properties and item schemas are of the right kind; no full check of the metaschema."""
    if isinstance(schema, bool):
        return True
    if not isinstance(schema, dict):
        return False
    kinds = schema.get("type", [])
    if not set(kinds if isinstance(kinds, list) else [kinds]) <= SCHEMA_TYPES:
        return False
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    if not isinstance(properties, dict) or not isinstance(required, list):
        return False
    parts = [*properties.values(), *([schema["items"]] if "items" in schema else [])]
    return all(valid_schema(part) for part in parts)


def choice(value: object, tools: Sequence[Any], names: Sequence[Any]) -> Iterator[Failure]:
    if value is None:
        return
    kind = value.get("type") if isinstance(value, dict) else None
    if (
        not isinstance(value, dict)
        or kind not in CHOICES
        or (kind == "tool" and not isinstance(value.get("name"), str))
    ):
        yield Failure(
            message="tool_choice: Input should be an object with type 'auto', 'any', 'tool' or 'none'; "
            "type 'tool' needs a name",
            requirement="request.tool_choice.shape",
        )
        return
    assert isinstance(kind, str)
    for name in sorted(value.keys() - CHOICES[kind] - {"type"}):
        yield Failure(
            message=f"tool_choice.{kind}.{name}: Extra inputs are not permitted",
            requirement="request.tool_choice.none-no-disable" if kind == "none" else "request.tool_choice.shape",
        )
    if kind in ("any", "tool") and not tools:
        yield Failure(
            message="tool_choice: may only be specified while providing tools",
            requirement="request.tool_choice.without-tools",
        )
    elif kind == "tool" and value["name"] not in names:
        yield Failure(
            message=f"Tool {value['name']!r} not found in provided tools",
            requirement="request.tool_choice.unknown-name",
        )


def parts(turn: object, kind: str) -> list[Any]:
    content = turn.get("content") if isinstance(turn, dict) else None
    blocks = content if isinstance(content, list) else ()
    return [block for block in blocks if isinstance(block, dict) and block.get("type") == kind]


def merged(turns: Sequence[Any]) -> list[dict[str, Any]]:
    """Neighbouring turns of one role as a single turn, since that is how they are read."""
    together: list[dict[str, Any]] = []
    for turn in (turn for turn in turns if isinstance(turn, dict)):
        content = turn.get("content")
        found = content if isinstance(content, list) else [{"type": "text", "text": content}]
        if together and together[-1]["role"] == turn.get("role"):
            together[-1]["content"] = [*together[-1]["content"], *found]
        else:
            together.append({"role": turn.get("role"), "content": list(found)})
    return together


def results(turns: Sequence[Any]) -> Iterator[Failure]:
    """A call is answered in the very next user turn, results first, each call once."""
    yield from repeated_ids(turns)
    together = merged(turns)
    for at, turn in enumerate(together):
        following = together[at + 1] if at + 1 < len(together) else None
        calls = [block.get("id") for block in parts(turn, "tool_use")]
        answered = [block.get("tool_use_id") for block in parts(following, "tool_result")]
        if missing := [call for call in calls if call not in answered]:
            yield unanswered(missing, turns, at)
        given = [block.get("tool_use_id") for block in parts(turn, "tool_result")]
        yield from misplaced(given, together[:at], at)
        if given and not results_first(turn["content"]):
            yield Failure(
                message=f"messages.{at}: tool_result blocks must come before any other content",
                requirement="request.tool_result.first-in-content",
            )


def misplaced(given: Sequence[Any], before: Sequence[Any], at: int) -> Iterator[Failure]:
    """Results whose call is not in the turn before: they belong to an older turn, or to none."""
    known = {block.get("id") for block in parts(before[-1] if before else None, "tool_use")}
    older = {block.get("id") for turn in before for block in parts(turn, "tool_use")}
    for name in (name for name in given if name not in known):
        yield Failure(
            message=f"messages.{at}: unexpected `tool_use_id` found in `tool_result` blocks: {name}",
            requirement="request.tool_result.no-gap" if name in older else "request.tool_result.orphan",
        )


def unanswered(missing: Sequence[Any], turns: Sequence[Any], at: int) -> Failure:
    later = {block.get("tool_use_id") for turn in turns for block in parts(turn, "tool_result")}
    gap = all(call in later for call in missing)
    return Failure(
        message=f"messages.{at}: `tool_use` ids without `tool_result` blocks immediately after: {missing[0]}",
        requirement="request.tool_result.no-gap" if gap else "request.tool_use.needs-result",
    )


def results_first(content: Sequence[Any]) -> bool:
    kinds = [block.get("type") == "tool_result" for block in content if isinstance(block, dict)]
    return kinds == sorted(kinds, reverse=True)


def repeated_ids(turns: Sequence[Any]) -> Iterator[Failure]:
    ids = [block.get("id") for turn in turns for block in parts(turn, "tool_use")]
    if len(ids) != len(set(map(str, ids))):
        yield Failure(message="messages: `tool_use` ids must be unique", requirement="request.tool_use.ids-unique")
