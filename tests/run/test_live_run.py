"""A run without pytest: its statements, its files, and how it reacts to an interruption."""

from __future__ import annotations

import io
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from command_line import valid_report
from misbehaving import KEY, Endpoints
from rich.console import Console

from messages_conformance.generate import ask
from messages_conformance.run import Options, Run, UsageError

Opened = Callable[..., Run]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Opens runs and closes them at the end."""
    monkeypatch.setenv("MESSAGES_API_KEY", KEY)
    runs: list[Run] = []

    def open_run(target: str = "reference:", **options: Any) -> Run:
        options = {"profile": "anthropic-2023-06-01", "model": "reference-1", **options}
        runs.append(Run(Options(target=target, **options), out=Console(file=io.StringIO(), width=100)))
        return runs[-1]

    yield open_run
    for run in runs:
        run.close()


def printed(run: Run) -> str:
    assert isinstance(run.out.file, io.StringIO)
    return run.out.file.getvalue()


QUESTION = ask("question", "Reply with the single word: ok", max_tokens=17)


def test_a_run_asks_judges_and_reports(opened: Opened, tmp_path: Path) -> None:
    run = opened(report=str(tmp_path))
    run.begin([QUESTION], [])
    (exchange,) = run.exchanges(QUESTION)
    assert run.judged([exchange]) == ()
    assert run.finish() == 0
    assert valid_report(tmp_path)["complete"] is True
    assert printed(run).splitlines()[-2].startswith("CONFORMS to profile")


def test_a_report_exists_from_the_start_and_says_that_it_is_incomplete(opened: Opened, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"complete": true}')
    (tmp_path / "exchanges.jsonl").write_text("an earlier run\n")
    run = opened(report=str(tmp_path))
    assert json.loads((tmp_path / "report.json").read_text())["complete"] is True  # the run has not begun
    run.begin([QUESTION], [])
    document = valid_report(tmp_path)
    assert document["complete"] is False
    assert document["exit_code"] == 2
    assert "an earlier run" not in (tmp_path / "exchanges.jsonl").read_text()


def test_an_interruption_ends_a_waiting_run_at_once(opened: Opened, endpoints: Endpoints) -> None:
    run = opened(endpoints.url("silent/run"), timeout_s=5.0)  # ends the wait long after the interruption
    interrupted = threading.Event()

    def interrupt() -> None:
        endpoints.wait_for("/silent/run", 1)
        run.interrupt()  # raises nothing: a signal handler may be in the middle of a lock
        interrupted.set()

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run.begin([QUESTION], [])
    thread.join()
    assert interrupted.is_set()
    assert run.session.report().statement is not None
    assert run.session.report().statement.kind == "interrupted"


def test_an_interruption_while_nothing_waits_ends_the_next_wait(opened: Opened) -> None:
    run = opened()
    run.begin([QUESTION], [])
    run.interrupt()  # nothing waits, so nothing is raised, and nothing stays half judged
    with pytest.raises(KeyboardInterrupt):
        run.exchanges(QUESTION)
    assert run.finish() == 2
    assert "INCOMPLETE: the run was interrupted" in printed(run)


def test_a_second_interruption_changes_nothing(opened: Opened) -> None:
    run = opened()
    run.begin([QUESTION], [])
    run.interrupt()
    run.interrupt()
    assert run.finish() == 2


def test_one_of_two_signals_is_raised_in_a_test_of_the_user(opened: Opened) -> None:
    run = opened()
    with run.of_user():
        with pytest.raises(KeyboardInterrupt):
            run.interrupt()
        run.interrupt()  # the test closes what it opened: the signal that the parent passed on does not disturb it
    assert run.finish() == 2


def test_a_wait_for_a_target_that_starts_ends_at_an_interruption(opened: Opened, endpoints: Endpoints) -> None:
    run = opened(endpoints.url("silent/start"), timeout_s=100.0, wait_for_target=100.0)

    def interrupt() -> None:
        endpoints.wait_for("/silent/start", 1)
        run.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    began_s = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run.begin([QUESTION], [])
    thread.join()
    assert time.monotonic() - began_s < 90.0
    assert run.finish() == 2


def test_a_refusal_is_quoted_in_one_short_line(opened: Opened, endpoints: Endpoints) -> None:
    run = opened(endpoints.url("404/run"))
    run.begin([QUESTION], [])
    assert run.finish() == 2
    statement = run.session.report().statement
    assert statement is not None
    assert "404 to POST /v1/messages (no): check TARGET" in statement.message


def test_a_run_that_cannot_be_judged_accuses_the_target_of_nothing(opened: Opened, endpoints: Endpoints) -> None:
    run = opened(endpoints.url("404/void"))
    run.begin([QUESTION], [])
    run.finish()
    assert {verdict.outcome for verdict in run.session.report().verdicts} == {"not-verified", "not-applicable"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout_s": float("nan")}, "--timeout"),
        ({"model": " "}, "--model is empty"),
        ({"only": ("no.such",)}, "no requirement matches 'no.such'"),
        ({"profile": "none"}, "unknown profile 'none'"),
        ({"depth": "none"}, "unknown depth 'none'"),
    ],
)
def test_options_are_checked_before_anything_is_opened(opened: Opened, options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        opened(**options)
