"""The command of a failure sends only what shows it again."""

from __future__ import annotations

import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from messages_conformance.proof import run
from messages_conformance.report import describe_failure, failures
from messages_conformance.run import UsageError
from messages_conformance.run.preflight import MODELS
from messages_conformance.run.scope import unknown_situations

PROFILE = "anthropic-2023-06-01"
MODEL = "anthropic/claude-opus-4-5"


def again(command: str) -> tuple[int, frozenset[str], int]:
    """Runs the options of a command; returns (exit code, failing requirements, requests)."""
    words = shlex.split(command)
    given = dict(zip(words[3::2], words[4::2], strict=True))
    options = {name.removeprefix("--"): value for name, value in given.items()}
    code, made = run(
        words[2],
        options["profile"],
        model=options["model"],
        only=(options["only"],),
        situation=(options["situation"],),
    )
    return code, frozenset(verdict.requirement for verdict in failures(made)), made.spent.requests


@pytest.mark.parametrize(
    ("fault", "requirement"),
    [
        ("drop_message_stop", "stream.order.message-stop-once"),
        ("refuse_system_string", "request.system.string"),
        ("refuse_tool_history", "request.tool_result.content-optional"),
        ("drop_stop_sequences", "stop.stop_sequence.occurs"),
    ],
)
def test_the_command_of_a_failure_shows_it_again_with_few_requests(fault: str, requirement: str) -> None:
    _, made = run(f"reference:{fault},transport=memory", PROFILE, model=MODEL)
    verdict = next(verdict for verdict in made.verdicts if verdict.requirement == requirement)
    code, failing, requests = again(describe_failure(made, verdict).again)
    assert (code, failing) == (1, {requirement})
    assert requests <= (3 if fault not in ("refuse_tool_history", "drop_stop_sequences") else 8)


def test_last_failed_asks_only_what_failed(tmp_path: Path) -> None:
    target = "reference:refuse_system_string,drop_message_stop,transport=memory"
    _, first = run(target, PROFILE, model=MODEL, report=str(tmp_path))
    code, again = run(target, PROFILE, model=MODEL, last_failed=str(tmp_path))
    assert code == 1
    assert {verdict.requirement for verdict in again.verdicts} == {verdict.requirement for verdict in failures(first)}
    assert {verdict.outcome for verdict in again.verdicts} == {"fail"}
    assert again.spent.requests <= 5  # a refused request is sent once more, in case it is chance
    code, mended = run("reference:transport=memory", PROFILE, model=MODEL, last_failed=str(tmp_path))
    assert (code, mended.spent.requests <= 4) == (0, True)


def test_without_a_failure_there_is_nothing_to_ask_again(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--last-failed: "):
        run("reference:transport=memory", PROFILE, model=MODEL, last_failed=str(tmp_path))
    run("reference:transport=memory", PROFILE, model=MODEL, depth="smoke", report=str(tmp_path))
    with pytest.raises(UsageError, match="nothing failed in"):
        run("reference:transport=memory", PROFILE, model=MODEL, last_failed=str(tmp_path))


def test_what_every_run_begins_with_is_not_what_is_asked_again(tmp_path: Path) -> None:
    target = "reference:omit_usage,transport=memory"
    code, _ = run(target, PROFILE, model=MODEL, depth="smoke", report=str(tmp_path))
    assert code == 1
    code, again = run(target, PROFILE, model=MODEL, last_failed=str(tmp_path))
    assert (code, [verdict.requirement for verdict in failures(again)]) == (1, ["usage.present"])
    assert again.spent.requests <= 3


@pytest.mark.parametrize(
    ("glob", "names", "message"),
    [
        ("middle.stop", ["middle.stop"], ""),
        ("midle.stop", ["middle.stop", "models"], "did you mean middle.stop?"),
        ("nothing-like-it", ["models"], "no request has the situation 'nothing-like-it' ("),
        ("generated.requests.0.7", ["models"], ""),
    ],
)
def test_a_situation_that_no_request_has_is_named_with_its_cure(glob: str, names: list[str], message: str) -> None:
    found = unknown_situations([glob], [replace(MODELS, situation=name) for name in names])
    assert (message in found) if message else not found
