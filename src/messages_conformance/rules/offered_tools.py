"""The tools that a request offers: those of `tools`, and those that a message adds to the conversation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from messages_conformance.exchange import Exchange

STORED: Final = frozenset({"thread", "container", "mcp_servers"})
"""Fields of requests that may bring tools and documents which the request does not show."""

ADDITION: Final = "tool_addition"
"""A block in a message with the role system; its tool is a definition, or the name of one of `tools` (documentation,
"Mid-conversation system messages"; recorded traffic of 2026-10)."""


def offered_tools(exchange: Exchange) -> list[Mapping[str, Any]]:
    """The definitions of all tools that the model may call."""
    return [*_objects(exchange.request.fields.get("tools")), *_added(exchange)]


def may_offer_tools(exchange: Exchange) -> bool:
    """Whether the request has a tool, or names something stored that may have one."""
    fields = exchange.request.fields
    return bool(fields.get("tools")) or bool(STORED & fields.keys()) or any(_additions(exchange))


def _additions(exchange: Exchange) -> Iterator[Mapping[str, Any]]:
    """The tools in the tool_addition blocks of all messages: definitions and references."""
    for turn in _objects(exchange.request.fields.get("messages")):
        for block in _objects(turn.get("content")):
            if block.get("type") == ADDITION:
                tool = block.get("tool")
                yield tool if isinstance(tool, Mapping) else {}


def _added(exchange: Exchange) -> Iterator[Mapping[str, Any]]:
    definitions = (tool.get("definition") for tool in _additions(exchange))
    return (definition for definition in definitions if isinstance(definition, Mapping))


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
