"""The fields of a request as the schema has them: their names, which cases they have, and which of both a body touches.

A field is named after the definition that holds it: `max_tokens` of the body, `image.source` of an image block,
`tool_use.input` of a call wherever it stands; `[]` is an item of a list. A case is what a value may be: one of several
types, a value of an enumeration, true or false, a branch of a union.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final, cast

from messages_conformance.contract.documents import BASE_URI, lookup, schema

WHOLE: Final = "(the body)"
"""The name of the field that has no name."""

KEYWORDS: Final = frozenset(
    {"type", "enum", "const", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "minLength", "maxLength"}
    | {"minItems", "maxItems", "pattern", "required", "additionalProperties", "oneOf", "minProperties", "format"}
)
"""The keywords that a value can break; the others only say which schema holds."""


@dataclass(kw_only=True, eq=False)
class RequestField:
    """One field. What is inside it are `members`, `items` and `branches` (by type), its own and its definitions'."""

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
        """Itself and the definitions that hold for it."""
        yield self
        for definition in self.definitions:
            yield from definition.parts


@cache
def request_fields() -> tuple[RequestField, ...]:
    """Every field of a request in the order of the schema, the whole body first; those behind a beta header too."""
    return tuple(_below(_root(), set()))


def touched(body: Mapping[str, Any]) -> Iterator[tuple[RequestField, tuple[str, ...]]]:
    """(field, cases) of everything in a body that the schema knows, in the body's order."""
    return _touched(body, _root())


def fields_to(body: Mapping[str, Any], pointer: str) -> tuple[RequestField, ...]:
    """The fields on the way to a place of a body, the whole body first; it ends where the schema knows nothing more."""
    found, value = [_root()], cast(Any, body)
    for step in pointer.split("/")[1:]:
        inner = _inside(value, found[-1])
        name = step.replace("~1", "/").replace("~0", "~")
        node = inner("") if isinstance(value, list) else inner(name)
        if node is None or not isinstance(value, list | dict):
            break
        found.append(node)
        # A key that is missing has a field, too.
        value = value[int(name)] if isinstance(value, list) else value.get(name)
    return tuple(found)


def _touched(value: Any, node: RequestField) -> Iterator[tuple[RequestField, tuple[str, ...]]]:
    yield node, _cases_of(value, node)
    inner = _inside(value, node)
    pairs = (
        (("", item) for item in value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
    )
    for name, part in pairs:
        found = inner(name)
        if found is not None:
            yield from _touched(part, found)


def _inside(value: Any, node: RequestField) -> Callable[[str], RequestField | None]:
    """Finds the field of a member of a value by its name, or of its items by no name."""
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
    """The cases that a value can be."""
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


# -- out of the schema ----------------------------------------------------------------------------------------------


@cache
def _root() -> RequestField:
    node = RequestField(name=WHOLE)
    _absorb(node, schema("request"), "", {})
    return node


def _below(node: RequestField, seen: set[int]) -> Iterator[RequestField]:
    if id(node) in seen:
        return
    seen.add(id(node))
    # A definition is no field of its own, and a constant type is its branch: both stand where they are used.
    if node.name and not (node.name.endswith(".type") and node.keywords == ["const"]):
        yield node
    for inner in (*node.definitions, *node.members.values(), *filter(None, [node.items]), *node.branches.values()):
        yield from _below(inner, seen)


def _absorb(node: RequestField, found: Mapping[str, Any], owner: str, known: dict[str, RequestField]) -> None:
    """Adds to a field what one of the schemas that hold for it says; `known` are the definitions made so far."""
    node.beta = node.beta or found.get("beta") is True
    _add(node.keywords, (name for name in found if name in KEYWORDS))
    _add(node.cases, _stated_cases(found))
    if "$ref" in found:
        definition = _definition(found["$ref"], known)
        node.definitions.append(definition)
        _add(node.keywords, iter(definition.keywords))
        _add(node.cases, iter(definition.cases))
    alternatives = (found[name] for name in ("then", "else") if name in found)
    for part in (*found.get("allOf", ()), *found.get("anyOf", ()), *alternatives):
        _absorb(node, part, owner, known)
    for key, inner in found.get("properties", {}).items():
        name = f"{owner}.{key}" if owner else key
        _absorb(node.members.setdefault(key, RequestField(name=name)), inner, name, known)
    if isinstance(found.get("items"), Mapping):
        node.items = node.items or RequestField(name=f"{owner}[]")
        _absorb(node.items, found["items"], f"{owner}[]", known)
    for kind, target in found.get("discriminator", {}).get("mapping", {}).items():
        node.branches[kind] = _definition(target, known)


def _definition(reference: str, known: dict[str, RequestField]) -> RequestField:
    if reference not in known:
        known[reference] = RequestField(name="")
        _absorb(known[reference], lookup(reference), _owner(reference), known)
    return known[reference]


def _owner(reference: str) -> str:
    """What the members of a definition are named after: blocks/image.json#/$defs/request is an image."""
    file, _, pointer = reference.removeprefix(BASE_URI).partition("#")
    folder, _, name = file.removesuffix(".json").rpartition("/")
    last = pointer.rpartition("/")[2]
    if folder == "blocks" or not last:
        return name
    return last if name == "request" else f"{name}/{last}"


def _stated_cases(found: Mapping[str, Any]) -> Iterator[str]:
    types = found.get("type")
    if isinstance(types, list):
        yield from types
    elif types == "boolean":
        yield from ("true", "false")
    yield from (json.dumps(value) for value in found.get("enum", ()))
    yield from (f"[{kind}]" for kind in found.get("discriminator", {}).get("mapping", {}))


def _add(known: list[str], names: Iterator[str]) -> None:
    known.extend(name for name in names if name not in known)
