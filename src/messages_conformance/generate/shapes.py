"""Describes what a JSON Schema allows, as alternatives without conditions. `from_schema` generates values from them.

A schema is read together with everything that must hold with it (`allOf`, `$ref`, the same member of several objects).
`alternatives` turns such a conjunction into plain shapes with types, members, bounds and values, and leaves out what
cannot be satisfied. A conjunction is identified by the places of its schemas, so recursion ends.

The dialect is the part of JSON Schema 2020-12 that schemas/ uses. An unknown keyword is an error with its place.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from messages_conformance.contract import ContractError

TYPES: Final = ("object", "array", "string", "integer", "number", "boolean", "null")
"""The types of JSON Schema."""

ANNOTATIONS: Final = frozenset(
    [
        "$id", "$schema", "$defs", "title", "description", "requirement", "beta", "known", "discriminator", "stream",
        "$comment",
    ]
)  # fmt: skip
"""Keywords without effect on validity."""

ASSERTIONS: Final = frozenset(
    [
        "$ref", "type", "const", "enum", "properties", "required", "additionalProperties", "dependentRequired",
        "minProperties", "maxProperties", "items", "minItems", "maxItems", "minLength", "maxLength", "pattern",
        "minimum", "maximum", "exclusiveMinimum", "allOf", "anyOf", "oneOf", "not", "if", "then", "else",
    ]
)  # fmt: skip
"""Supported keywords; all others raise a ContractError."""

LOWER: Final = ("minLength", "minItems", "minProperties", "minimum", "exclusiveMinimum")
UPPER: Final = ("maxLength", "maxItems", "maxProperties", "maximum")
"""Keywords for lower and upper bounds."""

Lookup = Callable[[str], Any]
"""Returns the schema at a place."""


@dataclass(frozen=True, kw_only=True)
class Located:
    """A schema and its place: a document and a JSON pointer in it."""

    place: str
    schema: Any

    def below(self, *steps: str | int) -> Located:
        """The schema at these steps below this one."""
        schema = self.schema
        for step in steps:
            schema = schema[step]
        return Located(place="/".join([self.place, *(_escaped(str(step)) for step in steps)]), schema=schema)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One way to satisfy a conjunction of schemas, without any condition left in it."""

    types: frozenset[str] = frozenset(TYPES)
    values: tuple[Any, ...] | None = None
    banned: tuple[Any, ...] = ()
    members: Mapping[str, tuple[Located, ...]] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    absent: frozenset[str] = frozenset()
    others: tuple[Located, ...] = ()
    closed: bool = False
    dependent: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    items: tuple[Located, ...] = ()
    bounds: Mapping[str, float] = field(default_factory=dict)
    patterns: tuple[str, ...] = ()
    known: tuple[Any, ...] = ()
    instead: str = ""
    """The place of an override that replaces this shape."""

    def allows(self, value: Any) -> bool:
        """Whether the shape allows the type of a value, and does not exclude the value."""
        return kind_of(value) & self.types != frozenset() and not any(same(value, other) for other in self.banned)


