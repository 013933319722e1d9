"""Rules for what a feature or an earlier request changes in a request that it has nothing to do with."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    blocks_of,
    has_message,
    in_message,
    is_broken_stream,
    shown,
    stop_reason_of,
    streamed,
    text_of,
    thinking_type,
    total_input,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, MISBILLS, MISLEADS, RUN, rule
from messages_conformance.rules.input_counts import INCONSISTENT, counted, inconsistent
from messages_conformance.rules.paired_requests import request_without
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.stream_parity import answered_pairs
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Unverified

MIN_LOST_TOKENS: Final = 40
MIN_LOST_SHARE: Final = 0.3
"""Thinking may change the template of a model; what is lost is more than both of these (our own)."""

MIN_REPEATED: Final = 4
"""At least this many answers to one request must all have another total input (our own)."""

MIN_GROWTH: Final = 5
"""The largest of these is this many times the smallest (our own: an estimate differs by a few percent)."""

MIN_ALIKE: Final = 3
"""At most this many answers of one form, whole or streamed, are compared (our own)."""

MIN_MORE: Final = 2
"""A request with this many times the tokens of a short one contains something else, too (our own)."""

MIN_BEGINNING: Final = 24
"""A text that begins with this many characters of a thought is the same text (our own)."""


@rule(
    "request.thinking.keeps-request",
    MUST,
    harm=LOSES,
    families={ANTHROPIC},
    source="the meaning of input_tokens: what the model reads is counted; tools are read with thinking, too",
    needs={"thinking"},
    capability="thinking",
    over=RUN,
    reads={REQUEST},
    provoked="Requests with tools are sent with and without thinking.",
)
def reads_the_whole_request_when_thinking(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Thinking loses no other part of a request: the total input is about the same with and without it."""
    messages = counted(exchanges)
    if inconsistent(messages):
        yield INCONSISTENT
        return
    if _forms_differ(messages):
        yield Unverified(reason="streams and whole answers to one request have different counts")
        return
    plain = {
        request_without(one, "thinking", "max_tokens", "stream"): one
        for one in messages
        if thinking_type(one) in (None, "disabled")
    }
    thinking = [one for one in messages if thinking_type(one) not in (None, "disabled")]
    pairs = [
        (one, plain[key])
        for one in thinking
        if (key := request_without(one, "thinking", "max_tokens", "stream")) in plain
    ]
    for one, other in pairs:
        tokens, usual = total_input(usage_of(one)), total_input(usage_of(other))
        if usual - tokens > max(MIN_LOST_TOKENS, MIN_LOST_SHARE * usual):
            place = in_message(one, "/usage/input_tokens")
            found = f"{tokens} with thinking, {usual} without (exchange {other.number})"
            yield Finding(exchange=one.number, place=place, found=found, wanted=f"about {usual}")
            return
    if not pairs:
        yield Unverified(reason="no request was answered with and without thinking, with counts")


def _forms_differ(messages: Sequence[Exchange]) -> bool:
    """Whether most requests have another total input as a stream: then the form, and not thinking, is the reason."""
    totals: dict[object, dict[bool, int]] = defaultdict(dict)
    for one in messages:
        totals[request_without(one, "stream")][one.request.streamed] = total_input(usage_of(one))
    both = [counts for counts in totals.values() if len(counts) == 2]
    return 2 * sum(abs(counts[True] - counts[False]) > MIN_LOST_TOKENS for counts in both) > len(both)


