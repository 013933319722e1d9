"""The rule for the counts of cached input tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    count,
    has_message,
    in_message,
    json_key,
    once_per_exchange,
    response_of,
    total_input,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, MISBILLS, RUN, rule
from messages_conformance.rules.paired_requests import without_cache_control
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, Finding, Unverified

CACHE_SLACK_TOKENS: Final = 10
CACHE_SLACK_SHARE: Final = 0.05
"""Two counts of the same prompt may differ by this, whichever is more (figures of adjacent.count_tokens.approx)."""


@once_per_exchange
def _prompt_key(exchange: Exchange) -> bytes:
    """The request fields that the size of a prompt depends on, as a key for comparison."""
    names = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")
    fields = exchange.request.fields
    return json_key(without_cache_control({name: fields[name] for name in names if name in fields}))


def _sizes(exchanges: Sequence[Exchange]) -> dict[bytes, tuple[int, Exchange]]:
    """The size of each prompt and the exchange that shows it: a count, or a message without caching."""
    sizes: dict[bytes, tuple[int, Exchange]] = {}
    for exchange in exchanges:
        if exchange.request.route.endswith("/count_tokens") and exchange.succeeded:
            tokens = count(response_of(exchange).fields, "input_tokens")
        elif has_message(exchange) and b"cache_control" not in exchange.request.body:
            tokens = total_input(usage_of(exchange))
        else:
            continue
        if tokens > 0:
            sizes.setdefault(_prompt_key(exchange), (tokens, exchange))
    return sizes


@rule(
    "usage.cache.exclusive-buckets",
    MUST,
    harm=MISBILLS,
    families={ANTHROPIC},
    needs={"prompt-caching"},
    source=f"{sources.CACHING}; {sources.sdk('types/message.py, usage')}",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="A long prompt with cache_control is sent twice, and also to count_tokens.",
)
def counts_cached_tokens_once(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """input_tokens excludes tokens written to the cache or read from it: the total is the sum of the three counts."""
    sizes, pairs = _sizes(exchanges), 0
    for exchange in exchanges:
        if not has_message(exchange) or _prompt_key(exchange) not in sizes:
            continue
        usage = usage_of(exchange)
        size, control = sizes[_prompt_key(exchange)]
        slack = max(CACHE_SLACK_TOKENS, CACHE_SLACK_SHARE * size)
        cached = total_input(usage) - count(usage, "input_tokens")
        # Other rules judge a count that is smaller than the part of the prompt that was cached.
        if b"cache_control" not in exchange.request.body or cached <= slack or size < cached - slack:
            continue
        pairs += 1
        if abs(count(usage, "input_tokens") - size) <= slack:
            found = (
                f"{usage['input_tokens']}, in addition to {cached} cached tokens (exchange {control.number}: {size})"
            )
            place = in_message(exchange, "/usage/input_tokens")
            yield Finding(exchange=exchange.number, place=place, found=found, wanted=f"about {max(0, size - cached)}")
            return
    if not pairs:
        yield Unverified(reason="nothing was cached: the prompt is below the minimum of this model, or caching is off")
