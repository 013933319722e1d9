"""Rules for the effect of cache_control: what was written is read, in streams too, at every place, and for its ttl.

A cache may miss at any time: entries are lost, and a gateway has several servers behind it. So one miss shows nothing;
only a cache that works elsewhere and never here does. Only the pairs of the suites are compared.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    count,
    has_message,
    in_message,
    is_broken_stream,
    json_key,
    once_per_exchange,
    streamed,
    total_input,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, MISBILLS, RUN, rule
from messages_conformance.rules.model_passes import may_take_several_passes
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

WRITTEN: Final = "cache_creation_input_tokens"
READ: Final = "cache_read_input_tokens"

MIN_CACHED_TOKENS: Final = 256
"""No model caches a prefix of less than 512 tokens (prompt caching); half of it, for coarse counts (our own)."""

MIN_REWRITES: Final = 7
"""At least this many requests write what was written before them, and none reads it (our own). A gateway that sends
requests to several servers in turn reads earlier. A cache that loses every second entry by chance does so once in
128."""

SAME_SHARE: Final = 0.8
"""A prompt is written again if at least this share of what was written at first is written (our own)."""

SAME_SIZE: Final = 0.95
"""A prompt of this share of what is cached elsewhere is as long (our own: the texts of the suites differ by less)."""

MIN_ANSWERS: Final = 2
"""At least this many answers of each form, or with a marker at one place, must agree (our own)."""

NOTHING_CACHED: Final = Unverified(
    reason="nothing was cached: the prompts are below the minimum of this model, or caching is off"
)

TOOL_TURNS: Final = ("tool_use", "tool_result")
"""Blocks that proxies translate, so that a cache_control on them may be lost although text blocks keep theirs."""

TTLS: Final = {"5m": "ephemeral_5m_input_tokens", "1h": "ephemeral_1h_input_tokens"}


@once_per_exchange
def _prompt_key(exchange: Exchange) -> bytes:
    fields = {name: value for name, value in exchange.request.fields.items() if name not in ("stream", "max_tokens")}
    return json_key(fields)


def _cached(exchange: Exchange) -> int:
    """The tokens that an answer wrote to the cache or read from it."""
    return count(usage_of(exchange), WRITTEN) + count(usage_of(exchange), READ)


def _marked(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """Complete answers to requests of the suites with cache_control, in the order of the requests."""
    return [
        one
        for one in sorted(exchanges, key=lambda one: one.number)
        if one.probes
        and has_message(one)
        and b"cache_control" in one.request.body
        and total_input(usage_of(one)) > 0
        and not is_broken_stream(one)
        and not may_take_several_passes(one)
    ]


def _repeated(exchanges: Sequence[Exchange]) -> list[list[Exchange]]:
    """The answers to each prompt with cache_control that was sent several times."""
    prompts: dict[bytes, list[Exchange]] = defaultdict(list)
    for one in _marked(exchanges):
        prompts[_prompt_key(one)].append(one)
    return [answers for answers in prompts.values() if len(answers) >= MIN_ANSWERS]


@rule(
    "usage.cache.read-after-write",
    SHOULD,
    harm=MISBILLS,  # a write costs more than the same input without caching
    families={ANTHROPIC},
    needs={"prompt-caching"},
    source=f"{sources.CACHING}; theopenco/llmgateway#3918 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="A long prompt with cache_control is sent several times in a row.",
)
def reads_what_it_wrote(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A prompt that was written to the cache is read by later requests: it is not written, and billed, every time."""
    compared = False
    for answers in _repeated(exchanges):
        first, *later = answers
        written = count(usage_of(first), WRITTEN)
        if written < MIN_CACHED_TOKENS:
            continue
        again = [one for one in later if count(usage_of(one), WRITTEN) >= SAME_SHARE * written]
        compared = compared or any(count(usage_of(one), READ) for one in later)
        if len(again) >= MIN_REWRITES and not any(count(usage_of(one), READ) for one in answers):
            found = f"{written} written by exchange {first.number} and by {len(again)} later requests, and 0 read"
            place = in_message(again[0], f"/usage/{READ}")
            yield Finding(exchange=again[0].number, place=place, found=found, wanted=f"about {written} tokens are read")
            return
    if not compared:
        yield Unverified(reason="no prompt that was written to the cache was read later")


