"""Earlier turns and tool results reach the model, as the input tokens show."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import NOT_VERIFIED, PASS, Verdict

Run = list[Exchange]
QUESTION = {"role": "user", "content": "What is my name?"}
BEFORE = [
    {"role": "user", "content": "My name is Ada and I live in Lisbon."},
    {"role": "assistant", "content": "Nice to meet you, Ada."},
]
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
LONG = "Sunny, 21 degrees, with a light wind from the west."


def billed(tokens: int, *turns: Any) -> Exchange:
    return answered({"usage": {"input_tokens": tokens, "output_tokens": 5}}, ask={"messages": list(turns)})


def with_result(tokens: int, **result: Any) -> Exchange:
    given = {"type": "tool_result", "tool_use_id": "toolu_1", **result}
    return billed(tokens, QUESTION, {"role": "assistant", "content": [CALL]}, {"role": "user", "content": [given]})


def judged(requirement: str, run: Run) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


def with_system(tokens: int, system: Any) -> Exchange:
    return answered({"usage": {"input_tokens": tokens, "output_tokens": 5}}, ask={"system": system})


BRIEF = [{"type": "text", "text": "Be brief."}]

ROWS: dict[str, tuple[Run, Run]] = {
    "request.messages.affects-input-tokens": (
        [billed(12, *BEFORE, QUESTION), billed(12, QUESTION)],
        [billed(30, *BEFORE, QUESTION), billed(12, QUESTION)],
    ),
    "request.system.blocks-read": (
        [with_system(30, BRIEF), with_system(15, "Be brief.")],
        [with_system(16, BRIEF), with_system(15, "Be brief.")],
    ),
    "request.tool_result.affects-input-tokens": (
        [with_result(40, content=[{"type": "text", "text": LONG}]), with_result(40)],
        [with_result(55, content=LONG), with_result(40)],
    ),
}


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][0])
    assert [finding.exchange for finding in verdict.findings] == [1]
    assert verdict.findings[0].wanted.startswith(("more than", "about 15"))


@pytest.mark.parametrize("requirement", ROWS)
def test_it_passes(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][1])
    assert (verdict.outcome, verdict.findings) == (PASS, ())


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        ("request.messages.affects-input-tokens", [billed(12, *BEFORE, QUESTION)]),
        # A different last message, or inconsistent counts, cannot be compared.
        ("request.messages.affects-input-tokens", [billed(12, *BEFORE, QUESTION), billed(12, BEFORE[0])]),
        (
            "request.messages.affects-input-tokens",
            [*ROWS["request.messages.affects-input-tokens"][0], billed(9, QUESTION)],
        ),
        ("request.system.blocks-read", [with_system(30, BRIEF), with_system(15, "Be kind.")]),
        # A short result may have as many tokens as none.
        ("request.tool_result.affects-input-tokens", [with_result(40, content="ok"), with_result(40)]),
        ("request.tool_result.affects-input-tokens", [billed(12, QUESTION), billed(12, *BEFORE, QUESTION)]),
    ],
)
def test_it_is_not_verified(requirement: str, run: Run) -> None:
    verdict = judged(requirement, run)
    assert (verdict.outcome, verdict.findings) == (NOT_VERIFIED, ())


def test_a_call_may_not_have_the_id_of_an_earlier_one() -> None:
    again = {"content": [CALL], "stop_reason": "tool_use"}
    result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1"}]}
    asked = {"messages": [QUESTION, {"role": "assistant", "content": [CALL]}, result]}
    unique = "response.content.tool_use-ids-unique"
    assert len(judged(unique, [answered(again, ask=asked)]).findings) == 1
    assert judged(unique, [answered({**again, "content": [{**CALL, "id": "toolu_2"}]}, ask=asked)]).outcome == PASS
