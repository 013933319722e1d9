"""The headline of a report names what a fault breaks, also when two faults meet in one server."""

import pytest
from tests.proof.test_matrix import BOTH, MUST, OTHER_MUST, TWO, trial

from messages_conformance.proof import Matrix, subjects
from messages_conformance.proof.headlines import PAIRS, own_requirements
from messages_conformance.proof.matrix import has_right_headline
from messages_conformance.proof.subjects import FAULT, PAIR
from messages_conformance.proof.wording import headlines
from messages_conformance.report.order import CONTESTED

TOGETHER = [subject for subject in subjects() if subject.kind == PAIR]
ALWAYS = 4
"""Pairs that the default run of the tests tries. CI tries the others, too."""


@pytest.mark.parametrize(
    "key",
    [
        pytest.param((one, "standard"), id=one.name, marks=pytest.mark.proof if place >= ALWAYS else ())
        for place, one in enumerate(TOGETHER)
    ],
)
def test_the_headline_of_two_faults_is_one_of_theirs(key, trials):
    assert has_right_headline(trials[key]), trials[key].headline


def test_there_are_enough_pairs():
    assert len(set(map(frozenset, PAIRS))) >= 15


def test_another_route_is_no_headline_beside_the_messages_route():
    other, core, mild = "adjacent.models.retrieve", "usage.input.positive", "errors.status.404-model"
    assert own_requirements("some_fault", frozenset({other, core, mild})) == {core}
    assert own_requirements("some_fault", frozenset({other, mild})) == {other}
    assert own_requirements("some_fault", frozenset({mild})) == {mild}


def test_every_fault_may_have_a_headline():
    assert all(subject.own for subject in subjects() if subject.kind == FAULT and subject.wanted - CONTESTED)


def test_the_share_of_right_headlines_is_published():
    right, wrong = trial(BOTH, MUST, exit_code=1), trial(TWO, OTHER_MUST, exit_code=1)
    matrix = Matrix(trials=(right, wrong), depths=("standard",))
    assert (matrix.headlines.part, matrix.headlines.whole) == (1, 2)
    assert headlines(matrix) == (
        f"headline right for 1 of 2 faults and pairs of faults; wrong: {TWO.name} ({OTHER_MUST})"
    )
