"""5xx that come and go are one finding; one failure of the moment, and failures that stay, are not."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, refused, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import PASS, WARN, Verdict

Run = list[Exchange]
BY_CHANCE = "errors.status.intermittent-5xx"
SENT: dict[str, Any] = {"probes": ("request.x",), "waits": ("asked again: status 502",)}


def asks(number: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"Question {number}"}]}


def failing(times: int, *, status: int = 502, then: int = 400) -> Run:
    """Requests that fail, each followed by its second answer."""
    return [
        one
        for number in range(times)
        for one in (refused(status, ask=asks(number)), refused(then, ask=asks(number), **SENT))
    ]


ROWS: dict[str, tuple[Run, Run]] = {BY_CHANCE: (failing(5), [answered(**SENT)])}


def judged(run: Run) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[BY_CHANCE])[BY_CHANCE]


def test_many_failures_by_chance_are_one_finding() -> None:
    verdict = judged(failing(5))
    assert verdict.outcome == WARN
    assert len(verdict.findings) == 1
    assert "5 of 10 answers" in verdict.findings[0].found


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(failing(4), id="few failures"),
        pytest.param(failing(5) + [answered()] * 300, id="a small share of all answers"),
        pytest.param(failing(9, status=503), id="a busy server"),
        pytest.param(failing(9, then=500), id="failures that stay"),
    ],
)
def test_other_failures_are_not_by_chance(run: Run) -> None:
    assert judged(run).outcome == PASS
