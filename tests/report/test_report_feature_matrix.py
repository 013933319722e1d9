"""The feature matrix: works, refused, ignored, broken or unknown, for whole and streamed answers."""

import json

import jsonschema_rs
import pytest
from report_samples import exchange, request

from messages_conformance import resources
from messages_conformance.proof import run
from messages_conformance.report import COMPARISONS, compare, feature_matrix, matrix_json
from messages_conformance.report.feature_matrix import BROKEN, IGNORED, REFUSES, UNKNOWN, WORKS, summary
from messages_conformance.rules.verdict import Finding, Verdict

PROFILE = "anthropic-2023-06-01"


def rows_of(target, **options):
    _, report = run(
        f"{target},transport=memory", PROFILE, model="anthropic/claude-opus-4-5", **{"generated": 0, **options}
    )
    return {row.feature: row for row in report.features}, report


@pytest.fixture(scope="module")
def plain():
    return rows_of("reference:")


def test_on_the_reference_endpoint_everything_sent_works(plain):
    rows, _ = plain
    results = {cell.result for row in rows.values() for cell in row.cells}
    assert results == {WORKS, UNKNOWN}
    assert rows["tool_choice.any"].whole.result == rows["tool_choice.any"].streamed.result == WORKS
    assert rows["context_management"].whole.reason == "not sent"


@pytest.mark.parametrize(
    ("fault", "feature", "whole", "streamed"),
    [
        ("ignore_forced_choice", "tool_choice.any", IGNORED, IGNORED),
        ("refuse_tools", "tools", REFUSES, REFUSES),
        ("forget_system_blocks", "system.blocks", IGNORED, IGNORED),
        ("drop_message_stop", "text", WORKS, BROKEN),
        ("drop_documents_in_results", "tool_result.document", IGNORED, IGNORED),
        ("drop_images", "image.base64", IGNORED, IGNORED),
    ],
)
def test_a_fault_shows_at_its_feature(fault, feature, whole, streamed):
    rows, _ = rows_of(f"reference:{fault}")
    assert (rows[feature].whole.result, rows[feature].streamed.result) == (whole, streamed)
    assert rows["max_tokens"].whole.result == WORKS
    assert rows[feature].streamed.reason
    assert rows["metadata"].whole.result == WORKS


def test_a_lost_part_is_not_the_loss_of_other_parts():
    rows, _ = rows_of("reference:forget_tool_results")
    assert rows["tool_result"].whole.result == IGNORED
    assert rows["messages.history"].whole.result == WORKS
    assert rows["messages.blocks"].whole.result != IGNORED


def test_a_mode_works_only_where_the_request_that_fails_in_the_other_mode_succeeds():
    sent = [request({"model": "m", "messages": [{"role": "user", "content": word}], "stream": True}) for word in "ab"]
    failing = exchange(1, sent=request({"model": "m", "messages": [{"role": "user", "content": "a"}]}))
    same, other = (exchange(number, sent=one) for number, one in enumerate(sent, start=2))
    verdict = Verdict(
        requirement="r",
        level="MUST",
        outcome="fail",
        findings=(Finding(found="", wanted="", exchange=1),),
        passed_on=(2, 3),
    )
    assert feature_matrix._holds(verdict, [same], [failing, same])
    assert not feature_matrix._holds(verdict, [other], [failing, other])


def test_matrix_json_is_valid_and_shows_every_feature(plain):
    rows, report = plain
    document = json.loads(matrix_json.to_text(report))
    jsonschema_rs.validator_for(json.loads(resources.text("schemas/matrix.json"))).validate(document)
    assert [row["feature"] for row in document["features"]] == list(rows)


def test_the_summary_names_each_feature_once(plain):
    rows, report = plain
    found = summary(report.features)
    assert sorted(title for titles in found.values() for title in titles) == sorted(row.title for row in rows.values())
    assert BROKEN not in found


def test_a_comparison_shows_the_features_that_some_run_sent(plain):
    _, good = plain
    _, bad = rows_of("reference:drop_message_stop")
    rows = {row.title: row.shown for row in compare([good, bad]).features}
    assert rows["text"] == ("works", "works, streamed: broken")
    assert "context management" not in rows
    text = COMPARISONS["markdown"](compare([good, bad]))
    assert "| text | works | works, streamed: broken |" in text
    assert "works, streamed: broken" in COMPARISONS["html"](compare([good, bad]))
