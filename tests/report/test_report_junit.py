import xml.etree.ElementTree as ElementTree

import pytest
from report_samples import (
    BROKEN,
    EVERY,
    HOSTILE,
    INAPPLICABLE,
    PASSED,
    UNVERIFIED,
    interrupted,
    red,
    report,
    should_only,
)

from messages_conformance.report import FailedTest, to_xml, write_all
from messages_conformance.shapes import Drift


def parsed(made):
    return ElementTree.fromstring(to_xml(made).encode("utf-8"))


def case(root, name):
    return root.find(f".//testcase[@name='{name}']")


@pytest.mark.parametrize("name", EVERY)
def test_the_counts_are_those_of_the_cases(name):
    root = parsed(EVERY[name]())
    for suite in [root, *root]:
        cases = suite.findall(".//testcase")
        assert suite.get("tests") == str(len(cases))
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert suite.get(attribute) == str(sum(1 for item in cases if item.find(tag) is not None))


@pytest.mark.parametrize("name", EVERY)
def test_the_file_parses(name, tmp_path):
    write_all(EVERY[name](), tmp_path)
    assert ElementTree.parse(tmp_path / "junit.xml").getroot().tag == "testsuites"


def test_a_suite_is_a_topic_and_a_case_is_a_requirement():
    root = parsed(red())
    assert [suite.get("name") for suite in root] == ["headers", "stop", "stream", "usage"]
    assert case(root, "stream.order").get("classname") == "stream"
    assert list(case(root, "stream.framing")) == []


def test_a_junit_failure_has_the_sentence_and_all_facts():
    failure = case(parsed(red()), "stream.order").find("failure")
    assert failure.get("message") == (
        "The stream ends with message_stop. Found nothing after event #4, wanted message_delta or message_stop "
        "(streamed POST /v1/messages: event #4 content_block_delta, byte 1,204, /type)"
    )
    assert failure.get("type") == "MUST"
    assert failure.text.startswith("stream.order  MUST\n  The stream ends with message_stop.\n  harm    breaks: ")
    assert "  where   streamed POST /v1/messages: event #4" in failure.text
    assert "curl -isS" in failure.text
    assert "#4  byte" in failure.text


def test_an_unverified_requirement_is_skipped_with_the_reason():
    root = parsed(report(UNVERIFIED, INAPPLICABLE))
    assert case(root, "stop.sequence").find("skipped").get("message") == "not-verified: the model did not cooperate"
    assert case(root, "stream.framing").find("skipped").get("message").startswith("not-applicable: profile x")


def test_a_warning_passes_but_is_shown():
    item = case(parsed(should_only("must")), "headers.request-id")
    assert [child.tag for child in item] == ["system-out"]
    assert "absent" in item.find("system-out").text


def test_a_warning_fails_with_fail_on_should():
    item = case(parsed(should_only("should")), "headers.request-id")
    assert [child.tag for child in item] == ["failure"]


def test_a_harness_error_is_a_junit_error():
    root = parsed(report(BROKEN, harness_errors=("boom",)))
    assert case(root, "stream.framing").find("error").get("message") == "KeyError: 'type'"
    assert case(root, "harness-error-1").find("error").get("message") == "boom"


def test_a_statement_and_an_early_end_are_errors_of_the_run():
    error = case(parsed(interrupted(PASSED)), "judged-as-a-whole").find("error")
    assert (error.get("type"), error.get("message")[:11]) == ("interrupted", "interrupted")
    assert case(parsed(report(PASSED, complete=False)), "judged-as-a-whole").find("error").get("type") == "incomplete"


def test_hostile_text_is_escaped():
    text = to_xml(report(harness_errors=(HOSTILE,)))
    assert not set(text) & set("\x00\x07\x0c\x1b\x9b\r\ufffe\ud800")
    assert "\\x1b[2J" in text


def test_failed_user_tests_have_their_message():
    drift = Drift(situation="plain", path=".usage", before="object", after=None)
    root = parsed(report(PASSED, failed_tests=(FailedTest(name="test_ours", message="no\nreally"),), drifts=(drift,)))
    assert case(root, "test_ours").find("failure").get("message") == "no"
    assert case(root, "shapes").find("failure").text == "plain: .usage disappeared: object"
    assert root.get("failures") == "2"
