"""The parts of the engine, each alone: concurrency limit, budget, back-off, reported tokens."""

from __future__ import annotations

import asyncio
from email.utils import formatdate
from random import Random

import pytest
from fake_target import response_of

from messages_conformance.engine import Limits
from messages_conformance.engine.backoff import FIRST_PAUSE_S, LONGEST_PAUSE_S, pause_s, stated_pause_s
from messages_conformance.engine.budget import Budget
from messages_conformance.engine.concurrency_limit import SUCCESSES_PER_STEP, ConcurrencyLimit
from messages_conformance.engine.token_counts import reported_tokens
from messages_conformance.exchange import Chunk, Response

NOW_S = 1_700_000_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"retry-after": "-3"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "3600"}, 3600.0),
        ({"retry-after": "1791234567"}, None),  # a Unix time
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": formatdate(NOW_S + 7, usegmt=True)}, 7.0),
        ({"retry-after": formatdate(NOW_S - 7, usegmt=True)}, 0.0),
        ({"retry-after": formatdate(NOW_S + 7)}, 7.0),
    ],
)
def test_stated_pauses(headers: dict[str, str], seconds: float | None) -> None:
    assert stated_pause_s(response_of(429, headers=tuple(headers.items())), now_s=NOW_S) == seconds


def test_pauses_double_up_to_a_ceiling_with_jitter_from_the_seed() -> None:
    pauses = [pause_s(step, None, Random(step)) for step in range(1, 40)]
    assert pauses == [pause_s(step, None, Random(step)) for step in range(1, 40)]
    assert FIRST_PAUSE_S * 0.75 <= pauses[0] <= FIRST_PAUSE_S
    assert 0.75 <= pauses[1] <= 1.0
    assert all(LONGEST_PAUSE_S * 0.75 <= pause <= LONGEST_PAUSE_S for pause in pauses[4:])


def test_a_stated_pause_is_respected_but_zero_only_once() -> None:
    assert pause_s(1, 0.0, Random(1)) == 0.0
    assert pause_s(1, 30.0, Random(1)) == 30.0
    assert pause_s(5, 30.0, Random(1)) == 30.0
    assert pause_s(3, 0.0, Random(1)) >= 0.75


def test_a_burst_of_refusals_halves_the_limit_once() -> None:
    async def run() -> None:
        concurrency = ConcurrencyLimit(16)
        slots = [await concurrency.acquire() for _ in range(16)]
        for slot in slots:
            slot.refused()
        assert concurrency.limit == 8
        for slot in slots:
            slot.release()
        later = await concurrency.acquire()
        later.refused()
        assert concurrency.limit == 4
        for _ in range(SUCCESSES_PER_STEP * 20):
            concurrency.succeeded()
        assert concurrency.limit == 16
        later.release()
        assert concurrency.active == concurrency.paused == 0

    asyncio.run(run())


def test_ten_successes_in_a_row_raise_the_limit_by_one_up_to_the_ceiling() -> None:
    async def run() -> None:
        concurrency = ConcurrencyLimit(4)
        (await concurrency.acquire()).refused()
        limits = []
        for _ in range(5 * SUCCESSES_PER_STEP):
            concurrency.succeeded()
            limits.append(concurrency.limit)
        step = SUCCESSES_PER_STEP
        assert limits == [2] * (step - 1) + [3] * step + [4] * (3 * step + 1)

    asyncio.run(run())


def test_a_refusal_restarts_the_count_of_successes() -> None:
    async def run() -> None:
        concurrency = ConcurrencyLimit(8)
        slot = await concurrency.acquire()
        slot.refused()
        for _ in range(SUCCESSES_PER_STEP - 1):
            concurrency.succeeded()
        slot.refused()  # admitted before the limit was halved: it is not halved again
        concurrency.succeeded()
        assert concurrency.limit == 4

    asyncio.run(run())


def test_a_request_is_not_urgent_by_default() -> None:
    async def run() -> None:
        concurrency = ConcurrencyLimit(1)
        first = await concurrency.acquire()
        ordinary = asyncio.create_task(concurrency.acquire())
        urgent = asyncio.create_task(concurrency.acquire(urgent=True))
        await asyncio.sleep(0)
        first.release()
        (await urgent).release()
        (await ordinary).release()
        assert concurrency.active == concurrency.paused == 0

    asyncio.run(asyncio.wait_for(run(), 60))


