"""The command line: the output of each command, and the exit codes of runs."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from command_line import Outcome, ended, run, started
from misbehaving import KEY, PATIENCE_S, Endpoints

from messages_conformance import __version__
from messages_conformance.cli import main
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.requirement_list import listed

Judge = Callable[..., Outcome]


def test_version() -> None:
    assert run("--version").out == f"{__version__}\n"


# -- run ------------------------------------------------------------------------------------------------------------


def test_a_conforming_target_ends_with_zero_and_a_complete_report(tmp_path: Path) -> None:
    outcome = run("run", "reference:", "--depth", "smoke", "--report", str(tmp_path / "new" / "folder"))
    assert outcome.code == 0, outcome.all
    assert outcome.last.startswith("CONFORMS to profile tokmodel: ")
    written = json.loads((tmp_path / "new" / "folder" / "report.json").read_text())
    assert written["complete"] is True
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == {
        *("report.json", "junit.xml", "matrix.json", "report.html", "exchanges.jsonl")
    }


def test_a_violation_ends_with_exit_code_1_and_has_the_place() -> None:
    outcome = run("run", "reference:drop_message_stop", "--depth", "smoke", "--only", "stream.order", "--seed", "3")
    assert outcome.code == 1, outcome.all
    assert "stream.order.message-stop-once  MUST" in outcome.out
    assert outcome.last.startswith("DOES NOT CONFORM to profile tokmodel: 1 of ")


def test_no_more_requests_are_sent_than_allowed_and_the_rest_says_why(endpoints: Endpoints, judge: Judge) -> None:
    outcome = judge(endpoints.url("correct/budget"), "--max-requests", "7", key=KEY)
    assert endpoints.counts["/correct/budget"] == 7
    assert outcome.code == 2, outcome.all
    assert outcome.last.startswith("INCOMPLETE: ")
    assert "7 of 7 requests are used up; raise --max-requests" in outcome.last
    assert any("7 of 7 requests are used up" in reason for reason in outcome.reasons)
    assert outcome.report["complete"] is False


def test_a_budget_for_less_than_the_first_question_judges_nothing(endpoints: Endpoints, judge: Judge) -> None:
    outcome = judge(endpoints.url("correct/tokens"), "--max-output-tokens", "1", key=KEY)
    assert outcome.code == 2, outcome.all
    assert "--max-output-tokens" in outcome.last
    assert endpoints.counts["/correct/tokens"] == 0


def test_a_run_without_requests_is_never_green(endpoints: Endpoints, judge: Judge) -> None:
    # Only the other family of profiles promises this one.
    outcome = judge(endpoints.url("correct/nothing"), "--only", "errors.envelope.tokmodel", key=KEY)
    assert outcome.code == 2, outcome.all
    assert "COULD NOT BE JUDGED: nothing was asked" in outcome.last
    assert endpoints.counts["/correct/nothing"] == 0


def test_a_run_that_verifies_nothing_is_never_green(endpoints: Endpoints, judge: Judge) -> None:
    outcome = judge(endpoints.url("correct/unseen"), "--only", "headers.retry-after.sane", "--depth", "smoke", key=KEY)
    assert outcome.code == 2, outcome.all
    assert outcome.last.startswith("COULD NOT BE JUDGED: ")


def test_the_first_listed_model_is_used_when_none_is_named(endpoints: Endpoints, judge: Judge) -> None:
    outcome = judge(
        endpoints.url("correct/listed"), "--only", "response.model.*", "--depth", "smoke", model=None, key=KEY
    )
    assert outcome.code == 0, outcome.all
    assert outcome.report["run"]["model"] == "reference-1"


# -- list and explain -----------------------------------------------------------------------------------------------


def test_list_names_every_requirement_with_level_and_source() -> None:
    outcome = run("list")
    assert outcome.code == 0
    assert f"{len(listed())} requirements: {len(CATALOGUE)} judged" in outcome.out
    for row in listed():
        assert row.id in outcome.out
        assert row.source in outcome.out


def test_list_as_json_holds_what_the_profile_promises() -> None:
    every = json.loads(run("list", "--format", "json").out)
    some = json.loads(run("list", "--format", "json", "--profile", "tokmodel").out)
    assert {row["id"] for row in every} == {row.id for row in listed()}
    assert {row["id"] for row in some} < {row["id"] for row in every}
    assert all(row["level"] in ("MUST", "SHOULD", "MAY") and row["source"] and row["sentence"] for row in every)


def test_list_as_markdown_is_one_table() -> None:
    lines = run("list", "--format", "markdown").out.splitlines()
    assert lines[0] == "| requirement | level | harm | kind | severity | profiles | sentence | source |"
    assert len(lines) == len(listed()) + 2
    assert {line.replace("\\|", "").count("|") for line in lines} == {9}


def test_list_knows_its_profiles_and_formats() -> None:
    profile, form = run("list", "--profile", "anthropic"), run("list", "--format", "xml")
    assert (profile.code, form.code) == (4, 4)
    assert "anthropic-2023-06-01" in profile.error
    assert "markdown" in form.error


def test_explain_gives_sentence_source_severity_and_provocation() -> None:
    outcome = run("explain", "stream.order.message-stop-once")
    assert outcome.code == 0
    assert outcome.out.startswith("stream.order.message-stop-once  MUST\n  ")
    for label in ("source", "profiles", "tested by", "severity"):
        assert f"\n{label} " in outcome.out


@pytest.mark.parametrize(
    ("requirement", "label", "message"),
    [
        ("stream.order.ping-anywhere", "tolerated", "many_pings"),
        ("stream.final.stop-invariants", "excluded", "Judged elsewhere: every r"),
    ],
)
def test_explain_says_why_something_is_not_judged(requirement: str, label: str, message: str) -> None:
    outcome = run("explain", requirement)
    assert outcome.code == 0
    assert f"\n{label:<9}  " in outcome.out
    assert message in outcome.out


def test_explain_takes_a_capability() -> None:
    outcome = run("explain", "images")
    assert outcome.code == 0
    assert outcome.out.startswith("images  capability of profiles\n  Image blocks take ")
    assert "needed by               request.image.bad-base64  SHOULD\n" in outcome.out


def test_explain_names_the_nearest_requirement() -> None:
    outcome = run("explain", "stream.order.mesage-stop")
    assert outcome.code == 4
    assert "stream.order.message-stop" in outcome.error


@pytest.mark.parametrize("name", ["stream.error", "stream.err*"])
def test_explain_lists_a_topic_and_a_glob(name: str) -> None:
    lines = run("explain", name).out.splitlines()
    assert [line.split()[0] for line in lines[:-1]] == sorted(
        row for row in CATALOGUE if row.startswith("stream.error.")
    )
    assert lines[-1].endswith("requirements; `explain ID` shows one in full")


def test_explain_shows_a_fault_with_right_and_wrong_bytes() -> None:
    out = run("explain", "stream.order.message-stop-last").out
    assert "serve --fault continue_after_message_stop" in out
    right, wrong = out.split("right answer\n")[1].split("wrong answer\n")
    assert "event: message_stop" in right
    assert "event: content_block_delta" in wrong.split("event: message_stop")[1]
    assert "event: content_block_delta" not in right.split("event: message_stop")[1]


def test_explain_leaves_the_example_out() -> None:
    out = run("explain", "request.max_tokens.required", "--no-example").out
    assert "serve --fault serve_without_max_tokens" in out
    assert "wrong answer" not in out


def test_list_finds_a_text_in_any_case() -> None:
    rows = json.loads(run("list", "--format", "json", "--grep", "Retry-After").out)
    assert "headers.retry-after.sane" in {row["id"] for row in rows}
    assert len(rows) < 20
    assert "no requirement has the text 'xyzzy'" in run("list", "--grep", "xyzzy").error


def test_list_shows_what_covers_a_fact() -> None:
    fact = run("list", "--fact", "2.11")
    assert fact.out.splitlines() == [
        "2.11  request.search_result.in-tool-result",
        "      request.search_result.in-tool-result (judged)",
    ]
    every = json.loads(run("list", "--fact", "all", "--format", "json").out)
    assert len(every) == 328
    assert "there is no fact '9.9'" in run("list", "--fact", "9.9").error


# -- serve ----------------------------------------------------------------------------------------------------------


@contextmanager
def serving(*options: str, end: int = signal.SIGINT) -> Iterator[tuple[str, str, list[Outcome]]]:
    """(address, key, outcome): `serve` on a free port, ended by a signal."""
    process = started("serve", "--port", "0", *options)
    outcomes: list[Outcome] = []
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("serving on "), line
        yield line.split()[2].rstrip(";"), line.split("key: ")[1].split(";")[0], outcomes
    finally:
        os.killpg(process.pid, end)
        outcomes.append(ended(process))


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_serve_answers_until_a_signal(end: signal.Signals) -> None:
    with serving(end=end) as (address, key, outcomes):
        answer = httpx.get(f"{address}/v1/models", headers={"x-api-key": key}, timeout=PATIENCE_S)
    assert answer.status_code == 200
    assert outcomes[0].code == 0, outcomes[0].all


@pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")
def test_serve_has_the_named_fault() -> None:
    body = {"model": "reference-1", "max_tokens": 16, "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
    with serving("--fault", "drop_message_stop") as (address, key, _):
        answer = httpx.post(f"{address}/v1/messages", headers={"x-api-key": key}, json=body, timeout=PATIENCE_S)
    assert "message_delta" in answer.text
    assert "message_stop" not in answer.text


def test_serve_reports_wrong_options(endpoints: Endpoints) -> None:
    port = endpoints.base_url.rsplit(":", 1)[1]
    messages = {
        ("--fault", "drop_mesage_stop"): "Did you mean drop_message_stop",
        ("--variant", "no_such"): "no variant is named 'no_such'",
        ("--port", port): f"port {port} cannot be used (Address already in use); name another",
        ("--port", "70000"): "--port is 70000",
        ("--port", "http"): "--port is 'http'; it is a whole number",
    }
    for options, message in messages.items():
        outcome = run("serve", *options)
        assert outcome.code == 4, outcome.all
        assert message in outcome.error


def test_traces_are_shown_on_request() -> None:
    outcome = run("run", "reference:drop_message_stop", *("--depth", "smoke", "--only", "stream.order", "--show-trace"))
    assert outcome.code == 1, outcome.all
    assert "message_start" in outcome.out


def test_the_harm_is_in_list_and_explain() -> None:
    assert (
        "harm       loses: content, arguments or the stop reason"
        in run("explain", "stream.order.message-stop-last").out
    )
    rows = {row["id"]: row["harm"] for row in json.loads(run("list", "--format", "json").out)}
    assert rows["auth.key-not-echoed"] == "leaks"
    assert any(not harm for harm in rows.values()), "tolerated and excluded requirements have no harm"


def test_python_without_docstrings_is_wrong_usage() -> None:
    ended = subprocess.run(
        [sys.executable, "-OO", "-m", "messages_conformance", "list"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 4
    assert "Python runs with -OO" in ended.stderr


def test_a_character_that_the_output_cannot_have_is_escaped(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="ascii"))
    assert main(["explain", "stream.order.message-stop-last"]) == 0
    sys.stdout.flush()
    assert b"\\u2026" in written.getvalue()
