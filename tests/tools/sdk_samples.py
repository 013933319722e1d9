"""Builds values from the types of the official SDK: with required members, with all members, or with nulls."""

from collections.abc import Iterator
from datetime import datetime
from functools import cache
from itertools import zip_longest
from typing import Any, Literal

import sdk_types

Mode = Literal["minimal", "full", "nulls"]
MODES: tuple[Mode, ...] = ("minimal", "full", "nulls")

# Values that the types do not describe: ids and minimums.
EXAMPLES: dict[str, Any] = {
    "id": "srvtoolu_1",
    "tool_use_id": "srvtoolu_1",
    "budget_tokens": 1024,
    "country": "DE",
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
# These blocks start empty, and their deltas fill them.
STARTS_EMPTY: dict[str, dict[str, Any]] = {
    "text": {"text": ""},
    "thinking": {"thinking": ""},
    "tool_use": {"input": {}},
    "server_tool_use": {"input": {}},
    "mcp_tool_use": {"input": {}},
}
# Values of the SDK that tools/known_sdk_drift.json excludes: a form of thinking, and a role.
UNKNOWN_HERE = frozenset({"updates", "system"})
MESSAGE_START = {"content": [], "stop_reason": None, "stop_sequence": None}


def samples(annotation: Any, mode: Mode) -> list[Any]:
    """At least one value for each alternative of a type."""
    return [value for kind in sdk_types.alternatives(annotation) if _known(kind) for value in _of_one(kind, mode)]


def _known(kind: Any) -> bool:
    return not (sdk_types.is_class(kind) and UNKNOWN_HERE.intersection(sdk_types.constants(kind).get("role", ())))


@cache
def objects(cls: Any, mode: Mode) -> tuple[dict[str, Any], ...]:
    """Objects of one class: each member has each of its values in at least one of them.

    The objects are shared by all samples, so do not change them.
    """
    return tuple(_objects(cls, mode))


def _objects(cls: Any, mode: Mode) -> Iterator[dict[str, Any]]:
    chosen = {name: member for name, member in sdk_types.members(cls).items() if mode != "minimal" or member.required}
    if "object" in sdk_types.constants(cls).get("type", ()):
        mode = "full"  # a JSON Schema, which has no nulls
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
        # All possible items; or a single object in minimal mode, because messages must not be empty.
        found = samples(inner, mode)
        return [found if mode != "minimal" else [value for value in found if isinstance(value, dict)][:1]]
    if sdk_types.json_kind(kind) == "object":
        return [{}]
    return [PLAIN[kind]] if kind in PLAIN else []  # files to upload are not JSON


def _as_the_sdk_writes_it(cls: Any, fields: dict[str, Any]) -> dict[str, Any]:
    if not hasattr(cls, "model_fields"):
        return fields
    written: dict[str, Any] = cls.model_validate(fields).model_dump(mode="json", by_alias=True, exclude_unset=True)
    return written
