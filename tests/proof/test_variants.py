"""No correct server is accused: every variant is green in every profile that it conforms to."""

import pytest

from messages_conformance.proof import subjects
from messages_conformance.proof.subjects import VARIANT

CORRECT = [subject for subject in subjects() if subject.kind == VARIANT]
KEYS = {f"{one.name}-{one.profile}": (one, "standard") for one in CORRECT}
KEYS |= {f"{one.name}-{one.profile}-deep": (one, one.depth) for one in CORRECT if one.depth != "standard"}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_a_correct_server_is_green(key, trials):
    trial = trials[key]
    assert trial.statement == ""
    assert trial.harness_errors == ()
    assert trial.tripped == frozenset()
    assert trial.exit_code == 0
