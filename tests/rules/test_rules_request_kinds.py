"""Rows that a refusal violates only where other requests with the same features were accepted, and large bodies."""

from dataclasses import replace
from typing import Any

import pytest
from builders import answered, found, numbered, refused, unanswered, verdicts

from messages_conformance.exchange import ACCEPTED, REFUSED, Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, WARN

COUNT = "request.stop_sequences.count"
LONG_NAME = "request.tools.long-name"
HISTORY = "request.server_tool_use.history"
BLOCKS = "request.system.blocks"
IMAGE = "request.tool_result.image"
SIZE = "transport.request.size-below-limit"

FIVE = {"stop_sequences": ["a", "b", "c", "d", "e"]}
ONE = {"stop_sequences": ["a"]}
NAMED = {"tools": [{"name": "f" * 80, "input_schema": {"type": "object"}}]}
SHORT = {"tools": [{"name": "f", "input_schema": {"type": "object"}}]}
SEARCH = {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}
SEARCHED = {
    **SEARCH,
    "messages": [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": [{"type": "server_tool_use"}, {"type": "web_search_tool_result"}]},
        {"role": "user", "content": "Go on"},
    ],
}
TURNS = {"messages": [{"role": role, "content": "Hi"} for role in ("user", "assistant", "user")]}


def for_row(name: str) -> dict[str, Any]:
    return {"probes": (name,), "expect": ACCEPTED}


def with_block(block: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": [block]}]}


def in_result(block: dict[str, Any]) -> dict[str, Any]:
    return with_block({"type": "tool_result", "tool_use_id": "t", "content": [block]})


def of_size(size: int) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "x" * size}]}


def sized(*answers: Any) -> list[Exchange]:
    """A run with one request for each answer, each larger than the one before."""
    made = [
        build(ask=of_size(1 + number * 1_000), probes=(SIZE,), expect=REFUSED, **fields)
        for number, (build, fields) in enumerate(answers)
    ]
    return numbered(*made)


def refusal(status: int, kind: str) -> tuple[Any, dict[str, Any]]:
    return refused, {"status": status, "changes": {"error": {"type": kind, "message": "m"}}}


UNKNOWN = refusal(404, "not_found_error")

BETA = "errors.429-by-header"
OTHERS = [answered() for _ in range(10)]


def with_beta(*exchanges: Exchange) -> list[Exchange]:
    """The exchanges with an anthropic-beta header in their requests, and ten without."""
    changed = [
        replace(one, request=replace(one.request, headers=(*one.request.headers, ("anthropic-beta", "a-2025-01-01"))))
        for one in exchanges
    ]
    return numbered(*changed, *OTHERS)


def limited() -> Exchange:
    return unanswered("rate-limited", "the target answered 429 3 times in a row")


ROWS: dict[str, tuple[list[Exchange], list[Exchange]]] = {
    SIZE: (sized(UNKNOWN, refusal(413, "request_too_large")), sized(UNKNOWN, UNKNOWN)),
    BETA: (with_beta(limited(), limited()), with_beta(limited(), answered())),
}


@pytest.mark.parametrize("name", ROWS)
def test_a_row_fails_and_passes(name: str) -> None:
    failing, passing = ROWS[name]
    assert verdicts(failing)[name].outcome in (WARN, FAIL)
    assert verdicts(passing)[name].outcome == PASS


def test_a_refusal_counts_only_beside_an_accepted_request_with_the_same_features() -> None:
    five = refused(ask=FIVE, **for_row(COUNT))
    assert COUNT in found(five, answered(ask=ONE))
    alone = verdicts(numbered(five, answered()))[COUNT]
    assert (alone.outcome, alone.reason) == (NOT_VERIFIED, "no other request with stop_sequences was accepted")


def test_a_refusal_of_the_control_excuses_as_well() -> None:
    run = numbered(refused(ask=FIVE, **for_row(COUNT)), refused(ask=ONE), answered())
    assert verdicts(run)[COUNT].outcome == NOT_VERIFIED


