"""The prompt cache: what a request marks with cache_control is written once and read from then on."""

from __future__ import annotations

import json
from collections.abc import Mapping, MutableMapping
from typing import Any

from messages_conformance.reference.message import as_list, as_object, input_tokens
from messages_conformance.reference.model import Model

MIN_CACHED_TOKENS = 1024
"""Shorter beginnings are not cached; the real minimum is 512 to 4096, by model."""

PARTS = ("tools", "system", "messages")
Body = Mapping[str, Any]


def billed(answer: Mapping[str, Any], body: Body, model: Model, memory: MutableMapping[str, Any]) -> dict[str, Any]:
    """The answer with its input counted in three parts: written to the cache, read from it, and the rest."""
    beginning = marked(body)
    cached = input_tokens(beginning, model) if beginning else 0
    if cached < MIN_CACHED_TOKENS:
        return dict(answer)
    key = json.dumps([body.get("model"), beginning], sort_keys=True)
    known: set[str] = memory.setdefault("cache", set())
    usage = answer["usage"]
    counts = {"input_tokens": max(0, usage["input_tokens"] - cached)}
    if key in known:
        counts["cache_read_input_tokens"] = cached
    else:
        counts["cache_creation_input_tokens"] = cached
        counts["cache_creation"] = {"ephemeral_5m_input_tokens": cached, "ephemeral_1h_input_tokens": 0}
    known.add(key)
    return {**answer, "usage": {**usage, **counts}}


def marked(body: Body) -> Body:
    """The part of a request up to its last breakpoint, in the order tools, system, messages; empty without one."""
    if as_object(body.get("cache_control")):
        return {name: body[name] for name in PARTS if name in body}
    for place in (2, 1, 0):
        name = PARTS[place]
        held = as_list(body.get(name))
        kept = up_to_breakpoint_in_turns(held) if name == "messages" else up_to_breakpoint(held)
        if kept:
            return {**{before: body[before] for before in PARTS[:place] if before in body}, name: kept}
    return {}


def up_to_breakpoint(items: list[Any]) -> list[Any]:
    last = max((at for at, item in enumerate(items) if as_object(item).get("cache_control")), default=-1)
    return items[: last + 1]


def up_to_breakpoint_in_turns(turns: list[Any]) -> list[Any]:
    for at in reversed(range(len(turns))):
        kept = up_to_breakpoint(as_list(as_object(turns[at]).get("content")))
        if kept:
            return [*turns[:at], {**turns[at], "content": kept}]
    return []
