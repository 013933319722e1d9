"""The engine over targets without a network: conversations, callbacks, and all ways to end."""

from __future__ import annotations

import _thread
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from engine_runs import Sleeps, message, running
from fake_target import FakeTarget, response_of
from misbehaving import PATIENCE_S

from messages_conformance.engine import Conversation, EngineError, Limits
from messages_conformance.engine.conversation import AskFunction
from messages_conformance.exchange import (
    MESSAGES_PATH,
    Ask,
    Exchange,
    Failure,
    Request,
)

# Conversations


def test_a_conversation_asks_step_by_step_within_the_pool() -> None:
    async def steps(ask: AskFunction) -> None:
        first = await ask(message("hello"))
        assert first.succeeded
        await ask(message(f"you said {first.number}"))

    talk = Conversation(name="talk", steps=steps, max_requests=2, max_output_tokens=20)
    target = FakeTarget()
    with running(target, concurrency=1) as engine:
        plan = engine.plan([message(str(number)) for number in range(5)], [talk])
        assert (plan.requests, plan.output_tokens) == (7, 70)
        engine.start()
        exchanges = engine.wait(talk)
    assert [exchange.situations[0] for exchange in exchanges] == ["hello", f"you said {exchanges[0].number}"]
    # Its first step goes first, and its second step before all but what was in flight meanwhile.
    contents = [request.fields["messages"][0]["content"] for request in target.requests]
    assert contents.index(exchanges[1].situations[0]) <= 2


def test_a_step_that_the_profile_does_not_promise_is_not_sent() -> None:
    async def steps(ask: AskFunction) -> None:
        refused = await ask(replace(message("hello"), needs=frozenset({"claude-code"})))
        assert refused.failure is not None
        assert refused.failure.message.endswith("does not promise claude-code")
        await ask(message("go on"))

    talk = Conversation(name="talk", steps=steps, max_requests=2)
    target = FakeTarget()
    with running(target) as engine:
        engine.plan([], [talk])
        engine.start()
        assert [exchange.situations for exchange in engine.wait(talk)] == [("go on",)]
        assert engine.exchanges == engine.wait(talk)
    assert len(target.requests) == 1


def test_an_exception_in_a_conversation_is_our_own_error() -> None:
    async def steps(ask: AskFunction) -> None:
        await ask(message("hello"))
        raise KeyError("missing")

    talk = Conversation(name="talk", steps=steps, max_requests=2)
    with running(FakeTarget()) as engine:
        engine.plan([], [talk])
        engine.start()
        with pytest.raises(EngineError, match=r"our own error.*KeyError: 'missing'"):
            engine.wait(talk)
        assert len(engine.exchanges) == 1


def test_a_conversation_that_asks_too_much_is_our_own_error() -> None:
    async def steps(ask: AskFunction) -> None:
        while True:
            await ask(message("again"))

    talk = Conversation(name="talk", steps=steps, max_requests=3)
    target = FakeTarget()
    with running(target) as engine:
        engine.plan([], [talk])
        engine.start()
        with pytest.raises(EngineError, match="talk asks more than its 3 requests"):
            engine.wait(talk)
    assert len(target.requests) == 3


def test_an_exception_in_a_callback_is_our_own_error() -> None:
    def judge(exchange: Exchange) -> None:
        raise ZeroDivisionError("rules are broken")

    ask = message("a")
    with running(FakeTarget(), observe=judge) as engine:
        engine.plan([ask])
        engine.start()
        with pytest.raises(EngineError, match="rules are broken"):
            engine.wait(ask)
        with pytest.raises(EngineError, match="rules are broken"):
            engine.send_now(ask)


# Ends


def test_abort_ends_unsent_requests_and_lets_the_others_finish() -> None:
    asks = [message(str(number)) for number in range(10)]
    reason = Failure(kind="refused", message="the key is refused")
    target = FakeTarget()

    def judge(exchange: Exchange) -> None:
        engine.abort(reason)

    with running(target, concurrency=2, observe=judge) as engine:
        engine.plan(asks)
        engine.start()
        exchanges = [engine.wait(ask)[-1] for ask in asks]
        assert engine.send_now(message("later")).failure == reason
    assert len(target.requests) == 2
    assert [exchange.failure for exchange in exchanges].count(reason) == 8
    assert sum(exchange.succeeded for exchange in exchanges) == 2


