"""What a feature or an earlier request changes in a request that it has nothing to do with."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, streamed, verdicts
from stream_frames import block, ends, over, start, stop, text

from messages_conformance.exchange import Exchange
from messages_conformance.rules import CATALOGUE, FAIL, MUST, NOT_VERIFIED, PASS, WARN, Verdict

Run = list[Exchange]
KEEPS, OWN = "request.thinking.keeps-request", "usage.input.own-request"
NOT_AS_TEXT, ARRIVES = "response.content.thinking-not-as-text", "response.content.tool_use-input-arrives"

SUMMARY, ADDED = "request.thinking.display-summarized", "stop.stop_sequence.nothing-added"

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


def held(streamed_text: str, whole: str = "1, 2", *, number: int = 0) -> Run:
    """A streamed and a whole answer to a question with a stop sequence that never comes."""
    ask = {"messages": [{"role": "user", "content": f"Count {number}"}], "stop_sequences": ["zebra"]}
    return [
        streamed([start(), block(), text(streamed_text), stop(), ends(), over()], ask=ask),
        says(words(whole), ask=ask),
    ]


STREAM = [start(), block(), text("70"), stop(), ends(), over()]
SHOWN = {"thinking": {"type": "adaptive", "display": "summarized"}}
OMITTED = says({**THOUGHT, "thinking": ""}, words(), ask=SHOWN)
FULL, EMPTY = calls({"location": "Paris"}, ask=TOOLS), calls({})
LEAKED, THOUGHTFUL = says(words(f"{IDEA} 70"), ask=BUDGET), says(THOUGHT, words(), ask=BUDGET)

ROWS: dict[str, tuple[Run, Run]] = {
    SUMMARY: ([OMITTED] * 3, [OMITTED, OMITTED, says(THOUGHT, words(), ask=SHOWN)]),
    ADDED: (
        [*held("1, 2ep|>"), *held("3, 4ep|>", "3, 4", number=1)],
        [*held("1, 2ep|>"), *held("3, 4", "3, 4", number=1)],
    ),
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
        pytest.param(
            KEEPS,
            [
                says(words(), tokens=2095, ask=TOOLS),
                says(words(), tokens=2095),
                streamed(STREAM, ask={}),
                says(words(), tokens=40, ask=THINKING),
            ],
            id="whole answers with other counts than streams",
        ),
        pytest.param(OWN, billed(10, 20, 80), id="three answers"),
        pytest.param(SUMMARY, [OMITTED] * 2, id="two thoughts"),
        pytest.param(ADDED, held("1, 2ep|>"), id="one stream"),
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
        pytest.param(ADDED, [*held("1, 2."), *held("1, 2.", number=1)], id="a full stop in the streams"),
        pytest.param(OWN, billed(10, 10, 30, 45), id="a little more at times"),
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
