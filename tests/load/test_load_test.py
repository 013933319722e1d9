"""A load test finds what only many requests at once show, and accuses no correct server; threads are its users here."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from rich.console import Console

from messages_conformance.load.in_progress import TICK_S
from messages_conformance.load.load_options import KEY_VARIABLE, LoadOptions
from messages_conformance.load.load_test import LoadTest
from messages_conformance.load.mix import Choice
from messages_conformance.load.received import Received
from messages_conformance.load.spending import Spending
from messages_conformance.reference import API_KEY, faults, serve
from messages_conformance.session import Clock, UsageError

CLOCK = Clock(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)
USERS = 12
ROUNDS = 3
MODEL = "anthropic/claude-opus-4-5"


@contextmanager
def watched(test: LoadTest) -> Iterator[None]:
    over = threading.Event()

    def watch() -> None:
        while not over.wait(TICK_S):
            test.watch()

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def loaded(url: str, *, rounds: int = ROUNDS, **options: object) -> tuple[LoadTest, int]:
    """A load test whose users wait for each other before each request, so that all are in progress at once."""
    values = {"url": url, "model": MODEL, "kinds": 4, "silence_s": 1.0, "metrics": "/metrics", **options}
    test = LoadTest(LoadOptions(**values), clock=CLOCK, out=Console(quiet=True))  # type: ignore[arg-type]
    together = threading.Barrier(USERS)
    judging = threading.Lock()
    took = test.judge.took

    def one_by_one(*given: object, **more: object) -> object:
        with judging:
            return took(*given, **more)  # type: ignore[arg-type]

    test.judge.took = one_by_one  # type: ignore[method-assign, assignment]

    def user() -> None:
        line = test.line()
        for _ in range(rounds):
            together.wait(60)
            test.one(line)
        line.close()

    with watched(test):
        if test.prepare():
            users = [threading.Thread(target=user) for _ in range(USERS)]
            for one in users:
                one.start()
            for one in users:
                one.join()
        return test, test.finish()


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, API_KEY)
    monkeypatch.setattr("messages_conformance.load.load_test.AFTER_WAIT_S", 0.01)
    monkeypatch.setattr("messages_conformance.load.spending.BACKOFF_S", 0.01)
    monkeypatch.setattr("messages_conformance.load.spending.MOST_BACKOFF_S", 0.01)


def found(test: LoadTest) -> set[str]:
    assert test.session.result is not None
    return {one.requirement for one in test.session.result.verdicts if one.outcome in ("fail", "warn") or one.explained}


FEW = ["swap_answers_under_load", "drop_stream_ends_under_load", "never_answer_under_load", "lose_slots_under_load"]


@pytest.mark.parametrize("fault", FEW)
def test_a_fault_under_load_is_found(fault: str) -> None:
    with serve(fault=fault) as server:
        test, code = loaded(server.base_url, rounds=5 if "slots" in fault else ROUNDS)
    assert faults()[fault].trips & {name for name in found(test) if name.startswith("load.")}
    assert code == 1


@pytest.mark.parametrize("variant", [None, "throttles_a_crowd"])
def test_a_correct_server_is_not_accused(variant: str | None) -> None:
    with serve(variant=variant) as server:
        test, code = loaded(server.base_url, silence_s=60.0)  # a busy machine can stand still for seconds
    assert (found(test), code) == (set(), 0)
    assert server.peak_concurrency > 8
    verdicts = {one.requirement: one.outcome for one in test.session.result.verdicts}  # type: ignore[union-attr]
    if variant is None:
        assert verdicts["load.isolation.content"] == "pass"
        assert verdicts["load.recovery.answered"] == "pass"


def test_answers_that_equal_an_earlier_one_are_counted_and_not_judged_again() -> None:
    with serve() as server:
        test, _ = loaded(server.base_url)
    assert test.judge.equal > USERS
    assert test.judge.taken == test.spending.sent


def test_a_wrong_key_ends_before_the_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, "another-key-of-somebody")
    with serve() as server:
        test, code = loaded(server.base_url)
    assert code == 2
    assert test.spending.sent == 3
    assert server.peak_concurrency == 1


def test_a_storm_of_errors_ends_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("messages_conformance.load.spending.STORM_OF", 20)
    spending = Spending(LoadOptions(url="http://127.0.0.1:1"), model=MODEL)
    for _ in range(19):
        spending.add(Received(began_s=0.0, status=500))
    assert not spending.stop_reason
    spending.add(Received(began_s=0.0, status=500))
    assert "20 of the last 20 requests failed" in spending.stop_reason


def test_a_limit_on_times_fails_the_test() -> None:
    with serve() as server:
        test, code = loaded(server.base_url, rounds=1, limits={"total-p95": 0.000001})
    assert code == 1
    assert [one.name for one in test.session.result.failed_tests] == ["limit total-p95"]  # type: ignore[union-attr]


def test_the_model_is_asked_for() -> None:
    with serve() as server:
        test = LoadTest(LoadOptions(url=server.base_url), clock=CLOCK, out=Console(quiet=True))
        test.session.close()
        assert test.model == "reference-1"
    with pytest.raises(UsageError, match="name one with --model"):
        LoadTest(LoadOptions(url=server.base_url), clock=CLOCK, out=Console(quiet=True))


def test_half_of_the_requests_are_echoes() -> None:
    with serve() as server:
        test = LoadTest(LoadOptions(url=server.base_url, model=MODEL), clock=CLOCK, out=Console(quiet=True))
        test.session.close()
    choice = Choice(test.kinds, seed=1)
    echoes = sum(choice.next().echoes for _ in range(1_000))
    assert 400 < echoes < 600
    assert {kind.form for kind in test.kinds} == {"whole", "streamed"}
    assert any(kind.name.startswith("generated.") for kind in test.kinds)
    assert any(kind.name.startswith("request.") for kind in test.kinds)
