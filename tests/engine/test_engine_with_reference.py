"""The engine with the embedded endpoint: over sockets, and in memory in simulated time."""

from __future__ import annotations

from typing import Any

import pytest
from fake_target import PROFILE

from messages_conformance.engine import Engine, Limits
from messages_conformance.exchange import KEY_PLACEHOLDER, STALLED, Ask, Exchange, to_record
from messages_conformance.reference.server import serve
from messages_conformance.targets import open_target


def question(number: int) -> Ask:
    messages = [{"role": "user", "content": f"Count from 1 to {number + 2}"}]
    body = {"max_tokens": 64, "stream": number % 2 == 1, "messages": messages}
    return Ask(situation=f"count-{number}", body=body)


def test_what_was_planned_is_sent_within_limits_and_recorded_without_the_key() -> None:
    asks = [question(number) for number in range(40)]
    with serve() as server:
        target = open_target(server.base_url, key=server.api_key)
        engine = Engine(target, profile=PROFILE, model="reference-1", concurrency=8, limits=Limits(max_requests=30))
        try:
            engine.plan([*asks, *asks[:5], *(question(number) for number in range(5))])
            engine.start()
            exchanges = [engine.wait(ask)[-1] for ask in asks]
        finally:
            engine.stop()
        assert server.count == 30
        assert server.peak_concurrency <= 8
    assert sum(exchange.succeeded for exchange in exchanges) == 30
    assert sum(exchange.failure is not None for exchange in exchanges) == 10
    assert engine.spent.requests == 30
    assert engine.spent.output_tokens > 0
    for exchange in exchanges:
        assert server.api_key not in str(to_record(exchange))
        assert exchange.request.header("x-api-key") == KEY_PLACEHOLDER


BUFFERED_S = 1.8
"""For so long the fault `buffer_stream` holds a stream back."""


def in_memory(fault: str, asks: list[Ask], *, timeout_s: float, **options: Any) -> tuple[list[Exchange], Engine]:
    target = open_target(f"reference:{fault},transport=memory", key=None, timeout_s=timeout_s)
    engine = Engine(target, profile=PROFILE, model="reference-1", **options)
    try:
        engine.plan(asks)
        engine.start()
        return [engine.wait(ask)[-1] for ask in asks], engine
    finally:
        engine.stop()


def test_in_memory_a_delay_is_recorded_exactly() -> None:
    exchanges, engine = in_memory("buffer_stream", [question(2 * n + 1) for n in range(50)], timeout_s=60.0)
    for exchange in exchanges:
        assert exchange.response is not None
        assert exchange.response.ended_at_s == exchange.response.chunks[0].at_s
        assert exchange.response.ended_at_s == pytest.approx(BUFFERED_S, abs=0.01)
        assert exchange.observer_lag_s == 0.0
    assert engine.spent.elapsed_s == pytest.approx(4 * BUFFERED_S, abs=0.1)  # 50 requests, 16 at a time


def test_in_memory_a_timeout_ends_at_its_simulated_time() -> None:
    [exchange], _ = in_memory("buffer_stream", [question(1)], timeout_s=1.0)
    assert exchange.response is not None
    assert exchange.response.ending == STALLED
    assert exchange.response.ended_at_s == pytest.approx(1.0, abs=0.01)


def test_in_memory_the_engine_waits_in_simulated_time() -> None:
    asks = [question(2 * number) for number in range(11)]
    exchanges, engine = in_memory("", asks, timeout_s=60.0, rate=0.1, limits=Limits(max_minutes=1))
    started = [exchange.started_s for exchange in exchanges if exchange.response is not None]
    assert all(exchange.succeeded for exchange in exchanges[: len(started)])
    assert len(started) == 6  # one each ten seconds, until the minute is over
    assert {exchange.failure.kind for exchange in exchanges if exchange.failure is not None} == {"budget"}
    assert engine.spent.elapsed_s == pytest.approx(60.0 + 40.0, abs=1.0)


def test_in_memory_recorded_times_are_the_same_in_each_run() -> None:
    def times() -> list[tuple[float, ...]]:
        exchanges, _ = in_memory("", [question(number) for number in range(8)], timeout_s=60.0)
        responses = [exchange.response for exchange in exchanges if exchange.response is not None]
        return [tuple(chunk.at_s for chunk in response.chunks) for response in responses]

    assert times() == times()
