"""Rules for answers under load: each is compared with what the same request got while no other was in progress.

The source of a load test states that in `Exchange.load`. What was wrong alone is no effect of load: the ordinary rules
report it, and these rules are not verified for it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Final

from messages_conformance.exchange import (
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
    in_message,
    response_of,
    shown,
    streamed,
    text_of,
    walk_of,
)
from messages_conformance.rules.catalogue import BREAKS, DRIFTS, LEAKS, LOSES, rule
from messages_conformance.rules.recording_parts import CHUNK_BORDERS, RAW_BODY, REQUEST, TIMES
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified

COMPARED: Final = "the same request, alone and under load, compared"
"""The source of requirements that follow from two records: what works alone, works for many users, too."""

SAME_ALONE: Final = Unverified(reason="the request has this alone, too, so it is no effect of load")

BURST_S: Final = 0.05
"""Deltas that arrive within this time were probably sent in one write (our own; as in stream.frame.incremental)."""

SPREAD_S: Final = 0.3
"""Alone, the deltas of a stream were spread over this time at least, or its timing shows nothing (our own)."""

EXPLAINED_SHARE: Final = 0.25
"""Our own process was blocked for this share of the usual time, so deltas may have arrived one by one meanwhile (our
own)."""

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


def visible(exchange: Exchange) -> str:
    """All that an answer shows, without its nonce: texts, thinking, and the names and arguments of calls."""
    parts = [
        json.dumps([block.get("type"), *(block.get(name) for name in ("text", "thinking", "name", "input"))])
        for block in blocks_of(exchange)
    ]
    return "\n".join(parts).replace(facts(exchange).nonce or "-", "-")


def every(*tests: Callable[[Exchange], bool]) -> Callable[[Exchange], bool]:
    """Accepts what all of these accept."""
    return lambda exchange: all(test(exchange) for test in tests)


def at_once(exchange: Exchange) -> str:
    """How busy the target was, in words."""
    return f"{facts(exchange).in_flight} requests were in progress"


# -- answers of other conversations -----------------------------------------------------------------------------------


@rule(
    "load.isolation.content",
    MUST,
    harm=LEAKS,
    source=COMPARED,
    applies=every(under_load, answered),
    on_sight=True,
    reads={REQUEST},
    provoked="Every request of a load test contains a word that no other has.",
)
def has_its_own_answer(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """No answer contains a word that only another conversation has."""
    own = set(nonces_in(exchange.request.body.decode("utf-8", "replace")))
    seen = set(nonces_in(_whole_text(exchange)))
    for foreign in sorted(seen - own):
        found = f"{shown(foreign)}, the word of another request, while {at_once(exchange)}"
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
    applies=every(under_load, streamed),
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
        found = f"{len(starts)} message_start events, while {at_once(exchange)}"
        yield Finding(place=at(starts[1]), found=found, wanted="one message_start")


# -- what is missing --------------------------------------------------------------------------------------------------


@rule(
    "load.body.complete",
    MUST,
    harm=LOSES,
    source=COMPARED,
    applies=every(under_load, answered),
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
    found = f"{response.detail or response.ending} after {len(response.body):,} bytes, while {at_once(exchange)}"
    yield Finding(place=Place(offset_bytes=len(response.body)), found=found, wanted="the whole body")


@rule(
    "load.stream.end",
    MUST,
    harm=LOSES,
    source=COMPARED,
    applies=every(under_load, streamed),
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
    found = f"the end after {len(response.events)} events without message_stop, while {at_once(exchange)}"
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
        found = f"{failure.message}, while {at_once(exchange)}"
        yield Finding(place=Place(), found=found, wanted="an answer, or 429 or 529 with retry-after")
    else:
        yield Unverified(reason=f"the request was not sent: {failure.message}")


@rule(
    "load.stream.incremental",
    SHOULD,
    harm=DRIFTS,
    source=COMPARED,
    applies=every(under_load, streamed),
    on_sight=True,
    reads={TIMES, CHUNK_BORDERS},
    provoked="The deltas of each stream are timed, alone and under load.",
)
def still_streams(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A stream that arrives bit by bit alone does so under load, and not in one piece at its end."""
    deltas = [event.at_s for event in walk_of(exchange).events if event.type == "content_block_delta"]
    alone = alone_of(exchange)
    if alone.spread_s < SPREAD_S or len(deltas) < 2 or len(visible(exchange)) < alone.characters / 2:
        yield Unverified(reason=f"alone, its deltas do not arrive over {SPREAD_S:g} s, so that timing shows nothing")
    elif exchange.observer_lag_s >= alone.spread_s * EXPLAINED_SHARE:
        yield Unverified(reason=f"our own process was blocked for {exchange.observer_lag_s:.2f} s")
    elif (spread_s := deltas[-1] - deltas[0]) < BURST_S:
        found = f"all {len(deltas)} deltas within {spread_s:.3f} s, while {at_once(exchange)}"
        wanted = f"deltas over time, as alone ({alone.spread_s:.2f} s)"
        yield Finding(place=Place(), found=found, wanted=wanted)
