"""Which clients can use the endpoint, derived from measurements and from the verdicts of the run."""

from dataclasses import replace

import pytest
from report_samples import INAPPLICABLE, report, wrong_key

from messages_conformance import contract
from messages_conformance.contract import impacts, is_failure, measured_faults
from messages_conformance.report import to_json, verdict_sentence
from messages_conformance.report.client_coverage import CALLS, part_of
from messages_conformance.report.clients import (
    FAILS,
    NOT_KNOWN,
    STATUSES,
    WORKS,
    WORKS_AS_SEEN,
    WORKS_WITH_LOSS,
    client_statuses,
    status_for_profile,
    unmeasured,
)
from messages_conformance.report.finding_forms import plain_form
from messages_conformance.report.model import clients_of
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.verdict import Finding, Place, Verdict

PYTHON, TYPESCRIPT, CLAUDE_CODE = "anthropic (Python) 2.14.0", "@anthropic-ai/sdk 1.14.0", "Claude Code 2.1.332"
VERCEL, INSTRUCTOR = "Vercel AI SDK 6.0.326", "instructor 1.17.0"
API, AGENT = "anthropic-2023-06-01", "claude-code"


@pytest.fixture(autouse=True)
def measured(monkeypatch):
    """The real measurements in place of the made-up ones of this folder; nothing was observed."""
    monkeypatch.setattr(contract, "impact", impacts.impact)
    monkeypatch.setattr(contract, "observed_effect", lambda form, **named: None)
    monkeypatch.setattr(contract, "near_effect", lambda form, **named: None)


def verdicts(*failed, outcome="pass", without=(), finding=None, profile=API):
    """Every requirement of the profile has the outcome, but for those that failed and those that are left out."""
    asked = contract.profile(profile)
    for name, row in CATALOGUE.items():
        if name in without:
            continue
        if name in failed:
            one = replace(finding or Finding(found="x", wanted="y", exchange=1), requirement=name)
            level = "warn" if asked.only_warns(name) or row.level != "MUST" else "fail"
            yield Verdict(requirement=name, level=row.level, outcome=level, findings=(one,))
        else:
            applies = not row.inapplicable(asked)
            yield Verdict(requirement=name, level=row.level, outcome=outcome if applies else "not-applicable")


def forms(streamed):
    """The form of a finding of which only this is known of the request."""
    return lambda finding: plain_form(finding, streamed=streamed, tools=None)


def run(*failed, profile=API, streamed=True, **changes):
    found = client_statuses(profile, tuple(verdicts(*failed, profile=profile, **changes)), forms(streamed))
    return {status.client: status for status in found}


def test_all_measured_clients_work_when_all_requirements_hold():
    found = run()
    assert list(found) == list(contract.clients())
    assert len(found) == 11
    assert found.pop(CLAUDE_CODE).status == NOT_KNOWN
    assert {status.status for status in found.values()} == {WORKS}
    assert not [status for status in found.values() if status.effects or status.unseen or status.not_offered]


def test_the_requests_of_claude_code_are_sent_under_its_profile_only():
    assert run(profile=AGENT)[CLAUDE_CODE].status == WORKS
    assert "the requests of Claude Code were not sent" in run()[CLAUDE_CODE].unseen
    assert run(profile=AGENT)[PYTHON].status == NOT_KNOWN


def test_a_client_fails_because_of_a_requirement_whose_violation_stops_it():
    found = run("auth.bearer.accepted")
    refused = "cannot connect: all of its requests are refused"
    assert found[PYTHON].status == FAILS
    assert [(effect.requirement, effect.outcome, effect.stops) for effect in found[PYTHON].effects] == [
        ("auth.bearer.accepted", refused, True)
    ]
    assert found[VERCEL].status == WORKS


