"""Runs that somebody ends early: what was judged until then is reported, whoever got the signal."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Outcome, ended, started, valid_report
from misbehaving import KEY, Menagerie

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals")

ENOUGH = 24
"""Requests after which a run is in its middle, of more than fifty."""


def interrupted(zoo: Menagerie, folder: Path, *, after: int, end: Callable[[int], None], where: str) -> Outcome:
    """A run against the slow endpoint that `end`, given its process id, ends after so many requests."""
    began_s = time.monotonic()
    arguments = ["run", zoo.url(where), "--profile", "anthropic-2023-06-01", "--report", str(folder)]
    process = started(*arguments, "--model", "reference-1", "--concurrency", "4", key=KEY)
    if after:
        zoo.wait_for(f"/{where}", after)
    end(process.pid)
    return ended(process, began_s=began_s, folder=folder)


def only_parent(number: int) -> Callable[[int], None]:
    return lambda pid: os.kill(pid, number)


def whole_group(number: int) -> Callable[[int], None]:
    return lambda pid: os.killpg(pid, number)


ENDS = {
    "ctrl-c": whole_group(signal.SIGINT),
    "int-to-the-command": only_parent(signal.SIGINT),
    "term-to-all": whole_group(signal.SIGTERM),
    "term-to-the-command": only_parent(signal.SIGTERM),
}


@pytest.mark.parametrize("end", ENDS)
def test_an_interrupted_run_reports_what_it_has_judged(zoo: Menagerie, tmp_path: Path, end: str) -> None:
    where = f"slow/{end}"
    outcome = interrupted(zoo, tmp_path, after=ENOUGH, end=ENDS[end], where=where)
    assert outcome.code == 2, outcome.all
    assert outcome.last.startswith("INCOMPLETE: the run was interrupted; "), outcome.all
    assert outcome.report["complete"] is False
    assert outcome.report["exit_code"] == 2
    assert outcome.report["statement"]["kind"] == "interrupted"
    assert outcome.report["counts"]["verified"] > 0
    assert zoo.counts[f"/{where}"] < ENOUGH + 12


def test_a_run_that_is_interrupted_while_it_waits_for_its_first_answer(zoo: Menagerie, tmp_path: Path) -> None:
    outcome = interrupted(zoo, tmp_path, after=1, end=whole_group(signal.SIGINT), where="silent/first")
    assert outcome.code == 2, outcome.all
    assert outcome.last.startswith("INCOMPLETE: the run was interrupted; 0 requirements verified"), outcome.all
    assert outcome.elapsed_s < 30


@pytest.mark.skipif(sys.platform != "linux", reason="sees in /proc when the run is about to start")
def test_a_run_that_is_interrupted_while_it_starts(zoo: Menagerie, tmp_path: Path) -> None:
    def soon(pid: int) -> None:
        children = Path(f"/proc/{pid}/task/{pid}/children")
        while not children.read_text().strip():
            time.sleep(0.001)
        os.killpg(pid, signal.SIGINT)

    outcome = interrupted(zoo, tmp_path, after=0, end=soon, where="silent/start")
    assert outcome.code == 2, outcome.all
    assert outcome.last.startswith("INCOMPLETE: the run was interrupted"), outcome.all
    assert zoo.counts["/silent/start"] == 0


def test_a_run_that_is_killed_leaves_a_report_that_says_so(zoo: Menagerie, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"complete": true}')
    process = started(
        *("run", zoo.url("slow/killed"), "--profile", "anthropic-2023-06-01", "--model", "reference-1"),
        *("--report", str(tmp_path), "--concurrency", "4"),
        key=KEY,
    )
    zoo.wait_for("/slow/killed", ENOUGH)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    document = valid_report(tmp_path)
    assert document["complete"] is False
    assert document["exit_code"] == 2
