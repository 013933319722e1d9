"""5xx that come and go are one finding; one failure of the moment, and failures that stay, are not."""

import json
from typing import Any

import pytest
from builders import ERROR_BODY, FULL_PROFILE, answered, numbered, refused, streamed, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, PASS, WARN, Verdict

Run = list[Exchange]
BY_CHANCE = "errors.status.intermittent-5xx"
SENT: dict[str, Any] = {"probes": ("request.x",), "waits": ("asked again: status 502",)}


def asks(number: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": f"Question {number}"}]}


def failing(times: int, *, status: int = 502, then: int = 400) -> Run:
    """Requests that fail, each followed by its second answer."""
    return [
        one
        for number in range(times)
        for one in (refused(status, ask=asks(number)), refused(then, ask=asks(number), **SENT))
    ]


def error_event(kind: str, message: str) -> list[tuple[str, dict[str, Any]]]:
    """A stream that consists of an error event."""
    return [("error", {"type": "error", "error": {"type": kind, "message": message}})]


def blaming(times: int, kind: str = "invalid_request_error", message: str = "Throttling") -> Run:
    """Streams that end in an error, each followed by the complete stream that came the second time."""
    return [
        one
        for number in range(times)
        for one in (streamed(error_event(kind, message), ask=asks(number)), streamed(ask=asks(number), **SENT))
    ]


BLAMED = "errors.type.temporary"
ONE_KIND = "errors.status.5xx-of-one-kind"
TOOLS = {"tools": [{"name": "f", "input_schema": {"type": "object"}}]}


def answered_later(times: int) -> Run:
    """Requests without a tool that fail at first."""
    asked = [asks(200 + number) for number in range(times)]
    return [one for ask in asked for one in (refused(500, ask=ask), answered(ask=ask, **SENT))]


def failing_calls(times: int, others: int = 40) -> Run:
    """Requests with a tool that fail at first, and others without a tool that are answered."""
    asked = [{**asks(number), **TOOLS} for number in range(times)]
    calls = [one for ask in asked for one in (refused(500, ask=ask), answered(ask=ask, **SENT))]
    return [*calls, *[answered(ask=asks(100 + number)) for number in range(others)]]


ROWS: dict[str, tuple[Run, Run]] = {
    BY_CHANCE: (failing(5), [answered(**SENT)]),
    BLAMED: (blaming(2), [answered(**SENT)]),
    ONE_KIND: (failing_calls(5), failing_calls(4)),
}


def judged(run: Run, requirement: str = BY_CHANCE) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


def test_many_failures_by_chance_are_one_finding() -> None:
    verdict = judged(failing(5))
    assert verdict.outcome == WARN
    assert len(verdict.findings) == 1
    assert "5 of 10 answers" in verdict.findings[0].found


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(failing(4), id="few failures"),
        pytest.param(failing(5) + [answered()] * 300, id="a small share of all answers"),
        pytest.param(failing(9, status=503), id="a busy server"),
        pytest.param(failing(9, then=500), id="failures that stay"),
    ],
)
def test_other_failures_are_not_by_chance(run: Run) -> None:
    assert judged(run).outcome == PASS


BLOCKED = {**ERROR_BODY, "error": {**ERROR_BODY["error"], "message": "Output blocked by content filtering policy"}}


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(blaming(2, "authentication_error"), id="streams that blame the key"),
        pytest.param([refused(), refused(), answered()], id="a refusal of a request that is accepted elsewhere"),
    ],
)
def test_failures_that_blame_an_accepted_request_are_one_finding(run: Run) -> None:
    verdict = judged(run, BLAMED)
    assert verdict.outcome == FAIL
    assert len(verdict.findings) == 1
    assert "2 times" in verdict.findings[0].found


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(blaming(1), id="one failure"),
        pytest.param(blaming(3, "overloaded_error"), id="a type that clients send again"),
        pytest.param(blaming(3, message="Output blocked by content filtering policy"), id="a blocked answer"),
        pytest.param([refused(changes=BLOCKED), refused(changes=BLOCKED), answered()], id="a blocked whole answer"),
        pytest.param(
            [answered(), *(refused(401, {"error": {"type": "authentication_error", "message": "expired"}}),) * 2],
            id="a key that was withdrawn",
        ),
        pytest.param([refused(ask=asks(1)), refused(ask=asks(1)), answered()], id="another request"),
    ],
)
def test_other_errors_blame_nobody_wrongly(run: Run) -> None:
    assert judged(run, BLAMED).outcome == PASS


def test_failures_of_one_kind_are_one_finding() -> None:
    run = failing_calls(5)
    verdict = judged(run, ONE_KIND)
    assert verdict.outcome == FAIL
    assert "5 of 5 requests with tools, for none of 40 others" in verdict.findings[0].found
    assert judged(run).findings == ()


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(failing_calls(5, others=5), id="half of the requests have tools, so it may be chance"),
        pytest.param([*failing_calls(5), *answered_later(5)], id="others fail, too"),
    ],
)
def test_failures_of_several_kinds_are_not_of_one(run: Run) -> None:
    assert judged(run, ONE_KIND).findings == ()


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        pytest.param(400, {"success": False, "error": [{"code": 2005}]}, FAIL, id="another form of an error"),
        pytest.param(409, {"success": False}, PASS, id="a status after which clients send it again"),
        pytest.param(400, {"message": "content policy"}, PASS, id="a refusal that depends on the answer"),
    ],
)
def test_a_refusal_in_another_form_blames_by_its_status(status: int, body: dict[str, Any], outcome: str) -> None:
    run = [
        one
        for number in range(2)
        for one in (refused(status, json.dumps(body).encode(), ask=asks(number)), answered(ask=asks(number), **SENT))
    ]
    assert judged(run, BLAMED).outcome == outcome
