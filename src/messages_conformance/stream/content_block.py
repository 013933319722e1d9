"""A content block of a stream: the events that belong to it, and the content that its deltas build."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from messages_conformance.contract import BlockType, block_types, delta_types
from messages_conformance.exchange import UNPARSED, StreamEvent, parse_json


@dataclass(slots=True, eq=False)
class Block:
    """One content block as it came: its start, its deltas, its stop, its content.

    `start` is None when the walk assumed the block because an event referred to it; `type` is None when it is unknown.
    """

    index: int
    type: str | None
    start: StreamEvent | None
    content: dict[str, Any]
    excused: bool = False
    """The walk assumed the block or reported a fault of it; no later event of the block is a deviation."""
    deltas: list[StreamEvent] = field(default_factory=list)
    stop: StreamEvent | None = None
    closed: bool = False
    """Stopped by its own stop, or by an event that no open block survives."""
    superseded: bool = False
    """Another block started under the same index while this one was open."""
    json_text: str = ""
    """The concatenated partial JSON of its deltas."""
    json_into: str | None = None
    """The field of the content that the partial JSON builds."""
    pieces: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    """The values of the deltas by effect and field, joined once at the end: the cost is linear in their size."""

    @property
    def definition(self) -> BlockType | None:
        """How schemas/blocks describes this type of block; None for an unknown one."""
        return block_types().get(self.type) if self.type is not None else None

    def append(self, event: StreamEvent) -> str | None:
        """Adds a delta to the block; returns what types would fit when the contract knows that this one does not."""
        self.deltas.append(event)
        delta = event.fields.get("delta")
        kind = delta.get("type") if isinstance(delta, dict) else None
        if not isinstance(delta, dict) or not isinstance(kind, str):
            return None
        if self.type is None and self.excused:
            self.type, self.content = _only_block_with(kind)
        definition = self.definition
        if definition is None or kind not in delta_types():
            return None
        effect = definition.deltas.get(kind)
        if effect is None:
            return " or ".join(sorted(definition.deltas)) or "no delta at all"
        value = delta.get(effect.field)
        if effect.how == "replace":
            self.content[effect.into] = value
        elif effect.how == "collect" or isinstance(value, str):
            self.pieces.setdefault((effect.how, effect.into), []).append(value)
        return None

    def finish(self) -> None:
        """Joins the pieces into the content, and parses the partial JSON; text that is not JSON stays text."""
        for (how, into), pieces in self.pieces.items():
            held = self.content.get(into)
            if how == "json":
                self.json_text, self.json_into = "".join(pieces), into
            elif how == "append":
                self.content[into] = (held if isinstance(held, str) else "") + "".join(pieces)
            else:
                self.content[into] = [*(held if isinstance(held, list) else []), *pieces]
        self.pieces = {}
        if self.json_into is not None and self.json_text:
            parsed = parse_json(self.json_text)
            self.content[self.json_into] = self.json_text if parsed is UNPARSED else parsed


def started_block(event: StreamEvent, index: int) -> Block:
    """The block that a content_block_start describes."""
    described = event.fields.get("content_block")
    content = copy.deepcopy(described) if isinstance(described, dict) else {}
    kind = content.get("type")
    return Block(index=index, type=kind if isinstance(kind, str) else None, start=event, content=content)


def _only_block_with(delta_type: str) -> tuple[str | None, dict[str, Any]]:
    """The type of block that a delta belongs to, when only one type takes it, and an empty block of that type."""
    names = [name for name, definition in block_types().items() if delta_type in definition.deltas]
    if len(names) != 1:
        return None, {}
    return names[0], {"type": names[0]}
