"""Every fault trips exactly the requirements that it names, and every requirement is tripped by a fault."""

from dataclasses import replace

import pytest

from messages_conformance.proof import rules_without_fault, subjects, try_subject
from messages_conformance.proof.subjects import FAULT, untried
from messages_conformance.reference import conditional_faults, faults

FAULTY = [subject for subject in subjects() if subject.kind == FAULT]
ANSWERING = {f"{one.name}-{one.profile}": (one, one.depth) for one in FAULTY if not one.statement}
FIRST = {pair.condition: pair.name for pair in reversed(conditional_faults())}
AGAIN = {pair.name for pair in conditional_faults()} - set(FIRST.values())
"""Faults under a condition that is already tried with another fault."""
IN_FIRST = {subject.name for subject in FAULTY if subject.profile == "anthropic-2023-06-01"}


def is_repeated(subject):
    """Whether the default run of the tests tries this fault, or its condition, already. CI runs the others, too."""
    return subject.name in AGAIN or (subject.profile == "tokmodel" and subject.name in IN_FIRST)


KEYS = [
    pytest.param(key, id=name, marks=pytest.mark.slow if is_repeated(key[0]) else ()) for name, key in ANSWERING.items()
]
UNREACHABLE = {one.name: (one, one.depth) for one in FAULTY if one.statement}


@pytest.mark.parametrize("key", KEYS)
def test_a_fault_trips_exactly_what_it_names(key, trials):
    subject, trial = key[0], trials[key]
    assert trial.harness_errors == ()
    assert trial.tripped == subject.wanted, subject.summary
    assert trial.exit_code == (1 if subject.wanted_musts else 0)


@pytest.mark.parametrize("key", UNREACHABLE.values(), ids=UNREACHABLE)
def test_a_dead_target_is_one_statement(key, trials):
    trial = trials[key]
    assert trial.exit_code == 2
    assert trial.tripped == frozenset()
    assert key[0].statement in trial.statement


def test_every_rule_is_tripped_by_some_fault():
    assert rules_without_fault() == (), "write a fault for each of these, in src/messages_conformance/reference/faults"


def test_a_fault_that_is_not_tried_has_a_reason():
    assert {name for name, fault in faults().items() if fault.undetectable} == set(untried())


ONLY_GENERATED = [subject for subject in FAULTY if subject.generated]


@pytest.mark.parametrize("subject", ONLY_GENERATED, ids=[subject.name for subject in ONLY_GENERATED])
def test_a_fault_for_generated_requests_is_not_found_without_them(subject):
    assert try_subject(replace(subject, generated=False), subject.depth).tripped == frozenset()
