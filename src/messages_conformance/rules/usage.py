"""Rules for usage: the token counts of one message."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    BROKEN_STREAM,
    INPUT_COUNTS,
    NO_MESSAGE,
    blocks_of,
    body_of,
    closing_usage,
    count,
    has_message,
    in_message,
    json_message,
    limit_of,
    message_of,
    shape,
    shown,
    stop_reason_of,
    streamed,
    text_of,
    thought_tokens,
    total_input,
    usage_of,
    walk_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, DRIFTS, MISBILLS, rule
from messages_conformance.rules.model_passes import may_take_several_passes, only_iterations_count
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.stream.deltas import sends_text_in_increments
from messages_conformance.rules.stream.stream_accessors import usages_of
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified
from messages_conformance.stream import is_made_by_code

LIMIT_SLACK_SHARE: Final = 0.25
LIMIT_SLACK_TOKENS: Final = 2
"""An answer that stops at max_tokens may have this many tokens fewer: special tokens, other tokenizers (our own)."""

MAX_CHARS_PER_TOKEN: Final = 20
"""ASCII prose has 3 to 6 characters per token; with more than this the count is wrong (the requirement's figure)."""

MIN_PLAUSIBLE_CHARS: Final = 200
"""Shorter texts show nothing about characters per token (our own)."""

PROSE_SAMPLE_CHARS: Final = 20_000
"""How much of a text is examined, so that an endless answer takes no longer than others (our own)."""

MIN_PROSE_SHARE: Final = 0.9
"""A text with a smaller share of letters and spaces is not prose: a long row of dashes may be one token (our own)."""


def _counted(exchange: Exchange) -> bool:
    """Whether all counts of the final usage are integers; other rules judge their types."""
    usage = usage_of(exchange)
    return all(isinstance(usage[name], int) for name in (*INPUT_COUNTS, "output_tokens") if usage.get(name) is not None)


@rule(
    "usage.present", MUST, harm=BREAKS, source=f"{sources.SEED}; {sources.sdk('types/usage.py')}", applies=json_message
)
def has_usage(exchange: Exchange) -> Iterable[Finding]:
    """usage is an object with integer input_tokens and output_tokens of 0 or more."""
    found = list(shape(exchange, "usage.present"))
    yield from found
    usage = body_of(exchange).get("usage")
    for name in ("input_tokens", "output_tokens"):
        value = usage.get(name) if isinstance(usage, dict) else None
        if isinstance(value, float) and not found:
            yield Finding(place=Place(pointer=f"/usage/{name}"), found=shown(value), wanted="an integer")


@rule("usage.input.positive", MUST, harm=MISBILLS, source=sources.sdk("types/message.py, usage"), applies=has_message)
def counts_the_input(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The total input (input, cache creation and cache read tokens) is above 0."""
    message = message_of(exchange)
    if message is None:
        yield NO_MESSAGE
        return
    usage = usage_of(exchange)
    if streamed(exchange) and any(total_input(usage) for usage in usages_of(exchange)):
        return  # stream.msgdelta.no-zero-overwrite judges a count that is overwritten with 0
    if streamed(exchange) and not walk_of(exchange).complete and not walk_of(exchange).message_deltas:
        yield Unverified(reason="the stream ends before its final usage")
        return
    if any(is_made_by_code(block) for block in blocks_of(exchange)):
        return  # an answer of calls that code made did not call the model
    if only_iterations_count(usage):
        return
    if "input_tokens" in usage and usage["input_tokens"] == 0 and _counted(exchange) and total_input(usage) == 0:
        yield Finding(
            place=in_message(exchange, "/usage/input_tokens"), found="0 in total", wanted="the tokens of the prompt"
        )


@rule(
    "usage.output.positive",
    MUST,
    harm=MISBILLS,
    source=f"{sources.sdk('types/message.py')}; {sources.REFUSALS}",
    applies=json_message,
    reads={REQUEST},
)
def counts_the_output(exchange: Exchange) -> Iterable[Finding]:
    """output_tokens is above 0 for every generated answer, including an empty one."""
    usage = usage_of(exchange)
    may_be_empty = stop_reason_of(exchange) == "refusal" or exchange.request.fields.get("max_tokens") == 0
    may_be_empty = may_be_empty or only_iterations_count(usage)
    if not may_be_empty and usage.get("output_tokens") == 0 and isinstance(usage["output_tokens"], int):
        yield Finding(place=Place(pointer="/usage/output_tokens"), found="0", wanted="1 or more")


@rule(
    "usage.output.le-max",
    MUST,
    harm=MISBILLS,
    source=sources.sdk("types/message_create_params.py (max_tokens is the absolute maximum)"),
    applies=has_message,
    reads={REQUEST},
    provoked="Requests for long answers have a small max_tokens.",
)
def stays_within_max_tokens(exchange: Exchange) -> Iterable[Finding]:
    """output_tokens is at most max_tokens."""
    limit, tokens = limit_of(exchange), count(closing_usage(exchange), "output_tokens")
    if limit is not None and tokens > limit and not may_take_several_passes(exchange):
        yield Finding(place=in_message(exchange, "/usage/output_tokens"), found=str(tokens), wanted=f"at most {limit}")


@rule(
    "usage.output.eq-max-on-max_tokens",
    SHOULD,
    harm=MISBILLS,
    source="platform.claude.com/docs/en/build-with-claude/working-with-messages (example: 1 of 1), read 2026-11-22",
    applies=has_message,
    model_dependent=True,
    reads={REQUEST},
    provoked="Requests for long answers have a small max_tokens.",
)
def uses_max_tokens_before_it_stops_there(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """An answer that stopped at max_tokens has about that many output_tokens."""
    limit, usage = limit_of(exchange), closing_usage(exchange)
    if stop_reason_of(exchange) != "max_tokens" or limit is None or may_take_several_passes(exchange):
        yield Unverified(reason="no answer has stop_reason max_tokens")
        return
    tokens = count(usage, "output_tokens")
    least = limit - max(LIMIT_SLACK_TOKENS, int(limit * LIMIT_SLACK_SHARE))
    if "output_tokens" in usage and 0 < tokens < least:
        yield Finding(place=in_message(exchange, "/usage/output_tokens"), found=str(tokens), wanted=f"about {limit}")


@rule(
    "usage.output.monotone-with-text",
    SHOULD,
    harm=MISBILLS,
    source="plausibility: characters per token of ASCII prose",
    applies=has_message,
    model_dependent=True,
    provoked="A request asks for a long answer.",
)
def counts_in_proportion_to_the_text(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """output_tokens is plausible for the text: prose has at most 20 characters per token."""
    text, tokens = text_of(exchange), count(closing_usage(exchange), "output_tokens")
    if tokens <= 0 or not _is_prose(text) or (streamed(exchange) and walk_of(exchange).deviations):
        yield Unverified(reason=f"no prose of {MIN_PLAUSIBLE_CHARS} characters or more has a count")
        return
    if streamed(exchange) and any(True for _ in sends_text_in_increments(exchange)):
        yield BROKEN_STREAM
        return
    if len(text) > MAX_CHARS_PER_TOKEN * tokens:
        found = f"{tokens} for {len(text)} characters"
        wanted = f"at least {len(text) // MAX_CHARS_PER_TOKEN}"
        yield Finding(place=in_message(exchange, "/usage/output_tokens"), found=found, wanted=wanted)


def _is_prose(text: str) -> bool:
    sample = text[:PROSE_SAMPLE_CHARS]
    plain = sum(1 for char in sample if char.isalpha() or char == " ")
    return len(text) >= MIN_PLAUSIBLE_CHARS and plain >= MIN_PROSE_SHARE * len(sample)


@rule(
    "usage.cache.fields-type",
    SHOULD,
    harm=MISBILLS,
    families={ANTHROPIC},
    source=sources.sdk("types/usage.py"),
    applies=has_message,
)
def counts_cached_tokens_in_integers(exchange: Exchange) -> Iterable[Finding]:
    """The cache counts are absent, null or integers of 0 or more."""
    return shape(exchange, "usage.cache.fields-type")


@rule(
    "usage.cache.breakdown-sum",
    MUST,
    harm=MISBILLS,
    families={ANTHROPIC},
    source=sources.CACHING,
    reads={REQUEST},
    applies=has_message,
)
def breaks_down_cache_creation_to_its_sum(exchange: Exchange) -> Iterable[Finding]:
    """The counts for 5 minutes and for 1 hour add up to cache_creation_input_tokens."""
    usage = usage_of(exchange)
    parts, total = usage.get("cache_creation"), usage.get("cache_creation_input_tokens")
    if not isinstance(parts, dict) or not isinstance(total, int) or may_take_several_passes(exchange):
        return
    names = ("ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens")
    if all(isinstance(parts.get(name), int) for name in names) and sum(parts[name] for name in names) != total:
        found = " + ".join(str(parts[name]) for name in names)
        yield Finding(place=in_message(exchange, "/usage/cache_creation"), found=found, wanted=f"{total} in total")


@rule(
    "usage.cache.zero-without-control",
    SHOULD,
    harm=MISBILLS,
    families={ANTHROPIC},
    source=sources.CACHING,
    applies=has_message,
    reads={REQUEST},
)
def caches_only_when_requested(exchange: Exchange) -> Iterable[Finding]:
    """Without cache_control in the request, both cache counts are 0, null or absent."""
    if b"cache_control" in exchange.request.body or may_take_several_passes(exchange):
        return
    usage = usage_of(exchange)
    for name in INPUT_COUNTS[1:]:
        if count(usage, name) > 0:
            yield Finding(place=in_message(exchange, f"/usage/{name}"), found=str(usage[name]), wanted="0")
            return


@rule(
    "usage.thinking.le-output",
    MUST,
    harm=MISBILLS,
    families={ANTHROPIC},
    source=sources.sdk("types/output_tokens_details.py"),
    applies=has_message,
)
def counts_thinking_as_output(exchange: Exchange) -> Iterable[Finding]:
    """The thinking tokens are at most the output_tokens."""
    yield from shape(exchange, "usage.thinking.le-output")
    usage = closing_usage(exchange)
    thinking = thought_tokens(usage)
    # Other requirements judge a count that is missing or not an integer.
    output = count(usage, "output_tokens")
    if thinking > output > 0:
        place = in_message(exchange, "/usage/output_tokens_details/thinking_tokens")
        yield Finding(place=place, found=str(thinking), wanted=f"at most {output}")


@rule(
    "usage.server_tool_use",
    SHOULD,
    harm=MISBILLS,
    families={ANTHROPIC},
    source=sources.sdk("types/server_tool_usage.py"),
    applies=has_message,
)
def counts_server_tool_calls(exchange: Exchange) -> Iterable[Finding]:
    """server_tool_use counts are integers of 0 or more."""
    yield from shape(exchange, "usage.server_tool_use")


@rule(
    "usage.service_tier.enum",
    SHOULD,
    harm=DRIFTS,
    families={ANTHROPIC},
    source=sources.sdk("types/usage.py"),
    applies=has_message,
)
def names_the_service_tier(exchange: Exchange) -> Iterable[Finding]:
    """service_tier is absent, null or a string: standard, priority, batch, or a later addition."""
    return shape(exchange, "usage.service_tier.enum")


@rule("usage.no-openai-names", SHOULD, harm=MISBILLS, source=sources.SEED, applies=has_message)
def uses_the_documented_names(exchange: Exchange) -> Iterable[Finding]:
    """usage has input_tokens and output_tokens, not prompt_tokens and completion_tokens instead."""
    usage = usage_of(exchange)
    for foreign, name in (("prompt_tokens", "input_tokens"), ("completion_tokens", "output_tokens")):
        if foreign in usage and name not in usage:
            yield Finding(place=in_message(exchange, f"/usage/{foreign}"), found=foreign, wanted=name)
            return
