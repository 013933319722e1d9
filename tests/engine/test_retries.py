"""The decisions on what is sent again, and after which pause, at their limits."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate

import pytest
from fake_target import PROFILE, response_of

from messages_conformance.engine.backoff import FIRST_PAUSE_S
from messages_conformance.engine.planning import Question, question_of
from messages_conformance.engine.retries import (
    FAILURE_ATTEMPTS,
    OUTAGE_FAILURES,
    REFUSAL_RETRIES,
    REFUSALS_TRIED,
    STREAM_ATTEMPTS,
    History,
    Retries,
    gave_up_failure,
    how_it_broke,
    must_wait,
    refusal_is_expected,
)
from messages_conformance.exchange import ACCEPTED, REFUSED, RESET, SILENT, Ask, Chunk, Failure, Response

BUDGET_S = 20.0
NOW_S = 1_700_000_000.0
OK = response_of()


def retries(*, offline: bool = False, seed: int = 0) -> Retries:
    return Retries(offline=offline, retry_budget_s=BUDGET_S, seed=seed, unix_time_s=lambda: NOW_S)


def history(**fields: int | float | bool) -> History:
    return History(started_s=0.0, **fields)  # type: ignore[arg-type]


def question(*, expect: str = ACCEPTED, number: int = 1, statuses: tuple[int, ...] = ()) -> Question:
    body = {"max_tokens": 10, "messages": []}
    ask = Ask(situation="one", body=body, expect=expect, statuses=statuses)
    return question_of(ask, profile=PROFILE, model="m", number=number)


def refusal(status: int = 429, *, after: str | None = None) -> Response:
    return response_of(status, headers=() if after is None else (("retry-after", after),))


def stream(*errors: str | None) -> Response:
    """A stream that ends in error events of these types; None is an error event without an error."""
    lines = [f'{{"type":"error","error":{{"type":"{kind}"}}}}' if kind else '{"type":"error"}' for kind in errors]
    data = "".join(f"event: error\ndata: {line}\n\n" for line in lines).encode()
    return replace(response_of(headers=(("content-type", "text/event-stream"),)), chunks=(Chunk(at_s=0.0, data=data),))


def failure(kind: str) -> Failure:
    return Failure(kind=kind, message=kind)


# Refusals


def test_the_retry_budget_may_be_used_up_exactly() -> None:
    waited = history(refusals=1, waited_s=BUDGET_S - 3)
    assert retries().pause_after_refusal_s(question(), waited, refusal(after="3")) == 3.0
    assert retries().pause_after_refusal_s(question(), waited, refusal(after="3.1")) is None


def test_a_date_counts_from_the_clock_of_the_machine() -> None:
    at = formatdate(NOW_S + 7, usegmt=True)
    assert retries().pause_after_refusal_s(question(), history(refusals=1), refusal(after=at)) == 7.0


def test_an_expected_refusal_is_retried_few_times() -> None:
    bad = question(expect=REFUSED)
    assert retries().pause_after_refusal_s(bad, history(refusals=REFUSAL_RETRIES), refusal(503)) is not None
    assert retries().pause_after_refusal_s(bad, history(refusals=REFUSAL_RETRIES + 1), refusal(503)) is None
    assert retries().pause_after_refusal_s(bad, history(refusals=REFUSAL_RETRIES + 1), refusal(429)) is not None
    good = history(refusals=REFUSAL_RETRIES + 1)
    assert retries().pause_after_refusal_s(question(), good, refusal(503)) is not None


@pytest.mark.parametrize(
    ("expect", "status", "expected"),
    [(REFUSED, 503, True), (REFUSED, 529, True), (REFUSED, 429, False), (ACCEPTED, 503, False)],
)
def test_a_503_may_be_the_expected_refusal_and_a_429_never(expect: str, status: int, expected: bool) -> None:
    assert refusal_is_expected(question(expect=expect), response_of(status)) is expected


def test_a_target_is_down_when_a_budget_was_used_up_without_a_success_until_something_succeeds() -> None:
    decisions, waited = retries(), history()
    decisions.refused(waited)
    decisions.gave_up(waited)
    assert decisions.pause_after_refusal_s(question(), history(refusals=1), refusal()) is None
    decisions.succeeded(OK, broken=False)
    assert decisions.pause_after_refusal_s(question(), history(refusals=1), refusal()) is not None


def test_a_target_that_answered_others_meanwhile_is_not_down() -> None:
    decisions, waited = retries(), history()
    decisions.succeeded(OK, broken=False)
    decisions.refused(waited)
    assert (waited.refusals, waited.successes_before) == (1, 1)
    decisions.succeeded(OK, broken=False)
    decisions.refused(waited)
    assert (waited.refusals, waited.successes_before) == (2, 1)  # counted at the first refusal only
    decisions.gave_up(waited)
    assert decisions.pause_after_refusal_s(question(), history(refusals=1), refusal()) is not None


def test_pauses_differ_by_seed_question_and_step_and_are_reproducible() -> None:
    def pause(seed: int, number: int) -> float | None:
        return retries(seed=seed).pause_after_refusal_s(question(number=number), history(refusals=1), refusal())

    assert len({pause(0, 1), pause(1, 1), pause(0, 2)}) == 3
    assert pause(0, 1) == pause(0, 1)
    second = retries().pause_after_refusal_s(question(), history(refusals=2), refusal())
    assert second is not None
    assert second > FIRST_PAUSE_S


@pytest.mark.parametrize(("status", "waits"), [(429, True), (503, True), (529, True), (500, False), (200, False)])
def test_only_not_now_is_waited_out(status: int, waits: bool) -> None:
    assert must_wait(response_of(status), question()) is waits
    assert not must_wait(response_of(status), question(expect=REFUSED, statuses=(status,)))


def test_the_failure_says_what_was_tried_and_what_helps() -> None:
    limited = gave_up_failure(response_of(429), history(refusals=3, waited_s=12.4))
    assert limited.kind == "rate-limited"
    assert limited.message == (
        "the target answered 429 3 times in a row, 12 s of waiting included; "
        "lower --concurrency or ask for a higher rate limit"
    )
    once = gave_up_failure(response_of(429), history(refusals=1), stated_s=1800.0)
    assert once.message.startswith("the target answered 429 once and asks for a pause of 1,800 s, which is longer than")
    overloaded = gave_up_failure(response_of(529), history(refusals=1))
    assert overloaded.kind == "overloaded"
    assert overloaded.message.endswith("try again when the target is less busy")


# No response


@pytest.mark.parametrize(
    ("kind", "again"),
    [("dns", True), ("refused", True), ("disconnected", True), ("tls", False), ("budget", False), (SILENT, False)],
)
def test_failures_that_may_pass_are_retried_once(kind: str, again: bool) -> None:
    assert retries().reconnects(failure(kind), history()) is again
    assert not retries().reconnects(failure(kind), history(reconnected=True))
    assert not retries(offline=True).reconnects(failure(kind), history())


def test_a_timeout_is_retried_only_at_a_target_that_has_answered_before() -> None:
    decisions = retries()
    assert not decisions.reconnects(failure("timeout"), history())
    decisions.responded()
    assert decisions.reconnects(failure("timeout"), history())


@pytest.mark.parametrize(("kind", "counts"), [("dns", True), ("timeout", True), ("disconnected", False)])
def test_so_many_failures_from_the_first_question_on_are_an_outage(kind: str, counts: bool) -> None:
    decisions = retries()
    found = [decisions.is_outage(failure(kind)) for _ in range(OUTAGE_FAILURES)]
    assert found == [False] * (OUTAGE_FAILURES - 1) + [counts]
    assert decisions.is_outage(failure("refused")) is counts


def test_after_a_response_or_offline_there_is_no_outage() -> None:
    answered = retries()
    answered.responded()
    for decisions in (answered, retries(offline=True)):
        assert not any(decisions.is_outage(failure("refused")) for _ in range(2 * OUTAGE_FAILURES))


# Answers that broke


def test_what_broke_is_repeated_once_and_recorded_answers_never() -> None:
    broken = response_of(ending=RESET)
    assert retries().repeats(broken, history())
    assert not retries().repeats(broken, history(repeats=1))
    assert not retries(offline=True).repeats(broken, history())


@pytest.mark.parametrize(
    ("errors", "again"),
    [
        (("overloaded_error",), True),
        (("rate_limit_error",), True),
        (("timeout_error",), True),
        (("api_error",), False),
        (("api_error", "overloaded_error"), True),
        ((None,), False),
    ],
)
def test_a_stream_that_ends_in_a_temporary_error_is_repeated_more_often(
    errors: tuple[str | None, ...], again: bool
) -> None:
    last = history(repeats=STREAM_ATTEMPTS - 2)
    assert retries().repeats(stream(*errors), last) is again
    assert not retries().repeats(stream(*errors), history(repeats=STREAM_ATTEMPTS - 1))


def test_where_streams_do_not_complete_they_are_repeated_once_only() -> None:
    decisions, overload = retries(), stream("overloaded_error")
    decisions.succeeded(overload, broken=True)
    assert decisions.repeats(overload, history())
    assert not decisions.repeats(overload, history(repeats=1))
    decisions.succeeded(OK, broken=False)  # no stream: it shows nothing about streams
    assert not decisions.repeats(overload, history(repeats=1))
    decisions.succeeded(stream(), broken=False)
    assert decisions.repeats(overload, history(repeats=1))


def test_a_5xx_is_repeated_more_often_once_such_failures_have_passed() -> None:
    decisions, failed = retries(), response_of(500)
    assert not decisions.repeats(failed, history(repeats=1))
    decisions.succeeded(failed, broken=True, repeats=1)
    assert not decisions.repeats(failed, history(repeats=1))
    decisions.succeeded(OK, broken=False, repeats=1)
    assert decisions.repeats(failed, history(repeats=FAILURE_ATTEMPTS - 2))
    assert not decisions.repeats(failed, history(repeats=FAILURE_ATTEMPTS - 1))


def test_a_route_that_only_refuses_while_others_answer_is_not_waited_for() -> None:
    decisions, late = retries(), history()
    decisions.refused(late)
    decisions.succeeded(OK, broken=False, route="/v1/messages/count_tokens")
    decisions.gave_up(late, route="/v1/messages")
    assert decisions.always_refuses("/v1/messages")
    assert decisions.pause_after_refusal_s(question(), late, refusal(503)) is None
    decisions.gave_up(late, route="/v1/messages/count_tokens")
    assert not decisions.always_refuses("/v1/messages/count_tokens")  # it answered before


def test_the_first_repeat_comes_at_once_and_the_next_ones_after_pauses() -> None:
    assert retries().pause_before_repeat_s(question(), history(repeats=1)) is None
    first = retries().pause_before_repeat_s(question(), history(repeats=2))
    second = retries().pause_before_repeat_s(question(), history(repeats=3))
    assert first is not None
    assert second is not None
    assert FIRST_PAUSE_S * 0.75 <= first <= FIRST_PAUSE_S < second <= 2 * FIRST_PAUSE_S


@pytest.mark.parametrize(
    ("response", "expect", "how"),
    [
        (OK, ACCEPTED, ""),
        (response_of(ending=RESET), ACCEPTED, "the body broke off"),
        (replace(response_of(ending=RESET), detail="cut"), REFUSED, "cut"),
        (response_of(500), ACCEPTED, "status 500"),
        (response_of(500), REFUSED, "status 500"),
        (response_of(501), REFUSED, ""),
        (response_of(503), REFUSED, ""),
        (response_of(499), ACCEPTED, "status 499"),
        (response_of(400), REFUSED, ""),
        (response_of(401), ACCEPTED, ""),
        (response_of(503), ACCEPTED, ""),
        (response_of(529), ACCEPTED, ""),
        (stream("api_error"), ACCEPTED, "the stream ended in an error event"),
        (stream("api_error"), REFUSED, ""),
        (stream(), ACCEPTED, ""),
    ],
)
def test_how_an_answer_broke(response: Response, expect: str, how: str) -> None:
    assert how_it_broke(response, question(expect=expect)) == how


def test_a_refused_valid_request_is_sent_again_while_that_may_help() -> None:
    asked = retries()
    refused = response_of(400)
    assert not asked.repeats(refused, history()), "nothing was accepted yet: the model or the address may be wrong"
    asked.succeeded(OK, broken=False)
    assert not asked.repeats(refused, history(), may_be_refused=True)
    assert all(asked.repeats(refused, history()) for _ in range(REFUSALS_TRIED))
    assert not asked.repeats(refused, history()), "no refused request ever passed"


def test_refusals_that_come_and_go_are_repeated_more_often() -> None:
    asked = retries()
    asked.succeeded(OK, broken=False, repeats=1, after_refusal=True)
    refused = response_of(400)
    assert asked.repeats(refused, history(repeats=FAILURE_ATTEMPTS - 2))
    assert not asked.repeats(refused, history(repeats=FAILURE_ATTEMPTS - 1))
    assert asked.repeats(refused, history(), may_be_refused=True)
    assert not asked.repeats(refused, history(repeats=1), may_be_refused=True)