@rule(
    "usage.input.own-request",
    MUST,
    harm=MISBILLS,
    source=f"{sources.SEED}; the meaning of input_tokens",
    over=RUN,
    reads={REQUEST},
    provoked="The same short request is sent several times in a run.",
)
def bills_each_request_alone(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The total input of an answer is that of its own request: it does not grow with the requests before it."""
    groups: dict[bytes, list[Exchange]] = defaultdict(list)
    for one in counted(exchanges):
        groups[request_without(one, "max_tokens", "stream")].append(one)
    repeated = [group for group in groups.values() if len(group) >= MIN_REPEATED]
    if not repeated:
        yield Unverified(reason=f"no request was answered {MIN_REPEATED} times with counts")
        return
    for group in repeated:
        totals = sorted(total_input(usage_of(one)) for one in group)
        if len(set(totals)) == len(totals) and totals[-1] >= MIN_GROWTH * totals[0]:
            one = group[-1]
            found = f"{', '.join(map(str, totals))} for the same request"
            place = in_message(one, "/usage/input_tokens")
            yield Finding(exchange=one.number, place=place, found=found, wanted=f"{totals[0]} each time")
            return
        for form in (True, False):
            alike = [one for one in group if streamed(one) is form]
            if (mixed := _reads_more(alike)) is not None:
                yield mixed
                return


def _reads_more(group: Sequence[Exchange]) -> Finding | None:
    """A finding if some answers to one request count far more input than others: parts of another request."""
    if len(group) < MIN_ALIKE:
        return None
    least = min(group, key=lambda one: total_input(usage_of(one)))
    most = max(group, key=lambda one: total_input(usage_of(one)))
    usual, tokens = total_input(usage_of(least)), total_input(usage_of(most))
    if tokens - usual <= MIN_LOST_TOKENS or tokens < MIN_MORE * usual or b'"image"' in most.request.body:
        return None
    found = f"{tokens} input tokens, {usual} for the same request in exchange {least.number}"
    place = in_message(most, "/usage/input_tokens")
    return Finding(exchange=most.number, place=place, found=found, wanted=f"{usual}, as the request alone needs")


MIN_TAILS: Final = 2
"""At least this many streams must end with the same tail, and all of this kind (our own)."""

TAIL: Final = re.compile(r"[\w|<>\[\]{}]")
"""What a tail has that is no punctuation: a model may write a full stop or a line break in one form only (our own)."""


@rule(
    "stop.stop_sequence.nothing-added",
    SHOULD,
    harm=LOSES,
    source="smg-project/smg#2203 (GitHub), read 2026-11-30",
    needs={"stop-sequences", "stream"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="A question with a stop sequence that never comes is sent several times, with and without streaming.",
)
def adds_nothing_to_held_back_texts(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A stream whose stop sequence never comes ends like the whole answer, without a foreign tail."""
    pairs = [pair for pair in answered_pairs(exchanges) if all(stop_reason_of(one) == "end_turn" for one in pair)]
    held = [pair for pair in pairs if pair[0].request.fields.get("stop_sequences")]
    if len(held) < MIN_TAILS:
        yield Unverified(reason="too few streams with a stop sequence ended by themselves")
        return
    tails = [_tail(*pair) for pair in held if text_of(pair[1])]
    others = {_tail(*pair) for pair in pairs if pair not in held}
    if len(tails) >= MIN_TAILS and len(set(tails)) == 1 and TAIL.search(tails[0]) and tails[0] not in others:
        streamed, whole = held[0]
        found = f"{shown(text_of(streamed)[-60:])}, with {shown(tails[0])} at the end of {len(tails)} streams"
        wanted = f"{shown(text_of(whole)[-60:])}, as in exchange {whole.number}"
        yield Finding(exchange=streamed.number, place=in_message(streamed, "/content"), found=found, wanted=wanted)


def _tail(streamed: Exchange, whole: Exchange) -> str:
    """What a stream has after the text of the whole answer; empty if its text does not begin so."""
    text, full = text_of(streamed), text_of(whole)
    return text.removeprefix(full) if text.startswith(full) else ""


@rule(
    "response.content.thinking-not-as-text",
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    source=f"{sources.THINKING}; vllm-project/vllm#39885 (GitHub), read 2026-11-30",
    needs={"thinking"},
    capability="thinking",
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Requests with thinking are sent whole and streamed, also with a call and its result.",
)
def sends_no_thought_as_text(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A text does not begin with the thought that another answer to the same request has as a thinking block."""
    groups: dict[bytes, list[Exchange]] = defaultdict(list)
    for one in exchanges:
        if has_message(one) and not is_broken_stream(one) and thinking_type(one) not in (None, "disabled"):
            groups[request_without(one, "stream", "max_tokens")].append(one)
    compared = False
    for answers in groups.values():
        thoughts = [(one, thought) for one in answers if len(thought := _thought(one)) >= MIN_BEGINNING]
        silent = [one for one in answers if not _thinks(one) and text_of(one)]
        compared = compared or (bool(thoughts) and len(answers) > 1)
        found = next(_leaked(silent, thoughts), None)
        if found is not None:
            yield found
            return
    if not compared:
        yield Unverified(reason="no request was answered twice, once with a thinking block that has a text")


def _leaked(silent: list[Exchange], thoughts: list[tuple[Exchange, str]]) -> Iterator[Finding]:
    """A finding for each answer without thinking whose text begins like a thought, and not like another text."""
    for one in silent:
        for other, thought in thoughts:
            begins = text_of(one).lstrip().startswith(thought[:MIN_BEGINNING])
            if begins and not text_of(other).lstrip().startswith(thought[:MIN_BEGINNING]):
                wanted = f"a thinking block, as in exchange {other.number}"
                place = in_message(one, "/content")
                yield Finding(exchange=one.number, place=place, found=shown(text_of(one)), wanted=wanted)


def _thought(exchange: Exchange) -> str:
    texts = [block.get("thinking") for block in blocks_of(exchange) if block.get("type") == "thinking"]
    return "".join(text for text in texts if isinstance(text, str)).lstrip()


def _thinks(exchange: Exchange) -> bool:
    return any(block.get("type") in ("thinking", "redacted_thinking") for block in blocks_of(exchange))
