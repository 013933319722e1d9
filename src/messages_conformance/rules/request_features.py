"""The coarse features of a request: a refusal shows what is refused only where each of them was accepted elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from messages_conformance.exchange import REFUSED, Exchange
from messages_conformance.rules.accessors import carries_error, once_per_exchange, response_of

FIELDS: Final = (
    "context_management",
    "metadata",
    "output_config",
    "service_tier",
    "stop_sequences",
    "temperature",
    "thinking",
    "tools",
    "top_k",
    "top_p",
)
"""The optional top-level fields that are a feature as such, with any value."""


@once_per_exchange
def features(exchange: Exchange) -> frozenset[str]:
    """The names of the features that a request uses; the route is one of them."""
    return frozenset(_features(exchange.request.path.partition("?")[0], exchange.request.fields))


def is_prefilled(exchange: Exchange) -> bool:
    """Whether the last message of a request is one of the assistant, which the model continues."""
    turns = _objects(exchange.request.fields.get("messages"))
    return bool(turns) and turns[-1].get("role") == "assistant"


def _features(route: str, body: Mapping[str, Any]) -> Iterator[str]:
    yield route
    yield from (name for name in FIELDS if body.get(name) is not None)
    choice = body.get("tool_choice")
    if isinstance(choice, Mapping):
        yield f"tool_choice.{choice.get('type')}"
    if body.get("stream") is True:
        yield "stream"
    if body.get("system") is not None:
        yield "system" if isinstance(body["system"], str) else "system.blocks"
    if "'cache_control'" in str({name: body.get(name) for name in ("tools", "system", "messages")}):
        yield "cache_control"
    for tool in _objects(body.get("tools")):
        if tool.get("type") not in (None, "custom"):
            yield f"tool.{tool['type']}"
    turns = _objects(body.get("messages"))
    for turn in turns:
        yield f"role.{turn.get('role')}"
        yield from _kinds(turn.get("content"), f"{turn.get('role')}.")
        yield from _make_up(turn)
    for turn, following in pairwise(turns):
        if turn.get("role") == following.get("role"):
            yield f"two turns of {turn.get('role')}"


def _make_up(turn: Mapping[str, Any]) -> Iterator[str]:
    """Whether the content of a turn is text blocks only, or has several tool results."""
    kinds = [block.get("type") for block in _objects(turn.get("content"))]
    if set(kinds) == {"text"}:
        yield f"{turn.get('role')} in text blocks"
    if kinds.count("tool_result") > 1:
        yield "several tool results"


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []


def _kinds(content: object, role: str = "") -> Iterator[str]:
    """The types of content blocks, with the role for text; those inside other blocks included, without it."""
    for block in _objects(content):
        yield f"block.{role if block.get('type') == 'text' else ''}{block.get('type')}"
        if isinstance(block.get("content"), list):
            yield f"block.{block.get('type')} in blocks"
        yield from _kinds(block.get("content"))


def accepted(exchange: Exchange) -> bool:
    """A valid request was answered with success."""
    return exchange.expect != REFUSED and response_of(exchange).status < 400 and not carries_error(exchange)


def not_accepted_elsewhere(
    exchange: Exchange, others: Iterable[Exchange], *, without: frozenset[str] = frozenset()
) -> Sequence[str]:
    """The features of a request that no other request of these was accepted with, in alphabetical order."""
    known: set[str] = set()
    for other in others:
        if accepted(other):
            # That `"tools": []` is accepted does not show that tools are.
            known |= features(other) - {name for name in FIELDS if other.request.fields.get(name) == []}
    return sorted(features(exchange) - known - without)
