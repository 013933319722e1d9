"""Reads the tokens that a response reports; a lower bound where it reports nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from messages_conformance.exchange import Response, StreamEvent

START_WITHIN_EVENTS = 8
"""message_start is looked for in the first events only: it is the first event, apart from pings."""

MAX_TOKENS = 10**9
"""A larger count is believed up to here: a report must be able to hold the sums of a run (origin: our own)."""


def reported_tokens(response: Response) -> tuple[int | None, int | None]:
    """Input and output tokens in the usage of a response; None for a count that it does not report.

    A refusal costs nothing: (0, 0).
    """
    if not 200 <= response.status < 300:
        return 0, 0
    if response.is_event_stream:
        return _streamed_tokens(response.events)
    usage = _mapping(response.fields.get("usage"))
    return _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))


def _streamed_tokens(events: Sequence[StreamEvent]) -> tuple[int | None, int | None]:
    """The counts of the last message_delta, which are cumulative, else the input tokens of message_start."""
    end = next((event for event in reversed(events) if event.type == "message_delta"), None)
    start = next((event for event in events[:START_WITHIN_EVENTS] if event.type == "message_start"), None)
    last_usage = {} if end is None else _mapping(end.fields.get("usage"))
    first_usage = {} if start is None else _mapping(_mapping(start.fields.get("message")).get("usage"))
    input_tokens = _count(last_usage.get("input_tokens"))
    if input_tokens is None:
        input_tokens = _count(first_usage.get("input_tokens"))
    return input_tokens, _count(last_usage.get("output_tokens"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
    return min(value, MAX_TOKENS) if is_count else None
