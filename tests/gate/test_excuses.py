"""The gate: what a waiver, an edition and a baseline excuse, and when a waiver itself fails the run."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from messages_conformance.gate import Difference, Gate, Waiver, difference, evaluate
from messages_conformance.rules.verdict import (
    ERROR,
    FAIL,
    NOT_APPLICABLE,
    NOT_VERIFIED,
    PASS,
    WARN,
    Verdict,
)

TODAY = date(2026, 11, 25)
WAIVER = Waiver(requirement="a.*", reason="r", owner="jo", expires=TODAY, place="w.toml, lines 1 to 5")


def verdicts(**outcomes: str) -> list[Verdict]:
    """Verdicts of a.NAME."""
    return [Verdict(requirement=f"a.{name}", level="MUST", outcome=outcome) for name, outcome in outcomes.items()]


def gate(*waivers: Waiver, outcomes: dict[str, str], **more: Any) -> Gate:
    return evaluate(verdicts(**outcomes), waivers=waivers, today=TODAY, model="m", profile="p", **more)


def test_a_waiver_excuses_failures_and_warnings_and_nothing_else() -> None:
    outcomes = {"x": FAIL, "y": WARN, "z": PASS, "n": NOT_VERIFIED, "e": ERROR}
    found = gate(WAIVER, outcomes=outcomes)
    assert set(found.excuses) == {"a.x", "a.y"}
    assert found.excuses["a.x"].reason == "until 2026-11-25 by jo: r"
    assert found.problems == ()
    assert gate(replace(WAIVER, requirement="b"), outcomes=outcomes) == Gate()


def test_a_waiver_for_another_model_or_profile_does_nothing() -> None:
    for other in (replace(WAIVER, model="n"), replace(WAIVER, profile="q")):
        assert gate(other, outcomes={"x": FAIL}) == gate(other, outcomes={"x": PASS}) == Gate()


def test_a_waiver_for_a_passing_requirement_is_stale_and_must_be_deleted() -> None:
    found = gate(WAIVER, outcomes={"x": PASS, "y": NOT_APPLICABLE})
    assert found.problems == ("w.toml, lines 1 to 5: stale, because a.* is not violated any more; delete it",)


@pytest.mark.parametrize("other", [FAIL, WARN, NOT_VERIFIED, ERROR])
def test_a_waiver_is_not_stale_while_something_that_it_covers_may_fail(other: str) -> None:
    assert gate(WAIVER, outcomes={"x": PASS, "y": other}).problems == ()


def test_a_run_that_ended_early_makes_no_waiver_stale() -> None:
    assert gate(WAIVER, outcomes={"x": PASS}, complete=False).problems == ()


def test_a_waiver_without_a_verdict_causes_no_problem() -> None:
    assert gate(WAIVER, outcomes={"x": NOT_APPLICABLE}) == gate(WAIVER, outcomes={}) == Gate()


def test_an_expired_waiver_excuses_nothing_and_fails_the_run() -> None:
    expired = replace(WAIVER, expires=date(2026, 11, 24))
    found = gate(expired, outcomes={"x": FAIL})
    assert found.excuses == {}
    assert found.problems == (
        "w.toml, lines 1 to 5: expired on 2026-11-24 (a.*, jo); fix the failure, or set a new date",
    )
    assert "stale" in gate(expired, outcomes={"x": PASS}).problems[0]
    assert "expired" in gate(expired, outcomes={"x": NOT_VERIFIED}).problems[0]


def test_requirements_after_the_edition_do_not_count() -> None:
    outcomes = {"x": FAIL, "y": WARN, "z": PASS, "e": ERROR}
    found = gate(outcomes=outcomes, edition="2026.11", unscored=frozenset({"a.x", "a.z", "a.e"}))
    added = "added after edition 2026.11"
    assert {name: excuse.reason for name, excuse in found.excuses.items()} == {"a.x": added, "a.e": added}


def test_only_regressions_count_when_that_is_asked_for() -> None:
    outcomes = {"old": FAIL, "new": FAIL, "unknown": FAIL}
    baseline = {"a.old": FAIL, "a.new": PASS}
    found = gate(outcomes=outcomes, baseline=baseline, only_regressions=True)
    assert set(found.excuses) == {"a.old", "a.unknown"}
    assert {excuse.kind for excuse in found.excuses.values()} == {"in the baseline"}
    shown = gate(outcomes=outcomes, baseline=baseline)
    assert shown.excuses == {}
    assert shown.difference == found.difference


def test_a_failure_that_the_baseline_did_not_verify_is_a_regression() -> None:
    found = gate(outcomes={"x": FAIL}, baseline={"a.x": NOT_VERIFIED}, only_regressions=True)
    assert found.excuses == {}


def test_each_kind_of_change_has_one_name() -> None:
    old = {"a": PASS, "b": FAIL, "c": NOT_VERIFIED, "d": PASS, "e": WARN, "f": PASS, "h": NOT_APPLICABLE, "i": FAIL}
    new = {"a": FAIL, "b": PASS, "c": PASS, "d": NOT_VERIFIED, "e": PASS, "f": WARN, "g": FAIL, "h": FAIL, "i": FAIL}
    assert difference(old, new) == Difference(
        newly_failing=("a", "h"),
        newly_warning=("f",),
        fixed=("b", "e"),
        newly_verified=("c",),
        no_longer_verified=("d",),
        unknown_before=("g",),
    )
    assert difference(new, new) == Difference()
    assert difference(old, {}).no_longer_verified == ("a", "b", "d", "e", "f", "i")
