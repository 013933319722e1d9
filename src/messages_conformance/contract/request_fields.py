"""The fields of a request in the schema, the cases of each field, and which of both a body uses.

The name of a field starts with its definition, such as `max_tokens` of the body, `image.source` of an image block, and
`tool_use.input` of a call at any place. `[]` is an item of an array. A case is one kind of value that a field can have,
such as one of several types, a value of an enumeration, or a branch of a union.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, cast

from messages_conformance.contract.documents import BASE_URI, lookup, schema

WHOLE: Final = "(the body)"
"""The name of the root field."""

KEYWORDS: Final = frozenset(
    {"type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"}
    | {"minItems", "maxItems", "pattern", "required", "additionalProperties", "oneOf", "minProperties", "format"}
)
"""The keywords that a value can violate. The others only select the schema that applies."""


@dataclass(kw_only=True, eq=False)
class RequestField:
    """One field. `members`, `items` and `branches` (by type) are inside it; those of its `definitions` are too."""

    name: str
    cases: list[str] = field(default_factory=list)
    keywords: list[str] = field(default_factory=list)
    beta: bool = False
    members: dict[str, RequestField] = field(default_factory=dict)
    items: RequestField | None = None
    branches: dict[str, RequestField] = field(default_factory=dict)
    definitions: list[RequestField] = field(default_factory=list)

    @property
    def parts(self) -> Iterator[RequestField]:
        """The field itself and all its definitions."""
        yield self
        for definition in self.definitions:
            yield from definition.parts


@cache
def request_fields() -> tuple[RequestField, ...]:
    """Every field of a request in the order of the schema, the root first; also fields that need a beta header."""
    return tuple(_below(_root(), set()))


def fields_in(body: Mapping[str, Any]) -> Iterator[tuple[RequestField, tuple[str, ...]]]:
    """(field, cases) of everything in a body that the schema describes, in the order of the body."""
    return _fields_in(body, _root())


def fields_to(body: Mapping[str, Any], pointer: str) -> tuple[RequestField, ...]:
    """The fields on the path to a place in a body, the root first, as far as the schema describes them."""
    found, value = [_root()], cast(Any, body)
    for step in pointer.split("/")[1:]:
        inner = _inside(value, found[-1])
        name = step.replace("~1", "/").replace("~0", "~")
        node = inner("") if isinstance(value, list) else inner(name)
        if node is None or not isinstance(value, list | dict):
            break
        found.append(node)
        # A missing key has a field too.
        value = value[int(name)] if isinstance(value, list) else value.get(name)
    return tuple(found)


def _fields_in(value: Any, node: RequestField) -> Iterator[tuple[RequestField, tuple[str, ...]]]:
    yield node, _cases_of(value, node)
    inner = _inside(value, node)
    pairs = (
        (("", item) for item in value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    )
    for name, part in pairs:
        found = inner(name)
        if found is not None:
            yield from _fields_in(part, found)


def _inside(value: Any, node: RequestField) -> Callable[[str], RequestField | None]:
    """A function from the name of a member to its field; for an array, from any name to the field of its items."""
    parts = tuple(node.parts)
    if isinstance(value, list):
        items = next((part.items for part in parts if part.items is not None), None)
        return lambda name: items
    kind = value.get("type") if isinstance(value, dict) else None
    if isinstance(kind, str):
        branch = next((part.branches[kind] for part in parts if kind in part.branches), None)
        parts = parts if branch is None else tuple(branch.parts)
    members = {name: member for part in reversed(parts) for name, member in part.members.items()}
    return members.get


def _cases_of(value: Any, node: RequestField) -> tuple[str, ...]:
    found = set(_names(value))
    return tuple(case for case in node.cases if case in found)


def _names(value: Any) -> tuple[str, ...]:
    """The names of all cases that include the value."""
    match value:
        case None:
            return ("null",)
        case bool():
            return "boolean", json.dumps(value)
        case str():
            return "string", json.dumps(value)
        case int():
            return "integer", "number"
        case float():
            return ("number",)
        case list():
            return ("array",)
    return "object", f"[{value.get('type')}]"


# -- from the schema -----------------------------------------------------------------------------------------------


@cache
def _root() -> RequestField:
    node = RequestField(name=WHOLE)
    _add_schema(node, schema("request"), "", {})
    return node


def _below(node: RequestField, seen: set[int]) -> Iterator[RequestField]:
    if id(node) in seen:
        return
    seen.add(id(node))
    # A definition is not a field, and a constant type is the same as its branch.
    if node.name and not (node.name.endswith(".type") and node.keywords == ["const"]):
        yield node
    for inner in (*node.definitions, *node.members.values(), *filter(None, [node.items]), *node.branches.values()):
        yield from _below(inner, seen)


def _add_schema(node: RequestField, found: Mapping[str, Any], owner: str, known: dict[str, RequestField]) -> None:
    """Adds one of the schemas of a field to it. `known` are the definitions so far."""
    node.beta = node.beta or found.get("beta") is True
    _add(node.keywords, (name for name in found if name in KEYWORDS))
    _add(node.cases, _cases_in_schema(found))
    if "$ref" in found:
        definition = _definition(found["$ref"], known)
        node.definitions.append(definition)
        _add(node.keywords, iter(definition.keywords))
        _add(node.cases, iter(definition.cases))
    alternatives = (found[name] for name in ("then", "else") if name in found)
    for part in (*found.get("allOf", ()), *found.get("anyOf", ()), *alternatives):
        _add_schema(node, part, owner, known)
    for key, inner in found.get("properties", {}).items():
        name = f"{owner}.{key}" if owner else key
        _add_schema(node.members.setdefault(key, RequestField(name=name)), inner, name, known)
    if isinstance(found.get("items"), Mapping):
        node.items = node.items or RequestField(name=f"{owner}[]")
        _add_schema(node.items, found["items"], f"{owner}[]", known)
    for kind, target in found.get("discriminator", {}).get("mapping", {}).items():
        node.branches[kind] = _definition(target, known)


def _definition(reference: str, known: dict[str, RequestField]) -> RequestField:
    if reference not in known:
        known[reference] = RequestField(name="")
        _add_schema(known[reference], lookup(reference), _owner(reference), known)
    return known[reference]


def _owner(reference: str) -> str:
    """The start of the names of a definition's members: `image` for blocks/image.json#/$defs/request."""
    file, _, pointer = reference.removeprefix(BASE_URI).partition("#")
    folder, _, name = file.removesuffix(".json").rpartition("/")
    last = pointer.rpartition("/")[2]
    if folder == "blocks" or not last:
        return name
    return last if name == "request" else f"{name}/{last}"


def _cases_in_schema(found: Mapping[str, Any]) -> Iterator[str]:
    types = found.get("type")
    if isinstance(types, list):
        yield from types
    elif types == "boolean":
        yield from ("true", "false")
    yield from (json.dumps(value) for value in found.get("enum", ()))
    yield from (f"[{kind}]" for kind in found.get("discriminator", {}).get("mapping", {}))


def _add(known: list[str], names: Iterator[str]) -> None:
    known.extend(name for name in names if name not in known)
