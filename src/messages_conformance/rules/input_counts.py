"""Rules for input tokens over several exchanges: equal requests have equal counts, longer requests have larger ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import (
    INPUT_COUNTS,
    has_message,
    in_message,
    input_of,
    json_key,
    once_per_exchange,
    streamed,
    total_input,
    usage_of,
)
from messages_conformance.rules.catalogue import MISBILLS, RUN, rule
from messages_conformance.rules.model_passes import may_take_several_passes
from messages_conformance.rules.paired_requests import body_without, request_without, without_cache_control
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.shared_results import once_per_run
from messages_conformance.rules.shorter_texts import Counted, ShorterTexts
from messages_conformance.rules.stream.message_delta import keeps_the_input_counts
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

PROMPT_SLACK_TOKENS: Final = 2
"""A longer prompt may have this many tokens fewer: tokens merge where two texts meet (tokenizer property)."""


MIN_ADDED_CHARS: Final = 40
"""A prompt that grew by fewer characters may have the same count (our own)."""


@once_per_run
def counted(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Messages with a usable total input of one pass: integer counts that no later event replaces."""
    return [exchange for exchange in exchanges if _is_counted(exchange)]


@once_per_exchange
def _is_counted(exchange: Exchange) -> bool:
    return (
        has_message(exchange)
        and _total(usage_of(exchange)) > 0
        and not may_take_several_passes(exchange)
        and not (streamed(exchange) and any(True for _ in keeps_the_input_counts(exchange)))
    )


def _total(usage: Mapping[str, Any]) -> int:
    """The total input; 0 if a part of it is not an integer, or input_tokens is negative or missing."""
    if not isinstance(usage.get("input_tokens"), int) or usage["input_tokens"] < 0:
        return 0
    counts = [usage[name] for name in INPUT_COUNTS if usage.get(name) is not None]
    return total_input(usage) if all(isinstance(part, int) for part in counts) else 0


@rule(
    "usage.input.deterministic",
    SHOULD,
    harm=MISBILLS,
    source="a tokenizer gives equal counts to equal texts; caching moves them between the three fields only",
    over=RUN,
    reads={REQUEST},
    provoked="The same request is sent twice.",
)
def counts_equal_prompts_equally(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Identical requests have the same total input."""
    seen: dict[tuple[Any, ...], Exchange] = {}
    pairs = 0
    for exchange in counted(exchanges):
        first = seen.setdefault(exchange.request.identity, exchange)
        if first is exchange:
            continue
        pairs += 1
        tokens, expected = input_of(exchange), input_of(first)
        if tokens != expected:
            place = in_message(exchange, "/usage/input_tokens")
            yield Finding(
                exchange=exchange.number, place=place, found=f"{tokens} after {expected}", wanted=str(expected)
            )
            return
    if not pairs:
        yield Unverified(reason="no identical requests were answered with counts")


@rule(
    "usage.input.stream-equals-nonstream",
    SHOULD,
    harm=MISBILLS,
    source="sgl-project/sglang#20678, BerriAI/litellm#41406 (GitHub), read 2026-11-22",
    needs={"stream"},
    over=RUN,
    reads={REQUEST},
    provoked="The same request is sent with and without streaming.",
)
def counts_equally_when_streaming(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The total input is the same with and without streaming."""
    plain: dict[bytes, Exchange] = {}
    pairs = 0
    messages = counted(exchanges)
    for exchange in messages:
        if not streamed(exchange):
            plain.setdefault(request_without(exchange, "stream"), exchange)
    for exchange in messages:
        other = plain.get(request_without(exchange, "stream"))
        if other is None or not streamed(exchange):
            continue
        pairs += 1
        tokens, expected = input_of(exchange), input_of(other)
        if tokens != expected:
            place = in_message(exchange, "/usage/input_tokens")
            found = f"{tokens} streamed, {expected} in exchange {other.number}"
            yield Finding(exchange=exchange.number, place=place, found=found, wanted="the same total")
            return
    if not pairs:
        yield Unverified(reason="no request was answered with and without streaming, with counts")


def inconsistent(messages: Sequence[Exchange]) -> bool:
    """Whether identical requests have different counts, so that counts cannot be compared."""
    seen: dict[tuple[Any, ...], int] = {}
    return any(
        seen.setdefault(exchange.request.identity, input_of(exchange)) != input_of(exchange) for exchange in messages
    )


INCONSISTENT: Final = Unverified(reason="identical requests have different counts, so that counts cannot be compared")


def prompt_of(exchange: Exchange) -> str | None:
    """The last user message if it is a string."""
    messages = exchange.request.fields.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) and last.get("role") == "user" else None
    return content if isinstance(content, str) else None


