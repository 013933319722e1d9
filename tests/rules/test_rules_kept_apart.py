"""Features that are refused together only, JSON that is wrapped, deltas in the wrong order, and requests that mix."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, refused, streamed, verdicts
from stream_frames import block, ends, over, start, stop, text

from messages_conformance.exchange import EITHER, Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, Verdict

Run = list[Exchange]
TOGETHER, BARE = "request.combinations.accepted", "request.output_config.format-bare"
OWN, COMPLETE, LIMIT = "usage.input.own-request", "stream.delta.text-complete", "stop.max_tokens.occurs"
TOOLS = {"tools": [{"name": "f", "input_schema": {"type": "object"}}]}
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}
FORMAT = {"output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}}}
ALONE = [answered(ask=ask) for ask in (TOOLS, THINKING, TOOLS, THINKING)]


def judged(run: Run, requirement: str) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


def refusing(message: str, size: int, ask: Any = None) -> Exchange:
    body = {**(ask or {**TOOLS, **THINKING}), "max_tokens": size}
    error = {"error": {"type": "invalid_request_error", "message": message}}
    return refused(400, error, ask=body, capability="thinking", expect=EITHER)


def formatted(*texts: str) -> Run:
    return [answered({"content": [{"type": "text", "text": one}]}, ask=FORMAT) for one in texts]


def says(content: str, ask: Any = None, **more: Any) -> Exchange:
    return answered({"content": [{"type": "text", "text": content}], **more}, ask=ask)


def counted(*tokens: int) -> Run:
    return [says("ok", usage={"input_tokens": number, "output_tokens": 5}) for number in tokens]


def streaming(*pieces: str, number: int) -> Run:
    ask = {"messages": [{"role": "user", "content": f"Question {number}"}]}
    events = [start(), block(), *map(text, pieces), stop(), ends(), over()]
    return [streamed(events, ask=ask), says("one two three", ask=ask)]


ACCEPTED_PREFILLS = [
    answered(ask={"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": text}]})
    for text in ("{", "[")
]
SWAPPED = ("one ", "three", "two ")
NO = "thinking is not supported with tools"
WRAPPED = 'Here it is: {"a": 1}'
CUT = {"max_tokens": 5}


def cut(output: int, given: int = 20) -> Run:
    usage = {"input_tokens": given, "output_tokens": output}
    full = says("1, 2, 3, 4", ask={"max_tokens": 90})
    return [says("1, 2", ask=CUT, stop_reason="model_context_window_exceeded", usage=usage), full]


ROWS: dict[str, tuple[Run, Run]] = {
    TOGETHER: ([*ALONE, refusing(NO, 1), refusing(NO, 2)], ALONE),
    BARE: (formatted(*[WRAPPED] * 3), formatted(*['{"a": 1}'] * 3)),
}


@pytest.mark.parametrize(
    ("requirement", "run", "outcome"),
    [
        pytest.param(TOGETHER, [*ALONE, refusing(NO, 1), refusing(NO, 2)], FAIL, id="each is accepted alone"),
        pytest.param(TOGETHER, [*ALONE, refusing(NO, 1), refusing(NO, 1)], PASS, id="one request, twice"),
        pytest.param(TOGETHER, [*ALONE[::2], refusing(NO, 1), refusing(NO, 2)], PASS, id="no thinking at all"),
        pytest.param(TOGETHER, [*ALONE, refusing("at most 1", 1), refusing("at most 1", 2)], PASS, id="a limit"),
        pytest.param(TOGETHER, [*ALONE, refusing(NO, 1), refusing("no", 2)], PASS, id="two reasons"),
        pytest.param(TOGETHER, [refusing(NO, 1)], NOT_VERIFIED, id="nothing is accepted"),
        pytest.param(BARE, formatted(*[WRAPPED] * 3), FAIL, id="prose before each JSON"),
        pytest.param(BARE, formatted(*['```json\n{"a": 1}\n```'] * 3), FAIL, id="a fence around each JSON"),
        pytest.param(BARE, formatted(WRAPPED, WRAPPED, '{"a": 1}'), PASS, id="prose before some"),
        pytest.param(BARE, formatted(*["A poem."] * 3), PASS, id="no JSON, which another requirement judges"),
        pytest.param(BARE, formatted(WRAPPED, WRAPPED), NOT_VERIFIED, id="too few answers"),
        pytest.param(OWN, counted(19, 90, 19, 90), FAIL, id="some answers count another request, too"),
        pytest.param(OWN, counted(19, 22, 19, 25), PASS, id="an estimate"),
        pytest.param(COMPLETE, [*streaming(*SWAPPED, number=1), *streaming(*SWAPPED, number=2)], FAIL, id="swapped"),
        pytest.param(COMPLETE, streaming(*SWAPPED, number=1), NOT_VERIFIED, id="swapped once"),
        pytest.param(LIMIT, cut(5), FAIL, id="a full window after 25 tokens"),
        pytest.param(LIMIT, cut(4), NOT_VERIFIED, id="the window was full before the limit"),
        pytest.param(LIMIT, cut(5, 4_000), NOT_VERIFIED, id="both were reached"),
    ],
)
def test_a_target_is_accused_only_without_another_explanation(run: Run, requirement: str, outcome: str) -> None:
    assert judged(run, requirement).outcome == outcome


def test_a_model_without_prefill_is_not_accused() -> None:
    prefilled = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "{"}], **THINKING}
    history = {"messages": [*prefilled["messages"], {"role": "user", "content": "Go on."}]}
    refusals = [refusing("the conversation must end with a user message", size, prefilled) for size in (7, 8, 9)]
    earlier = [answered(ask=history), answered(ask=history)]
    assert judged([*ALONE, *earlier, *refusals], TOGETHER).findings == ()
    assert judged([*ALONE, *earlier, *ACCEPTED_PREFILLS, *refusals], TOGETHER).outcome == FAIL
