"""A saved report is checked against its recording: what was changed afterwards is found."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from command_line import run

from messages_conformance import cli
from messages_conformance.report import ReportError
from messages_conformance.session import Clock, UsageError, Verification, verified

CLOCK = Clock(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)
FAILED = "stream.order.message-stop-once"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run with one violation."""
    folder = tmp_path_factory.mktemp("run") / "report"
    outcome = run("run", "reference:drop_message_stop,transport=memory", "--depth", "smoke", "--report", str(folder))
    assert outcome.code == 1
    return folder


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "copy"))


def checked(folder: Path) -> Verification:
    return verified(folder, clock=CLOCK)


def changed(folder: Path, change: Callable[[dict[str, Any]], object]) -> Verification:
    path = folder / "report.json"
    document = json.loads(path.read_text("utf-8"))
    change(document)
    path.write_text(json.dumps(document), "utf-8")
    return checked(folder)


def row(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in document["requirements"] if each["id"] == FAILED)
    return found


def test_an_unchanged_report_agrees(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(copy).problems == ()
    assert cli.main(["report", "verify", str(copy)]) == 0
    assert "agrees with its recording" in capsys.readouterr().out


def test_a_failure_that_became_a_pass_is_found(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = changed(copy, lambda document: row(document).update(verdict="pass", findings=[]))
    assert found.problems == (f"{FAILED}: the report says pass, and the recording shows fail",)
    assert cli.main(["report", "verify", str(copy)]) == 1
    assert f"DIFFERS: {FAILED}" in capsys.readouterr().out


def test_a_requirement_that_was_removed_is_found(copy: Path) -> None:
    found = changed(copy, lambda document: document["requirements"].remove(row(document)))
    assert found.problems == (f"{FAILED}: the report lacks it, and the recording shows fail",)


def test_another_exit_code_is_found(copy: Path) -> None:
    found = changed(copy, lambda document: document.update(exit_code=0))
    assert found.problems == ("report.json says exit code 0, and its own verdicts give 1",)


def test_a_changed_recording_is_found(copy: Path) -> None:
    recording = copy / "exchanges.jsonl"
    lines = recording.read_bytes().splitlines(keepends=True)
    recording.write_bytes(b"".join(lines[:-1]))
    problems = " ".join(checked(copy).problems)
    assert "exchanges.jsonl was changed: its SHA-256 is" in problems
    assert "the recording lacks 1 exchange of the report" in problems


def test_another_version_is_a_note(copy: Path) -> None:
    found = changed(copy, lambda document: document["run"].update(version="0.0.1"))
    assert found.problems == ()
    assert "made by version 0.0.1" in " ".join(found.notes)


def test_without_a_recording_nothing_can_be_checked(copy: Path) -> None:
    (copy / "exchanges.jsonl").unlink()
    with pytest.raises(ReportError, match=r"has no exchanges\.jsonl"):
        checked(copy)
    assert cli.main(["report", "verify", str(copy)]) == 4


@pytest.mark.parametrize(
    "broken",
    [b"\xff\xfe\x00", b"{not json", b"{not json\n", b"[]\n", b'{"id": 5}\n'],
    ids=["bytes", "cut", "line", "list", "key"],
)
def test_a_recording_that_cannot_be_read_is_no_difference(copy: Path, broken: bytes) -> None:
    (copy / "exchanges.jsonl").write_bytes(broken)
    with pytest.raises(ReportError, match="is not a recording"):
        checked(copy)
    assert cli.main(["report", "verify", str(copy)]) == 4


def test_a_finding_that_was_edited_is_found(copy: Path) -> None:
    found = changed(copy, lambda document: row(document)["findings"][0].update(found="something else"))
    assert [problem.partition(":")[0] for problem in found.problems] == [FAILED]
    assert "found something else" in found.problems[0]


def test_rules_of_another_suite_are_left_out(copy: Path) -> None:
    found = changed(copy, lambda document: document["run"].update(skip=["acme.*"]))
    assert found.problems == ()
    with pytest.raises(ReportError, match=r"judged only acme\.\*, which is not known here"):
        changed(copy, lambda document: document["run"].update(only=["acme.*"]))


def test_an_edition_that_is_not_known_is_wrong_usage(copy: Path) -> None:
    with pytest.raises(UsageError, match="1999"):
        changed(copy, lambda document: document["run"].update(edition="1999.01"))
    assert cli.main(["report", "verify", str(copy)]) == 4
