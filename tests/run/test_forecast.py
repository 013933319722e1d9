"""The plan is an upper limit of what a run costs, and sends nothing."""

from __future__ import annotations

import pytest
from command_line import run as command
from misbehaving import KEY, Endpoints

from messages_conformance import contract
from messages_conformance.engine import ADDED_TOKENS
from messages_conformance.exchange import REFUSED, Ask
from messages_conformance.generate import Dialogue, ask, get
from messages_conformance.proof import run, suite_requests
from messages_conformance.run.forecast import Ceiling, ceilings

PROFILE = contract.profile("anthropic-2023-06-01")


def planned(*wanted: Ask | Dialogue) -> Ceiling:
    return ceilings({"suite": wanted}, profile=PROFILE, model="m")["suite"]


def test_each_attempt_costs_the_body_and_max_tokens() -> None:
    once = planned(ask("once", "x" * 10_000, max_tokens=20))
    twice = planned(ask("twice", "x" * 10_000, max_tokens=20, attempts=2))
    assert once.input_tokens >= 5_000 + ADDED_TOKENS
    assert (once.requests, once.output_tokens) == (1, 20)
    assert twice == once + once


def test_refusals_counts_and_lists_cost_no_tokens() -> None:
    assert planned(ask("refused", "Hi", expect=REFUSED), get("list", "/v1/models")) == Ceiling(requests=2)


def test_a_shared_request_is_counted_once_with_the_most_attempts() -> None:
    suites = {"first": [ask("a", "Hi")], "second": [ask("b", "Hi", attempts=3), ask("c", "Ho")]}
    found = ceilings(suites, profile=PROFILE, model="m")
    assert [ceiling.requests for ceiling in found.values()] == [3, 1]


def test_a_dialogue_costs_its_limits_times_its_largest_request() -> None:
    async def steps(send):
        await send(ask("short", "Hi"))
        await send(ask("long", "x" * 4_000))

    found = planned(Dialogue(name="d", steps=steps, max_requests=3, max_output_tokens=50))
    assert (found.requests, found.output_tokens) == (3, 50)
    assert found.input_tokens > 3 * 2_000


@pytest.mark.parametrize("profile", contract.profile_names())
def test_a_run_stays_below_its_plan(profile: str) -> None:
    from messages_conformance.rules import select
    from messages_conformance.run.scope import Scope

    scope = Scope(profile=contract.profile(profile), depth="standard", selected=select())
    wanted = [each for what in suite_requests() if scope.wants(what) for each in scope.expanded(what)]
    ceiling = ceilings({"all": wanted}, profile=scope.profile, model="reference-1")["all"]
    _, report = run("reference:transport=memory", profile, model="reference-1")
    before_the_suites = 3
    assert report.spent.requests - before_the_suites <= ceiling.requests
    assert 0 < report.spent.input_tokens <= ceiling.input_tokens
    assert 0 < report.spent.output_tokens <= ceiling.output_tokens


def test_the_command_prints_each_suite_and_sends_nothing(endpoints: Endpoints) -> None:
    options = ("--profile", "tokmodel", "--depth", "smoke", "--price-in", "3", "--price-out", "15")
    for target in ([endpoints.url("correct/plan")], []):
        outcome = command("plan", *target, *options, key=KEY)
        assert outcome.code == 0, outcome.all
        rows = {line.split("  ")[0] for line in outcome.out.splitlines()}
        assert {"suite", "before the suites", "messages", "probes", "at most"} <= rows
        assert "money" in outcome.out
        assert "2 bytes for each token" in outcome.out
    assert endpoints.counts["/correct/plan"] == 0
