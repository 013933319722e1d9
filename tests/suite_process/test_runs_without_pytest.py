"""A run of our own suites alone does not need pytest, and has the same result as one with it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from command_line import Outcome, run

from messages_conformance.cli.invocation import arguments_of
from messages_conformance.configuration import Setting
from messages_conformance.masking import known_secrets
from messages_conformance.suite_process import own_options, own_suites

RED = "reference:drop_message_stop,transport=memory"


def verdicts(outcome: Outcome) -> dict[str, tuple[str, int]]:
    return {row["id"]: (row["verdict"], row["judged"]) for row in outcome.report["requirements"]}


@pytest.mark.slow
def test_pytest_changes_no_verdict(tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text("def test_nothing():\n    pass\n")
    alone, with_pytest = (
        run("run", RED, "--depth", "smoke", *more, "--report", str(folder), folder=folder)
        for folder, more in (
            (tmp_path / "alone", ()),
            (tmp_path / "pytest", ("--suite", str(tmp_path / "test_own.py"))),
        )
    )
    assert alone.code == with_pytest.code == 1
    assert alone.failed
    assert verdicts(alone) == verdicts(with_pytest)
    assert alone.last == with_pytest.last


@pytest.mark.parametrize("name", ["suite", "snapshots"])
def test_pytest_runs_what_needs_it(tmp_path: Path, name: str) -> None:
    values = {"suite": [str(tmp_path)], "snapshots": str(tmp_path)}
    target = {"target": Setting(value=RED, origin="")}
    assert own_options(arguments_of(target)) == [f"--target={RED}"]
    assert own_options(arguments_of({**target, name: Setting(value=values[name], origin="")})) is None


def test_a_rehearsal_leaves_no_thread_and_no_secret(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count(), known_secrets()
    own_suites.rehearse(str(tmp_path))
    assert (threading.active_count(), known_secrets()) == before
    assert (tmp_path / "report.html").exists()
    assert not "".join(capsys.readouterr())
