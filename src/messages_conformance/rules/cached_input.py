"""Rules for the counts of cached input tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    count,
    has_message,
    in_message,
    input_of,
    json_key,
    once_per_exchange,
    response_of,
    streamed,
    total_input,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, MISBILLS, RUN, rule
from messages_conformance.rules.model_passes import may_take_several_passes
from messages_conformance.rules.paired_requests import without_cache_control
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.stream.stream_accessors import usages_of
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Unverified

CACHE_SLACK_TOKENS: Final = 10
READ: Final = "cache_read_input_tokens"
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
            tokens = input_of(exchange)
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


def _cached_prompts(exchanges: Sequence[Exchange]) -> dict[bytes, list[Exchange]]:
    """The answers to each prompt with cache_control, in the order of the requests."""
    prompts: dict[bytes, list[Exchange]] = defaultdict(list)
    for exchange in sorted(exchanges, key=lambda one: one.number):
        counted = has_message(exchange) and input_of(exchange) > 0
        if counted and b"cache_control" in exchange.request.body and not may_take_several_passes(exchange):
            prompts[_prompt_key(exchange)].append(exchange)
    return prompts


@rule(
    "usage.cache.read-was-written",
    SHOULD,
    harm=MISBILLS,
    families={ANTHROPIC},
    needs={"prompt-caching"},
    source=f"{sources.CACHING}; sgl-project/sglang#39900, vllm-project/vllm#45079 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="A long prompt with cache_control is sent several times.",
)
def reads_what_was_written(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Tokens that are read from the cache were written or read by an earlier request with the same prompt."""
    compared = False
    for answers in _cached_prompts(exchanges).values():
        cached = 0
        for number, answer in enumerate(answers):
            usage = usage_of(answer)
            read, slack = count(usage, READ), max(CACHE_SLACK_TOKENS, CACHE_SLACK_SHARE * total_input(usage))
            compared = compared or (number > 0 and read > 0)
            if number and read > cached + slack:
                found = f"{read}, although at most {cached} were cached by exchange {answers[0].number} and later ones"
                place = in_message(answer, f"/usage/{READ}")
                yield Finding(exchange=answer.number, place=place, found=found, wanted=f"at most {cached}")
                return
            cached = max(cached, read + count(usage, "cache_creation_input_tokens"))
    if not compared:
        yield Unverified(reason="no prompt was read from the cache after another request with it")


@rule(
    "stream.msgdelta.same-split",
    SHOULD,
    harm=MISBILLS,
    families={ANTHROPIC},
    needs={"prompt-caching", "stream"},
    source=f"{sources.CACHING}; maximhq/bifrost#6598 (GitHub), read 2026-11-30",
    applies=lambda exchange: streamed(exchange) and b"cache_control" in exchange.request.body,
    model_dependent=True,
    reads={REQUEST},
    provoked="A long prompt with cache_control is sent in a stream.",
)
def splits_the_input_in_the_same_way(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """message_delta splits the input into cached and other tokens as message_start does."""
    usages = usages_of(exchange)
    complete = [usage for usage in usages if count(usage, READ) + count(usage, "cache_creation_input_tokens") > 0]
    if not complete or may_take_several_passes(exchange) or len(usages) < 2:
        yield Unverified(reason="nothing was cached in a stream")
        return
    first, last = usages[0], usages[-1]
    slack = max(CACHE_SLACK_TOKENS, CACHE_SLACK_SHARE * total_input(last))
    if "input_tokens" in last and count(first, "input_tokens") > count(last, "input_tokens") + slack:
        found = (
            f"{first.get('input_tokens')} input tokens in message_start, {last.get('input_tokens')} in message_delta"
        )
        place = in_message(exchange, "/usage/input_tokens")
        yield Finding(place=place, found=found, wanted="the same split in both, or only in message_start")
