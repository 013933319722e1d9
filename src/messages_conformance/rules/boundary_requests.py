"""Rules for requests with several correct answers, which a row of the probe table cannot describe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    INPUT_COUNTS,
    answered,
    cleanly_refused,
    closing_usage,
    count,
    has_message,
    in_message,
    json_message,
    limit_of,
    message_of,
    response_of,
    shown,
    status_and_body,
    stop_reason_of,
    text_of,
    total_input,
    usage_of,
)
from messages_conformance.rules.catalogue import ANTHROPIC, HIDES, LOSES, MISBILLS, MISLEADS, RUN, TOKMODEL, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import MAY, MUST, SHOULD, STATUS, Finding, Unverified

PREFILL: Final = "request.prefill.continue"
PREFILL_ERRORS: Final = "platform.claude.com/docs/en/api/errors (prefill not supported), read 2026-11-22"
PREWARM: Final = "request.max_tokens.zero-prewarm"
PREWARMING: Final = f"{sources.CACHING} (pre-warming the cache)"


def _probing(requirement: str) -> Callable[[Exchange], bool]:
    return lambda exchange: answered(exchange) and requirement in exchange.probes


def _crashes(exchange: Exchange, wanted: str) -> Iterator[Finding]:
    if response_of(exchange).status >= 500:
        yield Finding(place=STATUS, found=status_and_body(exchange), wanted=wanted)


# -- a final assistant message --------------------------------------------------------------------------------------


def _prefill(exchange: Exchange) -> str:
    """The text of a final assistant message; empty without one."""
    messages = exchange.request.fields.get("messages")
    last: Any = messages[-1] if isinstance(messages, list) and messages else None
    content = last.get("content") if isinstance(last, dict) and last.get("role") == "assistant" else None
    return content.strip() if isinstance(content, str) else ""


@rule(
    PREFILL,
    SHOULD,
    harm=LOSES,  # the caller puts prefill and text together
    families={ANTHROPIC},
    needs={"prefill"},
    capability="prefill",
    source=sources.sdk("types/message_create_params.py"),
    applies=_probing(PREFILL),
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="A request ends with an assistant message that begins the answer.",
)
def continues_a_prefill(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The model continues a final assistant message and does not repeat it."""
    if not json_message(exchange) or not text_of(exchange).strip():
        reason = cleanly_refused(exchange) or f"status {response_of(exchange).status} without text"
        yield Unverified(reason=f"the answer was not continued: {reason}")
    elif text_of(exchange).strip().startswith(_prefill(exchange)):
        wanted = f"the text after {shown(_prefill(exchange))}"
        yield Finding(place=in_message(exchange, "/content/0/text"), found=shown(text_of(exchange)), wanted=wanted)


