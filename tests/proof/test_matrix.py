"""Which trials count as caught, as missed and as a false alarm."""

from dataclasses import replace

import pytest

from messages_conformance.proof import Matrix, Subject, Trial
from messages_conformance.proof.matrix import ACCUSED, BROKEN, CAUGHT, GREEN, MISSED, PARTLY, SMOKE_SHARE, outcome

MUST, OTHER_MUST, SHOULD = "response.object", "stream.frame.terminates", "stream.frame.incremental"


def subject(kind: str = "fault", **fields) -> Subject:
    plain = {"name": "one", "category": "some", "summary": "It is wrong.", "profile": "anthropic-2023-06-01"}
    return Subject(kind=kind, **plain | fields)


def trial(tried: Subject, *tripped: str, exit_code: int = 0, depth: str = "standard", **fields) -> Trial:
    return Trial(
        subject=tried,
        depth=depth,
        exit_code=exit_code,
        tripped=frozenset(tripped),
        headline=fields.get("headline", tripped[0] if tripped else ""),
        outcomes={},
        statement=fields.get("statement", ""),
        harness_errors=fields.get("harness_errors", ()),
        requests=30,
        output_tokens=0,
        found_after=fields.get("found_after"),
    )


BOTH = subject(wanted=frozenset({MUST, OTHER_MUST}))
MILD = subject(wanted=frozenset({SHOULD}))
DEAD = subject(statement="closed the connection")
CORRECT = subject("variant")
TWO = subject("pair", name="one,two", wanted=frozenset({MUST, SHOULD}))


@pytest.mark.parametrize(
    ("tried", "expected"),
    [
        (trial(BOTH, MUST, OTHER_MUST, exit_code=1), CAUGHT),
        (trial(BOTH, MUST, exit_code=1), PARTLY),
        (trial(BOTH, MUST, OTHER_MUST, exit_code=0), PARTLY),
        (trial(BOTH), MISSED),
        (trial(BOTH, MUST, OTHER_MUST, SHOULD, exit_code=1), ACCUSED),
        (trial(BOTH, MUST, OTHER_MUST, exit_code=1, harness_errors=("ours",)), BROKEN),
        (trial(DEAD, exit_code=2, statement="it closed the connection"), CAUGHT),
        (trial(DEAD, exit_code=2, statement="something else"), MISSED),
        (trial(DEAD, exit_code=0, statement="it closed the connection"), MISSED),
        (trial(DEAD, MUST, exit_code=1), ACCUSED),
        (trial(CORRECT), GREEN),
        (trial(TWO, MUST, exit_code=1), CAUGHT),
        (trial(TWO, MUST, OTHER_MUST, exit_code=1, headline=OTHER_MUST), MISSED),
        (trial(CORRECT, SHOULD), ACCUSED),
        (trial(CORRECT, exit_code=2, statement="it is down"), ACCUSED),
    ],
)
def test_the_outcome_of_a_trial(tried, expected):
    assert outcome(tried) == expected


def matrix(*trials: Trial, depths: tuple[str, ...] = ("standard",)) -> Matrix:
    return Matrix(trials=trials, depths=depths)


@pytest.mark.parametrize(
    ("tried", "sentence"),
    [
        (trial(BOTH, MUST, exit_code=1), f"one in anthropic-2023-06-01 at standard: {OTHER_MUST} was not found"),
        (trial(DEAD), "closed the connection was not found"),
        (trial(CORRECT, SHOULD), f"{SHOULD} failed without reason"),
        (trial(MILD, MUST, exit_code=1), f"{MUST} failed without reason"),
        (trial(MILD, harness_errors=("it broke",)), "harness error: it broke"),
    ],
)
def test_a_problem_of_a_proof_is_reported(tried, sentence):
    (problem,) = matrix(tried).problems(whole=True)
    assert sentence in problem


def test_a_missed_should_is_listed_and_fails_nothing():
    held = matrix(trial(MILD))
    assert held.problems(whole=True) == ()
    assert [one.subject for one in held.missed] == [MILD]


def test_smoke_may_find_a_part_and_miss_some_but_not_most():
    others = [trial(replace(BOTH, name=f"other{n}"), depth="smoke") for n in range(1, 4)]
    partly = trial(BOTH, MUST, exit_code=1, depth="smoke")
    assert matrix(partly, depths=("smoke",)).problems(whole=True) == ()
    few = matrix(partly, *others, depths=("smoke",))
    assert few.problems(whole=True) == (f"smoke catches 1 of 4 faults, less than {SMOKE_SHARE:.0%}",)
    assert few.problems(whole=False) == ()


def test_a_fault_is_caught_where_all_its_profiles_catch_it():
    elsewhere = replace(BOTH, profile="tokmodel")
    caught = trial(BOTH, MUST, OTHER_MUST, exit_code=1)
    assert matrix(caught, trial(elsewhere)).caught("standard").part == 0
    assert matrix(caught, trial(elsewhere, MUST, OTHER_MUST, exit_code=1)).caught("standard").part == 1


def test_the_curve_counts_the_faults_found_so_far():
    late = replace(BOTH, name="late")
    held = matrix(trial(BOTH, MUST, found_after=7), trial(late, MUST, found_after=26))
    assert [(spent, share.part, share.whole) for spent, share in held.curve("standard")] == [
        (10, 1, 2),
        (25, 1, 2),
        (30, 2, 2),
    ]
