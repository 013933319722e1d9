"""Empty answers to one question accuse the target only if they are an exception, and come each time."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, refused, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, Verdict

Run = list[Exchange]
BLOCKED = "stop.refusal.not-end_turn"
EMPTY: dict[str, Any] = {"content": []}
BLANK: dict[str, Any] = {"content": [{"type": "text", "text": " "}]}


def asks(question: str, **fields: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": question}], **fields}


OTHERS: Run = [answered(ask=asks(f"Question {number}")) for number in range(20)]


def emptied(times: int, changes: Any = None, **fields: Any) -> Run:
    return [answered(changes or EMPTY, ask=asks("DROP TABLE", **fields)) for _ in range(times)]


ROWS: dict[str, tuple[Run, Run]] = {BLOCKED: ([*OTHERS, *emptied(3)], OTHERS)}


def judged(run: Run) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[BLOCKED])[BLOCKED]


@pytest.mark.parametrize("changes", [EMPTY, BLANK])
def test_a_question_that_is_always_answered_by_nothing_is_one_finding(changes: Any) -> None:
    verdict = judged([*OTHERS, *emptied(4, changes)])
    assert verdict.outcome == FAIL
    assert "all 4 answers" in verdict.findings[0].found


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        pytest.param([*OTHERS, *emptied(2)], NOT_VERIFIED, id="too few, and too many of all"),
        pytest.param(
            [*OTHERS, *emptied(3), answered(ask=asks("DROP TABLE"))], NOT_VERIFIED, id="one answer has a text"
        ),
        pytest.param([*OTHERS[:19], *emptied(3)], NOT_VERIFIED, id="too few other answers"),
        pytest.param(
            [*OTHERS, *emptied(3), *[answered(EMPTY, ask=asks(f"Other {one}")) for one in range(2)]],
            NOT_VERIFIED,
            id="a model that often says nothing",
        ),
        pytest.param([*OTHERS, *emptied(3, {**EMPTY, "stop_reason": "refusal"})], PASS, id="refusals"),
        pytest.param([*OTHERS, *emptied(3, max_tokens=1)], PASS, id="no tokens for a text"),
        pytest.param([*OTHERS, refused(403), refused(403), refused(403)], PASS, id="errors"),
    ],
)
def test_other_empty_answers_accuse_nobody(run: Run, outcome: str) -> None:
    assert judged(run).outcome == outcome
