"""No correct server is accused: every variant is green in every profile that it conforms to."""

import pytest

from messages_conformance.proof import subjects
from messages_conformance.proof.subjects import VARIANT

CORRECT = [subject for subject in subjects() if subject.kind == VARIANT]

FIRST = "anthropic-2023-06-01"
REPEATED = ("anthropic-2026-10-21", "tokmodel")
"""Profiles that send nearly the same requests as the first, or a part of them. What the first one tries already is slow
there; CI runs it, too."""

IN_FIRST = {subject.name for subject in CORRECT if subject.profile == FIRST}

KEYS = {f"{one.name}-{one.profile}": (one, "standard") for one in CORRECT}
KEYS |= {f"{one.name}-{one.profile}-deep": (one, one.depth) for one in CORRECT if one.depth != "standard"}


def is_repeated(name: str, profile: str) -> bool:
    """Whether the default run of the tests tries this server already, under the first profile."""
    return profile in REPEATED and name in IN_FIRST and name != "plain"


@pytest.mark.parametrize(
    "key",
    [
        pytest.param(key, id=name, marks=pytest.mark.slow if is_repeated(key[0].name, key[0].profile) else ())
        for name, key in KEYS.items()
    ],
)
def test_a_correct_server_is_green(key, trials):
    trial = trials[key]
    assert trial.statement == ""
    assert trial.harness_errors == ()
    assert trial.tripped == frozenset()
    assert trial.exit_code == 0
