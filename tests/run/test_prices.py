"""Prices of known models, the money of a run, and the limit of it."""

from __future__ import annotations

import asyncio
import json

import pytest
from command_line import run

from messages_conformance.contract.prices import list_price
from messages_conformance.engine import Limits, most_input_tokens
from messages_conformance.engine.budget import Budget
from messages_conformance.engine.token_counts import priced_input_tokens
from messages_conformance.exchange import Chunk, Request, Response
from messages_conformance.run import Options
from messages_conformance.run.prices import Prices, prices_of

MEMORY = "reference:transport=memory"


@pytest.mark.parametrize(
    ("model", "price"),
    [
        ("claude-opus-4-5", (5, 25)),
        ("anthropic/claude-opus-4.5", (5, 25)),
        ("claude-opus-4-20250514", (15, 75)),
        ("us.anthropic.claude-haiku-4-5-20251001-v1:0", (1, 5)),
        ("claude-3-5-haiku-latest", (0.8, 4)),
    ],
)
def test_a_known_model_has_its_list_price(model: str, price: tuple[float, float]) -> None:
    found = list_price(model)
    assert found is not None
    assert (found.per_million_input, found.per_million_output) == price
    assert found.source
    assert found.read >= "2026-11-30"


@pytest.mark.parametrize("model", ["", "claude-opus-4-99", "my-claude-opus-4-5", "claude-opus-4-5-mini", "gpt-5"])
def test_another_model_has_none(model: str) -> None:
    assert list_price(model) is None


def test_prices_of_the_user_replace_the_list() -> None:
    assert prices_of(Options(target="t", price_in=1), "claude-opus-4-5").of_tokens(1_000_000, 5) == 1
    assert prices_of(Options(target="t"), "claude-opus-4-5").of_tokens(1_000_000, 1_000_000) == 30
    assert prices_of(Options(target="t"), "other").of_tokens(1, 1) is None
    assert Prices(per_million_output=10).of_tokens(1, 500_000) == 5


def test_a_request_that_may_cost_too_much_is_not_sent() -> None:
    async def spend() -> list[str]:
        budget = Budget(Limits(max_cost=1.0))
        budget.prices = (0.001, 0.01)
        said = [await budget.reserve(50, 100)]  # 0.6
        budget.settle(50, 20, reserved_input=100, used_input=100)  # 0.3
        said += [await budget.reserve(50, 100), await budget.reserve(1000)]
        budget.settle(50, 50, reserved_input=100, used_input=100)
        said += [await budget.reserve(20)]
        assert budget.cost == pytest.approx(0.9)
        return ["" if failure is None else failure.message for failure in said]

    first, second, large, last = asyncio.run(spend())
    assert first == second == ""
    assert large == last == "not sent, because a limit is reached: it may cost more than is left of 1; raise --max-cost"


def test_tokens_of_a_cache_have_their_own_price() -> None:
    usage = {
        "input_tokens": 10,
        "output_tokens": 1,
        "cache_creation_input_tokens": 100,
        "cache_read_input_tokens": 1000,
    }
    body = json.dumps({"usage": usage}).encode()
    response = Response(
        status=200,
        headers=(("content-type", "application/json"),),
        chunks=(Chunk(at_s=0, data=body),),
        headers_at_s=0,
        ended_at_s=0,
    )
    assert priced_input_tokens(response) == pytest.approx(10 + 125 + 100)


def test_only_messages_cost_input_tokens() -> None:
    post = Request(method="POST", path="/v1/messages", headers=(), body=b"x" * 100)
    listing = Request(method="GET", path="/v1/models", headers=(), body=b"")
    assert most_input_tokens(post) > 100
    assert most_input_tokens(listing) == 0


def test_a_run_ends_at_its_cost_and_says_what_the_rest_may_take() -> None:
    prices = ("--price-in", "1", "--price-out", "1000")
    outcome = run("run", MEMORY, "--depth", "smoke", *prices, "--max-cost", "0.2", "--output", "json")
    report = json.loads(outcome.out)
    assert outcome.code == 2
    assert 0 < report["spent"]["money"] <= 0.2
    assert "raise --max-cost" in report["statement"]["message"]
    assert any("a limit kept back may take" in note for note in report["run"]["notes"])
