"""What one answer shows: what the same request got alone, its times, and its tokens."""

from __future__ import annotations

import itertools
import re
from typing import Final

from messages_conformance.exchange import COMPLETE, Alone, Exchange
from messages_conformance.load.mix import Kind
from messages_conformance.load.received import Received
from messages_conformance.load.times import Times
from messages_conformance.rules.accessors import (
    closing_usage,
    count,
    has_message,
    streamed,
    total_input,
    walk_of,
)
from messages_conformance.rules.under_load import visible

INPUT_TOKENS: Final = re.compile(rb'"(?:cache_creation_|cache_read_)?input_tokens": ?(\d{1,9})')
OUTPUT_TOKENS: Final = re.compile(rb'"output_tokens": ?(\d{1,9})')
DELTA: Final = b"content_block_delta"

LEAST_RATED_TOKENS: Final = 8
LEAST_WRITING_S: Final = 0.01
"""Fewer tokens, or tokens in less time, have no rate (our own)."""


def alone(exchange: Exchange) -> Alone:
    """What a request got alone."""
    response = exchange.response
    if response is None or not exchange.succeeded or not has_message(exchange):
        return Alone(accepted=False, complete=False)
    usage = closing_usage(exchange)
    times_s = [event.at_s for event in walk_of(exchange).events if DELTA.decode() == event.type]
    return Alone(
        accepted=True,
        complete=response.ending == COMPLETE and (not streamed(exchange) or walk_of(exchange).complete),
        input_tokens=total_input(usage) or None,
        output_tokens=count(usage, "output_tokens") or None,
        characters=len(visible(exchange)),
        spread_s=times_s[-1] - times_s[0] if times_s else 0.0,
        elapsed_s=response.ended_at_s,
    )


def tokens_of(received: Received) -> tuple[int, int]:
    """The input and output tokens that an answer states, the last of each; 0 without any."""
    body = b"".join(data for _, data in received.chunks)
    inputs, outputs = INPUT_TOKENS.findall(body), OUTPUT_TOKENS.findall(body)
    return (max(map(int, inputs), default=0), int(outputs[-1]) if outputs else 0)


def add_times(times: Times, kind: Kind, received: Received, output_tokens: int) -> None:
    """Adds the times of an answer with success."""
    group = f"{kind.size}, {kind.form}"
    times.add("ttfb", group, received.first_byte_s)
    times.add("total", group, received.ended_at_s)
    if not kind.request.streamed:
        return
    content_s = next((at_s for at_s, data in received.chunks if DELTA in data), None)
    if content_s is None:
        return
    times.add("ttft", group, content_s)
    moments = [at_s for at_s, _ in received.chunks]
    gaps = [later - earlier for earlier, later in itertools.pairwise(moments)]
    if gaps:
        times.add("gap", group, max(gaps))
    writing_s = moments[-1] - content_s
    if output_tokens >= LEAST_RATED_TOKENS and writing_s >= LEAST_WRITING_S:
        times.add("tps", group, output_tokens / writing_s)
