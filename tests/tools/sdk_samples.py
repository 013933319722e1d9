"""Values built from nothing but a type of the official SDK: the least of it, all of it, and nulls wherever it may."""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from itertools import zip_longest
from typing import Any, Literal

import sdk_types

Mode = Literal["minimal", "full", "nulls"]
MODES: tuple[Mode, ...] = ("minimal", "full", "nulls")

# What no type says: the forms of ids, and the least numbers.
EXAMPLES: dict[str, Any] = {
    "id": "srvtoolu_1",
    "tool_use_id": "srvtoolu_1",
    "budget_tokens": 1024,
    "input_schema": {"type": "object"},
}
PLAIN: dict[Any, Any] = {
    str: "x",
    int: 1,
    float: 0.5,
    bool: True,
    object: {},
    datetime: "2026-10-21T00:00:00Z",
    type(None): None,
}
# Whatever their class can hold, these start empty, and their deltas fill them.
STARTS_EMPTY: dict[str, dict[str, Any]] = {
    "text": {"text": ""},
    "thinking": {"thinking": ""},
    "tool_use": {"input": {}},
    "server_tool_use": {"input": {}},
    "mcp_tool_use": {"input": {}},
}
# What tools/known_sdk_drift.json takes out of the SDK's types: a way to show thinking, and a role.
UNKNOWN_HERE = frozenset({"updates", "system"})
MESSAGE_START = {"content": [], "stop_reason": None, "stop_sequence": None}


def samples(annotation: Any, mode: Mode) -> list[Any]:
    """One value or more for each alternative of a type."""
    return [value for kind in sdk_types.alternatives(annotation) if _known(kind) for value in _of_one(kind, mode)]


def _known(kind: Any) -> bool:
    return not (sdk_types.is_class(kind) and UNKNOWN_HERE.intersection(sdk_types.constants(kind).get("role", ())))


@cache
def objects(cls: Any, mode: Mode) -> tuple[dict[str, Any], ...]:
    """Objects of one class, as many as it takes for each of its members to have had each of its values.

    Not to be changed: what is built once is in every sample.
    """
    return tuple(_objects(cls, mode))


def _objects(cls: Any, mode: Mode) -> Iterator[dict[str, Any]]:
    chosen = {name: member for name, member in sdk_types.members(cls).items() if mode != "minimal" or member.required}
    if "object" in sdk_types.constants(cls).get("type", ()):
        mode = "full"  # a JSON Schema, where null has no place
    columns = [_values(name, member.type, mode) for name, member in chosen.items()]
    for row in zip_longest(*columns, fillvalue=...) if columns else [()]:
        values = (column[0] if value is ... else value for value, column in zip(row, columns, strict=True))
        yield _as_the_sdk_writes_it(cls, dict(zip(chosen, values, strict=True)))


def _values(name: str, annotation: Any, mode: Mode) -> list[Any]:
    kinds = sdk_types.alternatives(annotation)
    if mode == "nulls" and type(None) in kinds:
        return [None]
    if name in EXAMPLES and not any(sdk_types.literals(kind) for kind in kinds):
        return [EXAMPLES[name]]
    found = [value for value in samples(annotation, mode) if value is not None or mode != "full"]
    return found[:1] if mode == "minimal" and not _is_union_of_classes(kinds) else found


def _is_union_of_classes(kinds: tuple[Any, ...]) -> bool:
    return sum(map(sdk_types.is_class, kinds)) > 1


def _of_one(kind: Any, mode: Mode) -> list[Any]:
    if sdk_types.literals(kind):
        return [value for value in sdk_types.literals(kind) if value not in UNKNOWN_HERE]
    if sdk_types.is_class(kind):
        return [*objects(kind, mode)]
    inner = sdk_types.item(kind)
    if inner is not None:
        # A list of everything that it may hold; the least one holds a single object, as messages may not be empty.
        found = samples(inner, mode)
        return [found if mode != "minimal" else [value for value in found if isinstance(value, dict)][:1]]
    if sdk_types.json_kind(kind) == "object":
        return [{}]
    return [PLAIN[kind]] if kind in PLAIN else []  # files to upload are no JSON


def _as_the_sdk_writes_it(cls: Any, fields: dict[str, Any]) -> dict[str, Any]:
    if not hasattr(cls, "model_fields"):
        return fields
    written: dict[str, Any] = cls.model_validate(fields).model_dump(mode="json", by_alias=True, exclude_unset=True)
    return written
