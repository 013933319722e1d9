"""Rules over several exchanges: values that must differ between them, and values that must agree."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    INPUT_COUNTS,
    answered,
    count,
    has_message,
    in_message,
    json_key,
    message_of,
    once_per_exchange,
    refusal,
    response_of,
    shown,
    streamed,
    text_of,
    total_input,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, RUN, rule
from messages_conformance.rules.model_passes import may_take_several_passes
from messages_conformance.rules.recording_parts import PROBES, REQUEST, RESPONSE_HEADERS, TIMES, has
from messages_conformance.rules.stream.message_delta import keeps_the_input_counts
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified

PROMPT_SLACK_TOKENS: Final = 2
"""A longer prompt may have this many tokens fewer: tokens merge where two texts meet (tokenizer property)."""

MAX_BLOCK_OVERHEAD: Final = 1.5
"""A text block with this many times the tokens of its text reached the model as JSON (our own; equal is right)."""

MIN_ADDED_CHARS: Final = 40
"""A prompt that grew by fewer characters may have the same count (our own)."""


def _without(body: Any, *names: str) -> bytes:
    """A JSON body without some of its top-level keys, as a key for comparison."""
    return json_key({key: value for key, value in body.items() if key not in names})


@once_per_exchange
def _request_without(exchange: Exchange, *names: str) -> bytes:
    """The body of a request without some of its top-level keys, as a key for comparison."""
    return _without(exchange.request.fields, *names)


def requests_without(
    name: str, exchanges: Sequence[Exchange], *, larger: bool = False, alike: bool = False
) -> Iterator[tuple[Exchange, Exchange]]:
    """Pairs of answered requests that differ in one field only: the first has it, and the second does not.

    With `larger`, the second has the field too, with a larger number. With `alike`, both are streamed or both are not;
    without it, streaming may differ too.
    """
    ignored = (name,) if alike else (name, "stream")
    messages = [exchange for exchange in exchanges if has_message(exchange) and message_of(exchange) is not None]
    same_but_for_field: dict[bytes, list[Exchange]] = defaultdict(list)
    for exchange in messages:
        same_but_for_field[_request_without(exchange, *ignored)].append(exchange)
    for requests in same_but_for_field.values():
        for limited in requests:
            limit = limited.request.fields.get(name)
            controls = (control for control in requests if _is_control(control.request.fields.get(name), limit, larger))
            control = next(controls, None) if limit else None
            if control is not None:
                yield limited, control


def _is_control(value: Any, limit: Any, larger: bool) -> bool:
    """Whether the value of the field makes a request the control of one with this limit: none, or a larger one."""
    if not larger:
        return not value
    return isinstance(value, int) and isinstance(limit, int) and value > limit


def _unique(
    exchanges: Sequence[Exchange], read: Callable[[Exchange], Any], place: Callable[[Exchange], Place], what: str
) -> Iterator[Finding | Unverified]:
    seen: dict[str, Exchange] = {}
    repeated = 0
    for exchange in exchanges:
        value = read(exchange)
        if not isinstance(value, str) or not value:
            continue
        if value in seen:
            repeated += 1
            if repeated == 1:
                found = f"{shown(value)} again, as in exchange {seen[value].number}"
                yield Finding(exchange=exchange.number, place=place(exchange), found=found, wanted=f"a unique {what}")
        seen.setdefault(value, exchange)
    if len(seen) < 2 and not repeated:
        yield Unverified(reason=f"fewer than two answers have a {what}")


@rule("response.id.unique", MUST, source=sources.SEED, over=RUN)
def gives_every_message_its_own_id(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """No two messages have the same id."""
    return _unique(
        [exchange for exchange in exchanges if has_message(exchange)],
        lambda exchange: (message_of(exchange) or {}).get("id"),
        lambda exchange: in_message(exchange, "/id"),
        "message id",
    )


@rule(
    "headers.request-id.unique",
    MUST,
    families={ANTHROPIC},
    needs={"request-id"},
    source=f"{sources.OVERVIEW} (globally unique)",
    over=RUN,
    reads={RESPONSE_HEADERS},
)
def gives_every_answer_its_own_request_id(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """No two answers have the same request-id."""
    return _unique(
        [exchange for exchange in exchanges if answered(exchange)],
        lambda exchange: response_of(exchange).header("request-id"),
        lambda exchange: Place(header="request-id"),
        "request-id",
    )


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
        tokens, expected = total_input(usage_of(exchange)), total_input(usage_of(first))
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
            plain.setdefault(_request_without(exchange, "stream"), exchange)
    for exchange in messages:
        other = plain.get(_request_without(exchange, "stream"))
        if other is None or not streamed(exchange):
            continue
        pairs += 1
        tokens, expected = total_input(usage_of(exchange)), total_input(usage_of(other))
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
        seen.setdefault(exchange.request.identity, total_input(usage_of(exchange))) != total_input(usage_of(exchange))
        for exchange in messages
    )


INCONSISTENT: Final = Unverified(reason="identical requests have different counts, so that counts cannot be compared")


def _prompt(exchange: Exchange) -> str | None:
    """The last user message if it is a string."""
    messages = exchange.request.fields.get("messages")
    last = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) and last.get("role") == "user" else None
    return content if isinstance(content, str) else None


@rule(
    "usage.input.monotone",
    SHOULD,
    source="tokenizer property; tolerance of 2 tokens",
    over=RUN,
    reads={REQUEST},
    provoked="A request is repeated with more text, and conversations grow turn by turn.",
)
def counts_more_for_more_text(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Text appended to the last user message, and turns appended to a conversation, never lower the total input."""
    pairs = 0
    messages = counted(exchanges)
    requested = [(exchange, prompt) for exchange in messages if (prompt := _prompt(exchange)) is not None]
    if inconsistent([exchange for exchange, _ in requested]):
        yield INCONSISTENT
        return
    for longer, shorter in _grown_conversations(messages):
        pairs += 1
        more, less = total_input(usage_of(longer)), total_input(usage_of(shorter))
        if more < less - PROMPT_SLACK_TOKENS:
            place = in_message(longer, "/usage/input_tokens")
            found = f"{more}, although it extends exchange {shorter.number} ({less}) by later turns"
            yield Finding(exchange=longer.number, place=place, found=found, wanted=f"{less} or more")
            return
    for longer, long_prompt in requested:
        for shorter, short_prompt in requested:
            added = len(long_prompt) - len(short_prompt)
            if added < MIN_ADDED_CHARS or not long_prompt.startswith(short_prompt):
                continue
            if _but_for_prompt(longer) != _but_for_prompt(shorter):
                continue
            pairs += 1
            more, less = total_input(usage_of(longer)), total_input(usage_of(shorter))
            if more < less - PROMPT_SLACK_TOKENS:
                place = in_message(longer, "/usage/input_tokens")
                found = f"{more}, with {added} characters more than exchange {shorter.number} ({less})"
                yield Finding(exchange=longer.number, place=place, found=found, wanted=f"{less} or more")
                return
    if not pairs:
        yield Unverified(reason="no request was repeated with more text")


