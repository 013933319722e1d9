"""Rules on how a stream is delivered: spread over the time of the answer, and ended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import COMPLETE, STALLED, TIMEOUT, TOO_LARGE, Exchange, StreamEvent
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import at, count, json_message, response_of, streamed, usage_of, walk_of
from messages_conformance.rules.catalogue import BREAKS, DRIFTS, RUN, rule
from messages_conformance.rules.recording_parts import CHUNK_BORDERS, REQUEST, TIMES, has
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place, Unverified
from messages_conformance.stream import BLOCK_DELTA, ENDS_WELL

BUFFERED_SHARE: Final = 0.8
"""A first delta later than this share of the answer's time was held back (origin: the requirement's own figure)."""

MIN_TIMED_S: Final = 1.0
"""Shorter answers show nothing about buffering: delays of the network are nearly as long (our own)."""

BRIEF_TOKENS: Final = 8
"""An answer of at most this many tokens takes no time to write: its duration is waiting (our own)."""

USUAL_QUANTILE: Final = 0.9
"""Nine in ten brief answers wait no longer than the usual wait; the rest met a longer queue (our own)."""

EXPLAINED_SHARE: Final = 0.5
"""If brief answers wait this share of a stream's wait, the stream was not held back: it queued (our own)."""

MIN_TIMED_STREAMS: Final = 2
"""One stream alone may be late by chance (our own)."""

BURST_S: Final = 0.05
"""Deltas that arrive within this time were probably sent in one write (our own)."""

MIN_TIMED_DELTAS: Final = 8
"""Fewer deltas than this may fit into one write of a server that does not buffer (our own)."""

ENDLESS_FACTOR: Final = 4
ENDLESS_SLACK: Final = 64
"""A stream with more deltas than max_tokens times the factor plus the slack is endless, not slow (our own)."""


@rule(
    "stream.frame.incremental",
    SHOULD,
    harm=DRIFTS,  # measured: every client receives the complete answer
    source=sources.STREAMING,
    needs={"stream"},
    over=RUN,
    reads={TIMES, CHUNK_BORDERS},
    provoked="Answers of some length are streamed, and the arrival of their deltas is timed.",
)
def arrives_incrementally(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Events arrive while the answer is generated, not in one burst at the end."""
    timed = [(exchange, deltas) for exchange in exchanges if streamed(exchange) and (deltas := _timed_deltas(exchange))]
    if len(timed) < MIN_TIMED_STREAMS:
        wanted = f"{MIN_TIMED_STREAMS} streamed answers of {MIN_TIMED_S:g} s and {MIN_TIMED_DELTAS} deltas"
        yield Unverified(reason=f"fewer than {wanted} arrived, so their timing shows nothing")
        return
    # One stream may be late as a whole because this machine is busy. If all are late, the cause is the server.
    if not all(_is_burst(exchange, deltas) for exchange, deltas in timed):
        return
    usual_s = _usual_wait_s(exchanges)
    if usual_s is None:
        yield Unverified(reason="no short answer arrived without streaming, so that a queue would look the same")
        return
    if any(usual_s > EXPLAINED_SHARE * deltas[0].at_s for _, deltas in timed):
        yield Unverified(reason=f"all answers are slow: even a short one that is not streamed takes {usual_s:.2f} s")
        return
    exchange, deltas = timed[0]
    ended_at_s = response_of(exchange).ended_at_s
    yield Finding(
        exchange=exchange.number,
        place=at(deltas[0]),
        found=f"all {len(deltas)} deltas arrived together, {deltas[0].at_s:.2f} s into {ended_at_s:.2f} s "
        f"(in {len(timed)} of {len(timed)} streams)",
        wanted="deltas spread over the time of the answer",
    )


def _usual_wait_s(exchanges: Sequence[Exchange]) -> float | None:
    """How long brief answers take that are not streamed: queue and prompt delay a stream by as much."""
    waits = sorted(
        response_of(exchange).ended_at_s
        for exchange in exchanges
        if json_message(exchange) and count(usage_of(exchange), "output_tokens") <= BRIEF_TOKENS
    )
    return waits[int(len(waits) * USUAL_QUANTILE)] if waits else None


def _timed_deltas(exchange: Exchange) -> list[StreamEvent]:
    """The deltas of a stream that is long enough for its timing to show something; empty otherwise."""
    deltas = [event for event in walk_of(exchange).events if event.type == BLOCK_DELTA]
    long_enough = len(deltas) >= MIN_TIMED_DELTAS and response_of(exchange).ended_at_s >= MIN_TIMED_S
    return deltas if long_enough else []


def _is_burst(exchange: Exchange, deltas: list[StreamEvent]) -> bool:
    late = deltas[0].at_s > BUFFERED_SHARE * response_of(exchange).ended_at_s
    return late and deltas[-1].at_s - deltas[0].at_s < BURST_S


MAX_LAG_OF_ENDING_S: Final = 1.0
"""If our own process was blocked for longer, it may have missed the end of a body, for which it waits five seconds (our
own choice: a fifth of this wait)."""


MANY_VALUES: Final = "JSON values"
"""How the detail of a body ends that was cut off because its events are large, not because there are many."""


@rule("stream.frame.terminates", MUST, harm=BREAKS, source=sources.STREAMING, needs={"stream"}, applies=streamed)
def ends_the_body(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The body ends after message_stop, and every stream ends."""
    response, walked = response_of(exchange), walk_of(exchange)
    last = walked.events[-1] if walked.events else None
    place = at(last) if last is not None else Place(pointer="the end of the stream")
    wanted = "the end of the body after message_stop"
    if response.ending == STALLED and exchange.observer_lag_s > MAX_LAG_OF_ENDING_S:
        yield Unverified(reason=f"our own process stood still for {exchange.observer_lag_s:.1f} s while it waited")
    elif walked.state in ENDS_WELL and response.ending != COMPLETE:
        yield Finding(place=place, found=response.detail or response.ending, wanted=wanted)
    elif response.ending == STALLED:
        yield Finding(place=place, found=f"the stream stalls: {response.detail}", wanted=wanted)
    elif response.ending == TOO_LARGE and response.detail.endswith(MANY_VALUES):
        yield Unverified(reason=f"the stream was {response.detail}; it may have ended later")
    elif response.ending == TOO_LARGE or (response.ending == TIMEOUT and _is_endless(exchange)):
        yield Finding(place=place, found=f"the stream does not end: {response.detail}", wanted=wanted)
    elif response.ending == TIMEOUT:
        yield Unverified(reason=f"a stream had not ended after the time limit ({response.detail}): see --timeout")


def _is_endless(exchange: Exchange) -> bool:
    limit = exchange.request.fields.get("max_tokens") if has(exchange, REQUEST) else None
    deltas = sum(1 for event in walk_of(exchange).events if event.type == BLOCK_DELTA)
    return isinstance(limit, int) and deltas > ENDLESS_FACTOR * limit + ENDLESS_SLACK
