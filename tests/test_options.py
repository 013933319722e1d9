"""The limits of options: each bound, each choice, and what needs another option."""

from __future__ import annotations

import math
from typing import Any

import pytest

from messages_conformance.options import OPTIONS, Option, problem

AT_LEAST_1 = ("concurrency", "max_requests", "max_output_tokens")
AT_LEAST_0 = ("generated", "max_shrink_requests", "price_in", "price_out")
ABOVE_0 = ("minutes", "rate", "timeout_s")
NEVER_EMPTY = ("model", "api_key_env", "report", "waivers", "baseline", "edition", "snapshots")


def test_options_that_are_not_set_have_no_problem() -> None:
    assert problem({}) == ""
    assert problem(dict.fromkeys(option.destination for option in OPTIONS)) == ""


@pytest.mark.parametrize("name", AT_LEAST_1)
def test_one_is_the_least_number(name: str) -> None:
    assert problem({name: 1}) == ""
    assert problem({name: 0}).startswith(f"--{name.replace('_', '-')} is 0; it must be 1 or more")


@pytest.mark.parametrize("name", AT_LEAST_0)
def test_zero_is_the_least_number(name: str) -> None:
    assert problem({name: 0}) == ""
    sentence = problem({name: -1})
    assert sentence.startswith(f"--{name.replace('_', '-')} is -1; it ")
    assert "0 or more" in sentence


@pytest.mark.parametrize("name", ABOVE_0)
@pytest.mark.parametrize("value", [0, -0.5, math.inf, math.nan])
def test_numbers_above_zero_are_finite(name: str, value: float) -> None:
    assert problem({name: 0.01}) == ""
    assert f" is {value:g}; it is a number" in problem({name: value})


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_prices_are_finite(value: float) -> None:
    assert problem({"price_in": value}) == f"--price-in is {value:g}; it is the price of a million tokens, 0 or more"


@pytest.mark.parametrize("name", NEVER_EMPTY)
@pytest.mark.parametrize("value", ["", " \t"])
def test_an_empty_text_is_refused(name: str, value: str) -> None:
    assert problem({name: "x"}) == ""
    assert problem({name: value}) == f"--{name.replace('_', '-')} is empty; give it a value, or leave it out"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"depth": "ful"}, "unknown depth 'ful'; valid: smoke, standard, deep"),
        ({"fail_on": "may"}, "unknown value 'may' of --fail-on; valid: must, should, regression"),
        (
            {"fail_on": "regression"},
            "--fail-on regression needs --baseline REPORT, the folder of the run to compare with",
        ),
        (
            {"update_snapshots": True},
            "--snapshot-update needs --snapshots FOLDER, where the shapes of this run are written",
        ),
    ],
)
def test_choices_and_needs(values: dict[str, Any], sentence: str) -> None:
    assert problem(values) == sentence


@pytest.mark.parametrize(
    "values",
    [
        {"depth": "deep", "fail_on": "must"},
        {"fail_on": "regression", "baseline": "before"},
        {"update_snapshots": True, "snapshots": "shapes"},
        {"update_snapshots": False},
        {"seed": -5},
    ],
)
def test_valid_options_have_no_problem(values: dict[str, Any]) -> None:
    assert problem(values) == ""


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_limit_has_its_sentence(option: Option) -> None:
    limited = bool(option.choices) or option.at_least is not None or option.above is not None
    assert limited == bool(option.wrong)


def test_names_and_aliases_are_distinct() -> None:
    names = [name for option in OPTIONS for name in option.names]
    assert len(names) == len(set(names))
