"""Rules for what count_tokens does and does not do, and for prompts that only look like a cached one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    answered,
    body_of,
    count,
    has_message,
    in_message,
    input_of,
    json_key,
    shown,
    usage_of,
)
from messages_conformance.rules.cached_input import READ
from messages_conformance.rules.catalogue import ANTHROPIC, LEAKS, MISBILLS, MISLEADS, RUN, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import MUST, NOT_PROVOKED, SHOULD, Finding, Place, Unverified

ISOLATED: Final = "usage.cache.isolated"
COUNTING: Final = "platform.claude.com/docs/en/build-with-claude/token-counting, read 2026-08-22"


def _counts(exchange: Exchange) -> bool:
    """count_tokens was answered."""
    return answered(exchange) and exchange.succeeded and exchange.request.route.endswith("/count_tokens")


def _prompt(exchange: Exchange) -> bytes:
    names = ("model", "messages", "system", "tools")
    return json_key({name: exchange.request.fields.get(name) for name in names})


def _fresh(exchanges: Sequence[Exchange]) -> list[Exchange]:
    """The first answers to prompts that begin with words that no earlier request had: a refused one may be cached."""
    asked = [one for one in exchanges if ISOLATED in one.probes and not one.waits and one.attempt == 1]
    return [one for one in asked if has_message(one) and input_of(one) > 0]


FOREIGN_SHARE: Final = 0.5
"""A prompt of somebody else is in the cache as a whole. What a server itself puts before every prompt may be read
from it too, and is shorter than our prompt (origin: our own)."""


def _read(exchange: Exchange) -> int:
    """The tokens that were read from the cache, if they are most of the prompt."""
    read = count(usage_of(exchange), READ)
    return read if read > FOREIGN_SHARE * input_of(exchange) else 0


def _finding(exchange: Exchange, why: str) -> Finding:
    found = f"{count(usage_of(exchange), READ)}, {why}"
    return Finding(exchange=exchange.number, place=in_message(exchange, f"/usage/{READ}"), found=found, wanted="0")


@rule(
    ISOLATED,
    MUST,
    harm=LEAKS,  # the answer was computed from the prompt of somebody else
    families={ANTHROPIC},
    needs={"prompt-caching"},
    source=sources.CACHING,
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="A long prompt with cache_control is sent again with other words at its beginning.",
)
def reads_no_other_prompt_from_the_cache(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A prompt that differs in its first characters is never read from the cache."""
    counted = {_prompt(one) for one in exchanges if _counts(one)}
    fresh = [one for one in _fresh(exchanges) if _prompt(one) not in counted]
    for one in fresh:
        if _read(one):
            yield _finding(one, "although no earlier request begins with these words")
            return
    if not any(count(usage_of(one), "cache_creation_input_tokens") for one in fresh):
        yield Unverified(reason="nothing was cached" if fresh else NOT_PROVOKED)


@rule(
    "adjacent.count_tokens.no-side-effect",
    SHOULD,
    harm=MISBILLS,
    families={ANTHROPIC},
    needs={"prompt-caching", "count-tokens"},
    source=COUNTING,
    over=RUN,
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="At depth deep, a long new prompt with cache_control is counted, and then sent for the first time.",
)
def counts_without_writing_the_cache(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """count_tokens writes no cache: the first message with a counted prompt reads nothing."""
    counted = {_prompt(one) for one in exchanges if _counts(one)}
    first = [one for one in _fresh(exchanges) if _prompt(one) in counted]
    for one in first:
        if _read(one):
            yield _finding(one, "although the prompt was only counted before")
            return
    if not any(count(usage_of(one), "cache_creation_input_tokens") for one in first):
        yield Unverified(reason="nothing was cached" if first else NOT_PROVOKED)


@rule(
    "adjacent.count_tokens.context_management",
    SHOULD,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"count-tokens", "beta-header"},
    source="platform.claude.com/docs/en/build-with-claude/context-editing, read 2026-08-22 (token counting)",
    applies=lambda exchange: _counts(exchange) and exchange.request.fields.get("context_management") is not None,
    on_sight=True,
    reads={REQUEST},
    provoked="At depth deep, a conversation with two tool results is counted with an edit that clears the first.",
)
def counts_before_and_after_edits(exchange: Exchange) -> Iterable[Finding]:
    """With context_management, count_tokens returns the tokens after the edits, and those before them, too."""
    found: Any = body_of(exchange).get("context_management")
    before = found.get("original_input_tokens") if isinstance(found, dict) else None
    after = count(body_of(exchange), "input_tokens")
    if not isinstance(before, int) or isinstance(before, bool) or before < after:
        place = Place(pointer="/context_management/original_input_tokens")
        yield Finding(
            place=place, found=shown(before), wanted=f"a number of {after} or more, the count before the edits"
        )