@rule(
    "usage.cache.stream-equals-whole",
    SHOULD,
    harm=MISBILLS,
    families={ANTHROPIC},
    needs={"prompt-caching", "stream"},
    source=f"{sources.CACHING}; sgl-project/sglang#29703, BerriAI/litellm#31069 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="A long prompt with cache_control is sent several times, with and without streaming.",
)
def caches_with_and_without_streaming(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A cached prompt is reported as cached in streams and in whole answers alike."""
    compared = False
    for answers in _repeated(exchanges):
        warm = answers[1:]  # the first answer fills the cache
        forms = [[one for one in warm if streamed(one) is form] for form in (True, False)]
        compared = compared or all(any(map(_cached, form)) for form in forms)
        for silent, other in (forms, forms[::-1]):
            if min(len(silent), len(other)) < MIN_ANSWERS or any(map(_cached, silent)) or not all(map(_cached, other)):
                continue
            how, elsewhere = ("streamed", "whole") if streamed(silent[0]) else ("whole", "streamed")
            found = f"no cached tokens in {len(silent)} {how} answers"
            wanted = f"about {_cached(other[0])}, as in the {elsewhere} answers (exchange {other[0].number})"
            place = in_message(silent[0], f"/usage/{READ}")
            yield Finding(exchange=silent[0].number, place=place, found=found, wanted=wanted)
            return
    if not compared:
        yield Unverified(reason="no prompt was cached both with and without streaming")


# -- places and lifetimes


def _controls(value: Any, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every cache_control inside a value, with the name of its place."""
    if isinstance(value, Mapping):
        control, kind = value.get("cache_control"), value.get("type")
        if isinstance(control, Mapping):
            yield (str(kind) if kind in TOOL_TURNS else place), control
        for name, inner in value.items():
            yield from _controls(inner, place) if name != "cache_control" else ()
    elif isinstance(value, list):
        for inner in value:
            yield from _controls(inner, place)


@once_per_exchange
def _marks(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    """The place and the lifetime of every cache_control of a request: tools, system, messages, or a block of a call."""
    fields = exchange.request.fields
    return tuple(
        (place, str(control.get("ttl") or "5m"))
        for place in ("tools", "system", "messages")
        for place, control in _controls(fields.get(place), place)
    )


def _only_place(exchange: Exchange) -> str:
    """The place of all markers of a request; empty if there are several places."""
    places = {place for place, _ in _marks(exchange)}
    return next(iter(places)) if len(places) == 1 else ""


@rule(
    "usage.cache.place",
    SHOULD,
    harm=MISBILLS,
    families={ANTHROPIC},
    needs={"prompt-caching", "tools", "system-blocks"},
    source=f"{sources.CACHING}; coder/xum#816, maximhq/bifrost#1935 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="Long tools, system prompts, messages and tool results each have the only cache_control of a request.",
)
def caches_at_every_place(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """cache_control works on tools, on system blocks, on blocks of messages and on tool results."""
    places: dict[str, list[Exchange]] = defaultdict(list)
    for one in _marked(exchanges):
        if place := _only_place(one):
            places[place].append(one)
    working = [one for answers in places.values() for one in answers if _cached(one) >= MIN_CACHED_TOKENS]
    if not working:
        yield Unverified(
            reason="nothing was cached: the prompts are below the minimum of this model, or caching is off"
        )
        return
    least = min(map(_cached, working))
    for place, answers in places.items():
        if any(map(_cached, answers)):
            continue
        for form in (False, True):
            # Streams may report less than whole answers (usage.cache.stream-equals-whole).
            alike = [one for one in working if streamed(one) is form]
            least = min(map(_cached, alike), default=0)
            long = [one for one in answers if streamed(one) is form and _size(one) >= SAME_SIZE * least]
            if alike and len(long) >= MIN_ANSWERS:
                found = f"0 cached tokens of {_size(long[0])} in {len(long)} requests with cache_control in {place}"
                wanted = f"cached tokens, as with cache_control in {_only_place(alike[0])} (exchange {alike[0].number})"
                at = in_message(long[0], f"/usage/{WRITTEN}")
                yield Finding(exchange=long[0].number, place=at, found=found, wanted=wanted)
                return


def _size(exchange: Exchange) -> int:
    return total_input(usage_of(exchange))


@rule(
    "usage.cache.ttl",
    SHOULD,
    harm=MISBILLS,
    families={ANTHROPIC},
    needs={"prompt-caching"},
    source=f"{sources.CACHING}; BerriAI/litellm-docs#1078 (GitHub), read 2026-11-30",
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="Long prompts have a cache_control with the ttl 1h, and one without a ttl.",
)
def caches_for_the_time_that_is_asked(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """What is written with the ttl 1h is counted as written for 1 hour, and without a ttl as written for 5 minutes."""
    compared = False
    for one in _marked(exchanges):
        ttls, parts = {ttl for _, ttl in _marks(one)}, usage_of(one).get("cache_creation")
        if len(ttls) != 1 or not ttls <= TTLS.keys() or not isinstance(parts, Mapping):
            continue
        ttl = next(iter(ttls))
        others = {name: count(parts, name) for known, name in TTLS.items() if known != ttl}
        right = count(parts, TTLS[ttl])
        compared = compared or right > 0
        for name, tokens in others.items():
            if tokens >= MIN_CACHED_TOKENS and right == 0:
                place = in_message(one, f"/usage/cache_creation/{name}")
                found = f"{tokens}, and {TTLS[ttl]} is 0"
                yield Finding(exchange=one.number, place=place, found=found, wanted=f"0: the ttl is {ttl}")
                return
    if not compared:
        yield Unverified(reason="no answer divides what was written to the cache by its ttl")
