"""Thinking and the answer: what belongs where, disabled thinking, and stop sequences that act on the text only."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import NOT_VERIFIED, PASS, Verdict

Run = list[Exchange]
ADAPTIVE = {"thinking": {"type": "adaptive"}}
DISABLED = {"thinking": {"type": "disabled"}}
THOUGHT = {"type": "thinking", "thinking": "First I multiply the tens.", "signature": "c2ln"}
ANSWER = {"type": "text", "text": "1161"}
FORCED = {
    "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    "tool_choice": {"type": "tool", "name": "f"},
}
NONE_WHEN_DISABLED = "usage.thinking.none-when-disabled"
AFTER = "response.content.answer-after-thinking"
CUT_AS_THINKING = "response.content.thinking-cut-as-thinking"
NOT_IN_THINKING = "stop.stop_sequence.not-in-thinking"
NOT_IN_INPUT = "stop.stop_sequence.not-in-tool-input"


def gives(*blocks: Any, ask: Any = None, reason: str = "end_turn", stop: str | None = None, **usage: Any) -> Exchange:
    counted = {"input_tokens": 10, "output_tokens": 30, **usage}
    answer = {"content": list(blocks), "stop_reason": reason, "stop_sequence": stop, "usage": counted}
    return answered(answer, ask=ask)


def stopped(*blocks: Any, at: str, ask: Any, reason: str = "stop_sequence") -> Exchange:
    return gives(*blocks, ask={**ask, "stop_sequences": [at]}, reason=reason, stop=at if reason != "tool_use" else None)


def call(given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": "toolu_1", "name": "f", "input": given}


def cut(*blocks: Any) -> Exchange:
    return gives(*blocks, ask={**ADAPTIVE, "max_tokens": 8}, reason="max_tokens")


WHOLE = [gives(THOUGHT, ANSWER, ask=ADAPTIVE) for _ in range(2)]
CUT_TEXT = {"type": "text", "text": "First I multiply"}
TEXT = {"type": "text", "text": "1161 is the number"}
CALLED = gives(call({"city": "New York"}), ask=FORCED, reason="tool_use")
ROWS: dict[str, tuple[Run, Run]] = {
    NONE_WHEN_DISABLED: ([gives(THOUGHT, ANSWER, ask=DISABLED)], [gives(ANSWER, ask=DISABLED)]),
    AFTER: ([gives(THOUGHT, ask=ADAPTIVE) for _ in range(4)], WHOLE),
    CUT_AS_THINKING: ([*[cut(CUT_TEXT) for _ in range(3)], *WHOLE], [*[cut(THOUGHT) for _ in range(3)], *WHOLE]),
    NOT_IN_THINKING: (
        [*[stopped(THOUGHT, at="tens", ask=ADAPTIVE) for _ in range(2)], WHOLE[0]],
        [*[gives(THOUGHT, ANSWER, ask={**ADAPTIVE, "stop_sequences": ["tens"]}) for _ in range(2)], WHOLE[0]],
    ),
    NOT_IN_INPUT: (
        [stopped(call({}), at="York", ask=FORCED), CALLED],
        [stopped(call({"city": "New York"}), at="York", ask=FORCED, reason="tool_use"), CALLED],
    ),
}


def judged(requirement: str, run: Run) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][0])
    assert [finding.exchange for finding in verdict.findings] == [1]


@pytest.mark.parametrize("requirement", ROWS)
def test_it_passes(requirement: str) -> None:
    assert judged(requirement, ROWS[requirement][1]).outcome == PASS


SWALLOWED = {**THOUGHT, "thinking": "First I multiply the tens. So it is 1161"}
BEFORE_TENS = {**THOUGHT, "thinking": "First I multiply the "}


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        pytest.param(
            AFTER, [*[gives(SWALLOWED, ask=ADAPTIVE) for _ in range(3)], *WHOLE], id="some answers are in the thinking"
        ),
        pytest.param(
            NOT_IN_THINKING,
            [*[gives(BEFORE_TENS, ask={**ADAPTIVE, "stop_sequences": ["tens"]}) for _ in range(2)], WHOLE[0]],
            id="the answer ends with end_turn before the sequence",
        ),
    ],
)
def test_an_answer_that_is_left_out_is_found(requirement: str, run: Run) -> None:
    assert [finding.exchange for finding in judged(requirement, run).findings] == [1]


def test_tokens_of_disabled_thinking_are_found() -> None:
    spent = {"output_tokens_details": {"thinking_tokens": 7}}
    assert judged(NONE_WHEN_DISABLED, [gives(ANSWER, ask=DISABLED, **spent)]).findings


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        pytest.param(AFTER, [gives(THOUGHT, ask=ADAPTIVE) for _ in range(3)], id="three silent answers"),
        pytest.param(CUT_AS_THINKING, [*[cut(CUT_TEXT) for _ in range(2)], *WHOLE], id="two cut answers"),
        pytest.param(NOT_IN_INPUT, [stopped(call({}), at="York", ask=FORCED)], id="no control"),
    ],
)
def test_too_few_answers_show_nothing(requirement: str, run: Run) -> None:
    assert judged(requirement, run).outcome == NOT_VERIFIED


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        pytest.param(
            AFTER, [*[gives(THOUGHT, ask=ADAPTIVE) for _ in range(9)], *WHOLE], id="the model answers now and then"
        ),
        pytest.param(
            CUT_AS_THINKING,
            [*[cut(TEXT) for _ in range(3)], *[gives(THOUGHT, TEXT, ask=ADAPTIVE) for _ in range(2)]],
            id="the model did not think, and the text begins like the whole one",
        ),
        pytest.param(
            AFTER,
            [*[gives(SWALLOWED, ask=ADAPTIVE) for _ in range(3)], gives(SWALLOWED, ANSWER, ask=ADAPTIVE)],
            id="the thinking ends with the answer in other answers, too",
        ),
        pytest.param(
            NOT_IN_THINKING,
            [*[gives(THOUGHT, ask={**ADAPTIVE, "stop_sequences": ["tens"]}) for _ in range(2)], WHOLE[0]],
            id="the thinking goes on after the sequence",
        ),
        pytest.param(
            NOT_IN_THINKING,
            [stopped(THOUGHT, at="tens", ask=ADAPTIVE), gives(THOUGHT, ANSWER, ask=ADAPTIVE)],
            id="one answer stops",
        ),
        pytest.param(
            NOT_IN_THINKING,
            [
                *[stopped(THOUGHT, at="tens", ask=ADAPTIVE) for _ in range(2)],
                gives(THOUGHT, ANSWER, ask={**ADAPTIVE, "stop_sequences": ["tens"]}),
                WHOLE[0],
            ],
            id="one of three answers does not stop",
        ),
    ],
)
def test_what_the_model_may_have_done_is_no_finding(requirement: str, run: Run) -> None:
    assert judged(requirement, run).findings == ()
