"""No correct server is accused: every variant is green in every profile that it conforms to."""

import pytest

from messages_conformance import contract
from messages_conformance.reference import variants

KEYS = {
    f"{name}-{profile}": (f"reference:variant={name}", profile)
    for name, variant in variants().items()
    for profile in contract.profile_names()
    if profile in variant.conforms
} | {f"plain-{profile}": ("reference:", profile) for profile in contract.profile_names()}


SLOW = "anthropic-2026-10-21"
"""Judges a correct server as anthropic-2023-06-01 does, but for its header and six rows about requests."""


def marks(profile: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow] if profile == SLOW else []


@pytest.mark.parametrize("key", [pytest.param(key, marks=marks(key[1])) for key in KEYS.values()], ids=list(KEYS))
def test_a_correct_server_is_green(key, outcomes):
    outcome = outcomes[key]
    assert outcome.statement == ""
    assert outcome.harness_errors == ()
    assert outcome.tripped == frozenset()
    assert outcome.exit_code == 0
