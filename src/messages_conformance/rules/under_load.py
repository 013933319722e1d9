"""Rules for answers under load: each is compared with what the same request got while no other was in progress.

The source of a load test states that in `Exchange.load`. What was wrong alone is no effect of load: the ordinary rules
report it, and these rules are not verified for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from messages_conformance.exchange import (
    ALONE,
    COMPLETE,
    LOAD,
    RESET,
    SILENT,
    STALLED,
    TIMEOUT,
    Alone,
    Exchange,
    LoadFacts,
    nonces_in,
)
from messages_conformance.rules.accessors import (
    answered,
    at,
    blocks_of,
    closing_usage,
    count,
    ids,
    in_message,
    message_of,
    response_of,
    shown,
    streamed,
    text_of,
    thought_tokens,
    total_input,
    walk_of,
)
from messages_conformance.rules.catalogue import BREAKS, DRIFTS, LEAKS, LOSES, MISBILLS, RUN, rule
from messages_conformance.rules.recording_parts import CHUNK_BORDERS, IDS, RAW_BODY, REQUEST, RESPONSE_HEADERS, TIMES
from messages_conformance.rules.verdict import MUST, NOT_PROVOKED, SHOULD, Finding, Place, Unverified

COMPARED: Final = "the same request, alone and under load, compared"
"""The source of requirements that follow from two records: what works alone, works for many users, too."""

SAME_ALONE: Final = Unverified(reason="the request has this alone, too, so it is no effect of load")

SLACK_TOKENS: Final = 8
SLACK_SHARE: Final = 0.05
"""Nonces have the same length but not the same number of tokens: one of 16 letters has 3 to 11 (our own)."""

OUTPUT_FACTOR: Final = 2
OUTPUT_SLACK_TOKENS: Final = 16
"""Texts of the same length differ in tokens, by their nonce and words, by less than this (our own)."""

BURST_S: Final = 0.05
"""Deltas that arrive within this time were probably sent in one write (our own; as in stream.frame.incremental)."""

SPREAD_S: Final = 0.3
"""Alone, the deltas of a stream were spread over this time at least, or its timing shows nothing (our own)."""

EXPLAINED_SHARE: Final = 0.25
"""Our own process was blocked for so much of the usual time: deltas may have come meanwhile, bit by bit (our own)."""

RETRIED: Final = frozenset({408, 409, 429, *range(500, 600)})
"""The statuses that the SDKs send again (anthropic 2.12.0, _base_client.py _should_retry)."""


def facts(exchange: Exchange) -> LoadFacts:
    """The part of an exchange in a load test; only for exchanges that have one."""
    assert exchange.load is not None
    return exchange.load


def alone_of(exchange: Exchange) -> Alone:
    """What the same request got alone."""
    return facts(exchange).alone or Alone(accepted=False, complete=False)


def under_load(exchange: Exchange) -> bool:
    """It was sent under load, and the same request was answered with success alone."""
    return exchange.load is not None and exchange.load.phase == LOAD and alone_of(exchange).accepted


def visible_characters(exchange: Exchange) -> int:
    """The length of all that an answer shows: texts, thinking, and the names and arguments of calls."""
    total = 0
    for block in blocks_of(exchange):
        total += sum(len(block[name]) for name in ("text", "thinking", "name") if isinstance(block.get(name), str))
        total += len(json.dumps(block["input"])) if block.get("input") else 0
    return total


def _thinks(exchange: Exchange) -> bool:
    """Whether tokens may be counted that the answer does not show."""
    kinds = {block.get("type") for block in blocks_of(exchange)}
    return bool(kinds & {"thinking", "redacted_thinking"}) or thought_tokens(closing_usage(exchange)) > 0


def _and(*tests: Callable[[Exchange], bool]) -> Callable[[Exchange], bool]:
    return lambda exchange: all(test(exchange) for test in tests)


def _at_once(exchange: Exchange) -> str:
    return f"{facts(exchange).in_flight} requests were in progress"


# -- answers of other conversations -----------------------------------------------------------------------------------


@rule(
    "load.isolation.content",
    MUST,
    harm=LEAKS,
    source=COMPARED,
    applies=_and(under_load, answered),
    on_sight=True,
    reads={REQUEST},
    provoked="Every request of a load test contains a word that no other has.",
)
def has_its_own_answer(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """No answer contains a word that only another conversation has."""
    own = set(nonces_in(exchange.request.body.decode("utf-8", "replace")))
    seen = set(nonces_in(_whole_text(exchange)))
    for foreign in sorted(seen - own):
        found = f"{shown(foreign)}, the word of another request, while {_at_once(exchange)}"
        yield Finding(place=in_message(exchange, "/content"), found=found, wanted=f"only {shown(min(own, default=''))}")
        return
    if not seen:
        yield Unverified(reason="the answer does not repeat the word of its request, so that it shows nothing")


def _whole_text(exchange: Exchange) -> str:
    """The text, thinking and arguments of an answer, and its body as it came."""
    parts = [response_of(exchange).text, text_of(exchange) if streamed(exchange) else ""]
    for block in blocks_of(exchange) if streamed(exchange) else ():
        parts += [str(block.get("input") or ""), str(block.get("thinking") or "")]
    return "\n".join(parts)


@rule(
    "load.isolation.stream",
    MUST,
    harm=LEAKS,
    source=COMPARED,
    applies=_and(under_load, streamed),
    on_sight=True,
    provoked="Many streams are in progress at the same time.",
)
def has_the_events_of_one_message(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A stream has the events of one message, not of several."""
    starts = [event for event in response_of(exchange).events if event.type == "message_start"]
    if len(starts) > 1:
        if not alone_of(exchange).complete:
            yield SAME_ALONE
            return
        found = f"{len(starts)} message_start events, while {_at_once(exchange)}"
        yield Finding(place=at(starts[1]), found=found, wanted="one message_start")


