"""What a feature or an earlier request changes in a request that it has nothing to do with."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import CATALOGUE, FAIL, MUST, NOT_VERIFIED, PASS, WARN, Verdict

Run = list[Exchange]
KEEPS, OWN = "request.thinking.keeps-request", "usage.input.own-request"
NOT_AS_TEXT, ARRIVES = "response.content.thinking-not-as-text", "response.content.tool_use-input-arrives"

TOOL = {"name": "f", "input_schema": {"type": "object", "required": ["location"]}}
TOOLS = {"tools": [TOOL]}
BUDGET = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
THINKING = {**TOOLS, **BUDGET}
IDEA = "The user wants the sum of two numbers."
THOUGHT = {"type": "thinking", "thinking": IDEA, "signature": "c2ln"}


def says(*blocks: Any, tokens: int = 10, ask: Any = None, **more: Any) -> Exchange:
    usage = {"input_tokens": tokens, "output_tokens": 30}
    return answered({"content": list(blocks), "usage": usage, **more}, ask=ask)


def words(content: str = "70") -> dict[str, Any]:
    return {"type": "text", "text": content}


def calls(given: Any, *, ask: Any = THINKING) -> Exchange:
    called = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": given}
    return says(called, ask=ask, stop_reason="tool_use")


def billed(*tokens: int) -> Run:
    return [says(words(), tokens=number) for number in tokens]


FULL, EMPTY = calls({"location": "Paris"}, ask=TOOLS), calls({})
LEAKED, THOUGHTFUL = says(words(f"{IDEA} 70"), ask=BUDGET), says(THOUGHT, words(), ask=BUDGET)

ROWS: dict[str, tuple[Run, Run]] = {
    KEEPS: (
        [says(words(), tokens=200, ask=TOOLS), says(words(), tokens=40, ask=THINKING)],
        [says(words(), tokens=200, ask=TOOLS), says(words(), tokens=190, ask=THINKING)],
    ),
    OWN: (billed(10, 20, 40, 80), billed(10, 11, 10, 12)),
    NOT_AS_TEXT: ([THOUGHTFUL, LEAKED], [THOUGHTFUL, says(words("The sum is 70"), ask=BUDGET)]),
    ARRIVES: ([FULL, FULL, EMPTY, EMPTY], [FULL, EMPTY, calls({"location": "Paris"})]),
}


def judged(requirement: str, run: Run) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][0])
    assert verdict.outcome == (FAIL if CATALOGUE[requirement].level == MUST else WARN)
    assert len(verdict.findings) == 1


@pytest.mark.parametrize("requirement", ROWS)
def test_it_passes(requirement: str) -> None:
    assert judged(requirement, ROWS[requirement][1]).outcome == PASS


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        pytest.param(KEEPS, [says(words(), tokens=40, ask=THINKING)], id="thinking alone"),
        pytest.param(KEEPS, [*billed(10, 30), says(words(), ask=BUDGET)], id="counts that cannot be compared"),
        pytest.param(OWN, billed(10, 20, 80), id="three answers"),
        pytest.param(NOT_AS_TEXT, [LEAKED], id="no thought to compare with"),
        pytest.param(NOT_AS_TEXT, [says(THOUGHT, words(IDEA))], id="thinking that was not asked for"),
    ],
)
def test_too_little_is_known(requirement: str, run: Run) -> None:
    assert judged(requirement, run).outcome == NOT_VERIFIED


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        pytest.param(KEEPS, [*billed(60), says(words(), tokens=30, ask=BUDGET)], id="a few tokens"),
        pytest.param(OWN, billed(10, 10, 50, 90), id="two equal bills"),
        pytest.param(OWN, billed(10, 12, 14, 16), id="estimates"),
        pytest.param(
            NOT_AS_TEXT,
            [says(THOUGHT, words(f"{IDEA} 70"), ask=BUDGET), LEAKED],
            id="a model that writes its thoughts into the text, too",
        ),
        pytest.param(NOT_AS_TEXT, [THOUGHTFUL, says(words("The user"), ask=BUDGET)], id="a short beginning"),
    ],
)
def test_what_a_correct_server_does_is_no_finding(requirement: str, run: Run) -> None:
    assert judged(requirement, run).findings == ()
