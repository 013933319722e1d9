"""Answers to one request that lack a part now and then, and calls that the limit cuts."""

import json
from typing import Any

import pytest
from builders import FULL_PROFILE, TOOL_CALL, TOOLS, answered, numbered, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, Verdict
from messages_conformance.rules.input_values import STATED

Run = list[Exchange]
EACH_TIME, CUT_CALL = "response.content.complete-each-time", "stop.max_tokens.cut-call"

WORDS = "Grüße aus Köln &amp; Bonn, добрый день всем"
SWALLOWED = "Grüße aus Köln &amp; Bonn, добрыйдень всем"
SHORTENED = "Grüße aus Köln &amp; Bonn, добрый день вс"
UNESCAPED = "Grüße aus Köln & Bonn, добрый день всем"


def says(text: str, tokens: int = 30, question: str = "Say it.") -> Exchange:
    content = [{"type": "text", "text": text}]
    ask = {"messages": [{"role": "user", "content": question}]}
    return answered({"content": content, "usage": {"input_tokens": 10, "output_tokens": tokens}}, ask=ask)


def calls(given: Any, tokens: int = 90, *, reason: str = "tool_use", limit: int = 300, **tool: Any) -> Exchange:
    stated = {"place": "the north of Paris", "days": 3, "note": "by train"}
    question = {"role": "user", "content": f"Call f {STATED}{json.dumps(stated)}"}
    ask = {"messages": [question], "tools": [{**TOOLS[0], **tool}], "max_tokens": limit}
    call = [] if given is None else [{**TOOL_CALL, "input": given, "name": TOOLS[0]["name"]}]
    usage = {"input_tokens": 10, "output_tokens": tokens}
    return answered({"content": call, "stop_reason": reason, "usage": usage}, ask=ask)


def judged(requirement: str, run: Run) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


STATED_INPUT = {"place": "the north of Paris", "days": 3, "note": "by train"}
COMPLETE, EMPTY = calls(STATED_INPUT), calls({})
AT_LIMIT = calls({}, 40, limit=40)
CUT = calls(None, 40, reason="max_tokens", limit=40)
ROWS: dict[str, tuple[Run, Run]] = {
    EACH_TIME: ([says(WORDS)] * 4 + [says(SWALLOWED)] * 3, [says(WORDS)] * 7),
    CUT_CALL: ([COMPLETE, AT_LIMIT, AT_LIMIT], [COMPLETE, CUT, CUT]),
}


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated_and_it_passes(requirement: str) -> None:
    violating, correct = ROWS[requirement]
    assert judged(requirement, violating).outcome == FAIL
    assert judged(requirement, correct).outcome == PASS


@pytest.mark.parametrize(
    "run",
    [
        pytest.param([says(WORDS)] * 4 + [says(SWALLOWED)] * 3, id="a blank"),
        pytest.param([says(WORDS)] * 4 + [says(SWALLOWED, 29)] * 3, id="a blank, and a bill of its own"),
        pytest.param([says(WORDS)] * 4 + [says(SHORTENED)] * 3, id="the end"),
        pytest.param([says(WORDS)] * 4 + [says(UNESCAPED)] * 3, id="an entity"),
        pytest.param([says(WORDS)] * 4 + [says(SWALLOWED), says(SHORTENED), says(UNESCAPED)], id="a part each"),
        pytest.param([COMPLETE] * 4 + [EMPTY] * 3, id="the input of a call"),
        pytest.param([COMPLETE] * 4 + [calls({"days": 3, "note": "by train"})] * 3, id="a member of an input"),
    ],
)
def test_parts_that_are_lost_now_and_then_are_found(run: Run) -> None:
    verdict = judged(EACH_TIME, run)
    assert verdict.outcome == FAIL
    assert [finding.exchange for finding in verdict.findings] == [5]


@pytest.mark.parametrize(
    "run",
    [
        pytest.param([says(WORDS)] * 4 + [says(SWALLOWED)] * 2, id="two answers"),
        pytest.param([says(WORDS)] * 4 + [says(SHORTENED, 28)] * 3, id="shorter, and billed for less"),
        pytest.param([says(WORDS)] * 4 + [says(SHORTENED)] * 3 + [says("Guten Tag")], id="an unsteady model"),
        pytest.param([says(WORDS)] * 2 + [says(SHORTENED)] * 4, id="most are shorter"),
        pytest.param([says("Paris is nice.")] * 4 + [says("Paris is nice")] * 3, id="the mark at the end"),
        pytest.param([says("Yes, sir")] * 4 + [says("Yes")] * 3, id="another answer"),
        pytest.param([says("您好 世界 你们")] * 4 + [says("您好世界 你们")] * 3, id="a script without blanks"),
        pytest.param([COMPLETE] * 4 + [calls({}, 20)] * 3, id="an empty input that is billed for less"),
        pytest.param([COMPLETE] * 4 + [calls({**STATED_INPUT, "days": 4})] * 3, id="another input"),
    ],
)
def test_what_a_model_may_do_is_no_finding(run: Run) -> None:
    assert judged(EACH_TIME, run).outcome == PASS


def test_requests_that_are_sent_once_show_nothing() -> None:
    assert judged(EACH_TIME, [says(WORDS), says(SWALLOWED, question="Again.")]).outcome == NOT_VERIFIED


def test_a_call_that_was_cut_is_no_call() -> None:
    assert judged(CUT_CALL, [COMPLETE, AT_LIMIT, AT_LIMIT]).outcome == FAIL
    ended = calls(None, 40, reason="end_turn", limit=40)
    assert judged(CUT_CALL, [COMPLETE, ended, ended]).outcome == FAIL


@pytest.mark.parametrize(
    "run",
    [
        pytest.param([COMPLETE, CUT, CUT], id="cut as it should be"),
        pytest.param([COMPLETE, AT_LIMIT, CUT], id="one that just fits"),
        pytest.param([COMPLETE, calls({}, 40, reason="max_tokens", limit=40), CUT], id="with a part of the call"),
    ],
)
def test_calls_that_are_cut_in_a_correct_way_pass(run: Run) -> None:
    assert judged(CUT_CALL, run).outcome == PASS


@pytest.mark.parametrize(
    "run",
    [
        pytest.param([COMPLETE], id="no limit"),
        pytest.param([calls(STATED_INPUT, 45), AT_LIMIT, AT_LIMIT], id="a call that almost fits"),
        pytest.param([COMPLETE, calls({}, 12, limit=40), calls({}, 12, limit=40)], id="a shorter call"),
    ],
)
def test_calls_that_no_limit_ends_show_nothing(run: Run) -> None:
    assert judged(CUT_CALL, run).outcome == NOT_VERIFIED
