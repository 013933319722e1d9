"""Rules for POST /v1/messages/count_tokens.

Counting is free, so the suites count each request in several ways; what must agree between the answers is judged over
the run. A missing endpoint is reported once, and the other requirements on it are not verified.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from messages_conformance import contract
from messages_conformance.exchange import ACCEPTED, Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    MIN_WINDOW_TOKENS,
    answered,
    beyond_context,
    body_of,
    has_message,
    refusal,
    response_of,
    schema_findings,
    shown,
    status_and_body,
    streamed,
    total_input,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, HIDES, MISBILLS, RUN, rule
from messages_conformance.rules.input_counts import INCONSISTENT, PROMPT_SLACK_TOKENS, inconsistent
from messages_conformance.rules.own_limits import size_limit
from messages_conformance.rules.paired_requests import body_without
from messages_conformance.rules.parts_counted import counts_every_part_beforehand
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.shorter_texts import Counted, ShorterTexts
from messages_conformance.rules.verdict import MUST, SHOULD, STATUS, Finding, Place, Unverified

COUNT_PATH: Final = "/v1/messages/count_tokens"

APPROX_TOKENS: Final = 10
APPROX_SHARE: Final = 0.05
"""A count may differ from the billed count by this, whichever is more: it is an estimate (requirement's figures)."""

COUNT_FIELDS: Final = frozenset(
    ["model", "messages", "system", "tools", "tool_choice", "thinking", "output_config", "cache_control"]
)
"""The request fields that count_tokens accepts; no other field changes the input count
(types/message_count_tokens_params.py of the official SDK)."""

COUNTING: Final = sources.sdk("types/message_count_tokens_params.py")
TOKEN_COUNTING: Final = "platform.claude.com/docs/en/build-with-claude/token-counting, read 2026-11-22"
NO_COUNT: Final = Unverified(reason="count_tokens returned no count in this run")


def _counting(exchange: Exchange) -> bool:
    """Whether a valid request to count_tokens was answered."""
    return answered(exchange) and exchange.request.route == COUNT_PATH and exchange.expect == ACCEPTED


def _count(exchange: Exchange) -> int | None:
    """The count that count_tokens returned; None for any other answer."""
    if (
        not _counting(exchange)
        or not exchange.succeeded
        or not contract.valid("count_tokens", response_of(exchange).fields)
    ):
        return None
    return int(body_of(exchange)["input_tokens"])


def _misses_max_tokens(exchange: Exchange) -> bool:
    return response_of(exchange).status >= 400 and "max_tokens" in response_of(exchange).text


@rule(
    "adjacent.count_tokens.shape",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={"count-tokens"},
    source=sources.sdk("types/message_tokens_count.py"),
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="Requests of the suites are sent to count_tokens.",
)
def returns_an_integer_count(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """POST /v1/messages/count_tokens answers a valid request with an integer input_tokens of 0 or more."""
    served = {_counted_fields(exchange) for exchange in exchanges if has_message(exchange)}
    answers = 0
    for exchange in exchanges:
        if not _counting(exchange) or _misses_max_tokens(exchange):
            continue
        answers += exchange.succeeded
        # A request that /v1/messages refuses too is judged there.
        if exchange.succeeded:
            yield from (replace(finding, exchange=exchange.number) for finding in _misshapen(exchange))
        elif (_is_plain(exchange) or _counted_fields(exchange) in served) and not _is_too_large(exchange):
            yield refusal(exchange, "200 and input_tokens")
    if not answers:
        yield NO_COUNT


def _is_too_large(exchange: Exchange) -> bool:
    """Whether a long request is refused for its size, and the refusal says so."""
    has_size = len(exchange.request.body) >= MIN_WINDOW_TOKENS
    return bool(beyond_context(exchange) or (has_size and size_limit(exchange)))


def _is_plain(exchange: Exchange) -> bool:
    """True for a request with nothing but text, which every model reads."""
    fields = exchange.request.fields
    contents = [turn.get("content") for turn in fields.get("messages") or () if isinstance(turn, Mapping)]
    blocks = [block for content in contents if isinstance(content, list) for block in content]
    return fields.keys() <= {"model", "messages"} and all(
        isinstance(block, Mapping) and block.get("type") == "text" for block in blocks
    )


def _misshapen(exchange: Exchange) -> Iterator[Finding]:
    if isinstance(tokens := body_of(exchange).get("input_tokens"), float):  # 12.0 is an integer for JSON Schema
        yield Finding(place=Place(pointer="/input_tokens"), found=shown(tokens), wanted="an integer")
    else:
        yield from schema_findings("count_tokens", exchange, "adjacent.count_tokens.shape")


@rule(
    "adjacent.count_tokens.no-max_tokens",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    needs={"count-tokens"},
    source=COUNTING,
    applies=_counting,
    reads={PROBES, REQUEST},
    provoked="Requests without max_tokens are sent to count_tokens.",
)
def counts_without_max_tokens(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """count_tokens requires only model and messages; max_tokens is not needed."""
    if _misses_max_tokens(exchange):
        yield Finding(place=STATUS, found=status_and_body(exchange), wanted="200: count_tokens has no field max_tokens")
    elif not exchange.succeeded:
        yield NO_COUNT


def _counted_fields(exchange: Exchange) -> str:
    """The request fields that a count depends on, as a key for comparison."""
    counted = {name: value for name, value in exchange.request.fields.items() if name in COUNT_FIELDS}
    return json.dumps(counted, sort_keys=True)


@rule(
    "adjacent.count_tokens.approx",
    SHOULD,
    harm=MISBILLS,
    families={ANTHROPIC},
    needs={"count-tokens"},
    source=f"{TOKEN_COUNTING} (an estimate, with a small difference); tolerance of 10 tokens or 5 %",
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="A request is sent to count_tokens and to /v1/messages.",
)
def counts_about_what_it_bills(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The count is within 10 tokens or 5 % of the input tokens billed for the same request."""
    billed = [one for one in exchanges if has_message(one) and total_input(usage_of(one)) > 0]
    if inconsistent(billed):
        yield INCONSISTENT
        return
    if any(isinstance(outcome, Finding) for outcome in counts_every_part_beforehand(exchanges)):
        yield Unverified(reason="count_tokens leaves out a part of the request, which another requirement judges")
        return
    pairs = 0
    for counted, message in _counted_and_billed(exchanges, billed):
        pairs += 1
        count, actual = _count(counted), total_input(usage_of(message))
        if count is not None and abs(count - actual) > max(APPROX_TOKENS, APPROX_SHARE * actual):
            yield Finding(
                exchange=counted.number,
                place=Place(pointer="/input_tokens"),
                found=f"{count}, but the same request was billed for {actual} (exchange {message.number})",
                wanted=f"{actual} plus or minus {max(APPROX_TOKENS, int(APPROX_SHARE * actual))}",
            )
            return
    if not pairs:
        yield Unverified(reason="no request was both counted and billed")


def _counted_and_billed(
    exchanges: Sequence[Exchange], billed: Sequence[Exchange]
) -> Iterator[tuple[Exchange, Exchange]]:
    """Pairs of a count and a message for the same request; messages without streaming are preferred."""
    messages: dict[str, Exchange] = {}
    for exchange in sorted(billed, key=streamed):
        if b"cache_control" not in exchange.request.body:  # caching has rules of its own
            messages.setdefault(_counted_fields(exchange), exchange)
    for exchange in exchanges:
        if _count(exchange) is not None and _counted_fields(exchange) in messages:
            yield exchange, messages[_counted_fields(exchange)]


@rule(
    "adjacent.count_tokens.monotone",
    SHOULD,
    harm=MISBILLS,
    families={ANTHROPIC},
    needs={"count-tokens"},
    source=f"{TOKEN_COUNTING}; tolerance of {PROMPT_SLACK_TOKENS} tokens",
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="A request is counted alone, with more text, with a system prompt and with a tool.",
)
def never_counts_less_for_more(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """More text, a system prompt or a tool never lowers the count."""
    pairs = 0
    for longer, shorter in _extended(exchanges):
        pairs += 1
        more, less = longer.tokens, shorter.tokens
        if more < less - PROMPT_SLACK_TOKENS:
            found = f"{more}, but {less} for a shorter request (exchange {shorter.exchange.number})"
            place = Place(pointer="/input_tokens")
            yield Finding(exchange=longer.exchange.number, place=place, found=found, wanted=f"{less} or more")
            return
    if not pairs:
        yield Unverified(reason="no request was counted both alone and with additions")


def _extended(exchanges: Sequence[Exchange]) -> Iterator[tuple[Counted, Counted]]:
    """Counts of requests that are others with a system prompt, tools or more text added; each with the largest one."""
    groups: dict[bytes, list[Counted]] = defaultdict(list)
    for exchange in exchanges:
        tokens, text = _count(exchange), _text_of_single_message(exchange.request.fields)
        if tokens is not None and text is not None:
            counted = Counted(text=text, tokens=tokens, exchange=exchange)
            groups[body_without(exchange.request.fields, "messages")].append(counted)
    shorter_texts = {key: ShorterTexts(group) for key, group in groups.items()}
    for longer in (one for group in groups.values() for one in group):
        fields = longer.exchange.request.fields
        for left_out in ((), ("system",), ("tools",), ("system", "tools")):
            shorter = shorter_texts.get(body_without(fields, "messages", *left_out))
            if shorter is None or not fields.keys() >= set(left_out):
                continue
            found = shorter.largest_in(longer.text, most_chars=len(longer.text) - (not left_out))
            if found is not None:
                yield longer, found


def _text_of_single_message(fields: Mapping[str, Any]) -> str | None:
    """The text of a request with a single user message; None for any other."""
    messages = fields.get("messages")
    first = messages[0] if isinstance(messages, list) and len(messages) == 1 else None
    content = first.get("content") if isinstance(first, dict) else None
    return content if isinstance(content, str) else None


def _refuses_as_create_does(exchanges: Sequence[Exchange], requirement: str) -> Iterator[Finding | Unverified]:
    """Invalid requests that are not answered with 400, if the endpoint counts valid ones."""
    sent = [exchange for exchange in exchanges if requirement in exchange.probes]
    if not sent or not any(_count(exchange) is not None for exchange in exchanges):
        yield NO_COUNT
        return
    for exchange in sent:
        if response_of(exchange).status != 400:
            yield refusal(exchange, "400, as for the same body at /v1/messages")
            return


@rule(
    "adjacent.count_tokens.validates",
    SHOULD,
    harm=HIDES,
    families={ANTHROPIC},
    needs={"count-tokens"},
    source=TOKEN_COUNTING,
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="Requests with an unknown role and without messages are sent to count_tokens.",
)
def refuses_to_count_invalid_requests(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """count_tokens refuses an invalid request with 400, as /v1/messages does."""
    return _refuses_as_create_does(exchanges, "adjacent.count_tokens.validates")


@rule(
    "version.same-rules-count-tokens",
    SHOULD,
    harm=HIDES,
    families={ANTHROPIC},
    needs={"count-tokens"},
    api_version="2026-10-21",
    source="platform.claude.com/docs/en/api/migration-2026-10-21, read 2026-11-22",
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="Requests with features that 2026-10-21 removed are sent to count_tokens.",
)
def applies_the_api_version_to_counts(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """count_tokens refuses the same requests as /v1/messages under version 2026-10-21."""
    return _refuses_as_create_does(exchanges, "version.same-rules-count-tokens")
