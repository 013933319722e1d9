"""The limit of requests a second, and the limit of minutes."""

from __future__ import annotations

import asyncio

from fake_target import PROFILE, FakeTarget, response_of

from messages_conformance.engine import Engine, Limits
from messages_conformance.engine.budget import Budget
from messages_conformance.engine.rate_limit import RateLimit
from messages_conformance.generate import ask


class Clock:
    """A clock that moves only in a sleep."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now_s += seconds


def test_requests_are_evenly_spaced() -> None:
    clock = Clock()
    rate_limit = RateLimit(4, sleep=clock.sleep, now_s=lambda: clock.now_s)
    times = []

    async def take() -> None:
        for _ in range(4):
            await rate_limit.wait()
            times.append(clock.now_s)
        clock.now_s += 10
        await rate_limit.wait()
        times.append(clock.now_s)

    asyncio.run(take())
    assert times == [100.0, 100.25, 100.5, 100.75, 110.75]


def test_without_a_rate_there_is_no_wait() -> None:
    clock = Clock()
    asyncio.run(RateLimit(None, sleep=clock.sleep).wait())
    assert clock.slept == []


def test_every_request_of_a_run_is_spaced_repeated_ones_too() -> None:
    clock = Clock()
    target = FakeTarget(lambda request, count: response_of(500) if count == 1 else response_of())
    engine = Engine(target, profile=PROFILE, model="m", rate=1000, sleep=clock.sleep, concurrency=8)
    asks = [ask(str(number), f"Question {number}") for number in range(6)]
    engine.plan(asks)
    engine.start()
    for each in asks:
        engine.wait(each)
    engine.stop()
    assert len(target.requests) == 7
    assert len(clock.slept) >= 5  # all but those that are sent when no other is


def test_minutes_count_from_the_first_request() -> None:
    clock = Clock()

    async def spend() -> None:
        budget = Budget(Limits(max_minutes=1), lambda: clock.now_s)
        clock.now_s += 1_000
        assert await budget.reserve(0) is None
        clock.now_s += 59
        assert await budget.reserve(0) is None
        clock.now_s += 1
        failure = await budget.reserve(0)
        assert failure is not None
        assert failure.message.endswith("1 minute is over; raise --minutes")

    asyncio.run(spend())
