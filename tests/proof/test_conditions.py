"""A fault that strikes under one condition only is found by the same requirements as one that always strikes."""

import pytest
from test_faults import PROFILES, known

from messages_conformance import contract
from messages_conformance.reference import conditional_faults, faults

PAIRS = conditional_faults()
FIRST = {pair.condition: pair for pair in reversed(PAIRS)}
"""One pair of each condition; the others repeat the proof with another fault."""

KEYS = {
    pair.name: pytest.param(
        (f"reference:{pair.name}", PROFILES[0]),
        marks=() if FIRST[pair.condition] is pair else pytest.mark.slow,
        id=pair.name,
    )
    for pair in PAIRS
}


@pytest.mark.parametrize("key", KEYS.values())
def test_a_bound_fault_is_found_like_the_fault_itself(key, outcomes):
    target, profile = key
    fault = faults()[target.removeprefix("reference:").partition("@")[0]]
    outcome = outcomes[key]
    assert outcome.harness_errors == ()
    assert outcome.tripped == known(fault, contract.profile(profile)), fault.summary
    assert outcome.exit_code == 1
