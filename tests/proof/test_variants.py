"""No correct server is accused: every variant is green in every profile that it conforms to."""

import pytest

from messages_conformance.proof import subjects
from messages_conformance.proof.subjects import VARIANT

CORRECT = [subject for subject in subjects() if subject.kind == VARIANT]

FIRST = "anthropic-2023-06-01"
"""The profile with the most requests. The default run tries one variant under it, and CI all of OFTEN; `prove` tries
each variant under every profile that it conforms to, and some at depth deep. test_budget.py tries the plain server."""

OFTEN = {"moody_model", "moody_service", "weak_model"}
"""The variants that differ most from the plain endpoint."""


def marks(subject, depth):
    """The default run of the tests tries the first of these servers, and CI the others."""
    if depth != "standard" or not (subject.name == "plain" or (subject.profile == FIRST and subject.name in OFTEN)):
        return pytest.mark.proof
    return () if subject.name == "moody_model" else pytest.mark.slow


KEYS = {f"{one.name}-{one.profile}": (one, "standard") for one in CORRECT}
KEYS |= {f"{one.name}-{one.profile}-deep": (one, one.depth) for one in CORRECT if one.depth != "standard"}


@pytest.mark.parametrize(
    "key",
    [pytest.param(key, id=id_, marks=marks(*key)) for id_, key in KEYS.items()],
)
def test_a_correct_server_is_green(key, trials):
    trial = trials[key]
    assert trial.statement == ""
    assert trial.harness_errors == ()
    assert trial.tripped == frozenset()
    assert trial.exit_code == 0