def _grown_conversations(messages: Sequence[Exchange]) -> Iterator[tuple[Exchange, Exchange]]:
    """Pairs (longer, shorter) where the longer request continues all turns of the shorter, and all else is the same.

    The thinking of earlier turns may not be counted (token counting), so requests with thinking blocks are excluded.
    """
    known = {_conversation(exchange, None): exchange for exchange in messages}
    for longer in messages:
        turns = longer.request.fields.get("messages")
        if isinstance(turns, list) and b'"thinking"' not in longer.request.body:
            lengths = (length for length in range(len(turns) - 1, 0, -1))
            shorter = next((known[key] for n in lengths if (key := _conversation(longer, n)) in known), None)
            added = shorter is not None and len(longer.request.body) - len(shorter.request.body) >= MIN_ADDED_CHARS
            if shorter is not None and added:
                yield longer, shorter


@once_per_exchange
def _conversation(exchange: Exchange, turns: int | None) -> bytes:
    """The request fields that the size of a conversation depends on; with `turns`, of that many first turns."""
    fields = exchange.request.fields
    messages = fields.get("messages")
    names = ("model", "system", "tools", "tool_choice", "thinking", "output_config")
    kept = {name: fields[name] for name in names if name in fields}
    return json_key(_uncached({**kept, "messages": messages[:turns] if isinstance(messages, list) else messages}))


@once_per_exchange
def _but_for_prompt(exchange: Exchange) -> bytes:
    fields = exchange.request.fields
    return _without({**fields, "messages": fields["messages"][:-1]}, "max_tokens")


