"""Lists what the official SDK has and the schemas do not: `python tools/sdk_drift.py [--check] [--typescript FOLDER]`.

The comparison walks through the SDK's types and through the schemas that describe the same things. Each line of the
output is one difference. With `--typescript`, the types are those of an installed `@anthropic-ai/sdk`. Intended
differences are in known_sdk_drift.json, each with its reason; with `--check` any other difference is exit code 1.
Without the SDK there is nothing to compare: exit code 4, and the message says how to install it.

Two annotations of the schemas matter here. `known` lists the documented values of an open set, or names the table of
schemas/tables.json that does. `beta` marks a member that exists, but that the schemas do not describe.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

import api_names
import sdk_types
import ts_declarations
import ts_types
from messages_conformance import resources
from messages_conformance.contract import documents

KNOWN: Final = Path(__file__).with_name("known_sdk_drift.json")
CLEAN, NEW, USAGE = 0, 1, 4

Kind = Literal["type", "member", "value", "null", "narrower", "required", "shape"]
Schema = Mapping[str, Any]

_TITLES: Final[Mapping[Kind, str]] = {
    "type": "the schemas have no such type",
    "member": "the schemas have no such member",
    "value": "the schemas have no such value",
    "null": "the SDK allows null, the schemas do not",
    "narrower": "the SDK allows more than the schemas do",
    "required": "the schemas require it, the SDK does not",
    "shape": "the schemas do not describe it",
}
_MERGED: Final = ("type", "const", "enum", "items", "additionalProperties", "known", "beta", "minLength")


@dataclass(frozen=True, kw_only=True, order=True)
class Difference:
    """One difference: its place, its kind, and what the SDK has there."""

    place: str
    kind: Kind
    sdk: str

    def __str__(self) -> str:
        return f"{self.kind:9} {self.place}: {self.sdk} ({_TITLES[self.kind]})"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A class of the SDK, and one shape of the schemas that describes it."""

    place: str
    cls: Any
    shape: Schema


