"""The tokens that an answer says it took; a lower bound where it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from messages_conformance.exchange import Response


def reported_tokens(response: Response) -> tuple[int | None, int | None]:
    """Input and output tokens as the answer's usage reports them; None for what it does not report."""
    if not 200 <= response.status < 300:
        return 0, 0
    if response.is_event_stream:
        return _streamed(response)
    usage = _mapping(response.fields.get("usage"))
    return _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))


def _streamed(response: Response) -> tuple[int | None, int | None]:
    """Usage is cumulative: the last message_delta counts, and message_start for what it leaves out."""
    told: list[Mapping[str, Any]] = []
    last = next((event for event in reversed(response.events) if event.type == "message_delta"), None)
    if last is not None:
        told.append(_mapping(last.fields.get("usage")))
    first = next((event for event in response.events[:8] if event.type == "message_start"), None)
    input_tokens = _first_count(told + _of_start(first), "input_tokens")
    return input_tokens, _first_count(told, "output_tokens")


def _of_start(event: Any) -> list[Mapping[str, Any]]:
    return [] if event is None else [_mapping(_mapping(event.fields.get("message")).get("usage"))]


def _first_count(usages: list[Mapping[str, Any]], name: str) -> int | None:
    return next((count for usage in usages if (count := _count(usage.get(name))) is not None), None)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
