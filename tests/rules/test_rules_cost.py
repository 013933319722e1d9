"""The cost of judging a run grows with its size: twice the exchanges are about twice the work, for each rule.

Work is counted in function calls, so a busy machine changes nothing. A rule that compares all exchanges with each other
does four times the work.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from builders import QUESTION, answered, exchange, found, numbered, response, streamed
from stream_frames import block, ends, over, sse, start, stop, text

from messages_conformance import contract
from messages_conformance.exchange import ACCEPTED, Exchange, Request, Response
from messages_conformance.proof import run
from messages_conformance.rules import Judge, Requirement
from messages_conformance.rules import judge as judge_module
from messages_conformance.rules.catalogue import RUN
from messages_conformance.rules.shorter_texts import Counted, ShorterTexts
from messages_conformance.stream import walk
from messages_conformance.stream.walker import LONG_STREAM_EVENTS

FEW = 150
MOST_GROWTH = 2.6
"""Twice the exchanges may be this much more work: sorting adds a little to twice. All pairs would be four times."""

SMALL = 3_000
"""Fewer calls show nothing about the growth."""


@cache
def standard_run() -> tuple[Exchange, ...]:
    _, report = run("reference:transport=memory", "anthropic-2023-06-01", model="anthropic/claude-opus-4-5", seed=0)
    return tuple(one for one in report.exchanges.values() if one.response is not None)


def copied(one: Exchange) -> Exchange:
    """The same exchange with nothing kept about it yet."""
    request = Request(**{name: getattr(one.request, name) for name in ("method", "path", "headers", "body", "wire")})
    fields = ("status", "headers", "chunks", "headers_at_s", "ended_at_s", "ending", "detail", "http_version")
    return replace(one, request=request, response=Response(**{name: getattr(one.response, name) for name in fields}))


def copies_of_a_run(count: int) -> list[Exchange]:
    some = standard_run()[::9]
    return [copied(one) for _ in range(count // 30) for one in some]


def limits(count: int, **ask: Any) -> list[Exchange]:
    """Requests that differ in max_tokens only, none of which is cut."""
    return [answered(ask={"max_tokens": 100 + number, **ask}) for number in range(count)]


def equal_limits(count: int) -> list[Exchange]:
    return [answered(ask={"stop_sequences": ["x"], "system": "s" * 50}) for _ in range(count)]


def growing_prompts(count: int) -> list[Exchange]:
    prompts = ("word " * 10 * number for number in range(1, count + 1))
    return [answered(ask={"messages": [{"role": "user", "content": prompt}]}) for prompt in prompts]


def different_prompts(count: int) -> list[Exchange]:
    prompts = (f"{number:08}" * 8 for number in range(count))
    return [answered(ask={"messages": [{"role": "user", "content": prompt}]}) for prompt in prompts]


def turns(number: int) -> list[dict[str, str]]:
    return [{"role": ("user", "assistant")[turn % 2], "content": f"turn {turn}"} for turn in range(number)]


def long_conversations(count: int) -> list[Exchange]:
    return [answered(ask={"messages": turns(count)}) for _ in range(3)]


def counts(count: int) -> list[Exchange]:
    body = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": ..., "tools": []}
    return [
        exchange(response({"input_tokens": 9}), ask={**body, "system": f"{n}"}, path="/v1/messages/count_tokens")
        for n in range(count)
    ]


def words(count: int) -> list[Exchange]:
    prompts = (f"Reply with only this word: zebra-{number}" for number in range(count))
    return [streamed(ask={"messages": [{"role": "user", "content": prompt}]}) for prompt in prompts]


def pages(count: int) -> list[Exchange]:
    body = {"data": [], "has_more": True, "first_id": None, "last_id": None}
    paths = (f"/v1/models?limit={number}" for number in range(count))
    return [exchange(response(body), method="GET", path=path, ask=b"", expect=ACCEPTED) for path in paths]


def probed(count: int) -> list[Exchange]:
    probes = ("request.max_tokens.zero-prewarm", "request.cache_control.below-minimum")
    return [answered(probes=probes[: number % 3]) for number in range(count)]


POPULATIONS: list[Callable[[int], list[Exchange]]] = [
    copies_of_a_run,
    limits,
    equal_limits,
    growing_prompts,
    different_prompts,
    long_conversations,
    counts,
    words,
    pages,
    probed,
]


def work(exchanges: list[Exchange]) -> dict[str, int]:
    """How many functions each rule over a run calls; what rules keep about single exchanges is there already."""
    judge = Judge(contract.profile("anthropic-2023-06-01"))
    for one in numbered(*exchanges):
        judge.add(one)
    judge.verdicts()
    judge.add(copied(exchanges[0]))  # so that no verdict is kept
    return {row.id: _calls(judge, row.id) for row in judge.catalogue.values() if row.over == RUN}


def _calls(judge: Judge, requirement: str) -> int:
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        judge.verdicts(only={requirement})
    finally:
        sys.setprofile(before)
    return calls


@pytest.mark.parametrize("population", POPULATIONS, ids=lambda population: population.__name__)
def test_twice_the_exchanges_are_about_twice_the_work(population: Callable[[int], list[Exchange]]) -> None:
    few, many = work(population(FEW)), work(population(2 * FEW))
    grown = {name: (few[name], many[name]) for name in few if many[name] > max(SMALL, MOST_GROWTH * few[name])}
    assert grown == {}


def test_rules_over_a_run_are_asked_again_only_after_another_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    over_run = judge_module._over_run

    def noted(requirement: Requirement, exchanges: tuple[Exchange, ...]) -> Any:
        asked.append(requirement.id)
        return over_run(requirement, exchanges)

    monkeypatch.setattr(judge_module, "_over_run", noted)
    judge = Judge(contract.profile("anthropic-2023-06-01"))
    for _ in range(2):
        judge.add(answered())
        assert judge.verdicts() == judge.verdicts()
    assert asked.count("stop.max_tokens.occurs") == 2


def long_stream(deltas: int) -> Exchange:
    first = sse([start(), block()])
    last = sse([stop(), ends(usage=deltas), over()])
    return streamed(first + sse([text("word ")]) * deltas + last)


def test_the_events_of_a_long_stream_are_forgotten_once_it_is_judged() -> None:
    few, many = long_stream(50), long_stream(LONG_STREAM_EVENTS)
    judge = Judge(contract.profile("anthropic-2023-06-01"))
    for one in numbered(few, many):
        judge.add(one)
    few, many = judge.exchanges
    assert few.response is not None
    assert many.response is not None
    assert "_lexed" in few.response.__dict__
    assert "_lexed" not in many.response.__dict__
    assert len(many.response.events) > LONG_STREAM_EVENTS
    assert "_lexed" not in many.response.__dict__
    assert walk(many.response).text == "word " * LONG_STREAM_EVENTS
    assert walk(many.response).complete
    assert all(verdict.outcome != "error" for verdict in judge.verdicts())


def test_a_rule_that_compares_all_exchanges_would_be_found() -> None:
    def all_pairs(exchanges: list[Exchange]) -> int:
        return sum(1 for one in exchanges for other in exchanges if one.succeeded and other.creates_message)

    assert all_pairs(limits(2 * FEW)) > MOST_GROWTH * all_pairs(limits(FEW))


@pytest.mark.parametrize(
    ("text", "most_chars", "wanted"),
    [("abcd", 4, "ab"), ("abcd", 1, "a"), ("abd", 3, "ab"), ("b", 1, None), ("a", 0, None), ("abcz", 4, "ab")],
)
def test_the_largest_beginning_of_a_text_is_found(text: str, most_chars: int, wanted: str | None) -> None:
    tokens = {"a": 5, "ab": 9, "abc": 1, "ac": 99, "abcy": 50}
    texts = ShorterTexts(Counted(text=one, tokens=size, exchange=answered()) for one, size in tokens.items())
    largest = texts.largest_in(text, most_chars=most_chars)
    assert (largest and largest.text) == wanted


def test_a_longer_prompt_with_fewer_tokens_is_found_among_many() -> None:
    usages = {size: {"input_tokens": 10 * size, "output_tokens": 5} for size in range(1, 9)}
    usages[6] = {"input_tokens": 30, "output_tokens": 5}
    prompts = [({"role": "user", "content": "word " * 10 * size}, usage) for size, usage in usages.items()]
    asked = [answered({"usage": usage}, ask={**QUESTION, "messages": [prompt]}) for prompt, usage in prompts]
    assert "usage.input.monotone" in found(*asked)
    assert "usage.input.monotone" not in found(*asked[:5], *asked[6:])
