"""The schemas as one set of documents: the files of schemas/, and the unions that are assembled out of its folders.

A union is a document that no file holds: all content blocks of a request, all deltas, all events ... A new file in
blocks/, deltas/ or events/ is therefore in every union by itself. Every union is a `oneOf` over constant types with a
`discriminator` beside it; where the API may add variants, the last branch takes any type that is not listed.

Every `$ref` is made absolute here, so that a reference means the same wherever it is read.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Any
from urllib.parse import urldefrag, urljoin

from messages_conformance import resources

BASE_URI = "https://messages-conformance.invalid/schemas/"
API_VERSIONS = ("2023-06-01", "2026-10-21")
"""The two live API versions, oldest first (api/versioning): schemas/request.json, and its overlay in versions/."""


class ContractError(LookupError):
    """The contract has no such name, or a data file is malformed. The message lists what is valid."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


def unknown(kind: str, name: str, valid: Iterable[str], *, place: str = "") -> ContractError:
    """The error for a `name` that is not in `valid`: it lists all valid names, and the most similar one first.

    `place` is the file with the name, if there is one.
    """
    known = sorted(valid)
    near = get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    start = f"{place}: " if place else ""
    return ContractError(f"{start}unknown {kind} {name!r}.{hint} Valid: {', '.join(known) or 'none'}.")


# Files of schemas/ that are not part of the contract's own web of references.
_APART = frozenset({"proof.json", "report.json", "tables.json"})


@dataclass(frozen=True, kw_only=True)
class _Union:
    folder: str
    role: str | None  # the member of $defs that takes part, or None for the whole file
    tolerant: bool  # unknown types are legal


_UNIONS: Mapping[str, _Union] = MappingProxyType(
    {
        "unions/response-blocks.json": _Union(folder="blocks", role="response", tolerant=True),
        "unions/start-blocks.json": _Union(folder="blocks", role="start", tolerant=True),
        "unions/request-blocks.json": _Union(folder="blocks", role="request", tolerant=False),
        "unions/tool-result-blocks.json": _Union(folder="blocks", role="tool_result", tolerant=False),
        "unions/document-blocks.json": _Union(folder="blocks", role="document", tolerant=False),
        "unions/deltas.json": _Union(folder="deltas", role=None, tolerant=True),
        "unions/events.json": _Union(folder="events", role=None, tolerant=True),
    }
)

_NAMED: Mapping[str, str] = MappingProxyType(
    {
        "response": "response.json",
        "request": "request.json",
        "error": "error.json",
        "usage": "usage.json",
        "count_tokens": "count_tokens.json",
        "count_tokens/request": "count_tokens.json#/$defs/request",
        "models": "models.json",
        "model": "models.json#/$defs/item",
        "event": "unions/events.json",
        "delta": "unions/deltas.json",
        "blocks/response": "unions/response-blocks.json",
        "blocks/request": "unions/request-blocks.json",
        "blocks/start": "unions/start-blocks.json",
    }
)
# What an API version changes: the same names, at another place.
_OVERLAID: Mapping[str, str] = MappingProxyType({"request": "", "count_tokens/request": "#/$defs/count_tokens"})


@cache
def documents() -> Mapping[str, Mapping[str, Any]]:
    """Absolute URI -> schema, for every file and every union, with absolute references."""
    files = (name for name in resources.names("schemas", ".json") if name not in _APART)
    found = {BASE_URI + name: _load(name) for name in files}
    return MappingProxyType(found | {BASE_URI + name: _assemble(name, union, found) for name, union in _UNIONS.items()})


@cache
def schema_names() -> tuple[str, ...]:
    """The names that `valid` and `explain` know, sorted."""
    parts = (name.removesuffix(".json") for name in resources.names("schemas", ".json"))
    return tuple(sorted({*_NAMED, *(name for name in parts if name.startswith(("events/", "deltas/")))}))


@cache
def uri(name: str, api_version: str) -> str:
    """Where the schema called `name` is under `api_version`; a ContractError that lists the valid ones otherwise."""
    if name not in schema_names():
        raise unknown("schema", name, schema_names())
    if api_version not in API_VERSIONS:
        raise unknown("API version", api_version, API_VERSIONS)
    if name in _OVERLAID and api_version != API_VERSIONS[0]:
        return f"{BASE_URI}versions/{api_version}.json{_OVERLAID[name]}"
    return BASE_URI + _NAMED.get(name, f"{name}.json")


def schema(name: str, *, api_version: str = API_VERSIONS[0]) -> Mapping[str, Any]:
    """The schema called `name`, as JSON Schema 2020-12 with absolute references; `lookup` follows them."""
    return lookup(uri(name, api_version))


@cache
def lookup(reference: str) -> Mapping[str, Any]:
    """The schema that an absolute reference points at."""
    document, fragment = urldefrag(reference)
    found: Any = documents()[document]
    for step in filter(None, fragment.split("/")):
        found = found[step]
    result: Mapping[str, Any] = found
    return result


def annotated_requirements() -> frozenset[str]:
    """The requirements that some place in the schemas names."""
    return frozenset(
        node["requirement"]
        for document in documents().values()
        for node in _nodes(document)
        if isinstance(node.get("requirement"), str)
    )


def _load(name: str) -> dict[str, Any]:
    read: dict[str, Any] = _absolute(json.loads(resources.text(f"schemas/{name}")), BASE_URI + name)
    # A document that names its dialect makes jsonschema take that dialect's own class, without what `problems` adds.
    read.pop("$schema")
    return read


def _absolute(node: Any, base: str) -> Any:
    if isinstance(node, list):
        return [_absolute(item, base) for item in node]
    if not isinstance(node, dict):
        return node
    moved = {key: _absolute(value, base) for key, value in node.items()}
    if isinstance(node.get("$ref"), str):
        moved["$ref"] = urljoin(base, node["$ref"])
    if isinstance(node.get("discriminator"), dict):
        mapping = node["discriminator"]["mapping"]
        moved["discriminator"]["mapping"] = {kind: urljoin(base, target) for kind, target in mapping.items()}
    return moved


def _assemble(name: str, union: _Union, files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    start = f"{BASE_URI}{union.folder}/"
    mine = (location for location in files if location.startswith(start))
    members = {location.removeprefix(start).removesuffix(".json"): location for location in mine}
    if union.role is not None:
        members = {
            kind: f"{location}#/$defs/{union.role}"
            for kind, location in members.items()
            if union.role in files[location]["$defs"]
        }
    branches: list[dict[str, Any]] = [{"$ref": location} for location in members.values()]
    return {
        "$id": BASE_URI + name,
        "oneOf": [*branches, _unknown_type(list(members))] if union.tolerant else branches,
        "discriminator": {"propertyName": "type", "mapping": members},
    }


def _unknown_type(known: list[str]) -> dict[str, Any]:
    return {
        "title": "a type that this contract does not know",
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"type": "string", "not": {"enum": known}}},
    }


def _nodes(node: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(node, list):
        for item in node:
            yield from _nodes(item)
    if isinstance(node, Mapping):
        yield node
        for value in node.values():
            yield from _nodes(value)
