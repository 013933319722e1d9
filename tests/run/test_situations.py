"""The command of a failure sends only what shows it again."""

from __future__ import annotations

import shlex

import pytest

from messages_conformance.proof import run
from messages_conformance.report import describe_failure, failures

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
    ],
)
def test_the_command_of_a_failure_shows_it_again_with_few_requests(fault: str, requirement: str) -> None:
    _, made = run(f"reference:{fault},transport=memory", PROFILE, model=MODEL)
    verdict = next(verdict for verdict in made.verdicts if verdict.requirement == requirement)
    code, failing, requests = again(describe_failure(made, verdict).again)
    assert (code, failing) == (1, {requirement})
    assert requests <= (3 if fault != "refuse_tool_history" else 8)
