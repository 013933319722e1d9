"""Rules about streams through a gateway: events in their order, each passed on as soon as the upstream sent it."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from messages_conformance.exchange import STALLED, Exchange
from messages_conformance.exchange.behind import CALL
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import shown, walk_of
from messages_conformance.rules.catalogue import BREAKS, MISLEADS, rule
from messages_conformance.rules.gateway.accessors import (
    GATEWAYS,
    PASSTHROUGH,
    TRANSLATES,
    added_text,
    behind,
    call_of,
    differs,
    leaves,
    observed,
    reached,
    values_of,
)
from messages_conformance.rules.recording_parts import TIMES
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place

PROTOCOL = "code.claude.com/docs/en/llm-gateway-protocol#streaming, read 2026-08-22"


def _streams(exchange: Exchange) -> bool:
    response = exchange.response
    return reached(exchange) and response is not None and response.is_event_stream and not leaves(exchange)


@rule("gateway.stream.order", MUST, harm=BREAKS, families=GATEWAYS, source=sources.STREAMING, applies=_streams)
def keeps_the_grammar_of_streams(exchange: Exchange) -> Iterable[Finding]:
    """The events that the client gets follow the grammar of the Messages API, up to an error or the end."""
    for deviation in walk_of(exchange).deviations:
        if deviation.event is None and not _whole(exchange):
            continue  # a stream that the upstream broke may end early: gateway.error.cut judges how
        event = deviation.event
        place = Place(
            pointer=deviation.pointer, event=event.number if event else None, event_type=event.type if event else None
        )
        yield Finding(place=place, found=deviation.found, wanted=deviation.wanted)
        return


def _has_its_last_event(exchange: Exchange) -> bool:
    return _streams(exchange) and walk_of(exchange).complete


@rule(
    "gateway.stream.closed", MUST, harm=BREAKS, families=GATEWAYS, source=sources.STREAMING, applies=_has_its_last_event
)
def ends_the_body_of_a_stream(exchange: Exchange) -> Iterable[Finding]:
    """The body of a stream ends after message_stop: a client that reads to the end of the body waits for it."""
    assert exchange.response is not None
    if exchange.response.ending == STALLED:
        yield from differs("", exchange.response.detail or "still open after message_stop", "the end of the body")


@rule("gateway.stream.types", MUST, harm=BREAKS, families=GATEWAYS, source=sources.STREAMING, applies=_streams)
def names_the_type_of_each_event(exchange: Exchange) -> Iterable[Finding]:
    """The data of every event has the event's name as its type: clients read the type in the data."""
    for event in walk_of(exchange).events:
        if event.name is not None and event.fields.get("type") != event.name and isinstance(event.data, dict):
            place = Place(pointer="/type", event=event.number, event_type=event.name)
            found = f"{shown(event.fields.get('type', 'absent'))} under event: {event.name}"
            yield Finding(place=place, found=found, wanted=event.name)
            return


def _whole(exchange: Exchange) -> bool:
    return behind(exchange).said.status == 200 and not behind(exchange).said.broken


# -- each chunk when it comes --------------------------------------------------------------------------------------


def _pauses(exchange: Exchange) -> list[tuple[int, float]]:
    """(characters that the upstream had sent before a pause, when it went on), for each pause of the case."""
    call = call_of(exchange)
    if call is None or call.response is None or len(call.response.chunks) < 2:
        return []
    counts = list(map(int, values_of("paused-after", exchange)))
    gaps = [(later.at_s - sooner.at_s, later.at_s) for sooner, later in pairwise(call.response.chunks)]
    resumed = sorted(at_s for _, at_s in sorted(gaps, reverse=True)[: len(counts)])
    return list(zip(counts, resumed, strict=False))


def _pauses_in_a_stream(exchange: Exchange) -> bool:
    return _streams(exchange) and _whole(exchange) and bool(_pauses(exchange)) and not _pauses_in_a_call(exchange)


def _pauses_in_a_call(exchange: Exchange) -> bool:
    """The upstream speaks another dialect and pauses in the arguments of a call."""
    if not _streams(exchange) or not _whole(exchange) or behind(exchange).dialect == "anthropic":
        return False
    return any(block.kind == CALL for block in behind(exchange).said.blocks) and bool(_pauses(exchange))


@rule(
    "gateway.stream.incremental",
    MUST,
    harm=BREAKS,
    families=GATEWAYS,
    source=PROTOCOL,
    reads={TIMES},
    applies=_pauses_in_a_stream,
    provoked="The upstream pauses in the middle of a stream; what it had sent must reach the client before it goes on.",
)
def passes_chunks_on_at_once(exchange: Exchange) -> Iterable[Finding]:
    """Every chunk reaches the client before the upstream, which pauses after it, sends the next one."""
    return _late(exchange)


