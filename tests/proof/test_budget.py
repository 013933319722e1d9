"""A run against the plain reference endpoint has no finding, verifies every MUST and stays within its budget."""

import pytest

from messages_conformance import contract
from messages_conformance.proof import MODEL, run
from messages_conformance.proof.trial import tripped
from messages_conformance.rules import MUST, NOT_VERIFIED

PLAIN = "reference:transport=memory"


@pytest.mark.parametrize("profile", contract.profile_names())
def test_a_standard_run_verifies_every_must_within_its_budget(profile):
    exit_code, report = run(PLAIN, profile, model=MODEL)
    assert exit_code == 0
    assert report.statement is None
    assert report.harness_errors == ()
    assert tripped(report) == frozenset()
    unverified = [verdict for verdict in report.verdicts if verdict.outcome == NOT_VERIFIED and verdict.level == MUST]
    assert [one.requirement for one in unverified if "search" not in one.requirement] == []  # those are asked at deep
    assert report.spent.requests <= 600
    assert report.spent.output_tokens <= 60_000


@pytest.mark.parametrize("profile", contract.profile_names())
def test_a_smoke_run_takes_few_requests(profile):
    exit_code, report = run(PLAIN, profile, model=MODEL, depth="smoke")
    assert exit_code == 0
    assert report.spent.requests <= 25
