"""Thinking that never comes, inputs in other types or with empty members, and bills that do not fit the text."""

import json
from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, streamed, verdicts
from stream_frames import block, ends, over, start, stop, text

from messages_conformance.exchange import Exchange
from messages_conformance.rules import CATALOGUE, FAIL, MUST, NOT_VERIFIED, PASS, WARN, Verdict

Run = list[Exchange]
HONOURED, LATER = "request.thinking.honoured", "request.thinking.later-turns"
TOOLED, ADVISED = "request.thinking.beside-tools", "request.output_config.format-beside-system"
STRICT_TYPES, OPTIONAL = "response.content.tool_use-strict-types", "response.content.tool_use-optional-absent"
STREAMED = "request.output_config.format-streamed"
BESIDE = "request.output_config.format-beside-tools"
LISTS, ALIKE = "usage.output.ge-list", "usage.output.stream-equals-nonstream"

BUDGET = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
THOUGHT = {"type": "thinking", "thinking": "First the tens.", "signature": "c2ln"}
SCHEMA = {
    "type": "object",
    "properties": {
        "age": {"type": "integer"},
        "place": {"type": "object"},
        "note": {"type": "string"},
        "tag": {"type": "string"},
    },
    "required": ["age", "place"],
}
STATED = {"age": 36, "place": {"city": "Paris"}}


def says(*blocks: Any, tokens: int = 30, ask: Any = None) -> Exchange:
    return answered({"content": list(blocks), "usage": {"input_tokens": 10, "output_tokens": tokens}}, ask=ask)


def words(content: str = "1161") -> dict[str, Any]:
    return {"type": "text", "text": content}


TURNS = {
    **BUDGET,
    "messages": [
        {"role": "user", "content": "Hello."},
        {"role": "assistant", "content": "Hello!"},
        {"role": "user", "content": "What is 27 times 43?"},
    ],
}
AFTER_A_TURN = says(words(), ask=TURNS)
LATER_THOUGHT = says(THOUGHT, words(), ask=TURNS)
FIRST_TURN = says(THOUGHT, words(), ask=BUDGET)


def calls(given: Any, *, strict: bool = True) -> Exchange:
    question = f"Call the tool f with exactly this input: {json.dumps(STATED)}"
    ask = {
        "tools": [{"name": "f", "input_schema": SCHEMA, "strict": strict}],
        "messages": [{"role": "user", "content": question}],
    }
    called = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": given}
    return answered({"content": [called], "stop_reason": "tool_use"}, ask=ask)


def stream(content: str, tokens: int, *, ask: Any = None) -> Exchange:
    usage = {"input_tokens": 10, "output_tokens": tokens}
    return streamed([start(), block(), text(content), stop(), ends(usage=usage), over()], ask=ask)


ANSWER = says(words(), ask=BUDGET)
NUMBERS = ", ".join(str(number) for number in range(1, 13))
WRONG = {"age": "36", "place": '{"city": "Paris"}'}
FILLED = {**STATED, "note": "", "tag": None}
BILLED = [says(words(NUMBERS), tokens=36) for _ in range(3)]
FORMAT = {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}
JSON_TEXT = says(words('{"name": "Ada"}'), ask=FORMAT)
POEM, OBJECT = stream("Ada is 36", 9, ask=FORMAT), stream('{"name": "Ada"}', 9, ask=FORMAT)
ALONE = [JSON_TEXT] * 3
WITH_TOOLS = {**FORMAT, "tools": [{"name": "f", "input_schema": {"type": "object"}}]}
PROSE, KEPT = says(words("A poem"), ask=WITH_TOOLS), says(words('{"name": "Ada"}'), ask=WITH_TOOLS)

WITH_SYSTEM = {**FORMAT, "system": "You write well."}
ADVISED_PROSE = says(words("A poem"), ask=WITH_SYSTEM)
OFFERED = {**BUDGET, "tools": [{"name": "f", "input_schema": {"type": "object"}}]}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "10:15"}
AFTER_RESULTS = says(words(), ask={**OFFERED, "messages": [{"role": "user", "content": [RESULT]}]})

OTHERS, CROWDED_THINKING = "request.output_config.format-beside-others", "request.thinking.beside-others"
CROWD = {
    "messages": [
        {"role": "user", "content": [{"type": "document", "source": {"type": "text", "data": "Maps."}}]},
        {"role": "assistant", "content": "I see."},
        {"role": "user", "content": "Write a poem."},
    ],
    "tools": WITH_TOOLS["tools"],
    "system": "You write well.",
}
CROWDED_POEM = says(words("A poem"), ask={**FORMAT, **CROWD})
POEM_AFTER_A_THOUGHT = says(THOUGHT, words("A poem"), ask={**FORMAT, **BUDGET})
UNTHINKING = says(words(), ask={**BUDGET, **CROWD})