# -- what is missing --------------------------------------------------------------------------------------------------


@rule(
    "load.body.complete",
    MUST,
    harm=LOSES,
    source=COMPARED,
    applies=_and(under_load, answered),
    on_sight=True,
    reads={RAW_BODY},
    provoked="Every body of a load test is read to its end.",
)
def sends_whole_bodies(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A body that is whole alone is whole under load: the connection does not break or fall silent in it."""
    response = response_of(exchange)
    if response.ending not in (RESET, STALLED, TIMEOUT):
        return
    if not alone_of(exchange).complete:
        yield SAME_ALONE
        return
    found = f"{response.detail or response.ending} after {len(response.body):,} bytes, while {_at_once(exchange)}"
    yield Finding(place=Place(offset_bytes=len(response.body)), found=found, wanted="the whole body")


@rule(
    "load.stream.end",
    MUST,
    harm=LOSES,
    source=COMPARED,
    applies=_and(under_load, streamed),
    on_sight=True,
    reads={RAW_BODY},
    provoked="Many streams are in progress at the same time.",
)
def ends_its_streams(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A stream that has its message_stop alone has it under load, or an error event."""
    response = response_of(exchange)
    if response.ending != COMPLETE or {event.type for event in response.events} & {"message_stop", "error"}:
        return
    if not alone_of(exchange).complete:
        yield SAME_ALONE
        return
    found = f"the end after {len(response.events)} events without message_stop, while {_at_once(exchange)}"
    yield Finding(place=Place(offset_bytes=len(response.body)), found=found, wanted="message_stop, or an error event")


@rule(
    "load.requests.answered",
    MUST,
    harm=BREAKS,
    source=COMPARED,
    applies=under_load,
    raw=True,
    on_sight=True,
    provoked="After a load test its last answers are waited for, as long as any bytes arrive.",
)
def answers_every_request(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """Every request gets an answer: a full server refuses or delays it, and does not leave it without one."""
    failure = exchange.failure
    if exchange.response is not None or failure is None or failure.kind == SILENT:
        return
    if failure.kind in ("timeout", "disconnected"):
        found = f"{failure.message}, while {_at_once(exchange)}"
        yield Finding(place=Place(), found=found, wanted="an answer, or 429 or 529 with retry-after")
    else:
        yield Unverified(reason=f"the request was not sent: {failure.message}")


@rule(
    "load.stream.incremental",
    SHOULD,
    harm=DRIFTS,
    source=COMPARED,
    applies=_and(under_load, streamed),
    on_sight=True,
    reads={TIMES, CHUNK_BORDERS},
    provoked="The deltas of each stream are timed, alone and under load.",
)
def still_streams(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A stream that arrives bit by bit alone does so under load, and not in one piece at its end."""
    deltas = [event.at_s for event in walk_of(exchange).events if event.type == "content_block_delta"]
    alone = alone_of(exchange)
    if alone.spread_s < SPREAD_S or len(deltas) < 2 or visible_characters(exchange) < alone.characters / 2:
        yield Unverified(reason=f"alone, its deltas do not arrive over {SPREAD_S:g} s, so that timing shows nothing")
    elif exchange.observer_lag_s >= alone.spread_s * EXPLAINED_SHARE:
        yield Unverified(reason=f"our own process was blocked for {exchange.observer_lag_s:.2f} s")
    elif (spread_s := deltas[-1] - deltas[0]) < BURST_S:
        found = f"all {len(deltas)} deltas within {spread_s:.3f} s, while {_at_once(exchange)}"
        wanted = f"deltas over time, as alone ({alone.spread_s:.2f} s)"
        yield Finding(place=Place(), found=found, wanted=wanted)


# -- what is counted --------------------------------------------------------------------------------------------------


@rule(
    "load.usage.input",
    MUST,
    harm=MISBILLS,
    source=COMPARED,
    applies=_and(under_load, answered, lambda exchange: bool(closing_usage(exchange))),
    on_sight=True,
    provoked="The same request is sent alone and under load; only its nonce, always of the same length, differs.",
)
def bills_the_same_input(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The same request has the same input tokens under load as alone."""
    alone, found = alone_of(exchange).input_tokens, total_input(closing_usage(exchange))
    if not alone:
        yield Unverified(reason="the answer has no input tokens alone")
    elif abs(found - alone) > max(SLACK_TOKENS, alone * SLACK_SHARE):
        what = f"{found:,} input tokens, while {_at_once(exchange)}"
        yield Finding(place=in_message(exchange, "/usage"), found=what, wanted=f"about {alone:,}, as alone")


@rule(
    "load.usage.output",
    SHOULD,
    harm=MISBILLS,
    source=COMPARED,
    applies=_and(under_load, answered, lambda exchange: bool(closing_usage(exchange))),
    on_sight=True,
    provoked="As load.usage.input.",
)
def bills_the_same_output(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """An answer of the same length has about the same output tokens under load as alone."""
    alone, found = alone_of(exchange), count(closing_usage(exchange), "output_tokens")
    if not alone.output_tokens or not alone.characters or visible_characters(exchange) != alone.characters:
        yield Unverified(reason="the answer differs in length from the one alone, so that its tokens may differ, too")
        return
    if _thinks(exchange):
        yield Unverified(reason="the model thinks, so that its tokens do not follow from what it shows")
        return
    most = alone.output_tokens * OUTPUT_FACTOR + OUTPUT_SLACK_TOKENS
    if found > most or found * OUTPUT_FACTOR + OUTPUT_SLACK_TOKENS < alone.output_tokens:
        what = f"{found:,} output tokens, while {_at_once(exchange)}"
        yield Finding(
            place=in_message(exchange, "/usage"), found=what, wanted=f"about {alone.output_tokens:,}, as alone"
        )


@rule(
    "load.ids.unique",
    MUST,
    harm=LOSES,  # clients that store messages by id replace one by the other
    source=COMPARED,
    over=RUN,
    on_sight=True,
    reads={IDS, RESPONSE_HEADERS},
    provoked="The ids of answers of a load test are compared with those before them.",
)
def repeats_no_id(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """No two answers under load have the same message id or the same request-id."""
    loaded = [one for one in exchanges if one.load is not None and one.succeeded and one.creates_message]
    if not loaded:
        yield Unverified(reason=NOT_PROVOKED)
        return
    alone_repeats: set[str] = set()
    for what, read, place in (("message id", _message_id, "/id"), ("request-id", _request_id, "")):
        seen: dict[str, Exchange] = {}
        for exchange in loaded:
            value = read(exchange)
            if not value:
                continue
            first = seen.setdefault(value, exchange)
            if first is exchange or what in alone_repeats:
                continue
            if facts(first).phase == facts(exchange).phase == ALONE:
                alone_repeats.add(what)  # the requirements about ids of ordinary runs report it
                continue
            where = in_message(exchange, place) if place else Place(header=what)
            found = f"{what} {shown(value)} again, as in exchange {first.number}, while {_at_once(exchange)}"
            yield Finding(exchange=exchange.number, place=where, found=found, wanted=f"a {what} of its own")
            break


def _message_id(exchange: Exchange) -> str:
    value = ids.of(message_of(exchange) or {})
    return value if isinstance(value, str) else ""


def _request_id(exchange: Exchange) -> str:
    return response_of(exchange).header("request-id") or ""