def test_abort_ends_a_wait_for_a_rate_limit() -> None:
    asleep = threading.Event()

    async def sleep(pause_s: float) -> None:
        import asyncio

        asleep.set()
        await asyncio.Event().wait()

    ask, reason = message("a"), Failure(kind="refused", message="the key is refused")
    with running(FakeTarget(lambda *_: response_of(429)), sleep=sleep) as engine:
        engine.plan([ask])
        engine.start()
        assert asleep.wait(PATIENCE_S)
        assert engine.state.waiting == 1
        engine.abort(reason)
        assert engine.wait(ask)[-1].failure == reason
        assert engine.state.waiting == 0


def test_stop_cancels_requests_in_flight_and_waiting_ones() -> None:
    async def steps(ask: AskFunction) -> None:
        assert (await ask(message("hello"))).failure is not None
        assert (await ask(message("more"))).failure is not None

    target = FakeTarget(lambda *_: None)
    asks = [message(str(number)) for number in range(5)]
    talk = Conversation(name="talk", steps=steps, max_requests=2)
    with running(target, concurrency=2) as engine:
        engine.plan(asks, [talk])
        engine.start()
        while target.in_flight < 2:
            time.sleep(0.001)
        engine.stop()
        engine.stop()
        kinds = {exchange.failure.kind for ask in asks for exchange in engine.wait(ask) if exchange.failure}
        assert kinds == {"cancelled"}
        assert len(engine.wait(talk)) == 2
        with pytest.raises(EngineError, match="stopped"):
            engine.send_now(asks[0])


def test_stop_without_a_start_closes_the_target() -> None:
    ask = message("a")
    with running(FakeTarget()) as engine:
        engine.plan([ask])
        engine.stop()
        failure = engine.wait(ask)[-1].failure
    assert failure is not None
    assert failure.kind == "cancelled"


def test_stop_right_after_start_ends_every_wait() -> None:
    for _ in range(20):
        asks = [message(str(number)) for number in range(20)]
        with running(FakeTarget()) as engine:
            engine.plan(asks)
            engine.start()
            engine.stop()
            assert all(engine.wait(ask) for ask in asks)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C interrupts this process, also where it runs in the background, which ignores Ctrl-C."""
    previous = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, previous)


@pytest.mark.usefixtures("ctrl_c")
@pytest.mark.parametrize("how", ["wait", "send_now"])
def test_ctrl_c_wakes_a_waiting_thread(how: str) -> None:
    ask = message("a")
    reached = threading.Event()

    def hang(request: Request, count: int) -> None:
        reached.set()

    def interrupt() -> None:
        reached.wait(PATIENCE_S)
        _thread.interrupt_main()

    with running(FakeTarget(hang)) as engine:
        engine.plan([ask])
        interrupter = threading.Thread(target=interrupt)
        interrupter.start()
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            if how == "wait":
                engine.start()
                engine.wait(ask)
            else:
                engine.send_now(ask)
        interrupter.join()


def test_a_replayed_run_waits_for_nothing() -> None:
    target, sleeps = FakeTarget(lambda _, count: response_of(429 if count < 4 else 200)), Sleeps()
    target.offline = True
    ask = message("a")
    with running(target, sleep=sleeps) as engine:
        engine.plan([ask])
        engine.start()
        assert engine.wait(ask)[-1].succeeded
    assert not sleeps.pauses
    assert len(engine.exchanges) == 4


def test_only_messages_reserve_output_tokens() -> None:
    body = {"max_tokens": 1000, "messages": []}
    count = Ask(situation="count", body=body, path=MESSAGES_PATH + "/count_tokens")
    with running(FakeTarget(), limits=Limits(max_output_tokens=10)) as engine:
        assert engine.plan([count]).output_tokens == 0
        engine.start()
        assert engine.wait(count)[-1].succeeded
