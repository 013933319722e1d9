"""Rules about streams through a gateway: events in their order, each passed on as soon as the upstream sent it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import walk_of
from messages_conformance.rules.catalogue import BREAKS, rule
from messages_conformance.rules.gateway.accessors import (
    GATEWAYS,
    PASSTHROUGH,
    added_text,
    behind,
    call_of,
    differs,
    leaves,
    reached,
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


def _whole(exchange: Exchange) -> bool:
    return behind(exchange).said.status == 200 and not behind(exchange).said.broken


# -- each chunk when it comes --------------------------------------------------------------------------------------


def _pauses(exchange: Exchange) -> list[tuple[int, float]]:
    """(characters that the upstream had sent before a pause, when it went on), for each pause of the case."""
    call = call_of(exchange)
    if call is None or call.response is None or len(call.response.chunks) < 2:
        return []
    counts = [int(one.partition(":")[2]) for one in behind(exchange).observes if one.startswith("paused-after:")]
    gaps = [(later.at_s - sooner.at_s, later.at_s) for sooner, later in pairwise(call.response.chunks)]
    resumed = sorted(at_s for _, at_s in sorted(gaps, reverse=True)[: len(counts)])
    return list(zip(counts, resumed, strict=False))


def _pauses_in_a_stream(exchange: Exchange) -> bool:
    return _streams(exchange) and _whole(exchange) and bool(_pauses(exchange))


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


# -- other clients -------------------------------------------------------------------------------------------------


def _beside(exchange: Exchange) -> Iterator[float]:
    for one in behind(exchange).observes:
        name, _, value = one.partition(":")
        if name == "beside-until":
            yield float(value)


def _beside_another(exchange: Exchange) -> bool:
    return exchange.behind is not None and bool(list(_beside(exchange)))


@rule(
    "gateway.isolation.slow-stream",
    MUST,
    harm=BREAKS,
    families=GATEWAYS,
    source=sources.STREAMING,
    reads={TIMES},
    applies=_beside_another,
    provoked="Requests of other clients while the upstream pauses in a stream.",
)
def answers_others_beside_a_slow_stream(exchange: Exchange) -> Iterable[Finding]:
    """A slow stream of one client does not delay the answers to others."""
    for until_s in _beside(exchange):
        ended = exchange.response is not None and exchange.response.ended_at_s < until_s
        if not ended:
            yield from differs("", "no answer until the slow stream of another client went on", "an answer before")
