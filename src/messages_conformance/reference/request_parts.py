"""Reads parts of a request's body that may have any form: turns, content blocks, tools and the tool choice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def turns(body: Mapping[str, Any]) -> list[Json]:
    """The messages that are objects."""
    messages = body.get("messages")
    return [turn for turn in messages if isinstance(turn, dict)] if isinstance(messages, list) else []


def blocks(body: Mapping[str, Any], *kinds: str) -> list[Json]:
    """The content blocks of all messages; only those of some kinds if any are named."""
    contents = [turn.get("content") for turn in turns(body)]
    found: list[Any] = [block for content in contents if isinstance(content, list) for block in content]
    return [block for block in found if isinstance(block, dict) and (not kinds or block.get("type") in kinds)]


def tools(body: Mapping[str, Any]) -> list[Json]:
    """The tools that are objects."""
    listed = body.get("tools")
    return [tool for tool in listed if isinstance(tool, dict)] if isinstance(listed, list) else []


def object_of(body: Mapping[str, Any], name: str) -> Json:
    """The member of that name; an empty object if it is absent or of another type."""
    value = body.get(name)
    return value if isinstance(value, dict) else {}
