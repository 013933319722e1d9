"""A change of a stated input is a finding only if it is in all calls, and if a program makes it and no model does."""

import json
from typing import Any

import pytest
from builders import FULL_PROFILE, TOOL_CALL, answered, numbered, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, WARN, Verdict
from messages_conformance.rules.echoed_text import PROMPT
from messages_conformance.rules.input_values import STATED

Run = list[Exchange]
ALTERED = "response.content.tool_use-altered"
CHARACTERS = "response.content.tool_use-characters"
LONG = "The first map shows the harbour and the northern coast with its lighthouses."
ENTRY = {
    "name": "Zoë",
    "floor": -3,
    "shelf_code": "A7",
    "authors": ["Zoë"],
    "rooms": ["east", "west"],
    "greeting": "Dear ${reader}",
    "text": LONG,
    "row": "left\tright",
}


def calls(given: Any, times: int = 4) -> Run:
    asked = {"tools": [{"name": "f"}], "messages": [{"role": "user", "content": f"Call f {STATED}{json.dumps(ENTRY)}"}]}
    answer = {"content": [{**TOOL_CALL, "input": given}], "stop_reason": "tool_use"}
    return [answered(answer, ask=asked) for _ in range(times)]


def says(text: str, answer: str) -> Exchange:
    asked = {"messages": [{"role": "user", "content": PROMPT + text}]}
    return answered({"content": [{"type": "text", "text": answer}]}, ask=asked)


def without(name: str, **more: Any) -> dict[str, Any]:
    return {**{key: value for key, value in ENTRY.items() if key != name}, **more}


CUT = {**ENTRY, "text": LONG[:44]}
SPACED = {**ENTRY, "row": "left    right"}
TAB = says("a\tb", "a\tb")
ROWS: dict[str, tuple[Run, Run]] = {
    ALTERED: (calls(CUT), calls(ENTRY)),
    CHARACTERS: ([*calls(SPACED), TAB], [*calls(ENTRY), TAB]),
}


def judged(requirement: str, run: Run) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


@pytest.mark.parametrize("requirement", ROWS)
def test_a_change_by_a_program_is_found(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][0])
    assert verdict.outcome == (WARN if requirement == CHARACTERS else FAIL)
    assert [finding.exchange for finding in verdict.findings] == [1]


@pytest.mark.parametrize("requirement", ROWS)
def test_an_unchanged_input_passes(requirement: str) -> None:
    assert judged(requirement, ROWS[requirement][1]).outcome == PASS


@pytest.mark.parametrize(
    ("given", "found"),
    [
        pytest.param(CUT, "the first 44 of 76 characters", id="cut"),
        pytest.param({**ENTRY, "floor": 3}, "3, without its sign", id="sign"),
        pytest.param({**ENTRY, "authors": "Zoë"}, "in place of a list of one value", id="unpacked"),
        pytest.param({**ENTRY, "name": ["Zoë"]}, "a list in place of a value", id="packed"),
        pytest.param({**ENTRY, "greeting": "Dear "}, "without its placeholders", id="expanded"),
        pytest.param({**ENTRY, "name": "Zo\\u00eb"}, "escaped once more", id="escaped"),
        pytest.param(without("shelf_code", shelfCode="A7"), "the name shelfCode", id="renamed"),
    ],
)
def test_each_change_is_named(given: Any, found: str) -> None:
    verdict = judged(ALTERED, calls(given))
    assert verdict.outcome == FAIL
    assert found in verdict.findings[0].found


@pytest.mark.parametrize(
    "run",
    [
        pytest.param([*calls(CUT, 3), *calls(ENTRY, 1)], id="one call is right"),
        pytest.param(calls({**ENTRY, "text": LONG[:29]}), id="a short rest"),
        pytest.param(calls({**ENTRY, "text": LONG[: LONG.index(" coast")]}), id="up to the end of a word"),
        pytest.param(calls({**ENTRY, "floor": 4}), id="another number"),
        pytest.param(calls({**ENTRY, "authors": "Zoë", "rooms": "east"}), id="a model that writes no lists"),
        pytest.param(calls({**ENTRY, "greeting": "Dear reader"}), id="a model that fills in"),
        pytest.param(calls(without("shelf_code")), id="left out"),
        pytest.param(calls(SPACED), id="other white space"),
    ],
)
def test_what_a_model_may_have_written_is_no_finding(run: Run) -> None:
    assert judged(ALTERED, run).outcome == PASS


@pytest.mark.parametrize("requirement", ROWS)
def test_few_calls_show_nothing(requirement: str) -> None:
    assert judged(requirement, [*calls(CUT, 3), TAB]).outcome == NOT_VERIFIED


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(calls(SPACED), id="no text with a tab"),
        pytest.param([*calls(SPACED), says("a\tb", "a b")], id="a model that writes no tabs"),
        pytest.param([*calls({**ENTRY, "row": "left"}), TAB], id="another text"),
        pytest.param([*calls(SPACED, 3), *calls(ENTRY, 1), TAB], id="one call is right"),
    ],
)
def test_characters_that_the_model_may_have_left_out_are_no_finding(run: Run) -> None:
    assert judged(CHARACTERS, run).findings == ()
