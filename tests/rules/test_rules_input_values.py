"""The integers and enum values in the inputs of calls: only what all calls have in common is a finding."""

import json
from typing import Any

import pytest
from builders import FULL_PROFILE, TOOL_CALL, answered, numbered, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, Verdict
from messages_conformance.rules.input_values import STATED

Run = list[Exchange]
NUMBERS, CHOICES = "response.content.tool_use-numbers", "response.content.tool_use-enum"
LARGE = {"id": 9007199254740993, "parent": 9223372036854775783, "pages": 36, "kind": "atlas"}
ROUNDED = {**LARGE, "id": 9007199254740992, "parent": 9223372036854775808}
NUMBER = {"type": "integer"}
PROPERTIES = {"id": NUMBER, "parent": NUMBER, "pages": NUMBER, "kind": {"type": "string", "enum": ["globe", "atlas"]}}
TOOLS = [{"name": "f", "input_schema": {"type": "object", "properties": PROPERTIES}}]


def called(given: Any, question: str = f"Call f {STATED}{json.dumps(LARGE)}") -> Exchange:
    ask = {"tools": TOOLS, "messages": [{"role": "user", "content": question}]}
    return answered({"content": [{**TOOL_CALL, "input": given}], "stop_reason": "tool_use"}, ask=ask)


def judged(requirement: str, run: Run) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


OUTSIDE = {**LARGE, "kind": "other"}
ROWS: dict[str, tuple[Run, Run]] = {
    NUMBERS: ([called(ROUNDED), called(ROUNDED)], [called(LARGE), called(LARGE)]),
    CHOICES: ([called(OUTSIDE) for _ in range(4)], [called(LARGE), *[called(OUTSIDE) for _ in range(3)]]),
}


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated(requirement: str) -> None:
    verdict = judged(requirement, ROWS[requirement][0])
    assert verdict.outcome == FAIL
    assert [finding.exchange for finding in verdict.findings] == [1]


@pytest.mark.parametrize("requirement", ROWS)
def test_it_passes(requirement: str) -> None:
    assert judged(requirement, ROWS[requirement][1]).outcome == PASS


def test_integers_that_are_all_floats_are_found() -> None:
    floats = {"pages": 36.0, "kind": "atlas", "id": 7.0}
    verdict = judged(NUMBERS, [called(floats, "Call f.") for _ in range(2)])
    assert verdict.outcome == FAIL
    assert verdict.findings[0].found.startswith("36.0")


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        pytest.param(NUMBERS, [called(ROUNDED)], id="one call"),
        pytest.param(NUMBERS, [called({**LARGE, "id": 9007199254740999}) for _ in range(2)], id="a wrong number"),
        pytest.param(NUMBERS, [called({"pages": 36.0}, "Call f."), called({"pages": 36}, "Call f.")], id="one float"),
        pytest.param(CHOICES, [called({"kind": "ATLAS"}) for _ in range(4)], id="in capital letters"),
    ],
)
def test_what_the_model_may_have_written_is_no_finding(requirement: str, run: Run) -> None:
    assert judged(requirement, run).findings == ()


def test_an_enum_that_the_question_does_not_name_shows_nothing() -> None:
    assert judged(CHOICES, [called({"kind": "other"}, "Call f.") for _ in range(4)]).outcome == NOT_VERIFIED
