"""The schemas as one set of documents: the files of schemas/, unions of the files in a folder, and derived deltas.

A union is a document without a file: all content blocks of a request, all deltas, all events and so on. A new file in
blocks/, deltas/ or events/ is in its unions without any other change. Every union is a `oneOf` over constant types with
a `discriminator`. If the API may add types, the last branch accepts every type that is not listed.

A delta needs a file in deltas/ only if it has more members than the block file names, or a requirement of its own.

This module makes every `$ref` absolute, so that a reference has the same meaning in every document.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urldefrag, urljoin

from messages_conformance import resources

BASE_URI = "https://messages-conformance.invalid/schemas/"
API_VERSIONS = ("2023-06-01", "2026-10-21")
"""The two live API versions, oldest first (api/versioning). The older one is schemas/request.json; versions/ has the
changes of the newer one."""


ACCUMULATED: Final = "stream.final.equals-nonstream-shape"
"""The requirement that a wrong value in a delta violates if it has none of its own: the message would be invalid."""


class ContractError(LookupError):
    """The contract has no such name, or a data file is malformed. The message lists what is valid."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


NAME_CHARACTERS: Final = 100
"""A message quotes at most this much of a wrong name (our own choice: no name is half as long)."""


def unknown(kind: str, name: str, valid: Iterable[str], *, place: str = "") -> ContractError:
    """The error for a `name` that is not in `valid`: it lists all valid names, and the most similar one first.

    `place` is the file with the name, if there is one.
    """
    known = sorted(valid)
    name = name if len(name) <= NAME_CHARACTERS else f"{name[:NAME_CHARACTERS]}…"
    near = get_close_matches(name, known, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    start = f"{place}: " if place else ""
    return ContractError(f"{start}unknown {kind} {name!r}.{hint} Valid: {', '.join(known) or 'none'}.")


# Files of schemas/ that are not JSON Schemas of the API.
_APART = frozenset(
    {"client_predictions.json", "client_trials.json", "clients.json", "fleet.json", "proof.json", "report.json"}
    | {"tables.json"}
)


@dataclass(frozen=True, kw_only=True)
class _Union:
    folder: str
    role: str | None  # the member of $defs that belongs to the union, or None for the whole file
    tolerant: bool  # unknown types are valid


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
# The schemas that an API version changes: name -> place in the file of the version.
_OVERLAID: Mapping[str, str] = MappingProxyType({"request": "", "count_tokens/request": "#/$defs/count_tokens"})


@cache
def documents() -> Mapping[str, Mapping[str, Any]]:
    """Absolute URI -> schema, for every file, every derived delta and every union, with absolute references."""
    files = (name for name in resources.names("schemas", ".json") if name not in _APART)
    loaded = {BASE_URI + name: _load(name) for name in files}
    found = _derived_deltas(loaded) | loaded
    return MappingProxyType(found | {BASE_URI + name: _assemble(name, union, found) for name, union in _UNIONS.items()})


@cache
def schema_names() -> tuple[str, ...]:
    """The schema names that `valid` and `explain` take, sorted."""
    parts = (location.removeprefix(BASE_URI).removesuffix(".json") for location in documents())
    return tuple(sorted({*_NAMED, *(name for name in parts if name.startswith(("events/", "deltas/")))}))


@cache
def uri(name: str, api_version: str) -> str:
    """The absolute URI of the schema called `name` under `api_version`.

    A ContractError lists the valid names and versions if one of the two is unknown.
    """
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
    """The schema at an absolute reference."""
    document, fragment = urldefrag(reference)
    found: Any = documents()[document]
    for step in filter(None, fragment.split("/")):
        found = found[step]
    result: Mapping[str, Any] = found
    return result


def annotated_requirements() -> frozenset[str]:
    """Every requirement that an annotation in the schemas names."""
    return frozenset(
        node["requirement"]
        for document in documents().values()
        for node in _nodes(document)
        if isinstance(node.get("requirement"), str)
    )


def _load(name: str) -> dict[str, Any]:
    read: dict[str, Any] = _absolute(json.loads(resources.text(f"schemas/{name}")), BASE_URI + name)
    # With `$schema`, jsonschema would use the class of that dialect, without what the module `problems` adds.
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


def _derived_deltas(files: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The schema of every delta that a file in blocks/ names."""
    return {
        f"{BASE_URI}deltas/{kind}.json": _delta(kind, effect, block)
        for location, block in files.items()
        if location.startswith(f"{BASE_URI}blocks/")
        for kind, effect in block.get("stream", {}).get("deltas", {}).items()
    }


def _delta(kind: str, effect: Mapping[str, str], block: Mapping[str, Any]) -> dict[str, Any]:
    into = f"{block['$id']}#/$defs/response/properties/{effect['into']}"
    values: Mapping[str, Mapping[str, Any]] = {
        "append": {"type": "string"},
        "json": {"type": "string"},
        "replace": {"$ref": into},
        "collect": {"$ref": f"{into}/items"},
    }
    return {
        "$id": f"{BASE_URI}deltas/{kind}.json",
        "title": kind,
        "type": "object",
        "required": ["type", effect["field"]],
        "properties": {
            "type": {"const": kind},
            effect["field"]: {"requirement": ACCUMULATED, **values[effect["how"]]},
        },
    }


def _assemble(name: str, union: _Union, files: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    start = f"{BASE_URI}{union.folder}/"
    members = {
        location.removeprefix(start).removesuffix(".json"): location
        for location in sorted(files)
        if location.startswith(start)
    }
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
