"""Reads the tokens that a response reports; a lower bound where it reports nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import MESSAGES_PATH, Request, Response, StreamEvent

START_WITHIN_EVENTS = 8
"""message_start is looked for in the first events only: it is the first event, apart from pings."""

MAX_TOKENS = 10**9
"""A larger count is believed up to here: a report must be able to hold the sums of a run (origin: our own)."""


BYTES_PER_TOKEN: Final = 2
"""A low estimate, so that the token count is high. Tokenizers need 3 to 4 bytes for a token of English, JSON or code
(origin: our own measurement of the suites' bodies). This is less, to allow for other tokenizers and scripts."""

ADDED_TOKENS: Final = 600
"""The tokens that a target adds to a request: its chat template, and a prompt about tools. The prompt has up to 530
tokens (origin: the vendor's documentation of tool use, pricing)."""

MEDIA_TOKENS: Final = 3_000
"""An image or a page of a document, of any size (origin: documentation of vision and PDF: up to 1,600 and 3,000)."""

CACHE_WRITE: Final = 1.25
CACHE_READ: Final = 0.1
"""What a token that is written to a cache, or read from it, costs of an input token (platform.claude.com/docs/en/about-
claude/pricing, read 2026-11-30; a write for an hour costs 2)."""


def most_input_tokens(request: Request) -> int:
    """More input tokens than any known tokenizer makes of the request; 0 for a request that creates no message."""
    if request.method != "POST" or request.route != MESSAGES_PATH:
        return 0
    return len(request.body) // BYTES_PER_TOKEN + ADDED_TOKENS + request.body.count(b'"media_type"') * MEDIA_TOKENS


def priced_input_tokens(response: Response) -> float | None:
    """Input tokens as they are billed: with the share that tokens of a cache cost. None when none are reported."""
    plain, _ = reported_tokens(response)
    if plain is None or not 200 <= response.status < 300:
        return plain
    usage = _last_usage(response)
    written, read = _count(usage.get("cache_creation_input_tokens")), _count(usage.get("cache_read_input_tokens"))
    return plain + CACHE_WRITE * (written or 0) + CACHE_READ * (read or 0)


def _last_usage(response: Response) -> Mapping[str, Any]:
    """The usage of a message, with the counts of message_delta before those of message_start."""
    if not response.is_event_stream:
        return _mapping(response.fields.get("usage"))
    found: dict[str, Any] = {}
    for event in response.events:
        if event.type == "message_start":
            found |= _mapping(_mapping(event.fields.get("message")).get("usage"))
        elif event.type == "message_delta":
            found |= _mapping(event.fields.get("usage"))
    return found


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
