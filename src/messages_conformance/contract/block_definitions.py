"""The content blocks, deltas and events in schemas/: their names, and how each delta changes its block."""

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
    """How one type of delta changes its block: the delta's member `field` goes into the block's member `into`.

    `how`: `append` concatenates strings, `replace` overwrites, `collect` appends to an array (a new one if it is absent
    or null), `json` concatenates strings and parses them at the end of the block; an empty text means `{}`.
    """

    field: str
    into: str
    how: How


@dataclass(frozen=True, kw_only=True)
class BlockType:
    """One type of content block: whether it is valid in a request and in a response, and its deltas in a stream."""

    name: str
    request: bool
    response: bool
    deltas: Mapping[str, DeltaEffect]


@cache
def block_types() -> Mapping[str, BlockType]:
    """All types of content blocks in schemas/blocks, by name."""
    files = resources.names("schemas/blocks", ".json")
    return MappingProxyType({item.name: item for item in map(_block_type, files)})


@cache
def delta_types() -> frozenset[str]:
    """The types of all deltas in schemas/deltas and schemas/blocks; a target may send others."""
    return _stems("schemas/deltas").union(*(block.deltas for block in block_types().values()))


@cache
def event_types() -> frozenset[str]:
    """The types of all stream events in schemas/events; a target may send others."""
    return _stems("schemas/events")


def _block_type(file: str) -> BlockType:
    data: dict[str, Any] = json.loads(resources.text(f"schemas/blocks/{file}"))
    deltas = data.get("stream", {}).get("deltas", {})
    return BlockType(
        name=data["title"],
        request="request" in data["$defs"],
        response="response" in data["$defs"],
        deltas=MappingProxyType({name: DeltaEffect(**effect) for name, effect in deltas.items()}),
    )


def _stems(folder: str) -> frozenset[str]:
    return frozenset(name.removesuffix(".json") for name in resources.names(folder, ".json"))