@dataclass(frozen=True, kw_only=True)
class Drift:
    """The result of one comparison: the differences, and every class with the shape that it was compared with."""

    differences: tuple[Difference, ...]
    pairs: tuple[Pair, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """The differences of one comparison, divided by known_sdk_drift.json into new and known ones.

    `gone` are those in the file that do not exist any more.
    """

    new: tuple[Difference, ...]
    known: Mapping[Difference, str]
    gone: tuple[Difference, ...]


@cache
def drift() -> Drift:
    """The whole comparison. Raises SdkMissing if the SDK cannot be imported."""
    return drift_of(sdk_types.roots())


def drift_of(roots: Iterable[sdk_types.Root]) -> Drift:
    """The comparison of these types with the schemas."""
    walk = _Walk()
    found = [difference for root in roots for difference in walk.compare(root.type, _node(root), root.label)]
    return Drift(differences=tuple(dict.fromkeys(found)), pairs=tuple(walk.pairs.values()))


def report(found: Iterable[Difference], reasons: Mapping[Difference, str]) -> Report:
    """Divides the differences by their reasons."""
    listed = tuple(found)
    return Report(
        new=tuple(difference for difference in listed if difference not in reasons),
        known={difference: reasons[difference] for difference in listed if difference in reasons},
        gone=tuple(difference for difference in reasons if difference not in listed),
    )


@cache
def reasons() -> Mapping[Difference, str]:
    """The intended differences in known_sdk_drift.json, each with its reason."""
    data: dict[str, Any] = json.loads(KNOWN.read_text("utf-8"))
    return {
        Difference(place=place, kind=group["kind"], sdk=value): group["reason"]
        for group in data["differences"]
        for place, values in group["places"].items()
        for value in values
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints the differences. Returns 0; 1 with --check and a new difference; 4 without SDK or on wrong usage."""
    parser = _Parser(prog="python tools/sdk_drift.py", description=_HELP, allow_abbrev=False)
    parser.add_argument("--check", action="store_true", help=f"exit code 1 if {KNOWN.name} lacks a difference")
    parser.add_argument("--typescript", type=Path, metavar="FOLDER", help="node_modules/@anthropic-ai/sdk")
    parsed = parser.parse_args(arguments)
    try:
        name, found, names = _python() if parsed.typescript is None else _typescript(parsed.typescript)
    except (sdk_types.SdkMissing, ts_declarations.DeclarationError) as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return USAGE
    divided = report(found.differences, reasons())
    if parsed.typescript is not None:
        # The reasons are about the Python SDK; what the other one lacks is no news.
        divided = replace(divided, gone=())
    unread = api_names.new_names(names)
    print("\n".join([*(f"NEW   name      {one}" for one in unread), *_lines(divided, name, len(found.pairs))]))
    return NEW if parsed.check and (divided.new or unread) else CLEAN


Sdk = tuple[str, Drift, Mapping[str, set[str]]]
"""Name and version of an SDK, its comparison with the schemas, and its names by group."""


def _python() -> Sdk:
    return f"anthropic {sdk_types.version()}", drift(), api_names.names()


def _typescript(folder: Path) -> Sdk:
    sdk = ts_types.Sdk(folder)
    return f"@anthropic-ai/sdk {sdk.version}", drift_of(ts_types.roots(sdk)), ts_types.names(sdk)


class _Parser(argparse.ArgumentParser):
    """Exits with 4 on wrong usage, as all commands of this project do; argparse has 2."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"ERROR: {message}; {self.format_usage()}")


_HELP: Final = "Lists what the official SDK has and the schemas do not."


def _lines(divided: Report, name: str, classes: int) -> Iterator[str]:
    for difference in divided.new:
        yield f"NEW   {difference}"
    for difference, reason in divided.known.items():
        yield f"known {difference}: {reason}"
    for difference in divided.gone:
        yield f"gone  {difference}: remove it from {KNOWN.name}"
    yield (
        f"{name}, {classes} pairs of a class and a shape: "
        f"{len(divided.new)} new, {len(divided.known)} known, {len(divided.gone)} gone"
    )


# -- the schemas ---------------------------------------------------------------------------------------------------


def _node(root: sdk_types.Root) -> Schema:
    found: Any = documents.schema(root.schema)
    for step in filter(None, root.pointer.split("/")):
        found = found[step]
    node: Schema = found
    return node


def _shapes(node: Schema) -> tuple[Schema, ...]:
    """The alternatives of a schema, each with its references and `allOf` merged into it."""
    merged = _merged(node)
    branches = merged.get("oneOf") or ([merged["then"], merged["else"]] if "then" in merged else None)
    if branches is None:
        return (merged,)
    return tuple(shape for branch in branches for shape in _shapes(branch) if not _takes_unknown_types(shape))


def _merged(node: Schema) -> dict[str, Any]:
    found: dict[str, Any] = {"properties": {}, "required": []}
    parts = [documents.lookup(node["$ref"])] if "$ref" in node else []
    for part in (*parts, *node.get("allOf", ())):
        _add(found, _merged(part))
    _add(found, node)
    return found


def _add(found: dict[str, Any], part: Schema) -> None:
    found["properties"].update(part.get("properties", {}))
    found["required"] += [name for name in part.get("required", ()) if name not in found["required"]]
    found.update({key: part[key] for key in (*_MERGED, "oneOf", "then", "else") if key in part})


def _takes_unknown_types(shape: Schema) -> bool:
    return "not" in shape["properties"].get("type", {})


def _kinds(shape: Schema) -> frozenset[str]:
    """The JSON types that a shape takes; empty if it takes all of them."""
    if "const" in shape or "enum" in shape:
        return frozenset(_kind(value) for value in _fixed(shape))
    kinds = shape.get("type", [])
    return frozenset([kinds] if isinstance(kinds, str) else kinds)


def _kind(value: object) -> str:
    kinds = {str: "string", bool: "boolean", int: "integer", type(None): "null"}
    return kinds[type(value)]


def _fixed(shape: Schema) -> tuple[Any, ...]:
    return (shape["const"],) if "const" in shape else tuple(shape.get("enum", ()))


def _known(shape: Schema) -> tuple[Any, ...]:
    """The values that a shape names, whether the set is closed or open."""
    known = shape.get("known", ())
    if isinstance(known, str):
        values = json.loads(resources.text("schemas/tables.json"))[known]["values"]
        return tuple(values.values() if isinstance(values, dict) else values)
    return _fixed(shape) or tuple(known)


def _takes(shape: Schema, kind: str) -> bool:
    kinds = _kinds(shape)
    return not kinds or kind in kinds or (kind == "integer" and "number" in kinds)


def _key(cls: Any, shape: Schema) -> tuple[Any, str]:
    return cls, json.dumps(shape, sort_keys=True)


# -- the comparison ------------------------------------------------------------------------------------------------


@dataclass(kw_only=True)
class _Walk:
    """Compares both sides. A class is compared with a shape only once."""

    pairs: dict[tuple[Any, str], Pair] = field(default_factory=dict)

    def compare(self, annotation: Any, node: Schema, place: str) -> Iterator[Difference]:
        if _merged(node).get("beta"):
            return
        shapes, types = _shapes(node), sdk_types.alternatives(annotation)
        any_string = str in types
        for kind in types:
            if sdk_types.literals(kind):
                # In the SDK, `A, B or any string` is an open set.
                yield from () if any_string else _values(sdk_types.literals(kind), shapes, place)
            elif sdk_types.is_class(kind):
                yield from self._class(kind, shapes, place)
            elif sdk_types.item(kind) is not None:
                yield from self._array(sdk_types.item(kind), shapes, place)
            else:
                yield from _plain(sdk_types.json_kind(kind), shapes, place)

    def _array(self, inner: Any, shapes: Sequence[Schema], place: str) -> Iterator[Difference]:
        taking = [shape for shape in shapes if _takes(shape, "array")]
        if not taking:
            yield Difference(place=place, kind="narrower", sdk="array")
            return
        items = next((shape["items"] for shape in taking if "items" in shape), None)
        if items is not None:
            yield from self.compare(inner, items, place)
        elif any(sdk_types.is_class(kind) for kind in sdk_types.alternatives(inner)):
            yield Difference(place=place, kind="shape", sdk="items")

    def _class(self, cls: Any, shapes: Sequence[Schema], place: str) -> Iterator[Difference]:
        constants = sdk_types.constants(cls)
        taking = [shape for shape in shapes if _takes(shape, "object") and _chooses(shape, constants)]
        tag = f"[{_tag(constants)}]" if constants else ""
        if not taking:
            yield Difference(place=place, kind="type", sdk=_tag(constants) or cls.__name__)
        elif taking[0].get("beta"):
            return
        elif not (taking[0]["properties"] or "additionalProperties" in taking[0]):
            if sdk_types.members(cls):
                yield Difference(place=place + tag, kind="shape", sdk=cls.__name__.removesuffix("Param"))
        elif _key(cls, taking[0]) not in self.pairs:
            here = place + (tag if len(shapes) > 1 else "")
            self.pairs[_key(cls, taking[0])] = Pair(place=here, cls=cls, shape=taking[0])
            yield from self._members(cls, taking[0], here)

    def _members(self, cls: Any, shape: Schema, place: str) -> Iterator[Difference]:
        members = sdk_types.members(cls)
        for name, member in members.items():
            inner = shape["properties"].get(name, shape.get("additionalProperties"))
            if isinstance(inner, Mapping):
                yield from self.compare(member.type, inner, f"{place}/{name}")
            else:
                yield Difference(place=place, kind="member", sdk=name)
        for name in shape["required"]:
            if name not in members or not members[name].required:
                yield Difference(place=place, kind="required", sdk=name)


def _tag(constants: Mapping[str, tuple[Any, ...]]) -> str:
    return "/".join(str(values[0]) for values in constants.values())


def _chooses(shape: Schema, constants: Mapping[str, tuple[Any, ...]]) -> bool:
    """Whether a shape takes the constants that distinguish a class from the others in its union."""
    return all(
        value in known
        for name, values in constants.items()
        for known in [_known(_merged(shape["properties"].get(name, {})))]
        if known
        for value in values
    )


def _values(values: Iterable[Any], shapes: Sequence[Schema], place: str) -> Iterator[Difference]:
    named = {known for shape in shapes for known in _known(shape)}
    for value in values:
        open_set = any(_takes(shape, _kind(value)) and not _known(shape) for shape in shapes)
        # A value is a difference in an open set too: a set that lists nothing would hide every new value.
        if value not in named and not (open_set and _kind(value) == "boolean"):
            yield Difference(place=place, kind="value", sdk=str(value))


def _plain(kind: str | None, shapes: Sequence[Schema], place: str) -> Iterator[Difference]:
    if kind is None:
        return
    taking = [shape for shape in shapes if _takes(shape, kind)]
    if not taking:
        yield Difference(place=place, kind="null" if kind == "null" else "narrower", sdk=kind)
    elif kind != "null" and all(_fixed(shape) for shape in taking):
        yield Difference(place=place, kind="narrower", sdk=f"any {kind}")


if __name__ == "__main__":
    sys.exit(main())