@rule(
    "usage.input.monotone",
    SHOULD,
    harm=MISBILLS,
    source="tokenizer property; tolerance of 2 tokens",
    over=RUN,
    reads={REQUEST},
    provoked="A request is repeated with more text, and conversations grow turn by turn.",
)
def counts_more_for_more_text(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Text appended to the last user message, and turns appended to a conversation, never lower the total input."""
    pairs = 0
    messages = counted(exchanges)
    requested = [(exchange, prompt) for exchange in messages if (prompt := prompt_of(exchange)) is not None]
    if inconsistent([exchange for exchange, _ in requested]):
        yield INCONSISTENT
        return
    for longer, shorter in _grown_conversations(messages):
        pairs += 1
        more, less = input_of(longer), input_of(shorter)
        if more < less - PROMPT_SLACK_TOKENS:
            place = in_message(longer, "/usage/input_tokens")
            found = f"{more}, although it extends exchange {shorter.number} ({less}) by later turns"
            yield Finding(exchange=longer.number, place=place, found=found, wanted=f"{less} or more")
            return
    for longer, prompt, beginning in _longer_prompts(requested):
        pairs += 1
        more, less = input_of(longer), beginning.tokens
        if more < less - PROMPT_SLACK_TOKENS:
            place = in_message(longer, "/usage/input_tokens")
            added = len(prompt) - len(beginning.text)
            found = f"{more}, with {added} characters more than exchange {beginning.exchange.number} ({less})"
            yield Finding(exchange=longer.number, place=place, found=found, wanted=f"{less} or more")
            return
    if not pairs:
        yield Unverified(reason="no request was repeated with more text")


def _longer_prompts(requested: Sequence[tuple[Exchange, str]]) -> Iterator[tuple[Exchange, str, Counted]]:
    """Each prompt that continues another one, and of these the one with the most tokens; all else is the same."""
    groups: dict[bytes, list[Counted]] = defaultdict(list)
    for exchange, prompt in requested:
        tokens = input_of(exchange)
        groups[_but_for_prompt(exchange)].append(Counted(text=prompt, tokens=tokens, exchange=exchange))
    shorter_texts = {key: ShorterTexts(group) for key, group in groups.items()}
    for exchange, prompt in requested:
        texts = shorter_texts[_but_for_prompt(exchange)]
        shorter = texts.largest_in(prompt, most_chars=len(prompt) - MIN_ADDED_CHARS)
        if shorter is not None:
            yield exchange, prompt, shorter


def _grown_conversations(messages: Sequence[Exchange]) -> Iterator[tuple[Exchange, Exchange]]:
    """Pairs (longer, shorter) where the longer request continues all turns of the shorter, and all else is the same.

    The thinking of earlier turns may not be counted (token counting), so requests with thinking blocks are excluded.
    """
    known = {_conversations(exchange)[-1]: exchange for exchange in messages}
    for longer in messages:
        if b'"thinking"' not in longer.request.body:
            beginnings = reversed(_conversations(longer)[1:-1])
            shorter = next((known[key] for key in beginnings if key in known), None)
            added = shorter is not None and len(longer.request.body) - len(shorter.request.body) >= MIN_ADDED_CHARS
            if shorter is not None and added:
                yield longer, shorter


@once_per_exchange
def _conversations(exchange: Exchange) -> tuple[bytes, ...]:
    """Keys of the fields that the size of a conversation depends on, with none of its turns, with the first, and so on.

    Each key is made from the one before, so their cost is that of reading the request once.
    """
    fields = exchange.request.fields
    messages = fields.get("messages")
    names = ("model", "system", "tools", "tool_choice", "thinking", "output_config")
    kept = {name: fields[name] for name in names if name in fields}
    keys = [json_key(without_cache_control(kept))]
    for turn in messages if isinstance(messages, list) else [messages]:
        keys.append(blake2b(keys[-1] + json_key(without_cache_control(turn)), digest_size=16).digest())
    return tuple(keys)


@once_per_exchange
def _but_for_prompt(exchange: Exchange) -> bytes:
    fields = exchange.request.fields
    return body_without({**fields, "messages": fields["messages"][:-1]}, "max_tokens")