@rule(
    "request.system.affects-input-tokens",
    SHOULD,
    source="the meaning of input_tokens; " + sources.SEED,
    needs={"system"},
    over=RUN,
    reads={REQUEST},
    provoked="The same request is sent with and without a long system prompt.",
)
def counts_the_system_prompt(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A system prompt raises the total input."""
    pairs = 0
    requested = counted(exchanges)
    if inconsistent(requested):
        yield INCONSISTENT
        return
    for instructed, control in requests_without("system", requested, alike=True):
        if len(json.dumps(instructed.request.fields["system"])) < MIN_ADDED_CHARS:
            continue
        pairs += 1
        tokens, without_it = total_input(usage_of(instructed)), total_input(usage_of(control))
        if tokens <= without_it:
            place = in_message(instructed, "/usage/input_tokens")
            found = f"{tokens} with a system prompt, {without_it} without (exchange {control.number})"
            yield Finding(exchange=instructed.number, place=place, found=found, wanted=f"more than {without_it}")
            return
    if not pairs:
        yield Unverified(reason="no request was answered with and without a long system prompt")


BLOCKS: Final = "request.messages.content-blocks"


@rule(
    BLOCKS,
    MUST,
    source=f"{sources.SEED}; {sources.sdk('types/message_create_params.py')}",
    needs={"text"},
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="The same text is sent as a string, as one text block and as two.",
)
def reads_text_blocks(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The content of a message may be an array of text blocks, which is counted like a string."""
    sent = [exchange for exchange in exchanges if BLOCKS in exchange.probes]
    if not sent:
        yield Unverified(reason="no request has content blocks")
    for exchange in sent:
        if response_of(exchange).status >= 400:
            yield refusal(exchange, "200: the request is valid")
            return
    requested = counted(exchanges)
    if inconsistent(requested):
        return
    for blocks, string in _twins(requested):
        tokens, expected = total_input(usage_of(blocks)), total_input(usage_of(string))
        if not expected - PROMPT_SLACK_TOKENS <= tokens <= expected * MAX_BLOCK_OVERHEAD + PROMPT_SLACK_TOKENS:
            found = f"{tokens}, but {expected} for the same text as a string (exchange {string.number})"
            place = in_message(blocks, "/usage/input_tokens")
            yield Finding(exchange=blocks.number, place=place, found=found, wanted=f"about {expected}")
            return


def _twins(messages: Sequence[Exchange]) -> Iterator[tuple[Exchange, Exchange]]:
    """Pairs of requests with the same text, once in text blocks and once as a string."""
    strings = {_request_without(exchange): exchange for exchange in messages}
    for exchange in messages:
        requested = exchange.request.fields.get("messages")
        if BLOCKS not in exchange.probes or not isinstance(requested, list) or len(requested) != 1:
            continue
        content = requested[0].get("content")
        if isinstance(content, list) and all(isinstance(block.get("text"), str) for block in content):
            text = " ".join(block["text"] for block in content)
            plain = {**exchange.request.fields, "messages": [{**requested[0], "content": text}]}
            if _without(plain) in strings:
                yield exchange, strings[_without(plain)]


# -- caching --------------------------------------------------------------------------------------------------------

CACHE_SLACK_TOKENS: Final = 10
CACHE_SLACK_SHARE: Final = 0.05
"""Two counts of the same prompt may differ by this, whichever is more (figures of adjacent.count_tokens.approx)."""


def _uncached(value: Any) -> Any:
    """A body without any cache_control."""
    if isinstance(value, list):
        return [_uncached(item) for item in value]
    if isinstance(value, dict):
        return {name: _uncached(item) for name, item in value.items() if name != "cache_control"}
    return value


@once_per_exchange
def _prompt_key(exchange: Exchange) -> bytes:
    """The request fields that the size of a prompt depends on, as a key for comparison."""
    names = ("model", "messages", "system", "tools", "tool_choice", "thinking", "output_config")
    fields = exchange.request.fields
    return json_key(_uncached({name: fields[name] for name in names if name in fields}))


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


# -- concurrency ----------------------------------------------------------------------------------------------------

NONCE: Final = re.compile(r"only this word: (\w+-\d+)$")


def _nonce(exchange: Exchange) -> str | None:
    """The made-up word that a streamed request asks for."""
    match = NONCE.search(_prompt(exchange) or "") if streamed(exchange) else None
    return match.group(1) if match else None


def _overlap(one: Exchange, other: Exchange) -> bool:
    """Whether two exchanges were in progress at the same time; unknown, and so false, without times."""
    if not (has(one, TIMES) and has(other, TIMES)):
        return False
    return one.started_s < other.started_s + response_of(other).ended_at_s and (
        other.started_s < one.started_s + response_of(one).ended_at_s
    )


@rule(
    "stream.concurrent-isolation",
    SHOULD,
    source="robustness: a gateway that shares one queue between its streams mixes them",
    needs={"stream"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Concurrent streams each ask for a different word.",
)
def keeps_streams_apart(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Each of several concurrent streams has its own answer and no part of another."""
    requested = [(exchange, nonce) for exchange in exchanges if (nonce := _nonce(exchange)) is not None]
    for exchange, own in requested:
        text = text_of(exchange).lower()
        others = [other for other, nonce in requested if nonce != own and nonce.lower() in text]
        if others:
            found = f"{shown(text_of(exchange))}, which belongs to exchange {others[0].number}"
            place = in_message(exchange, "/content")
            yield Finding(exchange=exchange.number, place=place, found=found, wanted=f"only {shown(own)}")
            return
    obeyed = [exchange for exchange, own in requested if own.lower() in text_of(exchange).lower()]
    if not any(_overlap(one, other) for one in obeyed for other in obeyed if one is not other):
        failed = [f"{shown(own)}: {shown(text_of(exchange))}" for exchange, own in requested if exchange not in obeyed]
        why = "no two streams were in progress at the same time"
        yield Unverified(reason=f"the model did not write its word: requested {failed[0]}" if failed else why)
