"""`from_schema`: makes a Hypothesis strategy for the documents that a JSON Schema allows.

Every value is valid by construction; nothing is filtered. Overrides add what a schema cannot express (that a name is
the name of an existing model, that base64 is a picture), at the place of the schema that each replaces:
`{"sources.json#/$defs/image_base64": pictures()}`. `st.nothing()` leaves an optional member out. Members that a schema
does not name, and members that need a beta header, are never generated. The branches of a `oneOf` are assumed to
exclude each other, which their discriminator ensures.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from messages_conformance.contract import ContractError
from messages_conformance.contract.documents import BASE_URI, lookup
from messages_conformance.generate.shapes import Located, Lookup, Shape, Shapes, check

ASCII: Final = st.characters(min_codepoint=32, max_codepoint=126)
"""The characters of strings without an override: every parser, log and terminal handles them."""

SPAN: Final = 24
"""How far a length or a number exceeds its lower bound where there is no upper one (origin: our own; small documents
are cheap)."""

MOST_ITEMS: Final = 3
"""How many items more than it must have a list has at most (origin: our own)."""

FREE: Final = st.dictionaries(
    st.text("abcdefgh_", min_size=1, max_size=6),
    st.one_of(st.text(ASCII, max_size=8), st.integers(-9, 99), st.booleans(), st.none()),
    max_size=2,
)
"""Objects that no schema describes."""


def from_schema(
    schema: Mapping[str, Any] | bool | str,
    *,
    overrides: Mapping[str, SearchStrategy[Any]] | None = None,
    resolver: Lookup = lookup,
) -> SearchStrategy[Any]:
    """A strategy for the documents that a schema allows.

    `schema` is a schema with absolute references, or the place of one ("request.json#/properties/tools"). `overrides`
    are strategies by place; places without a scheme are in schemas/. `resolver` returns the schema at a reference.
    Raises a ContractError for an unsupported keyword, with its place, and for a schema that allows nothing.
    """
    replaced = {absolute(place): strategy for place, strategy in (overrides or {}).items()}
    for place in replaced:
        _exists(place, resolver)
    if isinstance(schema, str):
        start = Located(place=absolute(schema), schema=_exists(absolute(schema), resolver))
    else:
        start = Located(place="#", schema=schema)
    check(start, resolver)
    return _Compiler(replaced, resolver).strategy((start,))


def absolute(place: str) -> str:
    """The place as it is in references: a document of schemas/ and a JSON pointer."""
    located = place if "://" in place or place.startswith("#") else BASE_URI + place
    return located.removesuffix("#")


def _exists(place: str, resolver: Lookup) -> Any:
    try:
        return resolver(place)
    except (KeyError, TypeError) as error:
        raise ContractError(f"there is no schema at {place}, nothing can be generated or overridden there") from error


class _Compiler:
    """Makes one strategy for each conjunction of schemas: a recursive schema has a recursive strategy."""

    def __init__(self, overrides: Mapping[str, SearchStrategy[Any]], resolver: Lookup) -> None:
        self._overrides = overrides
        self._shapes = Shapes(resolver, overrides)
        self._made: dict[tuple[str, ...], SearchStrategy[Any]] = {}

    def strategy(self, schemas: tuple[Located, ...]) -> SearchStrategy[Any]:
        flat = self._shapes.flat(schemas)
        replaced = [self._overrides[schema.place] for schema in flat if schema.place in self._overrides]
        if replaced:
            return replaced[0]
        key = tuple(schema.place for schema in flat)
        if key not in self._made:
            self._made[key] = st.deferred(lambda: self._built(flat))
        return self._made[key]

    def _built(self, flat: tuple[Located, ...]) -> SearchStrategy[Any]:
        shapes = self._shapes.alternatives(flat)
        if not shapes:
            raise ContractError(f"{' and '.join(schema.place for schema in flat)}: no document satisfies this")
        return st.one_of([strategy for shape in shapes for strategy in self._of(shape)])

    def _of(self, shape: Shape) -> list[SearchStrategy[Any]]:
        """The strategies of one shape, one for each type that it allows."""
        if shape.instead:
            return [self._overrides[shape.instead]]
        if shape.values is not None:
            return [st.sampled_from(shape.values)]
        kinds = sorted(shape.types - ({"integer"} if "number" in shape.types else frozenset()), reverse=True)
        # At most one value of three is null: a document full of nulls tests little.
        weights = {kind: 1 if kind == "null" or len(kinds) == 1 else 2 for kind in kinds}
        return [self._of_type(kind, shape) for kind in kinds for _ in range(weights[kind])]

    def _of_type(self, kind: str, shape: Shape) -> SearchStrategy[Any]:
        match kind:
            case "object":
                return self._object(shape)
            case "array":
                items = self.strategy(shape.items) if shape.items else st.integers(0, 9)
                least, most = _range(shape.bounds, "Items", MOST_ITEMS)
                return st.lists(items, min_size=least, max_size=most)
            case "string":
                return _string(shape)
            case "integer":
                return _integer(shape.bounds)
            case "number":
                return _number(shape.bounds)
            case "boolean":
                return st.sampled_from([value for value in (False, True) if shape.allows(value)])
        return st.none()

    def _object(self, shape: Shape) -> SearchStrategy[Any]:
        least, most = _range(shape.bounds, "Properties", MOST_ITEMS)
        if not shape.members and not shape.others and not shape.closed and not shape.required:
            return FREE if most else st.just({})
        names = [name for name in shape.members if self._is_generated(shape, name)]
        members = {name: self.strategy(shape.members[name]) for name in names}
        unnamed = dict.fromkeys(sorted(shape.required - members.keys()), FREE)
        required = {name: strategy for name, strategy in members.items() if name in shape.required} | unnamed
        optional = {name: strategy for name, strategy in members.items() if name not in shape.required}
        named = st.fixed_dictionaries(required, optional=optional)
        if shape.dependent:
            named = named.flatmap(lambda value: st.fixed_dictionaries(_with_dependents(value, shape, members)))
        if not shape.others:
            return named
        other_names = st.text("abcdefgh", min_size=1, max_size=6).filter(lambda name: name not in shape.members)
        more = st.dictionaries(other_names, self.strategy(shape.others), min_size=least, max_size=most)
        return st.tuples(more, named).map(lambda pair: {**pair[0], **pair[1]})

    def _is_generated(self, shape: Shape, name: str) -> bool:
        if name in shape.absent:
            return False
        schemas = shape.members[name]
        if name in shape.required:
            return True
        if self._shapes.stopped(schemas):
            return not self.strategy(schemas).is_empty
        beta = any(isinstance(part.schema, Mapping) and part.schema.get("beta") for part in self._shapes.flat(schemas))
        return not beta and bool(self._shapes.alternatives(schemas))


def _with_dependents(value: Mapping[str, Any], shape: Shape, members: Mapping[str, Any]) -> dict[str, Any]:
    """The generated members, and strategies for the members that these require."""
    wanted = {other for name in value for other in shape.dependent.get(name, ()) if other not in value}
    return {name: st.just(held) for name, held in value.items()} | {name: members[name] for name in sorted(wanted)}


def _string(shape: Shape) -> SearchStrategy[str]:
    least, most = _range(shape.bounds, "Length", SPAN)
    if shape.patterns:
        if len(shape.patterns) > 1 or least or "maxLength" in shape.bounds:
            raise ContractError(
                f"nothing can be generated for {shape.patterns} together with another limit of a string"
            )
        return _matching(shape.patterns[0])
    if shape.known:
        return st.sampled_from([value for value in shape.known if isinstance(value, str) and shape.allows(value)])
    text = st.text(ASCII, min_size=least, max_size=most)
    return text.filter(shape.allows) if shape.banned else text


def _matching(pattern: str) -> SearchStrategy[str]:
    """Strings that contain the pattern, as in JSON Schema; where it is anchored at both ends, nothing else."""
    inner = pattern.removeprefix("^").removesuffix("$")
    anchored = pattern == f"^{inner}$"
    # Without its anchors: Python's $ also matches before a final line break.
    return st.from_regex(re.compile(inner if anchored else pattern, re.ASCII), fullmatch=anchored, alphabet=ASCII)


def _range(bounds: Mapping[str, float], what: str, span: int) -> tuple[int, int]:
    least = int(bounds.get(f"min{what}", 0))
    return least, int(min(bounds.get(f"max{what}", math.inf), least + span))


def _limits(bounds: Mapping[str, float]) -> tuple[float, float]:
    low = bounds.get("minimum", -math.inf)
    above = bounds.get("exclusiveMinimum", -math.inf)
    if math.isinf(max(low, above)):
        low = min(0, bounds.get("maximum", 0) - SPAN) if "maximum" in bounds else 0
    return max(low, above), bounds.get("maximum", max(low, above) + SPAN)


def _integer(bounds: Mapping[str, float]) -> SearchStrategy[int]:
    low, high = _limits(bounds)
    first = math.floor(low) + 1 if bounds.get("exclusiveMinimum", -math.inf) >= low else math.ceil(low)
    return st.integers(first, math.floor(high))


def _number(bounds: Mapping[str, float]) -> SearchStrategy[float]:
    """Numbers with two decimals, and whole numbers: every JSON library keeps them exactly."""
    low, high = _limits(bounds)
    first = math.ceil(low * 100) + (bounds.get("exclusiveMinimum") == low)
    hundredths = st.integers(first, math.floor(high * 100)).map(lambda number: number / 100)
    whole = range(math.ceil(low) + (bounds.get("exclusiveMinimum") == low), math.floor(high) + 1)
    return st.one_of(hundredths, st.sampled_from(whole)) if whole else hundredths
