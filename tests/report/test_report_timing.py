"""Times of a run: delivery of streams with each limit on both sides, gaps, quantiles, and what is left out."""

from dataclasses import replace

import pytest
from report_samples import deltas, exchange, report, request, streamed

from messages_conformance.exchange import Chunk, Failure, Response
from messages_conformance.report.timing import AT_ONCE, LIVE, TOO_SHORT, gaps, quantile, timing
from messages_conformance.wire import encode


def stream(times, ended_at_s):
    """A stream with one event at each of the times."""
    events = deltas(len(times) - 2)
    chunks = tuple(Chunk(at_s=at_s, data=encode(*event)) for at_s, event in zip(times, events, strict=True))
    return replace(streamed(events), chunks=chunks, headers_at_s=0.0, ended_at_s=ended_at_s)


def of(*exchanges):
    return timing(report(exchanges={each.number: each for each in exchanges}))


def delivery(times, ended_at_s):
    (found,) = of(exchange(1, response=stream(times, ended_at_s))).streams
    return found.delivery


def burst(count, *, first_s, length_s):
    """`count` times from `first_s` on, within `length_s`."""
    return [first_s + length_s * number / (count - 1) for number in range(count)]


@pytest.mark.parametrize(
    ("times", "ended_at_s", "expected"),
    [
        pytest.param(burst(8, first_s=0.85, length_s=0.04), 1.0, AT_ONCE, id="late, in one burst"),
        pytest.param(burst(7, first_s=0.85, length_s=0.04), 1.0, TOO_SHORT, id="7 events are too few"),
        pytest.param(burst(8, first_s=0.85, length_s=0.04), 0.99, TOO_SHORT, id="less than a second is too short"),
        pytest.param(burst(8, first_s=0.79, length_s=0.04), 1.0, LIVE, id="the first event after 79 %"),
        pytest.param(burst(8, first_s=0.81, length_s=0.04), 1.0, AT_ONCE, id="the first event after 81 %"),
        pytest.param(burst(8, first_s=0.85, length_s=0.049), 1.0, AT_ONCE, id="a burst of 49 ms"),
        pytest.param(burst(8, first_s=0.85, length_s=0.051), 1.0, LIVE, id="a burst of 51 ms"),
        pytest.param(burst(8, first_s=1.7, length_s=0.04), 2.0, AT_ONCE, id="the share is one of the whole time"),
        pytest.param(burst(8, first_s=1.5, length_s=0.04), 2.0, LIVE, id="75 % of two seconds"),
        pytest.param(burst(8, first_s=0.0, length_s=0.9), 1.0, LIVE, id="from the beginning to the end"),
    ],
)
def test_delivery_at_its_limits(times, ended_at_s, expected):
    assert delivery(times, ended_at_s) == expected


def test_an_event_at_exactly_80_percent_is_not_late():
    assert delivery(burst(8, first_s=0.8, length_s=0.04), 1.0) == LIVE


def test_gaps_are_differences_of_consecutive_times():
    assert list(gaps((1.0, 1.5, 3.0))) == [0.5, 1.5]
    assert list(gaps((1.0,))) == []


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.24, 1.0), (0.25, 2.0), (0.5, 3.0), (0.75, 4.0), (0.95, 4.0), (1.0, 4.0)]
)
def test_quantiles_of_unsorted_values(share, expected):
    assert quantile([3.0, 1.0, 4.0, 2.0], share) == expected


def test_a_quantile_of_nothing_is_zero():
    assert quantile([], 0.5) == 0.0


def whole(number, status, *, ended_at_s):
    body = (Chunk(at_s=ended_at_s, data=b"{}"),)
    headers = (("content-type", "application/json"),)
    response = Response(status=status, headers=headers, chunks=body, headers_at_s=0.1, ended_at_s=ended_at_s)
    return exchange(number, sent=request(b"{}"), response=response)


def test_answers_refusals_and_streams_are_kept_apart():
    found = of(
        exchange(1, response=stream([0.1, 0.3, 0.4], 0.5)),
        whole(2, 200, ended_at_s=0.7),
        whole(3, 400, ended_at_s=0.2),
        exchange(4, failure=Failure(kind="reset", message="m")),
    )
    assert found.whole_answers == (0.7,)
    assert found.refusals == (0.2,)
    assert found.first_events == (0.1,)
    assert found.event_gaps == pytest.approx((0.2, 0.1))
    assert found.disturbed == 0
    (single,) = found.streams
    assert (single.number, single.ended_at_s) == (1, 0.5)
    assert single.longest_gap_s == pytest.approx(0.2)


@pytest.mark.parametrize(("lag_s", "disturbed"), [(0.09, 0), (0.1, 0), (0.11, 1)])
def test_exchanges_during_a_pause_of_our_own_process_are_only_counted(lag_s, disturbed):
    found = of(replace(whole(1, 200, ended_at_s=0.7), observer_lag_s=lag_s))
    assert found.disturbed == disturbed
    assert found.whole_answers == (() if disturbed else (0.7,))


def test_a_stream_without_events_is_no_stream():
    empty = replace(streamed([]), chunks=(), ended_at_s=0.4)
    found = of(exchange(1, response=empty))
    assert found.streams == ()
    assert found.whole_answers == (0.4,)


def test_a_single_event_has_no_gap():
    single = replace(stream([0.1, 0.2], 0.5), chunks=stream([0.1, 0.2], 0.5).chunks[:1])
    (found,) = of(exchange(1, response=single)).streams
    assert len(found.events_at_s) == 1
    assert found.longest_gap_s == 0.0