def test_a_paused_slot_is_not_given_away_and_resumes_first() -> None:
    async def run() -> None:
        concurrency = ConcurrencyLimit(1)
        order: list[str] = []
        first = await concurrency.acquire()
        first.pause()

        async def other(name: str, *, urgent: bool) -> None:
            slot = await concurrency.acquire(urgent=urgent)
            order.append(name)
            slot.release()

        names = {"ordinary": False, "urgent": True}
        waiting = [asyncio.create_task(other(name, urgent=urgent)) for name, urgent in names.items()]
        await asyncio.sleep(0)
        assert not order
        await first.resume()
        assert not order
        first.release()
        await asyncio.gather(*waiting)
        assert order == ["urgent", "ordinary"]
        assert concurrency.active == concurrency.paused == 0

    asyncio.run(run())


def test_the_slot_of_a_cancelled_waiter_goes_to_the_next() -> None:
    async def run() -> None:
        concurrency = ConcurrencyLimit(1)
        slot = await concurrency.acquire()
        cancelled = asyncio.create_task(concurrency.acquire())
        next_waiter = asyncio.create_task(concurrency.acquire())
        await asyncio.sleep(0)
        slot.release()  # gives the slot to the first waiter ...
        cancelled.cancel()  # ... which is cancelled in the same moment
        (await asyncio.wait_for(next_waiter, 60)).release()
        assert cancelled.cancelled()
        assert concurrency.active == concurrency.paused == 0

    asyncio.run(run())


def test_a_cancelled_resumption_leaves_no_slot_in_use() -> None:
    async def run() -> None:
        for granted in (False, True):
            concurrency = ConcurrencyLimit(2)
            slot, other, third = await concurrency.acquire(), await concurrency.acquire(), None
            slot.pause()
            concurrency.limit = 1
            task = asyncio.create_task(slot.resume())
            await asyncio.sleep(0)
            if granted:
                other.release()
            task.cancel()
            await asyncio.wait((task,))
            slot.release()
            if not granted:
                other.release()
            assert concurrency.active == concurrency.paused == 0
            third = await concurrency.acquire()
            third.release()

    asyncio.run(run())


def test_no_concurrency_is_an_error() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ConcurrencyLimit(0)


def test_a_budget_waits_while_others_may_settle_to_less() -> None:
    async def run() -> None:
        budget = Budget(Limits(max_output_tokens=100))
        assert await budget.reserve(60) is None
        waiting = asyncio.create_task(budget.reserve(60))
        await asyncio.sleep(0)
        assert not waiting.done()
        budget.settle(60, 10)
        assert await waiting is None
        budget.settle(60, 60)
        failure = await budget.reserve(31)
        assert failure is not None
        assert (failure.kind, "--max-output-tokens" in failure.message) == ("budget", True)
        assert await budget.reserve(30) is None
        assert budget.requests == 3

    asyncio.run(run())


def test_a_budget_that_is_reserved_to_the_last_token_has_none_for_others() -> None:
    async def run() -> None:
        budget = Budget(Limits(max_output_tokens=100))
        assert await budget.reserve(60) is None
        waiting = asyncio.create_task(budget.reserve(41))
        await asyncio.sleep(0)
        assert not waiting.done()
        budget.settle(60, 60)
        assert await waiting is not None
        assert await budget.reserve(40) is None

    asyncio.run(run())


def test_more_than_the_whole_budget_is_refused_at_once() -> None:
    async def run() -> None:
        budget = Budget(Limits(max_output_tokens=100))
        assert await budget.reserve(60) is None
        assert await budget.reserve(101) is not None

    asyncio.run(run())


def streamed(*events: tuple[str, str]) -> Response:
    body = "".join(f"event: {name}\ndata: {data}\n\n" for name, data in events).encode()
    headers = (("content-type", "text/event-stream"),)
    return Response(status=200, headers=headers, chunks=(Chunk(at_s=0, data=body),), headers_at_s=0, ended_at_s=0)


def test_reported_tokens() -> None:
    assert reported_tokens(response_of(200)) == (3, 5)
    assert reported_tokens(response_of(400)) == (0, 0)
    assert reported_tokens(response_of(200, {"usage": {"input_tokens": "3", "output_tokens": True}})) == (None, None)
    assert reported_tokens(response_of(200, [])) == (None, None)
    start = ("message_start", '{"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}')
    delta = ("message_delta", '{"type":"message_delta","usage":{"output_tokens":7}}')
    late = ("message_delta", '{"type":"message_delta","usage":{"input_tokens":8,"output_tokens":6}}')
    assert reported_tokens(streamed(start, delta)) == (9, 7)
    assert reported_tokens(streamed(start, delta, late)) == (8, 6)
    assert reported_tokens(streamed(start)) == (9, None)
    assert reported_tokens(streamed(("x", "[DONE]"))) == (None, None)