def test_a_client_that_loses_calls_or_text_does_not_work():
    found = run("stream.order.message-stop-once")
    assert (found[VERCEL].status, found[TYPESCRIPT].status) == (FAILS, FAILS)
    assert found[VERCEL].effects[0].outcome == "loses or changes the tool call silently"


def test_a_client_that_only_counts_wrongly_works_with_loss():
    assert run("usage.output.positive")[PYTHON].status == WORKS_WITH_LOSS


def test_a_wrong_document_does_nothing_to_a_client_that_only_streams():
    name = "response.role.assistant"
    assert run(name, streamed=True)[INSTRUCTOR].status == WORKS
    assert {run(name, streamed=one)[PYTHON].status for one in (True, False)} == {FAILS}
    assert run("stream.delta.text-complete")[INSTRUCTOR].status == WORKS


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("stream.final.tool-input", FAILS),  # loses
        ("transport.path.post-messages", FAILS),  # breaks
        ("usage.thinking.le-output", WORKS_WITH_LOSS),  # misbills
        ("stop.max_tokens.occurs", WORKS_WITH_LOSS),  # loses the reason, not the answer
        ("request.system.string", WORKS_WITH_LOSS),  # breaks some of the requests
        ("request.max_tokens.required", WORKS),  # hides: no client sends such a request
        ("headers.request-id.present", WORKS),  # misleads
        ("transport.accept-encoding", WORKS_WITH_LOSS),  # a SHOULD about every answer that breaks
        ("transport.request.media-type", WORKS),  # a SHOULD about unusual requests
        ("request.tools.empty", WORKS),  # a SHOULD about unusual requests
    ],
)
def test_a_violation_that_was_never_measured_counts_by_its_harm(name, status):
    assert not any(PYTHON in measurement.clients for measurement in impacts.impact(name))
    found = run(name)[PYTHON]
    assert found.status == status
    assert all(not effect.measured for effect in found.effects)


def test_where_no_stream_ended_it_is_not_known_whether_clients_that_stream_work():
    kept = [one for one in verdicts() if one.requirement != "stream.final.output-tokens-positive"]
    unseen = Verdict(requirement="stream.final.output-tokens-positive", level="SHOULD", outcome="not-verified")
    found = {status.client: status for status in client_statuses(API, (*kept, unseen), forms(True))}
    assert (found[PYTHON].status, found[PYTHON].unseen[0]) == (NOT_KNOWN, "no stream with text was seen to its end")
    assert found[INSTRUCTOR].status == WORKS


def test_a_failure_of_another_endpoint_stops_no_client():
    found = run("adjacent.count_tokens.shape")
    assert found[PYTHON].status == WORKS_WITH_LOSS
    assert found[PYTHON].effects[0].outcome == "raises an error"
    assert run("adjacent.models.cursors")[PYTHON].status == WORKS


PING = Finding(found="no event line", wanted="x", place=Place(event=2, event_type="ping"), exchange=1)


def test_of_the_measurements_those_count_that_have_the_form_of_the_finding():
    assert run("stream.frame.event-line")[PYTHON].status == FAILS
    found = run("stream.frame.event-line", finding=PING)[PYTHON]
    assert (found.status, found.unseen) == (
        WORKS_AS_SEEN,
        ("1 violation did nothing to it when measured: stream.frame.event-line",),
    )


def test_what_was_observed_with_the_same_form_decides(monkeypatch):
    seen = {True: "silent_usage", False: "ok"}
    monkeypatch.setattr(contract, "observed_effect", lambda form, **named: seen[form.streamed])
    assert run("stream.order.message-stop-once")[PYTHON].status == WORKS_WITH_LOSS
    assert run("response.role.assistant", streamed=False)[INSTRUCTOR].status == WORKS_AS_SEEN


def test_of_other_forms_the_worst_counts(monkeypatch):
    monkeypatch.setattr(contract, "near_effect", lambda form, **named: "ok")
    assert run("stream.order.message-stop-once")[VERCEL].status == FAILS  # as in an older measurement
    assert run("stream.final.tool-input")[PYTHON].status == WORKS_AS_SEEN