@rule(
    "gateway.stream.arguments",
    SHOULD,
    harm=MISLEADS,
    families={TRANSLATES},
    source=PROTOCOL,
    reads={TIMES},
    applies=_pauses_in_a_call,
    provoked="The upstream pauses in the arguments of a call; what it had sent should reach the client meanwhile.",
)
def passes_arguments_on_at_once(exchange: Exchange) -> Iterable[Finding]:
    """The arguments of a call reach the client as they come.

    No MUST: the Messages API itself may hold a value of the arguments back until it is complete, and calls that take
    turns can only be sent one after the other.
    """
    return _late(exchange)


def _late(exchange: Exchange) -> Iterable[Finding]:
    """What had not arrived when the upstream went on after a pause."""
    assert exchange.response is not None
    for count, resumed_s in _pauses(exchange):
        in_time = [event for event in exchange.response.events if event.at_s < resumed_s]
        arrived = sum(len(added_text(event)) for event in in_time)
        if arrived < count:
            found = f"{arrived} of {count} characters before the upstream went on"
            yield from differs("/content", found, f"{count} characters while the upstream waits")
            return


def _keeps_alive(exchange: Exchange) -> bool:
    return _streams(exchange) and "keep-alive" in behind(exchange).observes


@rule(
    "gateway.stream.pings",
    SHOULD,
    harm=BREAKS,
    families={PASSTHROUGH},
    source=PROTOCOL,
    applies=_keeps_alive,
)
def passes_pings_on(exchange: Exchange) -> Iterable[Finding]:
    """Pings of the upstream reach the client: without them a silent stream is closed."""
    assert exchange.response is not None
    if not any(event.type == "ping" for event in exchange.response.events):
        yield from differs("", "no ping", "the pings of the upstream")


def _is_silent_for_long(exchange: Exchange) -> bool:
    return _streams(exchange) and observed("silence")(exchange) and _longest_silence(exchange) is not None


def _longest_silence(exchange: Exchange) -> tuple[float, float] | None:
    """When the upstream's longest silence began and ended, in seconds since the client's request."""
    call = call_of(exchange)
    if call is None or call.response is None or len(call.response.chunks) < 2:
        return None
    gaps = [(later.at_s - sooner.at_s, sooner.at_s, later.at_s) for sooner, later in pairwise(call.response.chunks)]
    _, began_s, ended_s = max(gaps)
    return began_s, ended_s


def _is_keep_alive(data: bytes) -> bool:
    """A ping or a comment; what the upstream said before its silence may only arrive late."""
    return b"ping" in data or data.startswith(b":")


ALL_OF_IT: Final = 0.9
"""A gap of this part of the silence is all of it: 20 of 22 seconds."""


@rule(
    "gateway.stream.silence",
    SHOULD,
    harm=BREAKS,
    families={TRANSLATES},
    source=PROTOCOL,
    reads={TIMES},
    applies=_is_silent_for_long,
    provoked="The upstream is silent for 22 seconds in the middle of a stream.",
)
def speaks_during_a_silence(exchange: Exchange) -> Iterable[Finding]:
    """During a silence of the upstream the client gets pings or comments, at the latest after 20 seconds."""
    silence = _longest_silence(exchange)
    assert exchange.response is not None
    assert silence is not None
    began_s, ended_s = silence
    heard = [chunk.at_s for chunk in exchange.response.chunks if _is_keep_alive(chunk.data)]
    heard = [at_s for at_s in heard if began_s < at_s < ended_s]
    longest_s = max(later - sooner for sooner, later in pairwise([began_s, *heard, ended_s]))
    if longest_s > ALL_OF_IT * (ended_s - began_s):
        yield from differs("", f"no byte for {longest_s:.0f} s", "a ping or a comment before that")


# -- other clients -------------------------------------------------------------------------------------------------


def _beside_another(exchange: Exchange) -> bool:
    return any(True for _ in values_of("beside-until", exchange))


@rule(
    "gateway.isolation.slow-stream",
    MUST,
    harm=BREAKS,
    families=GATEWAYS,
    source=sources.STREAMING,
    reads={TIMES},
    applies=_beside_another,
    provoked="Requests of other clients while the upstream pauses in a stream and in a whole answer.",
)
def answers_others_beside_a_slow_stream(exchange: Exchange) -> Iterable[Finding]:
    """A slow answer to one client, streamed or whole, does not delay the answers to others."""
    for until_s in map(float, values_of("beside-until", exchange)):
        ended = exchange.response is not None and exchange.response.ended_at_s < until_s
        if not ended:
            yield from differs("", "no answer until the slow answer to another client went on", "an answer before")
