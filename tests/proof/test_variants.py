"""No correct server is accused: every variant is green in every profile that it conforms to."""

import pytest

from messages_conformance.proof import subjects
from messages_conformance.proof.subjects import VARIANT

CORRECT = [subject for subject in subjects() if subject.kind == VARIANT]

FIRST = "anthropic-2023-06-01"
"""The profile with the most requests. The default run tries some variants under it and the plain endpoint under all;
`prove` tries each variant under every profile that it conforms to, and some at depth deep."""


QUICK = {"moody_model", "moody_service", "weak_model"}
"""The variants that differ most from the plain endpoint."""


def is_quick(subject, depth):
    """Whether the default run of the tests tries this server."""
    return depth == "standard" and (subject.name == "plain" or (subject.profile == FIRST and subject.name in QUICK))


KEYS = {f"{one.name}-{one.profile}": (one, "standard") for one in CORRECT}
KEYS |= {f"{one.name}-{one.profile}-deep": (one, one.depth) for one in CORRECT if one.depth != "standard"}


@pytest.mark.parametrize(
    "key",
    [pytest.param(key, id=id_, marks=() if is_quick(*key) else pytest.mark.proof) for id_, key in KEYS.items()],
)
def test_a_correct_server_is_green(key, trials):
    trial = trials[key]
    assert trial.statement == ""
    assert trial.harness_errors == ()
    assert trial.tripped == frozenset()
    assert trial.exit_code == 0