def test_without_its_request_a_row_is_not_verified() -> None:
    assert verdicts([answered(ask=ONE)])[COUNT].outcome == NOT_VERIFIED


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("tools.0.name: String should have at most 64 characters", NOT_VERIFIED),
        ("Bad request", WARN),
    ],
)
def test_a_documented_lower_limit_excuses_a_refusal_that_names_it(message: str, outcome: str) -> None:
    changes = {"error": {"type": "invalid_request_error", "message": message}}
    run = numbered(refused(400, changes, ask=NAMED, **for_row(LONG_NAME)), answered(ask=SHORT))
    assert verdicts(run)[LONG_NAME].outcome == outcome


@pytest.mark.parametrize(
    ("message", "outcome"),
    [
        ("system: at most 600 characters are supported by this model", NOT_VERIFIED),
        ("tools: no more than 4 tools", NOT_VERIFIED),
        ("system: blocks are not supported", FAIL),
        ("system: at most 1 block is supported", FAIL),
    ],
)
def test_a_limit_of_the_target_is_not_blamed_on_the_form_of_the_request(message: str, outcome: str) -> None:
    changes = {"error": {"type": "invalid_request_error", "message": message}}
    long = refused(400, changes, ask={"system": [{"type": "text", "text": "x" * 700}]}, **for_row(BLOCKS))
    assert verdicts(numbered(long, answered()))[BLOCKS].outcome == outcome


def test_a_limit_that_is_named_in_no_envelope_excuses_nothing() -> None:
    run = numbered(refused(400, b"64", ask=NAMED, **for_row(LONG_NAME)), answered(ask=SHORT))
    assert verdicts(run)[LONG_NAME].outcome == WARN


def test_history_of_a_server_tool_counts_where_the_tool_itself_is_accepted() -> None:
    history = refused(ask=SEARCHED, **for_row(HISTORY))
    turns = answered(ask=TURNS)
    assert verdicts(numbered(history, turns, answered(ask=SEARCH)))[HISTORY].outcome == FAIL
    assert verdicts(numbered(history, turns, refused(ask=SEARCH)))[HISTORY].outcome == NOT_VERIFIED


def test_what_depends_on_the_model_counts_once_it_was_accepted_elsewhere() -> None:
    asked = {"probes": (IMAGE,), "capability": "images"}
    block = {"type": "image"}
    inside = refused(ask=in_result(block), **asked)
    result = answered(ask=in_result({"type": "text", "text": "x"}))
    seen = answered(ask=with_block(block), capability="images")
    assert verdicts(numbered(inside, result, seen))[IMAGE].outcome == WARN
    assert verdicts(numbered(inside, result))[IMAGE].outcome != WARN


@pytest.mark.parametrize("answer", [refusal(400, "invalid_request_error"), refusal(413, "not_found_error")])
def test_a_large_body_is_answered_like_a_small_one(answer: Any) -> None:
    assert verdicts(sized(UNKNOWN, UNKNOWN, answer))[SIZE].outcome == WARN


def test_a_crash_on_a_large_body_is_reported_as_a_crash() -> None:
    run = sized(UNKNOWN, refusal(500, "api_error"))
    assert {"errors.no-5xx-on-bad-input"} <= found(*run)
    assert verdicts(run)[SIZE].outcome == PASS


def test_a_rate_limit_that_others_meet_too_says_nothing_about_headers() -> None:
    run = numbered(*with_beta(limited(), limited()), limited())
    assert verdicts(run)[BETA].outcome == PASS


def test_one_throttled_request_may_be_chance() -> None:
    assert verdicts(with_beta(limited()))[BETA].outcome == NOT_VERIFIED


def test_where_the_small_body_is_accepted_nothing_large_is_sent() -> None:
    assert verdicts(sized(UNKNOWN))[SIZE].outcome == NOT_VERIFIED
