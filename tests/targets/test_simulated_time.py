"""Simulated time: waits end in their order and at their times, and take no time of the machine."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from messages_conformance.targets import SimulatedClock

Result = TypeVar("Result")
DAY_S = 86_400.0


def run(clock: SimulatedClock, work: Coroutine[Any, Any, Result]) -> Result:
    with asyncio.Runner(loop_factory=clock.new_event_loop) as runner:
        return runner.run(work)


def test_a_sleep_takes_simulated_time_only() -> None:
    clock, began_s = SimulatedClock(), time.monotonic()
    run(clock, asyncio.sleep(30 * DAY_S))
    assert clock.now_s() == pytest.approx(30 * DAY_S)
    assert time.monotonic() - began_s < DAY_S


def test_waits_end_in_the_order_of_their_ends() -> None:
    clock = SimulatedClock()
    ended: list[tuple[str, float]] = []

    async def wait(name: str, *pauses_s: float) -> None:
        for pause_s in pauses_s:
            await asyncio.sleep(pause_s)
            ended.append((name, clock.now_s()))

    async def together() -> None:
        await asyncio.gather(wait("slow", 5.0), wait("fast", 2.0, 2.0), wait("none", 0.0))

    run(clock, together())
    assert ended == [("none", 0.0), ("fast", 2.0), ("fast", 4.0), ("slow", 5.0)]


def test_a_timeout_ends_a_wait_at_its_time() -> None:
    clock = SimulatedClock()

    async def patient() -> None:
        async with asyncio.timeout(3.0):
            await asyncio.sleep(4.0)

    with pytest.raises(TimeoutError):
        run(clock, patient())
    assert clock.now_s() == 3.0


def test_time_stands_still_while_a_task_computes() -> None:
    clock = SimulatedClock()

    async def busy() -> None:
        sleeper = asyncio.create_task(asyncio.sleep(1.0))
        for _ in range(100):
            await asyncio.sleep(0)
        assert clock.now_s() == 0.0
        await sleeper

    run(clock, busy())
    assert clock.now_s() == 1.0


def test_another_thread_wakes_the_loop_and_moves_no_time() -> None:
    clock = SimulatedClock()

    async def woken() -> None:
        loop, called = asyncio.get_running_loop(), asyncio.Event()
        threading.Thread(target=loop.call_soon_threadsafe, args=(called.set,)).start()
        await called.wait()

    run(clock, woken())
    assert clock.now_s() == 0.0


def test_a_clock_goes_on_in_the_next_loop() -> None:
    clock = SimulatedClock()
    for _ in range(2):
        run(clock, asyncio.sleep(1.5))
    assert clock.now_s() == 3.0
