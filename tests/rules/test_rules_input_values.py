"""The integers and enum values in the inputs of calls: only what all calls have in common is a finding."""

import json
from typing import Any

import pytest
from builders import FULL_PROFILE, TOOL_CALL, answered, numbered, streamed, verdicts
from stream_frames import block, ends, fragment, over, start, stop

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, Verdict
from messages_conformance.rules.input_values import STATED

Run = list[Exchange]
NUMBERS, CHOICES = "response.content.tool_use-numbers", "response.content.tool_use-enum"
VALUES = "response.content.tool_use-values"
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


NOTED = {"note": 'a "long"\ntext', "settings": '{"a": [1]}', "place": {"shelves": [4]}, "kind": "atlas"}
"""An input with a text, JSON text and an object."""

STRING, SHELVES = {"type": "string"}, {"type": "array", "items": NUMBER}
PLACE = {"type": "object", "properties": {"shelves": SHELVES}}
SAVE = {"name": "f", "input_schema": {"properties": {"note": STRING, "settings": STRING, "place": PLACE}}}
DECODED = {**NOTED, "settings": {"a": [1]}}
STRINGIFIED = {**NOTED, "place": '{"shelves":[4]}'}
SHORTENED = {**NOTED, "note": 'a "long"text'}


def whole(given: Any, tokens: int = 5, identifier: Any = "msg_1") -> Exchange:
    ask = {"tools": [SAVE], "messages": [{"role": "user", "content": f"Call f {STATED}{json.dumps(NOTED)}"}]}
    answer = {"content": [{**TOOL_CALL, "input": given}], "stop_reason": "tool_use", "id": identifier}
    return answered({**answer, "usage": {"input_tokens": 10, "output_tokens": tokens}}, ask=ask)


def in_stream(given: Any, tokens: int = 5, identifier: Any = "msg_1") -> Exchange:
    ask = {"tools": [SAVE], "messages": [{"role": "user", "content": f"Call f {STATED}{json.dumps(NOTED)}"}]}
    call = [block(type="tool_use"), fragment(json.dumps(given)), stop()]
    return streamed([start(id=identifier), *call, ends("tool_use", tokens), over()], ask=ask)


def four(first: Any, second: Any, third: Any, fourth: Any, tokens: int = 5, copies: int = 4) -> Run:
    """Two whole and two streamed answers with inputs; only `copies` of them have an id of their own."""
    names = [f"msg_{number % copies}" for number in range(4)]
    return [
        whole(first, identifier=names[0]),
        whole(second, identifier=names[1]),
        in_stream(third, identifier=names[2]),
        in_stream(fourth, tokens, names[3]),
    ]


EMPTY = "response.content.tool_use-empty-values"
GAPS = {**NOTED, "memo": "", "copies": 0, "links": [], "lent": False}
FULL = {name: value for name, value in GAPS.items() if value}


def stated(given: Any, *, stream: bool = False) -> Exchange:
    ask = {"tools": [SAVE], "messages": [{"role": "user", "content": f"Call f {STATED}{json.dumps(GAPS)}"}]}
    if stream:
        call = [block(type="tool_use"), fragment(json.dumps(given)), stop()]
        return streamed([start(), *call, ends("tool_use", 5), over()], ask=ask)
    return answered({"content": [{**TOOL_CALL, "input": given}], "stop_reason": "tool_use"}, ask=ask)


def both_forms(whole_input: Any, streamed_input: Any) -> Run:
    return [*[stated(whole_input) for _ in range(2)], *[stated(streamed_input, stream=True) for _ in range(2)]]


