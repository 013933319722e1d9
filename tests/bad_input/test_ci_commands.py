"""What a target or a file makes us print is executed by no CI system and no terminal."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest
from command_line import Outcome, run
from misbehaving import COMMANDS, KEY, Endpoints

from messages_conformance.ci_commands import disarmed, disarmed_xml

EXECUTED = re.compile(
    r"^[\s\ufeff]*::\s*[a-z-]+.*?::|##\[|##vso\[|##teamcity\[|section_(?:start|end):"
    r"|travis_\w+:|^(?:---|\+\+\+|~~~|\^\^\^) ",
    re.IGNORECASE,
)
"""A line that some CI system executes."""

OURS = re.compile(r"::(?:error|warning|notice) title=[^:]*::")
"""The annotations of `--format github`, which are meant to be executed."""

FORMATS = ("terminal", "verdict", "markdown", "junit", "json", "sarif", "badge", "github", "html")


def executed(text: str) -> list[str]:
    """The lines of a text that a CI system would execute; terminals end a line at more characters than Python."""
    return [line[:200] for line in re.split(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", text) if EXECUTED.search(line)]


def check(text: str) -> None:
    assert not executed(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)


@pytest.fixture(scope="module")
def hostile(endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """A run against a target that puts commands everywhere."""
    folder = tmp_path_factory.mktemp("hostile") / "report"
    target = ("run", endpoints.url("prints_commands"), "--model", "reference-1", "--profile", "anthropic-2023-06-01")
    depth = ("--depth", "smoke", "--show-trace", "--timeout", "2")
    return run(*target, *depth, "--report", str(folder), key=KEY, folder=folder)


def test_the_log_of_a_run_has_no_command(hostile: Outcome) -> None:
    assert hostile.code == 1, hostile.all
    assert "gates" in hostile.out
    check(hostile.all)


@pytest.mark.parametrize("form", FORMATS)
def test_a_printed_report_has_no_command(hostile: Outcome, form: str) -> None:
    printed = run("report", str(hostile.folder), "--format", form)
    assert printed.code == 0, printed.all
    text = printed.out
    if form == "github":
        lines = text.splitlines()
        assert all(OURS.match(line) for line in lines)
        assert len(lines) <= 20
        text = OURS.sub("", text)
    if form == "html":  # the styles of the page have selectors such as a::before
        text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)
    check(text)
    if form in ("json", "sarif", "badge"):
        assert json.loads(printed.out)
    if form == "json":
        assert json.loads(printed.out) == hostile.report
    if form == "junit":
        assert ElementTree.fromstring(printed.out) is not None


def test_comparisons_and_differences_have_no_command(hostile: Outcome, tmp_path: Path) -> None:
    document = hostile.report
    for row in document["requirements"]:
        row["sentence"] = "\n".join(COMMANDS)
    document["run"] |= {"target": "\n::error::gates", "model": "##[error]gates", "started_at": "--- gates"}
    (tmp_path / "report.json").write_text(json.dumps(document))
    for command in (("compare", str(hostile.folder), str(tmp_path)), ("diff", str(hostile.folder), str(tmp_path))):
        outcome = run(*command)
        assert outcome.code in (0, 1), outcome.all
        check(outcome.all)


@pytest.mark.parametrize("where", ["refuses_with_commands", "lists_commands"])
def test_a_statement_and_an_error_have_no_command(endpoints: Endpoints, where: str) -> None:
    outcome = run("run", endpoints.url(where), "--profile", "anthropic-2023-06-01", key=KEY)
    assert outcome.code in (2, 4), outcome.all
    check(outcome.all)


def test_wrong_usage_has_no_command(tmp_path: Path) -> None:
    text = "\n".join(("x", *COMMANDS))
    for arguments in (("run", text), ("run", "reference:", "--only", text), (text,), ("report", text), ("--" + text,)):
        outcome = run(*arguments)
        assert outcome.code == 4
        check(outcome.all)
    (tmp_path / "messages-conformance.toml").write_text(json.dumps(text) + " = 1\n")
    check(run("run", "reference:", cwd=tmp_path).error)


@pytest.mark.parametrize(
    "text",
    [
        "::1",
        "2001:db8::8a2e",
        "std::vector",
        "arn:aws:bedrock:us-east-1::foundation-model/x",
        "a :: b",
        "# x",
        "## y",
        "---",
        "a --- b",
        "- --- x",
        "x++ +",
        "section_begin:",
    ],
)
def test_other_text_is_unchanged(text: str) -> None:
    assert disarmed(text) == disarmed_xml(text) == text


def test_an_escaped_command_is_readable_and_the_same_in_json() -> None:
    for command in COMMANDS:
        text = json.dumps(f"x{command}")
        assert json.loads(disarmed(text)) == f"x{command}"
    assert disarmed("::error::x") == "\\u003a:error::x"
    assert disarmed("a\n--- b") == "a\n\\u002d-- b"
    assert disarmed_xml("##[error]") == "&#35;#[error]"


def test_many_signs_cost_little() -> None:
    for text in ("::" * 500_000, "##" * 500_000, "::a" * 300_000, "section_start" * 50_000, "--- " * 200_000):
        disarmed(text)
        disarmed_xml(text)
