"""Verdicts on the edges of a request, where more than one answer is right and no row of the probe table says it all."""

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
from messages_conformance.rules.catalogue import ANTHROPIC, RUN, TOKMODEL, rule
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
    """The text of a final assistant message; empty where there is none."""
    messages = exchange.request.fields.get("messages")
    last: Any = messages[-1] if isinstance(messages, list) and messages else None
    held = last.get("content") if isinstance(last, dict) and last.get("role") == "assistant" else None
    return held.strip() if isinstance(held, str) else ""


@rule(
    PREFILL,
    SHOULD,
    families={ANTHROPIC},
    needs={"prefill"},
    capability="prefill",
    source=sources.sdk("types/message_create_params.py"),
    applies=_probing(PREFILL),
    model_dependent=True,
    reads={PROBES, REQUEST},
    provoked="The beginning of an answer is sent as a final assistant message.",
)
def goes_on_from_a_prefill(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A final assistant message is continued: the answer does not begin with it again."""
    if not json_message(exchange) or not text_of(exchange).strip():
        said = cleanly_refused(exchange) or f"status {response_of(exchange).status} without text"
        yield Unverified(reason=f"the beginning of an answer was not continued: {said}")
    elif text_of(exchange).strip().startswith(_prefill(exchange)):
        wanted = f"what follows {shown(_prefill(exchange))}"
        yield Finding(place=in_message(exchange, "/content/0/text"), found=shown(text_of(exchange)), wanted=wanted)


@rule(
    "request.prefill.unsupported",
    SHOULD,
    families={ANTHROPIC},
    needs={"prefill"},
    source=PREFILL_ERRORS,
    applies=_probing(PREFILL),
    model_dependent=True,
    reads={PROBES},
    provoked="The beginning of an answer is sent as a final assistant message.",
)
def refuses_a_prefill_with_400(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A model without prefill refuses a final assistant message with 400."""
    status = response_of(exchange).status
    if status < 400:
        yield Unverified(reason="the model takes a final assistant message")
    elif status != 400:
        yield Finding(place=STATUS, found=status_and_body(exchange), wanted="400, or an answer")


# -- no tokens at all -----------------------------------------------------------------------------------------------


@rule(
    PREWARM,
    SHOULD,
    families={ANTHROPIC},
    needs={"prewarm"},
    source=PREWARMING,
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="A question is asked with max_tokens 0.",
)
def prepares_without_answering(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """max_tokens 0 is answered with an empty message that stopped at max_tokens and has 0 output_tokens."""
    sent = [exchange for exchange in exchanges if PREWARM in exchange.probes]
    if not sent:
        yield Unverified(reason="nothing was asked with max_tokens 0")
    elif any(_exceeds(exchange) for exchange in exchanges):
        yield Unverified(reason="answers are longer than max_tokens, whatever it is")
    else:
        others = [exchange for exchange in exchanges if exchange not in sent and json_message(exchange)]
        # Where no answer at all is said to have stopped at its limit, that is judged as stop.max_tokens.occurs.
        told = not others or any(stop_reason_of(exchange) == "max_tokens" for exchange in others)
        for exchange in sent:
            yield from _prepared(exchange, told=told)


def _exceeds(exchange: Exchange) -> bool:
    limit = limit_of(exchange) if has_message(exchange) else None
    return limit is not None and count(closing_usage(exchange), "output_tokens") > limit


def _prepared(exchange: Exchange, *, told: bool) -> Iterator[Finding | Unverified]:
    status = response_of(exchange).status
    if status >= 400:
        wanted = "200 and a message without content"
        yield Finding(exchange=exchange.number, place=STATUS, found=status_and_body(exchange), wanted=wanted)
    elif json_message(exchange):
        yield from _answers(exchange, told=told)
    else:
        yield Unverified(reason=f"status {status}, but no message")


def _answers(exchange: Exchange, *, told: bool) -> Iterator[Finding]:
    """What an answer that should be empty holds; its stop_reason counts where limits are `told` at all."""
    message = message_of(exchange) or {}
    held = {
        "/content": (message.get("content"), []),
        "/stop_reason": (message.get("stop_reason") if told else None, "max_tokens"),
        "/usage/output_tokens": (max(0, count(usage_of(exchange), "output_tokens")), 0),
    }
    for pointer, (found, wanted) in held.items():
        # A member that is missing or of another type, or below 0, is judged as that.
        if isinstance(found, type(wanted)) and found != wanted:
            place = in_message(exchange, pointer)
            yield Finding(exchange=exchange.number, place=place, found=shown(found), wanted=shown(wanted))
            return


@rule(
    "request.max_tokens.zero-tokmodel",
    MAY,
    families={TOKMODEL},
    source=f"{sources.SEED} (silent)",
    applies=_probing("request.max_tokens.zero-tokmodel"),
    reads={PROBES},
    provoked="A question is asked with max_tokens 0.",
)
def survives_a_limit_of_zero(exchange: Exchange) -> Iterable[Finding]:
    """max_tokens 0 is answered or refused, but never with a 5xx."""
    return _crashes(exchange, "an answer or a 4xx status")


# -- caching and credentials ----------------------------------------------------------------------------------------


SMALL: Final = "request.cache_control.below-minimum"
SMALLEST_CACHED_TOKENS: Final = 512
"""The least that any model caches (prompt caching, cache limitations); of a prompt with more nothing can be said."""


@rule(
    SMALL,
    MUST,
    families={ANTHROPIC},
    needs={"prompt-caching"},
    source=sources.CACHING,
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="A prompt of a few words is sent with cache_control.",
)
def answers_what_is_too_short_to_cache(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A prompt below the cache minimum is answered as if it had no cache_control, and both cache counts are 0."""
    sent = [exchange for exchange in exchanges if SMALL in exchange.probes]
    # A server that takes no blocks at all is judged as that.
    blocks = any(has_message(exchange) and exchange not in sent and _in_blocks(exchange) for exchange in exchanges)
    if not sent:
        yield Unverified(reason="no short prompt was sent with cache_control")
    for exchange in sent:
        if response_of(exchange).status >= 400 and not blocks:
            yield Unverified(reason=f"no message in blocks was answered: {status_and_body(exchange)}")
        else:
            yield from (_at(exchange, said) for said in _uncached(exchange))


def _in_blocks(exchange: Exchange) -> bool:
    """Whether a user message is an array of nothing but text blocks."""
    turns = exchange.request.fields.get("messages")
    asked = [turn for turn in turns if isinstance(turn, dict)] if isinstance(turns, list) else []
    held = [turn.get("content") for turn in asked if turn.get("role") == "user"]
    return any(
        isinstance(content, list) and all(isinstance(block, dict) and "text" in block for block in content)
        for content in held
    )


def _at(exchange: Exchange, said: Finding | Unverified) -> Finding | Unverified:
    return replace(said, exchange=exchange.number)


def _uncached(exchange: Exchange) -> Iterator[Finding | Unverified]:
    if response_of(exchange).status >= 400:
        yield Finding(place=STATUS, found=status_and_body(exchange), wanted="200: the request is valid")
    elif not has_message(exchange):
        yield Unverified(reason=f"status {response_of(exchange).status}, but no message")
    elif total_input(usage_of(exchange)) >= SMALLEST_CACHED_TOKENS:
        yield Unverified(reason=f"the prompt was counted as {total_input(usage_of(exchange))} tokens: enough to cache")
    else:
        for name in INPUT_COUNTS[1:]:
            if count(usage_of(exchange), name) > 0:
                place = in_message(exchange, f"/usage/{name}")
                yield Finding(place=place, found=str(usage_of(exchange)[name]), wanted="0")
                return


@rule(
    "auth.both-headers",
    MAY,
    source=f"unspecified; {sources.sdk('_client.py')} builds no such client",
    applies=_probing("auth.both-headers"),
    reads={PROBES},
    provoked="The key is sent in both headers.",
)
def survives_two_credentials(exchange: Exchange) -> Iterable[Finding]:
    """The key in both headers is accepted or refused, but never answered with a 5xx."""
    return _crashes(exchange, "an answer or a 4xx status")
