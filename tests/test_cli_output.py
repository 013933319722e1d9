"""What the command line prints: help, one verdict, JSON, and events while a run goes on."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import environment, run

from messages_conformance import cli
from messages_conformance.cli.command_list import COMMANDS
from messages_conformance.cli.settings import GROUP_OF
from messages_conformance.options import OPTIONS

BROKEN = "reference:drop_message_stop,transport=memory"
SMOKE = ("--depth", "smoke")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(arguments) == 0
    return capsys.readouterr().out


def test_without_arguments_the_help_is_shown_and_the_code_is_not_green(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(()) == 4
    assert "explain" in capsys.readouterr().out


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--version").strip().count(".") == 2


@pytest.mark.parametrize("command", list(COMMANDS))
def test_each_command_has_a_description_and_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, command, "--help")
    assert f"example:\n  messages-conformance {COMMANDS[command].example}" in text
    assert text.count("\n\n") >= 3


def test_each_option_is_in_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    assert {option.name for option in OPTIONS} - {"target"} == GROUP_OF.keys()
    text = printed(capsys, "run", "--help")
    assert all(f"\n{title}:\n" in text for title in set(GROUP_OF.values()))


def test_an_option_has_one_value_and_the_target_may_follow_it(tmp_path: Path) -> None:
    outcome = run("run", "--only", "stream.order*", BROKEN, *SMOKE, "--quiet", "--events", str(tmp_path / "events"))
    assert outcome.code == 1
    assert outcome.out.count("\n") == 1
    assert outcome.out.startswith("DOES NOT CONFORM")
    events = [json.loads(line) for line in (tmp_path / "events").read_text("utf-8").splitlines()]
    assert [events[0]["event"], events[-1]["event"]] == ["start", "end"]
    assert {event["event"] for event in events} == {"start", "request", "verdict", "end"}
    failed = [event for event in events if event.get("verdict") == "fail"]
    assert [event["requirement"] for event in failed] == ["stream.order.message-stop-once"]
    assert failed[0]["exchange"] > 0
    assert events[-1]["exit_code"] == 1


def test_a_run_stops_at_its_limit_of_failures_and_keeps_what_was_judged(tmp_path: Path) -> None:
    outcome = run("run", f"{BROKEN},omit_usage", *SMOKE, "-x", "--output", "json")
    report = json.loads(outcome.out)
    assert outcome.code == report["exit_code"] == 1
    assert report["statement"]["message"].startswith("the run stopped after")
    assert any(row["verdict"] == "pass" for row in report["requirements"])


def test_a_recording_is_judged_as_json(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text('{"type": "error", "error": {"type": "api_error", "message": "x"}}')
    outcome = run("check", str(tmp_path / "one.json"), "--output", "json")
    assert json.loads(outcome.out)["exit_code"] == outcome.code


@pytest.mark.parametrize(
    "command", [("list", "--output", "json"), ("explain", "stream.order.message-stop-last", "--output", "json")]
)
def test_requirements_are_shown_as_json(command: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(command) == 0
    assert {"id", "level", "sentence"} <= json.loads(capsys.readouterr().out)[0].keys()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("ju", {"plain,judge-client"}),
        ("run --profile anthropic-2023", {"plain,anthropic-2023-06-01"}),
        ("run --depth s", {"plain,smoke", "plain,standard"}),
        ("run --waivers x", {"file,x"}),
        ("explain stream.order.message-stop-l", {"plain,stream.order.message-stop-last"}),
        ("serve --fault drop_message_stop", {"plain,drop_message_stop"}),
        ("run reference:drop_message_sto", {"plain,reference:drop_message_stop"}),
        ("run --draw", set()),
        ("run --events", {"plain,--events"}),
    ],
)
def test_a_shell_completes_words(
    words: str, expected: set[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cli.COMPLETION, "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"messages-conformance {words}")
    monkeypatch.setenv("COMP_CWORD", str(len(words.split())))
    assert cli.main(()) == 0
    assert set(capsys.readouterr().out.split()) == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell_asks_this_program(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"{cli.COMPLETION}={shell}_complete" in printed(capsys, "completion", shell)


def test_the_manual_page_has_every_command_and_option(capsys: pytest.CaptureFixture[str]) -> None:
    page = printed(capsys, "man").replace("\\-", "-")
    assert all(f".SH {name.upper()}\n" in page for name in COMMANDS)
    assert all(f"\n.B {flag}" in page for flag in ("--only GLOB", "-q, --quiet", "--map FIELD=PATH", "TARGET"))
    assert not [line for line in page.splitlines() if line.startswith("'")]


def test_the_version_needs_no_module_of_a_command() -> None:
    script = "import sys; from messages_conformance.cli import main; main(['--version']); print(*sys.modules)"
    ran = subprocess.run([sys.executable, "-c", script], env=environment(), capture_output=True, text=True, check=True)
    loaded = set(ran.stdout.split())
    assert "click" in loaded
    assert not loaded & {"httpx", "pytest", "hypothesis", "rich", "jsonschema", "msgspec", "argparse"}
    assert "messages_conformance.cli.running" not in loaded


WITHOUT_JSON = {"site", "serve", "upstream", "completion", "man"}
"""Commands that write files, serve, or print a text that has one form."""


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in WITHOUT_JSON])
def test_each_command_can_print_json(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = " ".join(printed(capsys, command, "--help").split())
    assert re.search(r"--(output|format) [A-Z]+ (?:(?! --).)*json", words), words


def test_a_proof_is_json_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        cli.main(["prove", "--only", "drop_message_stop", "--depth", "smoke", "--jobs", "1", "--output", "json"]) == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert (document["holds"], document["faults"]["smoke"]) == (True, {"caught": 1, "of": 1})


def test_waivers_are_json_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", BROKEN, *SMOKE, "--quiet", "--report", str(tmp_path / "r")]) == 1
    capsys.readouterr()
    words = ["waive", str(tmp_path / "r"), "--output", str(tmp_path / "w.toml"), "--format", "json"]
    document = json.loads(printed(capsys, *words))
    assert document["waivers"] == ["stream.order.message-stop-once"]
    assert document["file"] == str(tmp_path / "w.toml")
