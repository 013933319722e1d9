"""Every fault trips exactly the requirements that it names, and every requirement is tripped by a fault.

The default run tries some of the faults that together trip each requirement; `prove` tries all faults.
"""

from dataclasses import replace

import pytest

from messages_conformance.proof import rules_without_fault, subjects, try_subject
from messages_conformance.proof.subjects import FAULT, untried
from messages_conformance.reference import faults

FAULTY = [subject for subject in subjects() if subject.kind == FAULT]
ANSWERING = {f"{one.name}-{one.profile}": (one, one.depth) for one in FAULTY if not one.statement}


def first_for_some_requirement():
    """Ids of the trials that trip a requirement which no trial before them trips; generated requests count too."""
    seen, ids = set(), set()
    for id_, (subject, _) in ANSWERING.items():
        if not subject.wanted <= seen or subject.generated:
            ids.add(id_)
        seen |= subject.wanted
    return ids


FIRST = sorted(first_for_some_requirement())
QUICK, SLOW = set(FIRST[::64]), set(FIRST[::24])


def marks(id_):
    """The default tests try few of these faults, and CI some more; CI also proves all at smoke depth."""
    if id_ in QUICK:
        return ()
    return pytest.mark.slow if id_ in SLOW else pytest.mark.proof


KEYS = [pytest.param(key, id=id_, marks=marks(id_)) for id_, key in ANSWERING.items()]
UNREACHABLE = {one.name: (one, one.depth) for one in FAULTY if one.statement}


@pytest.mark.parametrize("key", KEYS)
def test_a_fault_trips_exactly_what_it_names(key, trials):
    subject, trial = key[0], trials[key]
    assert trial.harness_errors == ()
    assert trial.tripped == subject.wanted, subject.summary
    assert trial.exit_code == (1 if subject.wanted_musts else 0)
    assert trial.headline in (subject.own or {""}), "the report names something else first"


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


ONLY_GENERATED = [
    pytest.param(
        subject, id=subject.name, marks=(() if number == 0 else pytest.mark.slow) if number < 3 else pytest.mark.proof
    )
    for number, subject in enumerate(one for one in FAULTY if one.generated)
]


@pytest.mark.parametrize("subject", ONLY_GENERATED)
def test_a_fault_for_generated_requests_is_not_found_without_them(subject):
    assert try_subject(replace(subject, generated=False), subject.depth).tripped == frozenset()