@rule(
    "request.prefill.unsupported",
    SHOULD,
    harm=HIDES,
    families={ANTHROPIC},
    needs={"prefill"},
    source=PREFILL_ERRORS,
    applies=_probing(PREFILL),
    model_dependent=True,
    reads={PROBES},
    provoked="A request ends with an assistant message that begins the answer.",
)
def refuses_a_prefill_with_400(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A model that does not support prefill refuses a final assistant message with 400."""
    status = response_of(exchange).status
    if status < 400:
        yield Unverified(reason="the model accepts a final assistant message")
    elif status != 400:
        yield Finding(place=STATUS, found=status_and_body(exchange), wanted="400, or an answer")


# -- max_tokens 0 -----------------------------------------------------------------------------------------------


@rule(
    PREWARM,
    SHOULD,
    harm=MISBILLS,  # a generated answer is billed
    families={ANTHROPIC},
    needs={"prewarm"},
    source=PREWARMING,
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="A request has max_tokens 0.",
)
def fills_the_cache_without_an_answer(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """The answer to max_tokens 0 is an empty message with stop_reason max_tokens and 0 output_tokens."""
    sent = [exchange for exchange in exchanges if PREWARM in exchange.probes]
    if not sent:
        yield Unverified(reason="no request had max_tokens 0")
    elif any(_exceeds(exchange) for exchange in exchanges):
        yield Unverified(reason="answers exceed max_tokens in other requests too")
    else:
        others = [exchange for exchange in exchanges if PREWARM not in exchange.probes and json_message(exchange)]
        # If no answer of the target has stop_reason max_tokens, that is judged as stop.max_tokens.occurs.
        reports_limits = not others or any(stop_reason_of(exchange) == "max_tokens" for exchange in others)
        for exchange in sent:
            yield from _prepared(exchange, reports_limits=reports_limits)


def _exceeds(exchange: Exchange) -> bool:
    limit = limit_of(exchange) if has_message(exchange) else None
    return limit is not None and count(closing_usage(exchange), "output_tokens") > limit


def _prepared(exchange: Exchange, *, reports_limits: bool) -> Iterator[Finding | Unverified]:
    status = response_of(exchange).status
    if status >= 400:
        wanted = "200 and a message without content"
        yield Finding(exchange=exchange.number, place=STATUS, found=status_and_body(exchange), wanted=wanted)
    elif json_message(exchange):
        yield from _not_empty(exchange, reports_limits=reports_limits)
    else:
        yield Unverified(reason=f"status {status} without a message")


def _not_empty(exchange: Exchange, *, reports_limits: bool) -> Iterator[Finding]:
    """The first member of an answer that should be empty and is not; `reports_limits` also checks its stop_reason."""
    message = message_of(exchange) or {}
    expected = {
        "/content": (message.get("content"), []),
        "/stop_reason": (message.get("stop_reason") if reports_limits else None, "max_tokens"),
        "/usage/output_tokens": (max(0, count(usage_of(exchange), "output_tokens")), 0),
    }
    for pointer, (found, wanted) in expected.items():
        # Other rules judge a member that is missing, negative or of another type.
        if isinstance(found, type(wanted)) and found != wanted:
            place = in_message(exchange, pointer)
            yield Finding(exchange=exchange.number, place=place, found=shown(found), wanted=shown(wanted))
            return


@rule(
    "request.max_tokens.zero-tokmodel",
    MAY,
    harm=MISLEADS,  # a 5xx, which clients retry
    families={TOKMODEL},
    source=f"{sources.SEED} (silent)",
    applies=_probing("request.max_tokens.zero-tokmodel"),
    reads={PROBES},
    provoked="A request has max_tokens 0.",
)
def handles_a_limit_of_zero(exchange: Exchange) -> Iterable[Finding]:
    """max_tokens 0 is accepted or refused, but the status is never 5xx."""
    return _crashes(exchange, "an answer or a 4xx status")


# -- caching and credentials ----------------------------------------------------------------------------------------


SMALL: Final = "request.cache_control.below-minimum"
SMALLEST_CACHED_TOKENS: Final = 512
"""The smallest prompt that any model caches (prompt caching, cache limitations). A larger prompt may be cached."""


@rule(
    SMALL,
    MUST,
    harm=MISBILLS,
    families={ANTHROPIC},
    needs={"prompt-caching", "system-blocks"},
    source=sources.CACHING,
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="A prompt of a few words has cache_control.",
)
def answers_prompts_that_are_too_short_to_cache(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A prompt below the cache minimum is answered as without cache_control, and both cache counts are 0."""
    sent = [exchange for exchange in exchanges if SMALL in exchange.probes]
    # If the server accepts no content blocks at all, request.messages.content-blocks judges it.
    blocks = any(
        has_message(exchange) and SMALL not in exchange.probes and _in_blocks(exchange) for exchange in exchanges
    )
    if not sent:
        yield Unverified(reason="no short prompt had cache_control")
    for exchange in sent:
        if response_of(exchange).status >= 400 and not blocks:
            yield Unverified(reason=f"no request with content blocks was accepted: {status_and_body(exchange)}")
        else:
            yield from (_at(exchange, outcome) for outcome in _uncached(exchange))


def _in_blocks(exchange: Exchange) -> bool:
    """Whether a user message is an array of text blocks only."""
    turns = exchange.request.fields.get("messages")
    messages = [turn for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    contents = [turn.get("content") for turn in messages if turn.get("role") == "user"]
    return any(
        isinstance(content, list) and all(isinstance(block, dict) and "text" in block for block in content)
        for content in contents
    )


def _at(exchange: Exchange, outcome: Finding | Unverified) -> Finding | Unverified:
    return replace(outcome, exchange=exchange.number)


def _uncached(exchange: Exchange) -> Iterator[Finding | Unverified]:
    if response_of(exchange).status >= 400:
        yield Finding(place=STATUS, found=status_and_body(exchange), wanted="200: the request is valid")
    elif not has_message(exchange):
        yield Unverified(reason=f"status {response_of(exchange).status}, but no message")
    elif total_input(usage_of(exchange)) >= SMALLEST_CACHED_TOKENS:
        yield Unverified(
            reason=f"the prompt was counted as {total_input(usage_of(exchange))} tokens, which is enough to cache"
        )
    else:
        for name in INPUT_COUNTS[1:]:
            if count(usage_of(exchange), name) > 0:
                place = in_message(exchange, f"/usage/{name}")
                yield Finding(place=place, found=str(usage_of(exchange)[name]), wanted="0")
                return


@rule(
    "auth.both-headers",
    MAY,
    harm=MISLEADS,  # a 5xx, which clients retry
    source=f"unspecified; {sources.sdk('_client.py')} builds no such client",
    applies=_probing("auth.both-headers"),
    reads={PROBES},
    provoked="A request has the key in both headers.",
)
def handles_two_credentials(exchange: Exchange) -> Iterable[Finding]:
    """The key in both headers is accepted or refused, but the status is never 5xx."""
    return _crashes(exchange, "an answer or a 4xx status")
