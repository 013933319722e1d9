"""Enums of numbers and entities of inputs accuse the target only if no model explains what the calls have."""

import json
from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, streamed, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, Verdict

Run = list[Exchange]
NUMBERS = "response.content.tool_use-number-enum"
ENTITIES = "response.content.tool_use-entities"
ONLY_CHOICE = "response.content.tool_use-only-choice"
MARKUP = 'A <b> & "c" &amp;lt;'
DECODED = 'A <b> & "c" &lt;'
ESCAPED = "A &lt;b&gt; &amp; &quot;c&quot; &amp;amp;lt;"


def asking(question: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    tool = {"name": "f", "input_schema": {"type": "object", "properties": properties}, **more}
    return {"tools": [tool], "messages": [{"role": "user", "content": question}]}


def calling(given: dict[str, Any], ask: dict[str, Any], number: int = 1) -> Exchange:
    block = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": given}
    return answered({"id": f"msg_{number}", "content": [block], "stop_reason": "tool_use"}, ask=ask)


def streaming(given: str, ask: dict[str, Any]) -> Exchange:
    """A streamed call whose input is this JSON text."""
    message = {"id": "msg_s", "type": "message", "role": "assistant", "model": "m", "content": [], "stop_reason": None}
    usage = {"input_tokens": 10, "output_tokens": 5}
    block = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
    return streamed(
        [
            ("message_start", {"message": {**message, "stop_sequence": None, "usage": usage}}),
            ("content_block_start", {"index": 0, "content_block": block}),
            ("content_block_delta", {"index": 0, "delta": {"type": "input_json_delta", "partial_json": given}}),
            ("content_block_stop", {"index": 0}),
            ("message_delta", {"delta": {"stop_reason": "tool_use", "stop_sequence": None}, "usage": usage}),
            ("message_stop", {}),
        ],
        ask=ask,
    )


def judged(run: Run, requirement: str) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


# -- enums of numbers

ENUMS = {"style": {"type": "string", "enum": ["quarn", "velox"]}, "level": {"type": "integer", "enum": [7411, 8233]}}


def chosen(level: Any, *, style: str = "quarn", times: int = 4, question: str = "Good morning!") -> Run:
    ask = asking(question, ENUMS)
    return [calling({"style": style, "level": level}, ask, number) for number in range(times)]


# -- entities


def strict(given: str, times: int = 2, *, choice: str = MARKUP) -> Run:
    ask = asking("Save it.", {"firm": {"type": "string", "enum": [choice]}}, strict=True)
    return [calling({"firm": given}, ask, number) for number in range(times)]


def stated(given: str, *, whole: int = 2, in_streams: int = 2) -> Run:
    entry = {"note": MARKUP, "pages": 3, "lent": True}
    ask = asking(f"Call the tool f with exactly this input: {json.dumps(entry)}", {"note": {"type": "string"}})
    changed = {**entry, "note": given}
    return [
        *(calling(changed, ask, number) for number in range(whole)),
        *(streaming(json.dumps(changed), ask) for _ in range(in_streams)),
    ]


# -- texts with one possible value

LABEL = "Ångström\n10 €"
CHOICES = {"firm": {"type": "string", "enum": ["North"]}, "label": {"type": "string", "enum": [LABEL]}}


def only(*labels: Any, firm: str = "North") -> Run:
    ask = asking("Save it.", CHOICES, strict=True)
    ask["tools"][0]["input_schema"]["required"] = ["firm", "label"]
    given = [{"firm": firm} if label is None else {"firm": firm, "label": label} for label in labels]
    return [calling(one, ask, number) for number, one in enumerate(given)]


def numbers(*given: float) -> Run:
    ask = asking("Save it.", {**CHOICES, "ratio": {"type": "number", "enum": [2.718281828459]}}, strict=True)
    ask["tools"][0]["input_schema"]["required"] = ["firm", "label", "ratio"]
    inputs = [{"firm": "North", "label": LABEL, "ratio": one} for one in given]
    return [calling(one, ask, number) for number, one in enumerate(inputs)]


ROWS: dict[str, tuple[Run, Run]] = {
    ONLY_CHOICE: (only("Angstrom", "Angstrom"), only(LABEL, LABEL)),
    NUMBERS: (chosen(1), chosen(8233)),
    ENTITIES: (strict(ESCAPED), strict(MARKUP)),
}


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        pytest.param(chosen(1), FAIL, id="no call has a number of the enum"),
        pytest.param([*chosen(1), *chosen(7411, times=1)], PASS, id="one call has one"),
        pytest.param(chosen(1, times=3), NOT_VERIFIED, id="too few calls"),
        pytest.param(chosen(1, style="plain"), NOT_VERIFIED, id="a model that ignores enums of texts, too"),
        pytest.param(chosen(1, question="Use quarn."), NOT_VERIFIED, id="a question that names the text"),
        pytest.param(chosen("7411"), NOT_VERIFIED, id="the number as a text, which another requirement judges"),
    ],
)
def test_numbers_outside_their_enum(run: Run, outcome: str) -> None:
    assert judged(run, NUMBERS).outcome == outcome


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        pytest.param(strict(ESCAPED), FAIL, id="escaped in strict calls"),
        pytest.param(strict(DECODED), FAIL, id="decoded in strict calls"),
        pytest.param(strict("<b> & c", choice="&amp;lt;b&amp;gt; &amp;amp; c"), FAIL, id="decoded twice"),
        pytest.param(strict(ESCAPED, times=1), NOT_VERIFIED, id="one strict call"),
        pytest.param(strict("another firm"), NOT_VERIFIED, id="another text in strict calls"),
        pytest.param(stated(ESCAPED), FAIL, id="escaped in stated texts"),
        pytest.param(stated(DECODED), FAIL, id="decoded in stated texts"),
        pytest.param([*stated(ESCAPED), *strict(MARKUP)], PASS, id="a model that escapes where it can"),
        pytest.param(stated(MARKUP), PASS, id="unchanged"),
        pytest.param([*stated(ESCAPED), *stated(MARKUP, whole=1, in_streams=0)], PASS, id="one call is unchanged"),
        pytest.param(stated(ESCAPED, in_streams=0), NOT_VERIFIED, id="whole answers only"),
        pytest.param(stated(ESCAPED, whole=0), NOT_VERIFIED, id="streams only"),
        pytest.param(stated(ESCAPED, whole=1), NOT_VERIFIED, id="one whole answer"),
        pytest.param(stated("A &lt;b> & c"), NOT_VERIFIED, id="a change that no program makes"),
    ],
)
def test_entities_of_inputs(run: Run, outcome: str) -> None:
    assert judged(run, ENTITIES).outcome == outcome


@pytest.mark.parametrize(
    ("run", "outcome"),
    [
        pytest.param(only(None, None), FAIL, id="lost in all calls"),
        pytest.param(only("Ångström\\n10 €", "Ångström\\n10 €"), FAIL, id="changed in all calls"),
        pytest.param(only("Angstrom", LABEL), PASS, id="one call has it"),
        pytest.param(only("Angstrom", "Angstroem"), PASS, id="different texts"),
        pytest.param(only("x", "x", firm="y"), PASS, id="a server that does not know strict tools"),
        pytest.param(only("Angstrom"), NOT_VERIFIED, id="one call"),
        pytest.param(numbers(2.71828, 2.71828), FAIL, id="a number that was rounded"),
        pytest.param(numbers(2.718281828459, 2.71828), PASS, id="a number that is right once"),
    ],
)
def test_texts_with_one_possible_value(run: Run, outcome: str) -> None:
    assert judged(run, ONLY_CHOICE).outcome == outcome