OUTSIDE = {**LARGE, "kind": "other"}
ROWS: dict[str, tuple[Run, Run]] = {
    NUMBERS: ([called(ROUNDED), called(ROUNDED)], [called(LARGE), called(LARGE)]),
    CHOICES: ([called(OUTSIDE) for _ in range(4)], [called(LARGE), *[called(OUTSIDE) for _ in range(3)]]),
    VALUES: (four(DECODED, DECODED, DECODED, DECODED), four(NOTED, NOTED, NOTED, NOTED)),
    EMPTY: (both_forms(FULL, GAPS), both_forms(GAPS, GAPS)),
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
    verdict = judged(NUMBERS, [called({"pages": 36.0}, "Call f.") for _ in range(3)])
    assert verdict.outcome == FAIL
    assert verdict.findings[0].found.startswith("36.0")


@pytest.mark.parametrize(
    ("requirement", "run"),
    [
        pytest.param(NUMBERS, [called(ROUNDED)], id="one call"),
        pytest.param(NUMBERS, [called({**LARGE, "id": 9007199254740999}) for _ in range(2)], id="a wrong number"),
        pytest.param(NUMBERS, [called({"pages": 36.0}, "Call f."), called({"pages": 36}, "Call f.")], id="one float"),
        pytest.param(NUMBERS, [called({"pages": 36.0}, "Call f.") for _ in range(2)], id="two floats"),
        pytest.param(CHOICES, [called({"kind": "ATLAS"}) for _ in range(4)], id="in capital letters"),
    ],
)
def test_what_the_model_may_have_written_is_no_finding(requirement: str, run: Run) -> None:
    assert judged(requirement, run).findings == ()


def test_an_enum_that_the_question_does_not_name_shows_nothing() -> None:
    assert judged(CHOICES, [called({"kind": "other"}, "Call f.") for _ in range(4)]).outcome == NOT_VERIFIED


@pytest.mark.parametrize(
    ("run", "pointer"),
    [
        pytest.param(four(STRINGIFIED, STRINGIFIED, STRINGIFIED, STRINGIFIED), "/content/0/input/place", id="text"),
        pytest.param(four(NOTED, NOTED, SHORTENED, SHORTENED), "/content/0/input/note", id="in streams"),
        pytest.param(four(SHORTENED, SHORTENED, NOTED, NOTED), "/content/0/input/note", id="in whole answers"),
        pytest.param(four(NOTED, NOTED, DECODED, DECODED), "/content/0/input/settings", id="decoded in streams"),
    ],
)
def test_a_changed_value_that_the_model_wrote_is_found(run: Run, pointer: str) -> None:
    verdict = judged(VALUES, run)
    assert verdict.outcome == FAIL
    assert [(finding.place.pointer or "").endswith(pointer) for finding in verdict.findings] == [True]


@pytest.mark.parametrize(
    "run",
    [
        pytest.param([whole(DECODED), whole(DECODED)], id="no streams"),
        pytest.param(four(DECODED, DECODED, DECODED, NOTED), id="once of the right type"),
        pytest.param(four(*[{**DECODED, "note": "a long text"}] * 4), id="another text is wrong, too"),
        pytest.param(four(*[{**NOTED, "settings": {"a": [2]}}] * 4), id="other members"),
        pytest.param(four(*[SHORTENED] * 4), id="the same change in all answers"),
        pytest.param(four(NOTED, NOTED, SHORTENED, {**NOTED, "note": "a"}), id="two changes"),
        pytest.param(four(NOTED, NOTED, SHORTENED, NOTED), id="one change"),
        pytest.param(four(NOTED, NOTED, SHORTENED, SHORTENED, tokens=4), id="another number of tokens"),
        pytest.param(four(NOTED, NOTED, SHORTENED, SHORTENED, copies=2), id="answers from a cache"),
        pytest.param([whole(NOTED, identifier=[]), *four(*[NOTED] * 4)[1:]], id="an id that is a list"),
        pytest.param(four(*[{**NOTED, "place": "[" * 100_000}] * 4), id="deep JSON text"),
    ],
)
def test_a_changed_value_that_the_model_may_have_written_is_no_finding(run: Run) -> None:
    assert judged(VALUES, run).findings == ()


def test_texts_that_no_call_repeats_are_not_verified() -> None:
    assert judged(VALUES, four(*[SHORTENED] * 4)).outcome == NOT_VERIFIED


@pytest.mark.parametrize(
    ("run", "found"),
    [
        pytest.param(both_forms(GAPS, FULL), "no such member in 2 streamed calls", id="dropped in streams"),
        pytest.param(both_forms({**GAPS, "memo": None}, GAPS), "null in 2 whole calls", id="null in whole answers"),
        pytest.param(both_forms(FULL, FULL), "no such member in 4 calls", id="dropped in all"),
    ],
)
def test_lost_empty_values_are_found(run: Run, found: str) -> None:
    verdict = judged(EMPTY, run)
    assert (verdict.outcome, [finding.found for finding in verdict.findings]) == (FAIL, [found])


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        pytest.param(both_forms(GAPS, GAPS), PASS, id="kept"),
        pytest.param([stated(GAPS), stated(FULL), *both_forms(GAPS, GAPS)], PASS, id="left out once"),
        pytest.param(both_forms({**FULL, "kind": "map"}, {**FULL, "kind": "map"}), NOT_VERIFIED, id="a careless model"),
    ],
)
def test_empty_values_that_the_model_left_out_are_no_finding(run: Run, outcome: str) -> None:
    assert judged(EMPTY, run).outcome == outcome