ROWS: dict[str, tuple[Run, Run]] = {
    OTHERS: ([*ALONE, *[CROWDED_POEM] * 4], [*ALONE, *[CROWDED_POEM] * 3, says(words("{}"), ask={**FORMAT, **CROWD})]),
    CROWDED_THINKING: (
        [*[UNTHINKING] * 3, FIRST_TURN, LATER_THOUGHT, says(THOUGHT, words(), ask=OFFERED)],
        [*[UNTHINKING] * 3, says(THOUGHT, words(), ask={**BUDGET, **CROWD}), *[FIRST_TURN] * 2],
    ),
    TOOLED: (
        [*[says(words(), ask=OFFERED)] * 3, *[FIRST_TURN] * 2],
        [*[says(words(), ask=OFFERED)] * 2, says(THOUGHT, words(), ask=OFFERED), *[FIRST_TURN] * 2],
    ),
    ADVISED: ([*ALONE, *[ADVISED_PROSE] * 4], [*ALONE, *[ADVISED_PROSE] * 3, says(words("{}"), ask=WITH_SYSTEM)]),
    BESIDE: ([*ALONE, *[PROSE] * 4], [*ALONE, *[PROSE] * 3, KEPT]),
    LATER: ([*[AFTER_A_TURN] * 3, *[FIRST_TURN] * 2], [*[AFTER_A_TURN] * 2, LATER_THOUGHT, *[FIRST_TURN] * 2]),
    HONOURED: ([ANSWER] * 5, [ANSWER, says(THOUGHT, words(), ask=BUDGET)]),
    STRICT_TYPES: ([calls(WRONG), calls(WRONG)], [calls(WRONG), calls(STATED)]),
    OPTIONAL: ([calls(FILLED)] * 4, [calls(FILLED)] * 3 + [calls(STATED)]),
    LISTS: ([says(words(NUMBERS), tokens=1)], [says(words(NUMBERS), tokens=24)]),
    STREAMED: ([JSON_TEXT, POEM, POEM], [JSON_TEXT, POEM, OBJECT]),
    ALIKE: ([*BILLED, *[stream(NUMBERS, 12)] * 3], [*BILLED, *[stream(NUMBERS, 35)] * 3]),
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
        pytest.param(TOOLED, [*[AFTER_RESULTS] * 3, *[FIRST_TURN] * 2], id="no thinking after results of tools"),
        pytest.param(TOOLED, [*[says(words(), ask=OFFERED)] * 3, FIRST_TURN, ANSWER], id="no thinking without tools"),
        pytest.param(ADVISED, [*ALONE, *[ADVISED_PROSE] * 3], id="three texts beside a system prompt"),
        pytest.param(ADVISED, [*ALONE, says(words("Ada"), ask=FORMAT), *[ADVISED_PROSE] * 4], id="prose without one"),
        pytest.param(LATER, [*[AFTER_A_TURN] * 2, *[FIRST_TURN] * 2], id="two answers in later turns"),
        pytest.param(LATER, [*[AFTER_A_TURN] * 3, FIRST_TURN, ANSWER], id="no thinking in the first turn, too"),
        pytest.param(HONOURED, [ANSWER] * 4, id="few answers without thinking"),
        pytest.param(HONOURED, [says(words("<think>hm</think>1161"), ask=BUDGET)] * 5, id="thinking in the text"),
        pytest.param(HONOURED, [says(words())] * 5, id="no thinking was requested"),
        pytest.param(STRICT_TYPES, [calls(WRONG)], id="one call"),
        pytest.param(STRICT_TYPES, [calls(WRONG, strict=False)] * 3, id="tools that are not strict"),
        pytest.param(OPTIONAL, [calls(FILLED)] * 3, id="three calls"),
        pytest.param(LISTS, [says(words("Paris"), tokens=1)], id="a word"),
        pytest.param(STREAMED, [JSON_TEXT, POEM], id="one stream without the format"),
        pytest.param(BESIDE, [*ALONE, *[PROSE] * 3], id="three answers beside tools"),
        pytest.param(BESIDE, [*ALONE[:2], *[PROSE] * 4], id="two answers without tools"),
        pytest.param(BESIDE, [*ALONE, says(words(), ask=FORMAT), *[PROSE] * 4], id="a format that is a hint only"),
        pytest.param(STREAMED, [POEM, POEM, says(words(), ask=FORMAT)], id="a format that is never honoured"),
        pytest.param(ALIKE, [*BILLED, stream(NUMBERS, 12)], id="one stream"),
    ],
)
def test_too_little_shows_nothing(requirement: str, run: Run) -> None:
    assert judged(requirement, run).outcome == NOT_VERIFIED


def test_a_value_that_is_wrong_in_another_way_is_not_retyped() -> None:
    assert judged(STRICT_TYPES, [calls({"age": "old", "place": {}})] * 2).outcome == PASS


def test_a_model_may_give_one_optional_member_or_a_value() -> None:
    assert judged(OPTIONAL, [calls({**STATED, "note": ""})] * 4).outcome == PASS
    assert judged(OPTIONAL, [calls({**STATED, "note": "x", "tag": "y"})] * 4).outcome == PASS


def test_bills_that_differ_from_answer_to_answer_are_not_compared() -> None:
    bills = [stream(NUMBERS, tokens) for tokens in (12, 80, 300)]
    assert judged(ALIKE, [*BILLED, *bills]).outcome == NOT_VERIFIED


def test_a_format_that_is_lost_beside_thinking_is_found() -> None:
    assert judged(OTHERS, [*ALONE, *[POEM_AFTER_A_THOUGHT] * 4]).outcome == FAIL
    assert judged(OTHERS, [*ALONE, *[POEM_AFTER_A_THOUGHT] * 3]).outcome != FAIL


def test_a_format_that_is_lost_beside_tools_is_not_blamed_on_other_parts() -> None:
    assert judged(OTHERS, [*ALONE, *[PROSE] * 4, *[CROWDED_POEM] * 4]).outcome == NOT_VERIFIED
    assert judged(OTHERS, [says(words("A poem"), ask=FORMAT), *ALONE, *[CROWDED_POEM] * 4]).outcome == NOT_VERIFIED
