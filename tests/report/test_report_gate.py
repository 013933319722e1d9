"""Excused failures do not count, every format shows the reason, and the run is never called conformant."""

import json
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import pytest
from report_samples import BROKEN, FAILED, PASSED, RUN, excused, report, stale

from messages_conformance import report as reports
from messages_conformance.gate import Excuse, Gate
from messages_conformance.report import FORMATS, counts, exit_code, failures, verdict_sentence, warnings


def test_excused_deviations_do_not_fail_the_run_but_it_does_not_conform():
    made = excused()
    assert exit_code(made) == 0
    assert verdict_sentence(made) == (
        "PASSES, but does not conform to profile anthropic-2023-06-01 (1 unscored, 1 waived): "
        "3 requirements verified, 1 not verified, 1 warning"
    )
    assert failures(made) == warnings(made) == ()
    assert [verdict.requirement for verdict in reports.excused(made)] == ["stream.order", "headers.request-id"]
    total = counts(made)
    assert (total.failed, total.warned, total.excused) == (1, 1, 2)


def test_one_failure_that_is_not_excused_fails_the_run():
    other = replace(FAILED, requirement="usage.present")
    gate = Gate(excuses={"stream.order": Excuse(kind="waived", reason="r")})
    made = report(PASSED, FAILED, other, gate=gate)
    assert exit_code(made) == 1
    assert [verdict.requirement for verdict in failures(made)] == ["usage.present"]


def test_own_verdict_words_are_not_used_for_an_excused_failure():
    gate = Gate(excuses={"stream.order": Excuse(kind="waived", reason="r")})
    made = report(PASSED, FAILED, gate=gate, run=replace(RUN, profile="claude-code"))
    assert verdict_sentence(made).startswith("PASSES, but does not conform to profile claude-code (1 waived): ")


def test_an_error_in_a_rule_of_a_later_edition_does_not_change_the_verdict():
    gate = Gate(excuses={"stream.framing": Excuse(kind="unscored", reason="added after edition 2026.11")})
    broken = replace(BROKEN, requirement="stream.framing")
    made = report(replace(PASSED, requirement="usage.present"), broken, gate=gate)
    assert (exit_code(made), counts(made).harness_errors) == (0, 0)
    assert exit_code(report(replace(PASSED, requirement="usage.present"), broken)) == 2


def test_a_waiver_problem_fails_a_run_without_failures():
    made = stale()
    assert exit_code(made) == 1
    assert verdict_sentence(made) == (
        "FAILED by a waiver, not by the target: waivers.toml, lines 2 to 6: stale, because stream.framing is not "
        "violated any more; delete it; and 1 more waiver"
    )


@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "junit", "sarif", "json"])
def test_every_format_shows_the_excuse(form):
    text = FORMATS[form](excused())
    assert "ticket 4711" in text
    assert "added after edition 2026.11" in text or form == "junit"  # a warning is no failure there, excused or not


@pytest.mark.parametrize("form", ["terminal", "markdown", "html", "junit", "json"])
def test_every_format_shows_the_problem_of_a_waiver(form):
    assert "lines 2 to 6: stale" in FORMATS[form](stale()).replace("\n    ", " ")


def test_the_terminal_says_what_changed_since_the_baseline():
    text = FORMATS["terminal"](excused())
    assert "SINCE THE BASELINE (2)\n  fixed: usage.present\n  no longer verified: stop.sequence\n" in text
    nothing = report(
        PASSED, gate=replace(Gate(), difference=replace(excused().gate.difference, fixed=(), no_longer_verified=()))
    )
    assert "SINCE THE BASELINE (0)\n  nothing changed\n" in FORMATS["terminal"](nothing)


def test_systems_that_read_junit_see_a_skip_and_a_failure():
    found = ElementTree.fromstring(FORMATS["junit"](excused()))
    assert (found.get("failures"), found.get("skipped")) == ("0", "3")
    assert ElementTree.fromstring(FORMATS["junit"](stale())).get("failures") == "2"


def test_sarif_suppresses_what_is_excused():
    (run,) = json.loads(FORMATS["sarif"](excused()))["runs"]
    kinds = {result["ruleId"]: result.get("suppressions", [{}])[0].get("kind") for result in run["results"]}
    assert kinds == {"stream.order": "external", "headers.request-id": "external"}


def test_the_page_and_the_markdown_show_excuses_and_changes():
    page, comment = FORMATS["html"](excused()), FORMATS["markdown"](excused())
    assert 'id="requirement-stream.order"' in page
    assert "Since the baseline</h2>" in page
    assert "### Since the baseline" in comment
    assert "| fixed | 1 | `usage.present` |" in comment
    for reason in ("ticket 4711", "added after edition 2026.11"):
        assert reason in page
        assert reason in comment
