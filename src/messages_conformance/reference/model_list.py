"""The models that the reference endpoint offers, and the answers of /v1/models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from messages_conformance.reference.failures import Failure

MODELS = (
    "reference-1",
    "reference-1-mini",
    "claude-opus-4-5",
    "anthropic/claude-opus-4-5",
    "anthropic/claude-sonnet-4-5",
    "openai/gpt-5-mini",
    "deepseek/deepseek-v3",
)
"""Newest first. Plain names and names with a provider's prefix are different models."""

NEWEST = datetime(2026, 9, 1, tzinfo=UTC)
DEFAULT_LIMIT = 20
MAX_LIMIT = 1000


def item(names: Sequence[str], name: str) -> dict[str, Any]:
    """The description of one model."""
    created = NEWEST - timedelta(days=30 * list(names).index(name))
    return {
        "type": "model",
        "id": name,
        "display_name": name.rpartition("/")[2].replace("-", " ").title(),
        "created_at": created.isoformat().replace("+00:00", "Z"),
        "max_input_tokens": 200_000,
        "max_tokens": 128_000,
    }


def vendors(names: Sequence[str]) -> dict[str, Any]:
    """The list of models of all vendors, as gateways show it at /v1beta/models."""
    items = [
        {"id": name, "object": "model", "created": 1_788_220_800, "owned_by": name.partition("/")[0]} for name in names
    ]
    return {"object": "list", "data": items}


LIFECYCLES = ("active", "deprecated", "retired")


def page_failures(query: Mapping[str, list[str]]) -> Iterator[Failure]:
    """Why the query of a list request is refused."""
    lifecycles = [*query.get("lifecycle", ()), *query.get("lifecycle[]", ())]
    if any(name not in LIFECYCLES for value in lifecycles for name in value.split(",")):
        yield Failure(message=f"lifecycle: Input should be of {', '.join(LIFECYCLES)}")
    yield from limit_failures(query, "adjacent.models.limit")


def limit_failures(query: Mapping[str, list[str]], requirement: str) -> Iterator[Failure]:
    """Why the limit of a list is refused."""
    limit = query.get("limit", [str(DEFAULT_LIMIT)])[-1]
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= MAX_LIMIT:
        yield Failure(message=f"limit: Input should be an integer from 1 to {MAX_LIMIT}", requirement=requirement)


def page_size(query: Mapping[str, list[str]]) -> int:
    """The number of items of a page."""
    limit = query.get("limit", [""])[-1]
    return int(limit) if limit.isascii() and limit.isdigit() else DEFAULT_LIMIT


def page(names: Sequence[str], query: Mapping[str, list[str]]) -> dict[str, Any]:
    """One page of the list. A cursor that names no model has no effect.

    Every model is active, so a page without active ones is empty.
    """
    stages = [
        name for value in (*query.get("lifecycle", ()), *query.get("lifecycle[]", ())) for name in value.split(",")
    ]
    names = names if not stages or "active" in stages else ()
    size = page_size(query)
    after, before = query.get("after_id", [None])[-1], query.get("before_id", [None])[-1]
    if before in names:
        candidates = list(names[: names.index(before)])
        shown, more = candidates[-size:] if size else [], len(candidates) > size
    else:
        candidates = list(names[names.index(after) + 1 :] if after in names else names)
        shown, more = candidates[:size], len(candidates) > size
    return {
        "data": [item(names, name) for name in shown],
        "has_more": more,
        "first_id": shown[0] if shown else None,
        "last_id": shown[-1] if shown else None,
    }
