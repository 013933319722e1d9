"""Full disks, closed outputs and two runs into one folder give one clear message, and no verdict is lost."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import COMMAND, Outcome, ended, environment, started, valid_report
from misbehaving import KEY, PATIENCE_S, Endpoints

pytestmark = pytest.mark.slow

resource = pytest.importorskip("resource", reason="limits the size of files, which has the effect of a full disk")

MEMORY = "reference:transport=memory"


@pytest.fixture(scope="module", autouse=True)
def _compiled(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compiles all that a run imports: modules that a limited run writes are cut and break later runs."""
    once = [*COMMAND, "run", MEMORY, "--depth", "smoke", "--report", str(tmp_path_factory.mktemp("once"))]
    subprocess.run(once, env=environment(), capture_output=True, check=True)


def limited(size_bytes: int, *arguments: str, **streams: object) -> subprocess.CompletedProcess[str]:
    """Runs the command with a limit on the size of every file."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, size_bytes))

    unwritten = environment(PYTHONDONTWRITEBYTECODE="1")
    common = {"env": unwritten, "text": True, "preexec_fn": limit, "timeout": PATIENCE_S, "check": False}
    return subprocess.run([*COMMAND, *arguments], **{"capture_output": True, **common, **streams})  # type: ignore[call-overload]


@pytest.mark.parametrize(("target", "code"), [(MEMORY, 2), ("reference:drop_message_stop,transport=memory", 1)])
def test_a_disk_that_fills_up_loses_the_report_and_no_verdict(tmp_path: Path, target: str, code: int) -> None:
    ran = limited(20_000, "run", target, "--depth", "smoke", "--report", str(tmp_path))
    last = [line for line in ran.stdout.splitlines() if not line.startswith("report: ")][-1]
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert "the report is not whole" in last
    assert "could not be written: File too large; free space" in last
    assert ran.stdout.count("could not be written") <= 2  # the verdict is the first line and the last one
    assert re.search(r"\d+ passed|of \d+ verified|verified without", ran.stdout)
    assert "Traceback" not in ran.stdout + ran.stderr


def test_a_disk_that_fills_up_late_leaves_the_last_report_that_was_right(tmp_path: Path) -> None:
    # The first report, of a run that goes on, fits on the disk; the last one does not.
    whole = limited(10**9, "run", MEMORY, "--depth", "smoke", "--report", str(tmp_path / "whole"))
    assert whole.returncode == 0, whole.stdout
    size = (tmp_path / "whole" / "report.json").stat().st_size
    limited(size - 1_000, "run", MEMORY, "--depth", "smoke", "--report", str(tmp_path / "late"))
    document = valid_report(tmp_path / "late")
    assert document["complete"] is False
    assert document["exit_code"] == 2


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs a device that is always full")
def test_an_output_that_cannot_be_written_changes_neither_report_nor_exit_code(tmp_path: Path) -> None:
    with open("/dev/full", "w") as full:
        ran = limited(
            10**9,
            *("run", "reference:drop_message_stop,transport=memory", "--depth", "smoke", "--report", str(tmp_path)),
            capture_output=False,
            stdout=full,
            stderr=subprocess.PIPE,
        )
        listed = limited(10**9, "list", capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert valid_report(tmp_path)["exit_code"] == 1
    assert listed.returncode == 2
    assert listed.stderr.startswith("ERROR: the output cannot be written: No space left on device")


def test_a_closed_pipe_changes_nothing() -> None:
    arguments = [*COMMAND, "run", "reference:drop_message_stop,transport=memory", "--depth", "smoke"]
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, env=environment(), stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(PATIENCE_S) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="needs locks of POSIX")
def test_a_second_run_into_the_same_folder_is_refused_and_the_first_goes_on(
    endpoints: Endpoints, tmp_path: Path, judge: Callable[..., Outcome]
) -> None:
    folder = tmp_path / "report"
    arguments = ["run", endpoints.url("silent/folder"), "--model", "reference-1", "--report", str(folder)]
    first = started(*arguments, key=KEY)
    endpoints.wait_for("/silent/folder", 1)
    second = judge(endpoints.url("correct/second"), key=KEY)  # into the same folder
    assert second.code == 4
    assert "another run is writing its report to" in second.error
    assert "name another folder" in second.error
    assert endpoints.counts["/correct/second"] == 0
    os.killpg(first.pid, signal.SIGINT)
    assert ended(first, folder=folder).last.startswith("INCOMPLETE: the run was interrupted")
    assert valid_report(folder)["run"]["target"].endswith("silent/folder")
    assert judge(endpoints.url("correct/third"), "--depth", "smoke", key=KEY).code == 0  # after the first has ended