def kind_of(value: Any) -> frozenset[str]:
    """The JSON types that a value has; an integer is a number too."""
    if isinstance(value, bool):
        return frozenset({"boolean"})
    if value is None:
        return frozenset({"null"})
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return frozenset({"integer", "number"})
    names = {float: "number", str: "string", dict: "object", list: "array"}
    return frozenset({names[type(value)]})


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are equal; true is not 1."""
    return bool(one == other) and kind_of(one) == kind_of(other)


def check(schema: Located, lookup: Lookup, seen: set[str] | None = None) -> None:
    """Raises a ContractError for the first keyword that is not supported, with its place."""
    seen = set() if seen is None else seen
    if schema.place in seen or isinstance(schema.schema, bool):
        return
    seen.add(schema.place)
    if not isinstance(schema.schema, Mapping):
        raise ContractError(f"{schema.place}: a schema is an object or a boolean, not {schema.schema!r}")
    for keyword in schema.schema:
        if keyword not in ASSERTIONS and keyword not in ANNOTATIONS:
            raise ContractError(f"{schema.place}: nothing can be generated for the keyword {keyword!r}; {_known()}")
    for part in _parts(schema, lookup):
        check(part, lookup, seen)


def _known() -> str:
    return f"known are {', '.join(sorted(ASSERTIONS))}"


def _parts(schema: Located, lookup: Lookup) -> Iterator[Located]:
    node = schema.schema
    if "$ref" in node:
        yield Located(place=node["$ref"], schema=lookup(node["$ref"]))
    for keyword in ("items", "additionalProperties", "not", "if", "then", "else"):
        if keyword in node:
            yield schema.below(keyword)
    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from (schema.below(keyword, at) for at in range(len(node.get(keyword, ()))))
    yield from (schema.below("properties", name) for name in node.get("properties", {}))


class Shapes:
    """Computes the alternatives of conjunctions, each once. `stops` are the places that an override replaces."""

    def __init__(self, lookup: Lookup, stops: Iterable[str] = ()) -> None:
        self._lookup = lookup
        self._stops = frozenset(stops)
        self._found: dict[tuple[str, ...], tuple[Shape, ...]] = {}

    def flat(self, schemas: Iterable[Located]) -> tuple[Located, ...]:
        """The conjunction with every reference and every allOf resolved."""
        found: dict[str, Located] = {}
        waiting = list(schemas)
        while waiting:
            schema = waiting.pop(0)
            if schema.place in found or schema.schema is True:
                continue
            found[schema.place] = schema
            if schema.place in self._stops or schema.schema is False:
                continue
            if "$ref" in schema.schema:
                reference = schema.schema["$ref"]
                waiting.append(Located(place=reference, schema=self._lookup(reference)))
            waiting += [schema.below("allOf", at) for at in range(len(schema.schema.get("allOf", ())))]
        return tuple(found.values())

    def alternatives(self, schemas: Iterable[Located]) -> tuple[Shape, ...]:
        """Every shape that satisfies all of the schemas; empty when there is none."""
        flat = self.flat(schemas)
        key = tuple(schema.place for schema in flat)
        if key not in self._found:
            self._found[key] = (Shape(),)  # a conjunction that contains itself is assumed to be possible
            self._found[key] = tuple(shape for shape in self._expanded(flat) if self._possible(shape))
        return self._found[key]

    def _expanded(self, flat: Iterable[Located]) -> list[Shape]:
        """Adds one schema after another, and drops contradictions at once."""
        shapes = [Shape()]
        for schema in flat:
            shapes = self._both(shapes, self._shapes_of(schema))
        return shapes

    def _both(self, some: Iterable[Shape], others: Iterable[Shape]) -> list[Shape]:
        more = list(others)
        joined = [shape for one in some for other in more if (shape := meet(one, other)) is not None]
        return [shape for shape in joined if self._possible(shape)]

    def _shapes_of(self, schema: Located) -> list[Shape]:
        """The alternatives of one schema alone; the schemas that it refers to are in the conjunction too."""
        node = schema.schema
        if node is False:
            return []
        if schema.place in self._stops:
            return [Shape(instead=schema.place)]
        shapes = [_plain(schema)]
        for keyword in ("anyOf", "oneOf"):
            if keyword in node:
                branches = [schema.below(keyword, at) for at in range(len(node[keyword]))]
                shapes = self._both(shapes, [shape for branch in branches for shape in self._of(branch)])
        if "not" in node:
            shapes = self._both(shapes, negated(schema.below("not")))
        if "if" in node:
            shapes = self._both(shapes, self._conditional(schema))
        return shapes

    def _of(self, *schemas: Located) -> list[Shape]:
        return self._expanded(self.flat(schemas))

    def _conditional(self, schema: Located) -> list[Shape]:
        condition = schema.below("if")
        then = self._of(condition, *([schema.below("then")] if "then" in schema.schema else []))
        otherwise = self._of(schema.below("else")) if "else" in schema.schema else [Shape()]
        return [*then, *self._both(negated(condition), otherwise)]

    def _possible(self, shape: Shape) -> bool:
        if not shape.types or shape.values == ():
            return False
        if any(shape.bounds.get(low, -math.inf) > shape.bounds.get(high, math.inf) for low, high in _PAIRS):
            return False
        if "object" not in shape.types:
            return True
        missing = any(name in shape.absent or not self._can_be_generated(shape, name) for name in shape.required)
        return not missing or shape.types != frozenset({"object"})

    def _can_be_generated(self, shape: Shape, name: str) -> bool:
        if name not in shape.members:
            return not shape.closed
        return self.stopped(shape.members[name]) or bool(self.alternatives(shape.members[name]))

    def stopped(self, schemas: Iterable[Located]) -> bool:
        """Whether an override replaces one of the schemas."""
        return any(schema.place in self._stops for schema in self.flat(schemas))


_PAIRS: Final = (
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
    ("minimum", "maximum"),
    ("exclusiveMinimum", "maximum"),
)


def _plain(schema: Located) -> Shape:
    """The shape of a schema itself, without its conditions and references."""
    node = schema.schema
    kinds = node.get("type", TYPES)
    types = frozenset([kinds] if isinstance(kinds, str) else kinds)
    if "number" in types:
        types |= {"integer"}
    additional = node.get("additionalProperties", True)
    shape = Shape(
        types=types,
        values=(node["const"],) if "const" in node else tuple(node["enum"]) if "enum" in node else None,
        members={name: (schema.below("properties", name),) for name in node.get("properties", {})},
        required=frozenset(node.get("required", ())),
        others=() if isinstance(additional, bool) else (schema.below("additionalProperties"),),
        closed=additional is False,
        dependent={name: tuple(others) for name, others in node.get("dependentRequired", {}).items()},
        items=(schema.below("items"),) if "items" in node else (),
        bounds={name: node[name] for name in (*LOWER, *UPPER) if name in node},
        patterns=(node["pattern"],) if "pattern" in node else (),
        known=tuple(node.get("known", ())),
    )
    return shape if shape.values is None else _with_values(shape, shape.values)


def _with_values(shape: Shape, values: Iterable[Any]) -> Shape:
    return replace(shape, values=tuple(value for value in values if shape.allows(value)))


def meet(one: Shape, other: Shape) -> Shape | None:
    """The shape of what satisfies both; None where they contradict each other."""
    types = one.types & other.types
    members = dict(one.members)
    for name, schemas in other.members.items():
        both = (*members.get(name, ()), *schemas)
        members[name] = tuple({schema.place: schema for schema in both}.values())
    bounds = dict(one.bounds)
    for name, bound in other.bounds.items():
        bounds[name] = bound if name not in bounds else (max if name in LOWER else min)(bound, bounds[name])
    joined = Shape(
        types=types,
        values=None,
        banned=(*one.banned, *other.banned),
        members=members,
        required=one.required | other.required,
        absent=one.absent | other.absent,
        others=(*one.others, *other.others),
        closed=one.closed or other.closed,
        dependent={**one.dependent, **other.dependent},
        items=(*one.items, *other.items),
        bounds=bounds,
        patterns=tuple(dict.fromkeys((*one.patterns, *other.patterns))),
        known=one.known or other.known,
        instead=one.instead or other.instead,
    )
    values = _common(one.values, other.values)
    if not types or joined.required & joined.absent:
        return None
    if values is None:
        return joined
    joined = _with_values(joined, values)
    return joined if joined.values else None


def _common(one: tuple[Any, ...] | None, other: tuple[Any, ...] | None) -> tuple[Any, ...] | None:
    if one is None or other is None:
        return other if one is None else one
    return tuple(value for value in one if any(same(value, held) for held in other))


def negated(schema: Located) -> list[Shape]:
    """The alternatives in which a simple schema does not hold. Simple: of values, required members and their values."""
    node = schema.schema
    if node is True or node == {}:
        return []  # the opposite of everything is nothing
    if isinstance(node, Mapping) and set(node) - ANNOTATIONS == {"not"}:
        return [_plain(schema.below("not"))]
    if not isinstance(node, Mapping) or set(node) - ANNOTATIONS - {"const", "enum", "type", "required", "properties"}:
        raise ContractError(f"{schema.place}: nothing can be generated for the opposite of {node!r}")
    found: list[Shape] = []
    if "const" in node or "enum" in node:
        found.append(Shape(banned=tuple(node.get("enum", ())) or (node["const"],)))
    required = frozenset(node.get("required", ()))
    found += [Shape(types=frozenset({"object"}), absent=frozenset({name})) for name in sorted(required)]
    for name in node.get("properties", {}):
        opposite = Located(
            place=f"{schema.place}/properties/{_escaped(name)}/opposite", schema={"not": node["properties"][name]}
        )
        found.append(Shape(types=frozenset({"object"}), members={name: (opposite,)}, required=frozenset({name})))
    return found


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