def test_the_header_of_a_client_decides_whether_its_status_is_known():
    versions = [name for name in CATALOGUE if name.startswith("version.header.2026-10-21")]
    found = run(without=versions)
    assert (found[PYTHON].status, found[PYTHON].unseen) == (NOT_KNOWN, ("its anthropic-version was not sent",))
    assert found[VERCEL].status == WORKS


def test_an_unverified_part_is_named():
    found = run(without=[name for name in CATALOGUE if part_of(name) == CALLS])
    assert found[PYTHON].status == WORKS_AS_SEEN
    assert found[PYTHON].unseen == ("tools were never called",)


@pytest.mark.parametrize("outcome", ["not-verified", "not-applicable", "error"])
def test_after_a_run_that_verified_nothing_no_client_status_is_known(outcome):
    assert {status.status for status in run(outcome=outcome).values()} == {NOT_KNOWN}


def test_a_run_that_could_not_be_judged_knows_no_client_status():
    assert {(found.status, found.effects) for found in clients_of(wrong_key())} == {(NOT_KNOWN, ())}


def test_a_feature_that_the_model_does_not_have_is_ignored():
    rows = tuple(
        replace(verdict, outcome="not-applicable") if CATALOGUE[verdict.requirement].capability else verdict
        for verdict in verdicts()
    )
    found = {status.client: status for status in client_statuses(API, rows, forms(True))}
    assert found[PYTHON].status == WORKS


def test_unmeasured_failures_are_named_except_accepted_invalid_requests():
    finding = (Finding(found="x", wanted="y"),)
    names = ("headers.request-id.present", "request.max_tokens.required", "stream.order.message-stop-once")
    assert set(names) <= set(CATALOGUE)
    rows = [Verdict(requirement=name, level="MUST", outcome="fail", findings=finding) for name in names]
    assert unmeasured((*rows, INAPPLICABLE)) == names[:1]


AGENT_RULES = [name for name, row in CATALOGUE.items() if not row.inapplicable(contract.profile(AGENT))]


@pytest.mark.parametrize("name", AGENT_RULES)
def test_the_sentence_about_claude_code_agrees_with_the_table_and_with_report_json(name):
    made = report(*verdicts(name, profile=AGENT))
    made = replace(made, run=replace(made.run, profile=AGENT))
    status = status_for_profile(AGENT, clients_of(made))
    assert status is not None
    document = to_json(made)
    would_not = document["verdict_sentence"].startswith("Claude Code would not work")
    assert would_not == (status.status == FAILS)
    assert document["exit_code"] == 1 or not would_not
    assert {row["client"]: row["status"] for row in document["clients"]}[CLAUDE_CODE] == status.status
    begins = "It is not known whether " if status.status == NOT_KNOWN else ""
    if not would_not:
        assert document["verdict_sentence"].startswith((f"{begins}Claude Code would work", f"DOES NOT{begins and ' '}"))


def test_what_was_not_seen_is_in_the_sentence_about_claude_code():
    made = report(*verdicts(profile=AGENT, without=[name for name in CATALOGUE if part_of(name) == CALLS]))
    made = replace(made, run=replace(made.run, profile=AGENT))
    assert verdict_sentence(made).startswith(
        "It is not known whether Claude Code would work: tools were never called; "
    ), verdict_sentence(made)


def test_every_outcome_has_a_rank():
    outcomes = {outcome for measurement in measured_faults() for outcome in measurement.clients.values()}
    assert {outcome for outcome in outcomes if is_failure(outcome)} == {
        "raises an error",
        "crashes",
        "hangs",
        "passes on a malformed message, and the application crashes",
        "cannot connect: all of its requests are refused",
        "its next request is malformed, and a strict server refuses it",
    }
    assert len(STATUSES) == 5
