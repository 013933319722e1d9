from dataclasses import replace

import pytest
from report_samples import (
    BROKEN,
    EVERY,
    FAILED,
    INAPPLICABLE,
    MINOR,
    PASSED,
    UNVERIFIED,
    WARNED,
    green,
    incomplete,
    interrupted,
    red,
    report,
    should_only,
    wrong_key,
)

from messages_conformance.report import (
    Statement,
    counts,
    exit_code,
    failures,
    not_verified,
    verdict_sentence,
    warnings,
)
from messages_conformance.report.client_effects import Effect
from messages_conformance.report.clients import ClientStatus, stopped_by
from messages_conformance.rules.verdict import Verdict


@pytest.mark.parametrize(
    ("made", "code", "start"),
    [
        (green(), 0, "CONFORMS to profile anthropic-2023-06-01: 1 requirement verified, 1 not verified"),
        (should_only("must"), 0, "CONFORMS to profile anthropic-2023-06-01: 2 requirements verified"),
        (should_only("should"), 1, "DOES NOT CONFORM"),
        (red(), 1, "DOES NOT CONFORM to profile anthropic-2023-06-01: 2 of 4 verified requirements fail; the worst: "),
        (incomplete(), 2, "INCOMPLETE: "),
        (interrupted(), 2, "INCOMPLETE: interrupted by Ctrl-C"),
        (interrupted(FAILED), 1, "DOES NOT CONFORM"),
        (incomplete(FAILED), 1, "DOES NOT CONFORM"),
        (wrong_key(), 2, "COULD NOT BE JUDGED: the target answers 401"),
        (wrong_key(FAILED), 2, "COULD NOT BE JUDGED: the target answers 401"),
        (report(), 2, "COULD NOT BE JUDGED: no requirement was verified"),
        (report(UNVERIFIED, INAPPLICABLE), 2, "COULD NOT BE JUDGED: no requirement was verified (the model did"),
        (
            report(PASSED, replace(BROKEN, requirement="b")),
            2,
            "COULD NOT BE JUDGED: 1 harness error, not caused by the target",
        ),
        (
            report(PASSED, harness_errors=("boom", "bang")),
            2,
            "COULD NOT BE JUDGED: 2 harness errors, not caused by the target",
        ),
        (report(FAILED, harness_errors=("boom",)), 1, "DOES NOT CONFORM"),
    ],
)
def test_exit_code_and_sentence_agree(made, code, start):
    assert exit_code(made) == code
    assert verdict_sentence(made).startswith(start)


def test_the_sentence_of_a_red_run_names_the_worst_requirement():
    assert verdict_sentence(red()).endswith(
        "the worst: stream.order (breaks); required: The stream ends with message_stop; "
        "found: nothing after event #4 (/type)"
    )


def test_the_sentence_of_an_incomplete_red_run_says_so():
    assert verdict_sentence(incomplete(FAILED)).endswith("; the run is incomplete")


def under_claude_code(made):
    return replace(made, run=replace(made.run, profile="claude-code"))


def test_a_profile_can_have_its_own_verdict_words():
    good, bad = under_claude_code(report(PASSED, WARNED)), under_claude_code(report(FAILED, PASSED))
    assert verdict_sentence(good).startswith("It is not known whether Claude Code would work: ")
    assert "the requests of Claude Code were not sent" in verdict_sentence(good)
    assert "; 2 requirements verified" in verdict_sentence(good)
    assert verdict_sentence(bad).startswith("DOES NOT CONFORM to profile claude-code"), "not known: no stream was seen"
    strict = under_claude_code(should_only("should"))
    assert verdict_sentence(strict).startswith("DOES NOT CONFORM to profile claude-code")


def test_the_exit_code_says_whether_the_client_of_the_profile_works():
    open_question = under_claude_code(report(PASSED, WARNED))
    assert exit_code(open_question) == 2
    for change in ({"only": ("stream.*",)}, {"skip": ("stream.*",)}, {"judged_by": "check"}):
        assert exit_code(replace(open_question, run=replace(open_question.run, **change))) == 0, "a part of a run"


def test_what_stops_the_client_fails_the_run_without_a_failed_requirement():
    stops = Effect(requirement="", outcome="raises an error", stops=True, why="the stream has an error event")
    status = ClientStatus(client="Claude Code", status="fails", effects=(stops,))
    assert stopped_by(status, ()) == "raises an error (the stream has an error event)"
    excused = replace(status, effects=(replace(stops, requirement="stream.order.block-closed-once"),))
    assert stopped_by(excused, ()).endswith("because of stream.order.block-closed-once")
    assert stopped_by(excused, {"stream.order.block-closed-once": "a waiver"}) == ""
    assert stopped_by(None, ()) == ""


@pytest.mark.parametrize("name", EVERY)
def test_the_sentence_is_one_printable_line(name):
    text = verdict_sentence(EVERY[name]())
    assert text
    assert text.isprintable()


def test_failures_come_by_harm_then_level_then_id():
    def failed(id, level="MUST"):
        return Verdict(requirement=id, level=level, outcome="fail")

    made = report(failed("usage.present"), failed("b"), failed("a"), failed("a-should", "SHOULD"), FAILED)
    ids = [verdict.requirement for verdict in failures(made)]
    assert ids == ["stream.order", "usage.present", "a", "b", "a-should"]


def test_leaks_come_first_and_other_routes_last():
    def failed(id, level="MUST"):
        return Verdict(requirement=id, level=level, outcome="fail")

    made = report(failed("adjacent.count_tokens.shape"), failed("auth.key-not-echoed"), failed("a"), FAILED)
    ids = [verdict.requirement for verdict in failures(made)]
    assert ids == ["auth.key-not-echoed", "stream.order", "a", "adjacent.count_tokens.shape"]


def test_a_should_is_a_failure_only_with_fail_on_should():
    assert failures(should_only("must")) == ()
    assert warnings(should_only("must")) == (WARNED,)
    assert failures(should_only("should")) == (WARNED,)
    assert warnings(should_only("should")) == ()


def test_a_may_never_fails_a_run():
    made = report(PASSED, replace(WARNED, level="MAY"), fail_on="should")
    assert exit_code(made) == 0


def test_counts_are_by_outcome():
    made = report(PASSED, MINOR, FAILED, WARNED, UNVERIFIED, INAPPLICABLE, BROKEN, harness_errors=("boom",))
    total = counts(made)
    assert (total.passed, total.failed, total.warned, total.not_verified) == (1, 2, 1, 1)
    assert (total.not_applicable, total.harness_errors, total.verified) == (1, 2, 4)


def test_the_most_frequent_reason_comes_first():
    made = report(
        *(Verdict(requirement=i, level="MUST", outcome="not-verified", reason=r) for i, r in ("ax", "cy", "by"))
    )
    assert list(not_verified(made).items()) == [("y", ("b", "c")), ("x", ("a",))]


@pytest.mark.parametrize(("kind", "invalidates"), [("wrong-key", True), ("unreachable", True), ("interrupted", False)])
def test_only_some_statements_invalidate_a_run(kind, invalidates):
    assert Statement(kind=kind, message="m").invalidates is invalidates
