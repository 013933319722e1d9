"""Times of answers: the first event of a stream, gaps between events, and whether the stream came live or at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from messages_conformance.exchange import Exchange, Response
from messages_conformance.report.model import Report
from messages_conformance.report.request_features import describe_request
from messages_conformance.rules.recording_parts import MAX_OBSERVER_LAG_S
from messages_conformance.rules.stream.delivery import (
    BUFFERED_SHARE,
    BURST_S,
    MIN_TIMED_DELTAS,
    MIN_TIMED_S,
)

LIVE: Final = "live"
AT_ONCE: Final = "at once"
TOO_SHORT: Final = "too short to know"


@dataclass(frozen=True, kw_only=True)
class Streamed:
    """One stream: times in seconds since the start of its request; `request` describes it in a few words.

    `delivery` is LIVE, AT_ONCE or TOO_SHORT.
    """

    number: int
    request: str
    headers_at_s: float
    events_at_s: tuple[float, ...]
    ended_at_s: float
    delivery: str

    @property
    def longest_gap_s(self) -> float:
        """The longest time between two events; 0 for a single event."""
        return max(gaps(self.events_at_s), default=0.0)


@dataclass(frozen=True, kw_only=True)
class Timing:
    """All times of a run, in seconds. `disturbed` counts exchanges left out because our own process was paused."""

    whole_answers: tuple[float, ...]
    refusals: tuple[float, ...]
    first_events: tuple[float, ...]
    event_gaps: tuple[float, ...]
    streams: tuple[Streamed, ...]
    disturbed: int


def timing(report: Report) -> Timing:
    """The times of a report's exchanges."""
    answered = [(each, each.response) for _, each in sorted(report.exchanges.items()) if each.response is not None]
    clean = [(each, response) for each, response in answered if each.observer_lag_s <= MAX_OBSERVER_LAG_S]
    streams = tuple(stream for each, response in clean if (stream := _streamed(each, response)) is not None)
    numbers = {stream.number for stream in streams}
    whole = [(each.succeeded, response.ended_at_s) for each, response in clean if each.number not in numbers]
    return Timing(
        whole_answers=tuple(ended_at_s for succeeded, ended_at_s in whole if succeeded),
        refusals=tuple(ended_at_s for succeeded, ended_at_s in whole if not succeeded),
        first_events=tuple(stream.events_at_s[0] for stream in streams),
        event_gaps=tuple(gap for stream in streams for gap in gaps(stream.events_at_s)),
        streams=streams,
        disturbed=len(answered) - len(clean),
    )


def gaps(times: tuple[float, ...]) -> Iterable[float]:
    """The differences between consecutive times."""
    return (later - earlier for earlier, later in pairwise(times))


def quantile(values: Iterable[float], share: float) -> float:
    """The value below which the given share of the values is; 0 for no values."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else 0.0


def _streamed(exchange: Exchange, response: Response) -> Streamed | None:
    """The times of a stream; None for any other answer."""
    if not exchange.succeeded or not response.is_event_stream or not response.events:
        return None
    times = tuple(event.at_s for event in response.events)
    return Streamed(
        number=exchange.number,
        request=describe_request(exchange),
        headers_at_s=response.headers_at_s,
        events_at_s=times,
        ended_at_s=response.ended_at_s,
        delivery=_delivery(times, response.ended_at_s),
    )


def _delivery(times: tuple[float, ...], ended_at_s: float) -> str:
    if len(times) < MIN_TIMED_DELTAS or ended_at_s < MIN_TIMED_S:
        return TOO_SHORT
    late = times[0] > BUFFERED_SHARE * ended_at_s
    return AT_ONCE if late and times[-1] - times[0] < BURST_S else LIVE
