"""Limits that several runs share: rate, the pause after a refusal, and the budget."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from messages_conformance.engine.budget import Budget, Limits
from messages_conformance.engine.concurrency_limit import ConcurrencyLimit
from messages_conformance.engine.shared_limits import (
    VARIABLE,
    SharedBudget,
    SharedFile,
    SharedRateLimit,
    can_share,
    shared_file,
)

pytestmark = pytest.mark.skipif(not can_share(), reason="this system has no locks that processes share")


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[int], SharedFile]:
    SharedFile.make(tmp_path / "limits", workers=2)
    return lambda worker: SharedFile(tmp_path / "limits", worker=worker)


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.time_s = 100.0

    def now_s(self) -> float:
        return self.time_s

    async def sleep(self, seconds: float) -> None:
        self.time_s += seconds


def limit(
    file: SharedFile, clock: Clock, per_second: float | None = None, slow: list[int] | None = None
) -> SharedRateLimit:
    slowed = slow if slow is not None else []
    return SharedRateLimit(file, per_second, sleep=clock.sleep, now_s=clock.now_s, slow_down=lambda: slowed.append(1))


def test_two_runs_together_keep_one_rate(opened: Callable[[int], SharedFile]) -> None:
    clock = Clock()
    one, other = limit(opened(1), clock, 2), limit(opened(2), clock, 2)
    sent = []
    for each in (one, other, one, other):
        asyncio.run(each.wait())
        sent.append(clock.time_s)
    assert sent == [100, 100.5, 101, 101.5]


def test_one_refusal_pauses_and_slows_all_runs_once(opened: Callable[[int], SharedFile]) -> None:
    clock, slowed = Clock(), []
    one, other = limit(opened(1), clock), limit(opened(2), clock, slow=slowed)
    one.refused(4)
    one.refused(3)  # of the same burst
    asyncio.run(other.wait())
    assert (clock.time_s, slowed) == (104, [1])
    asyncio.run(other.wait())
    assert (clock.time_s, slowed) == (104, [1])
    clock.time_s += 60
    one.refused(1)
    asyncio.run(other.wait())
    assert slowed == [1, 1]


def test_slowing_down_halves_the_requests_in_flight() -> None:
    async def measured() -> tuple[int, int]:
        found = ConcurrencyLimit(16)
        await found.acquire()
        found.slow_down()
        once = found.limit
        found.slow_down()  # no request was sent since
        return once, found.limit

    assert asyncio.run(measured()) == (8, 8)


def test_two_runs_together_keep_one_budget(opened: Callable[[int], SharedFile]) -> None:
    one = Budget(Limits(max_requests=3, max_output_tokens=100), shared=SharedBudget(opened(1)))
    other = Budget(Limits(max_requests=3, max_output_tokens=100), shared=SharedBudget(opened(2)))

    async def spend() -> list[str]:
        found = [await one.reserve(60)]
        one.settle(60, 60)
        found += [await other.reserve(50), await other.reserve(30), await one.reserve(5), await one.reserve(1)]
        return ["" if each is None else each.message for each in found]

    first, tokens, fits, third, requests = asyncio.run(spend())
    assert (first, fits, third) == ("", "", "")
    assert "100 output tokens" in tokens
    assert "3 of 3 requests" in requests


def test_what_an_ended_run_spent_stays_spent(opened: Callable[[int], SharedFile], tmp_path: Path) -> None:
    parent = SharedFile(tmp_path / "limits")

    async def cell() -> str:
        budget = Budget(Limits(max_output_tokens=100), shared=SharedBudget(opened(1)))
        failure = await budget.reserve(60)
        return "" if failure is None else failure.message

    assert asyncio.run(cell()) == ""
    parent.free(1)  # it ended before its answer came
    assert "100 output tokens" in asyncio.run(cell())


def test_a_run_without_a_parent_is_alone(tmp_path: Path) -> None:
    for value in ("", "x", f"{tmp_path}/none:1", f"{tmp_path}:1", ":1"):
        assert shared_file({VARIABLE: value}) is None
