"""The end of a run does not cancel what creates or removes something, but limits its time."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest
from engine_runs import message, running
from fake_target import FakeTarget, response_of

from messages_conformance.engine import NOT_ANSWERED, AskFunction, Conversation
from messages_conformance.engine.finishing import Finishing
from messages_conformance.exchange import Exchange, Request, Response
from messages_conformance.targets import Unreachable


class Held(FakeTarget):
    """Answers nothing before the end of the run."""

    is_ended = staticmethod(lambda: False)

    async def send(self, request: Request) -> Response:
        while not self.is_ended():  # noqa: ASYNC110 (set on another thread)
            await asyncio.sleep(0.001)
        return await super().send(request)


def conversation(seen: list[Exchange], *, creates: bool) -> Conversation:
    async def steps(ask: AskFunction) -> None:
        try:
            seen.append(await ask(replace(message("create"), creates=creates)))
            seen.append(await ask(message("read")))
        finally:
            seen.append(await ask(replace(message("delete"), cleans_up=True)))

    return Conversation(name="life", steps=steps, max_requests=3)


@pytest.mark.parametrize("creates", [True, False])
def test_a_creation_in_flight_is_answered_and_what_it_created_is_removed(creates: bool) -> None:
    seen: list[Exchange] = []
    target = Held()
    with running(target) as engine:
        target.is_ended = lambda: engine._sender.ended is not None
        engine.plan([], [conversation(seen, creates=creates)])
        engine.start()
        while engine.state.in_flight < 1:
            time.sleep(0.001)
        engine.stop()
    assert [exchange.succeeded for exchange in seen] == [creates, False, True]


def test_the_time_of_what_is_in_flight_is_limited_from_the_end() -> None:
    async def hangs() -> None:
        finishing = Finishing(0.01)
        asyncio.get_running_loop().call_later(0.01, finishing.end)
        with pytest.raises(Unreachable) as caught:
            async with finishing.limited():
                await asyncio.Event().wait()
        assert caught.value.failure is NOT_ANSWERED
        assert not finishing.tasks
        with pytest.raises(Unreachable):
            async with finishing.limited():
                await asyncio.Event().wait()

    asyncio.run(hangs())


def test_an_own_time_limit_of_the_target_stays_its_own() -> None:
    async def times_out() -> None:
        async with Finishing().limited():
            raise TimeoutError("of the target")

    with pytest.raises(TimeoutError, match="of the target"):
        asyncio.run(times_out())


def test_what_waits_for_its_turn_to_remove_is_not_cancelled() -> None:
    """One request is in flight at most, so the removal waits while the run ends."""
    seen: list[Exchange] = []
    target = FakeTarget(lambda *_: response_of(), turns=50)
    with running(target, concurrency=1) as engine:
        asks = [message(str(number)) for number in range(5)]
        engine.plan(asks, [conversation(seen, creates=True), conversation(seen, creates=True)])
        engine.start()
        while len(target.requests) < 2:
            time.sleep(0.0001)
        engine.stop()
    creations = [exchange for exchange in seen if b"create" in exchange.request.body and exchange.succeeded]
    removals = [exchange for exchange in seen if b"delete" in exchange.request.body and exchange.succeeded]
    assert len(removals) >= len(creations)
