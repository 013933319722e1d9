"""The delay of the event loop: measured exactly, on a clock of the test."""

from __future__ import annotations

import asyncio

import pytest

from messages_conformance.engine import loop_lag
from messages_conformance.engine.loop_lag import INTERVAL_S, LoopLag

BEGAN_S = 100.0


class LateClock:
    """A clock that moves only in a sleep: by the time of the sleep, and by the next delay of the list."""

    def __init__(self, *delays_s: float) -> None:
        self.time_s = BEGAN_S
        self._delays_s = list(delays_s)

    def now_s(self) -> float:
        return self.time_s

    async def sleep(self, seconds: float) -> None:
        if not self._delays_s:
            await asyncio.Event().wait()
        self.time_s += seconds + self._delays_s.pop(0)


async def measured(clock: LateClock) -> LoopLag:
    """The measurements of all delays of a clock; the next sleep has just begun."""
    lag = LoopLag(now_s=clock.now_s, sleep=clock.sleep)
    measuring = asyncio.create_task(lag.measure())
    await asyncio.sleep(0)
    measuring.cancel()
    return lag


def lag_after(*delays_s: float, since_s: float = BEGAN_S, later_s: float = 0.0) -> float:
    clock = LateClock(*delays_s)
    lag = asyncio.run(measured(clock))
    clock.time_s += later_s
    return lag.lag_s(since_s)


def test_there_is_no_lag_before_the_first_measurement() -> None:
    clock = LateClock()
    lag = LoopLag(now_s=clock.now_s, sleep=clock.sleep)
    assert lag.lag_s(0.0) == 0.0
    clock.time_s += 1_000_000.0
    assert lag.lag_s(0.0) == 0.0


def test_there_is_no_lag_while_the_loop_is_in_time() -> None:
    assert lag_after() == 0.0
    assert lag_after(0.0, 0.0) == 0.0
    assert lag_after(0.0, later_s=INTERVAL_S) == pytest.approx(0.0)


def test_a_delay_of_one_interval_is_ordinary_and_a_longer_one_counts() -> None:
    assert lag_after(INTERVAL_S / 2) == 0.0
    assert lag_after(2 * INTERVAL_S) == pytest.approx(2 * INTERVAL_S)


def test_the_longest_delay_counts() -> None:
    assert lag_after(0.3, 0.5, 0.4) == pytest.approx(0.5)


def test_only_delays_that_ended_since_then_count() -> None:
    first_ended_s = BEGAN_S + INTERVAL_S + 0.5
    assert lag_after(0.5, 0.3, since_s=first_ended_s) == pytest.approx(0.5)
    assert lag_after(0.5, 0.3, since_s=first_ended_s + 0.001) == pytest.approx(0.3)
    assert lag_after(0.5, 0.3, since_s=first_ended_s + 1.0) == 0.0


def test_a_delay_that_lasts_now_counts() -> None:
    assert lag_after(0.0, later_s=INTERVAL_S + 0.25) == pytest.approx(0.25)
    assert lag_after(0.5, later_s=INTERVAL_S + 0.25) == pytest.approx(0.5)


def test_old_delays_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop_lag, "KEPT_DELAYS", 2)
    assert lag_after(0.5, 0.3, 0.2) == pytest.approx(0.3)


def test_a_real_loop_that_stands_still_is_late() -> None:
    async def stall() -> float:
        lag = LoopLag()
        measuring = asyncio.create_task(lag.measure())
        await asyncio.sleep(0)
        since_s = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < since_s + 3 * INTERVAL_S:
            pass
        lag_s = lag.lag_s(since_s)
        measuring.cancel()
        return lag_s

    assert asyncio.run(stall()) >= INTERVAL_S
