"""Which clients can use the endpoint, derived from measurements and from the verdicts of the run."""

import pytest
from report_samples import INAPPLICABLE, report, wrong_key

from messages_conformance import contract
from messages_conformance.contract import impacts, is_failure, measured_faults
from messages_conformance.report.clients import (
    FAILS,
    NOT_KNOWN,
    STATUSES,
    WORKS,
    WORKS_WITH_LOSS,
    client_statuses,
    unmeasured,
)
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.verdict import Finding, Verdict

PYTHON, TYPESCRIPT, CLAUDE_CODE = "anthropic (Python) 2.12.0", "@anthropic-ai/sdk 1.12.0", "Claude Code 2.1.197"
VERCEL = "Vercel AI SDK 6.0.326"


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """The real measurements in place of the made-up ones of this folder."""
    monkeypatch.setattr(contract, "impact", impacts.impact)


def run(*failed, outcome="pass", without=()):
    """Every requirement has the outcome, but for those that failed and those that are left out."""
    finding = Finding(found="x", wanted="y", exchange=1)
    rows = [
        Verdict(requirement=name, level="MUST", outcome="fail", findings=(finding,))
        if name in failed
        else Verdict(requirement=name, level="MUST", outcome=outcome)
        for name in CATALOGUE
        if name not in without
    ]
    return {found.client: found for found in client_statuses(report(*rows))}


def test_all_measured_clients_work_when_all_requirements_hold():
    found = run()
    assert list(found) == list(contract.clients())
    assert len(found) == 11
    assert {status.status for status in found.values()} == {WORKS}
    assert not [status for status in found.values() if status.effects or status.unknown or status.not_offered]


def test_a_client_fails_because_of_a_requirement_whose_violation_stops_it():
    found = run("auth.bearer.accepted", "claude-code.auth.bearer")
    assert found[PYTHON].status == FAILS
    refused = "cannot connect: all of its requests are refused"
    assert [(effect.requirement, effect.outcome, effect.stops) for effect in found[PYTHON].effects] == [
        ("auth.bearer.accepted", refused, True),
        ("claude-code.auth.bearer", refused, True),
    ]
    assert found[VERCEL].status == WORKS


def test_a_silent_loss_is_no_failure():
    found = run("stream.order.message-stop-once")
    assert (found[VERCEL].status, found[TYPESCRIPT].status) == (WORKS_WITH_LOSS, FAILS)
    assert found[VERCEL].effects[0].outcome == "loses or changes the tool call silently"


def test_a_failure_of_another_endpoint_stops_no_client():
    found = run("adjacent.count_tokens.shape")
    assert found[PYTHON].status == WORKS_WITH_LOSS
    assert found[PYTHON].effects[0].outcome == "raises an error"


def test_an_unverified_requirement_leaves_the_status_not_known():
    found = run(without=("version.header.2026-10-21", "version.header.2026-10-21-tokmodel"))
    assert (found[PYTHON].status, found[PYTHON].unknown) == (NOT_KNOWN, ("version.header.2026-10-21",))
    assert found[VERCEL].status == WORKS


@pytest.mark.parametrize("outcome", ["not-verified", "not-applicable", "error"])
def test_after_a_run_that_verified_nothing_no_client_status_is_known(outcome):
    assert {status.status for status in run(outcome=outcome).values()} == {NOT_KNOWN}


def test_a_run_that_could_not_be_judged_knows_no_client_status():
    assert {(found.status, found.effects) for found in client_statuses(wrong_key())} == {(NOT_KNOWN, ())}


def test_a_feature_that_the_model_does_not_have_is_ignored():
    thinking = [name for name, row in CATALOGUE.items() if row.capability or row.needs & {"thinking"}]
    rows = [
        Verdict(requirement=name, level="MUST", outcome="not-applicable" if name in thinking else "pass")
        for name in CATALOGUE
    ]
    found = {status.client: status for status in client_statuses(report(*rows))}
    assert found[PYTHON].status == WORKS


def test_unmeasured_failures_are_named_except_accepted_invalid_requests():
    finding = (Finding(found="x", wanted="y"),)
    names = ("headers.request-id.present", "request.max_tokens.required", "stream.order.message-stop-once")
    assert set(names) <= set(CATALOGUE)
    rows = [Verdict(requirement=name, level="MUST", outcome="fail", findings=finding) for name in names]
    assert unmeasured(report(*rows, INAPPLICABLE)) == names[:1]


def test_every_outcome_has_a_rank():
    outcomes = {outcome for measurement in measured_faults() for outcome in measurement.clients.values()}
    assert {outcome for outcome in outcomes if is_failure(outcome)} == {
        "raises an error",
        "crashes",
        "hangs",
        "passes on a malformed message, and the application crashes",
        "cannot connect: all of its requests are refused",
    }
    assert len(STATUSES) == 4
