"""Content blocks, deltas and events by name, out of schemas/: which there are, and what a delta does to a block."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from messages_conformance import resources

How = Literal["append", "replace", "collect", "json"]


@dataclass(frozen=True, kw_only=True)
class DeltaEffect:
    """What one delta type does: its member `field` goes into the block's member `into`.

    `how`: `append` concatenates strings, `replace` overwrites, `collect` appends to a list (made when absent or null),
    `json` concatenates strings and parses them when the block ends, where nothing at all means `{}`.
    """

    field: str
    into: str
    how: How


@dataclass(frozen=True, kw_only=True)
class BlockType:
    """One content block type: where it is legal, and which deltas build it in a stream."""

    name: str
    request: bool
    response: bool
    deltas: Mapping[str, DeltaEffect]
    client_tool: bool


@cache
def block_types() -> Mapping[str, BlockType]:
    """Every content block type that schemas/blocks describes, by name."""
    files = resources.names("schemas/blocks", ".json")
    return MappingProxyType({item.name: item for item in map(_block_type, files)})


@cache
def delta_types() -> frozenset[str]:
    """The delta types that schemas/deltas describes; others are to be tolerated."""
    return _stems("schemas/deltas")


@cache
def event_types() -> frozenset[str]:
    """The stream event types that schemas/events describes; others are to be tolerated."""
    return _stems("schemas/events")


def _block_type(file: str) -> BlockType:
    data: dict[str, Any] = json.loads(resources.text(f"schemas/blocks/{file}"))
    deltas = data.get("stream", {}).get("deltas", {})
    return BlockType(
        name=data["title"],
        request="request" in data["$defs"],
        response="response" in data["$defs"],
        deltas=MappingProxyType({name: DeltaEffect(**effect) for name, effect in deltas.items()}),
        client_tool=bool(data.get("client_tool", False)),
    )


def _stems(folder: str) -> frozenset[str]:
    return frozenset(name.removesuffix(".json") for name in resources.names(folder, ".json"))
