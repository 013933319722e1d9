"""What the command line prints: help, one verdict, JSON, and events while a run goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command_line import run

from messages_conformance import cli
from messages_conformance.cli.examples import EXAMPLES
from messages_conformance.cli.settings import GROUP_OF
from messages_conformance.options import OPTIONS

BROKEN = "reference:drop_message_stop,transport=memory"
SMOKE = ("--depth", "smoke")


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_without_arguments_the_help_is_shown_and_the_code_is_not_green(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(()) == 4
    assert "explain" in capsys.readouterr().out


def test_the_version_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(capsys, "--version").strip().count(".") == 2


@pytest.mark.parametrize("command", list(cli._parser().commands))
def test_each_command_has_a_description_and_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, command, "--help")
    assert f"example:\n  messages-conformance {EXAMPLES[command]}" in text
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
