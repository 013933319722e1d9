"""The engine over targets without a network: planning, sharing, waiting, retrying, budgets."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine_runs import OVER, Sleeps, message, outcome, running
from fake_target import FakeTarget, response_of

from messages_conformance.engine import EngineError, Limits, State
from messages_conformance.engine.retries import REFUSAL_CONFIRMATIONS, REFUSAL_RETRIES, STREAM_ATTEMPTS
from messages_conformance.exchange import (
    ACCEPTED,
    EITHER,
    REFUSED,
    RESET,
    Ask,
    Chunk,
    Exchange,
    Failure,
    Request,
    Response,
)

# Planning and sharing


def test_equal_requests_are_sent_once_and_named_by_all_their_situations() -> None:
    target = FakeTarget()
    asks = [message("a"), message("b"), Ask(situation="other", body=message("a").body), message("a", copy=1)]
    with running(target) as engine:
        plan = engine.plan(asks)
        assert (plan.requests, plan.output_tokens, plan.duplicates) == (3, 30, 1)
        assert not target.requests
        engine.start()
        first, third = engine.wait(asks[0]), engine.wait(asks[2])
        assert first is not third
        assert first == third
        assert first[0].situations == ("a", "other")
        assert [engine.wait(ask)[0].number for ask in asks] == [1, 2, 1, 3]
    assert len(target.requests) == 3


def test_what_is_planned_already_is_planned_once() -> None:
    first, second = message("a"), message("b")
    with running(FakeTarget()) as engine:
        engine.plan([first])
        plan = engine.plan([first, second])
        assert (plan.requests, plan.duplicates) == (1, 0)
        engine.start()
        assert [engine.wait(ask)[0].number for ask in (first, second)] == [1, 2]


def test_requests_with_different_expectations_are_not_shared() -> None:
    with running(FakeTarget()) as engine:
        others = message("a", expect=REFUSED), message("a", copy=1), message("a", statuses=(400,))
        plan = engine.plan([message("a"), *others])
    assert (plan.requests, plan.duplicates) == (4, 0)
    assert plan.output_tokens == 30  # the one that must be refused costs nothing


def test_an_exchange_has_the_fields_of_its_ask() -> None:
    ask = message("one", probe="p", expect=REFUSED, statuses=(400,))
    exchange, _, engine = outcome(lambda *_: response_of(400), ask)
    assert (exchange.probes, exchange.expect, exchange.statuses, exchange.attempt) == (("p",), REFUSED, (400,), 1)
    assert (exchange.situations, exchange.requested_model, exchange.failure) == (("one",), "m", None)
    assert engine.exchanges == (exchange,)


def test_no_more_than_the_concurrency_is_in_flight() -> None:
    target = FakeTarget(turns=20)
    asks = [message(str(number)) for number in range(40)]
    with running(target, concurrency=7) as engine:
        engine.plan(asks)
        engine.start()
        for ask in asks:
            engine.wait(ask)
        state = engine.state
    assert target.peak == 7
    assert state == State(planned=40, in_flight=0, done=40, waiting=0, concurrency=7)


def test_progress_and_observation_see_every_exchange() -> None:
    seen: list[int] = []
    states: list[State] = []
    asks = [message(str(number)) for number in range(5)]
    with running(FakeTarget(), observe=lambda exchange: seen.append(exchange.number), progress=states.append) as engine:
        engine.plan(asks)
        engine.start()
        for ask in asks:
            engine.wait(ask)
        spent = engine.spent
    assert sorted(seen) == [1, 2, 3, 4, 5]
    assert states[-1].done == 5
    assert (spent.requests, spent.input_tokens, spent.output_tokens) == (5, 15, 25)


def test_waiting_before_plan_or_start_is_our_error() -> None:
    with running(FakeTarget()) as engine:
        with pytest.raises(EngineError, match="never planned"):
            engine.wait(message("stray"))
        ask = message("a")
        engine.plan([ask])
        with pytest.raises(EngineError, match="call start"):
            engine.wait(ask)


def test_asks_may_be_planned_while_it_runs() -> None:
    with running(FakeTarget()) as engine:
        engine.start()
        late = message("late")
        engine.plan([late])
        assert engine.wait(late)[0].succeeded


def test_send_now_before_and_during_the_run() -> None:
    target = FakeTarget()
    with running(target, limits=Limits(max_requests=2)) as engine:
        assert engine.send_now(message("a")).succeeded
        engine.start()
        assert engine.send_now(message("a")).succeeded
        failure = engine.send_now(message("a")).failure
        assert failure is not None
        assert failure.kind == "budget"
    assert len(target.requests) == 2


# Refusals


@pytest.mark.parametrize("status", [429, 503, 529])
def test_refusals_are_waited_out_and_shown(status: int) -> None:
    sleeps, seen = Sleeps(), list[Exchange]()
    stated = (("retry-after", "2"),)
    exchange, target, _ = outcome(
        lambda _, count: response_of(status, headers=stated) if count < 3 else response_of(),
        sleep=sleeps,
        observe=seen.append,
    )
    assert exchange.succeeded
    assert sleeps.pauses[0] == 2.0
    assert len(sleeps.pauses) == 2
    assert exchange.waits[0] == f"waited 2.0 s after {status}"
    assert len(target.requests) == 3
    refused = [each for each in seen if each is not exchange]
    assert [each.response and each.response.status for each in refused] == [status, status]
    assert all((each.probes, each.expect, each.situations) == ((), EITHER, ("one",)) for each in refused)


def test_each_wait_after_a_refusal_is_shown_as_one() -> None:
    ask, waiting = message("a"), list[tuple[int, int]]()
    target = FakeTarget(lambda _, count: response_of(429) if count < 3 else response_of())

    async def sleep(pause_s: float) -> None:
        waiting.append((engine.state_of([ask]).waiting, engine.state.waiting))

    with running(target, sleep=sleep) as engine:
        engine.plan([ask])
        engine.start()
        assert engine.wait(ask)[-1].succeeded
    assert waiting == [(1, 1), (1, 1)]


@pytest.mark.parametrize(("status", "kind"), [(429, "rate-limited"), (529, "overloaded"), (503, "overloaded")])
def test_a_used_up_retry_budget_is_a_failure_of_its_kind(status: int, kind: str) -> None:
    sleeps = Sleeps()
    exchange, target, _ = outcome(lambda *_: response_of(status), sleep=sleeps, retry_budget_s=20)
    assert exchange.response is None
    assert exchange.failure is not None
    assert exchange.failure.kind == kind
    assert 10 < sum(sleeps.pauses) <= 20
    assert len(target.requests) == len(sleeps.pauses) + 1


def test_a_retry_after_beyond_the_budget_is_not_waited_for() -> None:
    sleeps = Sleeps()
    exchange, target, _ = outcome(lambda *_: response_of(429, headers=(("retry-after", "3600"),)), sleep=sleeps)
    assert exchange.failure is not None
    assert exchange.failure.kind == "rate-limited"
    assert not sleeps.pauses
    assert len(target.requests) == 1


def test_an_expected_refusal_by_503_is_the_response() -> None:
    exchange, target, _ = outcome(lambda *_: response_of(503), message("bad", expect=REFUSED))
    assert exchange.response is not None
    assert exchange.response.status == 503
    assert len(target.requests) == 1 + REFUSAL_RETRIES


@pytest.mark.parametrize(
    ("refusals", "status"), [(REFUSAL_RETRIES + REFUSAL_CONFIRMATIONS, 400), (100, 529)], ids=["short", "always"]
)
def test_a_short_overload_is_not_the_refusal_of_an_invalid_request(refusals: int, status: int) -> None:
    left = iter([529] * refusals)

    def answer(request: Request, _: int) -> Response:
        return response_of(next(left, 400)) if b"bad" in request.body else response_of()

    good, bad = message("good", expect=ACCEPTED), message("bad", expect=REFUSED)
    with running(FakeTarget(answer), checks_outage=True) as engine:
        engine.plan([good, bad])
        engine.start()
        engine.wait(good)
        result = engine.wait(bad)[-1].response
    assert result is not None
    assert result.status == status


def test_an_expected_status_is_not_waited_out() -> None:
    exchange, target, _ = outcome(lambda *_: response_of(429), message("bad", expect=REFUSED, statuses=(429,)))
    assert exchange.response is not None
    assert len(target.requests) == 1


def test_a_target_that_is_down_is_waited_for_once() -> None:
    target, sleeps = FakeTarget(lambda *_: response_of(503)), Sleeps()
    asks = [message(str(number)) for number in range(30)]
    with running(target, sleep=sleeps, concurrency=1) as engine:
        engine.plan(asks)
        engine.start()
        failures = [engine.wait(ask)[-1].failure for ask in asks]
    assert all(failure is not None and failure.kind == "overloaded" for failure in failures)
    assert sum(sleeps.pauses) <= 60
    assert len(target.requests) == len(sleeps.pauses) + 30


def test_refusals_lower_the_concurrency() -> None:
    target = FakeTarget(lambda _, count: response_of(429) if count <= 8 else response_of())
    asks = [message(str(number)) for number in range(8)]
    with running(target, concurrency=8) as engine:
        engine.plan(asks)
        engine.start()
        assert all(engine.wait(ask)[-1].succeeded for ask in asks)
        assert engine.state.concurrency == 4
    assert len(target.requests) == 16


# Broken connections


@pytest.mark.parametrize("kind", ["refused", "dns", "disconnected"])
def test_no_response_is_asked_again_once(kind: str) -> None:
    lost = Failure(kind=kind, message="gone")
    exchange, target, _ = outcome(lambda _, count: lost if count == 1 else response_of())
    assert exchange.succeeded
    assert exchange.waits == ("asked again: gone",)
    exchange, target, _ = outcome(lambda *_: lost)
    assert (exchange.failure, exchange.response) == (lost, None)
    assert len(target.requests) == 2


def test_tls_and_a_target_that_never_answered_are_not_asked_again() -> None:
    for kind in ("tls", "timeout"):
        exchange, target, _ = outcome(lambda *_, kind=kind: Failure(kind=kind, message="no"))
        assert exchange.failure is not None
        assert len(target.requests) == 1


def test_a_body_that_broke_off_is_asked_again_once() -> None:
    exchange, target, engine = outcome(lambda _, count: response_of(ending=RESET if count == 1 else "complete"))
    assert exchange.succeeded
    assert exchange.repeated
    first, second = engine.exchanges
    assert first is exchange
    assert second.response is not None
    assert (second.response.ending, second.expect) == (RESET, EITHER)
    exchange, target, _ = outcome(lambda *_: response_of(ending=RESET))
    assert exchange.response is not None
    assert exchange.response.ending == RESET
    assert len(target.requests) == 2


def stream(*types: str) -> Response:
    data = "".join(f'event: {kind}\ndata: {{"type":"{kind}","error":{{"type":"{OVER}"}}}}\n\n' for kind in types)
    headers = (("content-type", "text/event-stream"),)
    return replace(response_of(headers=headers), chunks=(Chunk(at_s=0.0, data=data.encode()),))


def test_a_stream_that_ended_in_an_overload_is_repeated_until_it_completes() -> None:
    exchange, target, _ = outcome(
        lambda _, count: stream("error") if count < STREAM_ATTEMPTS else stream("message_stop")
    )
    assert len(target.requests) == STREAM_ATTEMPTS
    assert exchange.response is not None
    assert [event.type for event in exchange.response.events] == ["message_stop"]


def test_if_all_streams_end_in_an_overload_only_the_first_is_repeated_more_than_once() -> None:
    target = FakeTarget(lambda *_: stream("error"))
    asks = [message(str(number)) for number in range(4)]
    with running(target, concurrency=1) as engine:
        engine.plan(asks)
        engine.start()
        assert all(engine.wait(ask)[-1].repeated for ask in asks)
    assert len(target.requests) == STREAM_ATTEMPTS + 3 * 2


def test_an_unreachable_target_is_not_tried_for_every_question() -> None:
    down = Failure(kind="refused", message="nobody there")
    target = FakeTarget(lambda *_: down)
    asks = [message(str(number)) for number in range(30)]
    with running(target, concurrency=1) as engine:
        engine.plan(asks)
        engine.start()
        assert all(engine.wait(ask)[-1].failure == down for ask in asks)
    assert len(target.requests) == 10


def test_after_one_answer_a_target_is_not_unreachable() -> None:
    target = FakeTarget(lambda _, count: response_of() if count == 1 else Failure(kind="refused", message="crashed"))
    asks = [message(str(number)) for number in range(10)]
    with running(target, concurrency=1) as engine:
        engine.plan(asks)
        engine.start()
        assert sum(engine.wait(ask)[-1].succeeded for ask in asks) == 1
    assert len(target.requests) == 19


# Attempts


def test_an_ask_with_attempts_is_repeated_while_again_is_true() -> None:
    ask = message("shy", attempts=4)
    with running(FakeTarget(), again=lambda exchange: exchange.attempt < 3) as engine:
        assert engine.plan([ask]).requests == 4
        engine.start()
        exchanges = engine.wait(ask)
    assert [exchange.attempt for exchange in exchanges] == [1, 2, 3]
    assert len({exchange.number for exchange in exchanges}) == 3


def test_attempts_end_and_an_ask_without_attempts_is_sent_once() -> None:
    asks = [message("shy", attempts=2), message("plain")]
    with running(FakeTarget(), again=lambda exchange: True) as engine:
        engine.plan(asks)
        engine.start()
        assert [len(engine.wait(ask)) for ask in asks] == [2, 1]


def test_a_request_without_an_answer_is_not_asked_again() -> None:
    ask = message("shy", attempts=3)
    lost = Failure(kind="refused", message="nobody listens")
    with running(FakeTarget(lambda *_: lost), again=lambda exchange: True) as engine:
        engine.plan([ask])
        engine.start()
        assert [exchange.attempt for exchange in engine.wait(ask)] == [1]


@pytest.mark.parametrize(("limits", "in_order"), [(Limits(max_requests=100), True), (Limits(), False)])
def test_only_a_limited_run_sends_the_most_important_requests_first(limits: Limits, in_order: bool) -> None:
    target = FakeTarget()
    asks = [message(f"{number:02}") for number in range(30)]
    with running(target, concurrency=1, limits=limits, rank=lambda ask: ask.situation) as engine:
        engine.plan(asks)
        engine.start()
        for ask in asks:
            engine.wait(ask)
    sent = [request.body for request in target.requests]
    assert (sent == sorted(sent)) is in_order


# Budgets


def test_max_requests_counts_everything_sent() -> None:
    target = FakeTarget(lambda _, count: response_of(529) if count <= 2 else response_of())
    asks = [message(str(number)) for number in range(10)]
    with running(target, limits=Limits(max_requests=6)) as engine:
        engine.plan(asks)
        engine.start()
        exchanges = [engine.wait(ask)[-1] for ask in asks]
    assert len(target.requests) == 6
    unsent = [exchange.failure for exchange in exchanges if exchange.failure]
    assert len(unsent) == 6
    assert all(failure.kind == "budget" and "--max-requests" in failure.message for failure in unsent)


def test_max_output_tokens_is_never_exceeded() -> None:
    target = FakeTarget()
    asks = [message(str(number)) for number in range(40)]
    with running(target, limits=Limits(max_output_tokens=52)) as engine:
        engine.plan(asks)
        engine.start()
        for ask in asks:
            engine.wait(ask)
        spent = engine.spent
    # 5 reported of 10 held: the ninth request leaves 7 of 52, which is no longer enough for 10.
    assert (spent.requests, spent.output_tokens) == (9, 45)
    assert target.peak <= 5
