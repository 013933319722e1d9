"""A run that is ended by a signal reports what it has judged so far, whichever process gets the signal."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Outcome, ended, started, valid_report
from misbehaving import KEY, STALLS_AFTER, Endpoints

pytestmark = [pytest.mark.skipif(os.name != "posix", reason="needs POSIX signals"), pytest.mark.slow]

CONCURRENCY = 4


def interrupted(endpoints: Endpoints, folder: Path, *, after: int, end: Callable[[int], None], where: str) -> Outcome:
    """Starts a run and waits for so many requests; then `end`, which gets the process id, ends the run."""
    process = started(*options(endpoints.url(where), folder), key=KEY)
    if after:
        endpoints.wait_for(f"/{where}", after)
    end(process.pid)
    return ended(process, folder=folder)


def options(target: str, folder: Path) -> list[str]:
    """A run that waits for each answer longer than a test may take: only a signal ends it."""
    arguments = ["run", target, "--profile", "anthropic-2023-06-01", "--model", "reference-1", "--report", str(folder)]
    return [*arguments, "--concurrency", str(CONCURRENCY), "--timeout", "100000"]


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
def test_an_interrupted_run_reports_what_it_has_judged(endpoints: Endpoints, tmp_path: Path, end: str) -> None:
    where = f"stalls/{end}"
    outcome = interrupted(endpoints, tmp_path, after=STALLS_AFTER + 1, end=ENDS[end], where=where)
    assert outcome.code == 2, outcome.all
    assert outcome.last.startswith("INCOMPLETE: the run was interrupted; "), outcome.all
    assert outcome.report["complete"] is False
    assert outcome.report["exit_code"] == 2
    assert outcome.report["statement"]["kind"] == "interrupted"
    assert outcome.report["counts"]["verified"] > 0
    assert endpoints.counts[f"/{where}"] <= STALLS_AFTER + CONCURRENCY


TIMES = 10


@pytest.mark.parametrize("number", range(TIMES))
def test_two_signals_at_any_time_end_a_run_with_its_report(endpoints: Endpoints, tmp_path: Path, number: int) -> None:
    """A terminal sends the signal to both processes, and the parent passes it on: the child gets two within moments."""
    chance = random.Random(number)
    requests = chance.choice([1, STALLS_AFTER // 2, STALLS_AFTER, STALLS_AFTER + 1])
    pauses_s = chance.choice([0.0, 0.05, 0.3]), chance.choice([0.0, 0.0001, 0.001, 0.05])

    def end(pid: int) -> None:
        for pause_s in pauses_s:
            time.sleep(chance.random() * pause_s)
            os.killpg(pid, signal.SIGINT) if pause_s == pauses_s[0] else os.kill(pid, signal.SIGTERM)

    outcome = interrupted(endpoints, tmp_path, after=requests, end=end, where=f"stalls/two-{number}")
    assert outcome.code == 2, outcome.all
    assert outcome.last.startswith("INCOMPLETE: the run was interrupted; "), outcome.all
    assert outcome.report["statement"]["kind"] == "interrupted"
    assert "Traceback" not in outcome.all


def test_a_run_that_is_interrupted_while_it_waits_for_its_first_answer(endpoints: Endpoints, tmp_path: Path) -> None:
    outcome = interrupted(endpoints, tmp_path, after=1, end=whole_group(signal.SIGINT), where="silent/first")
    assert outcome.code == 2, outcome.all
    assert outcome.last.startswith("INCOMPLETE: the run was interrupted; 0 requirements verified"), outcome.all


@pytest.mark.skipif(sys.platform != "linux", reason="sees in /proc that the run starts")
def test_a_run_that_is_interrupted_while_it_starts(endpoints: Endpoints, tmp_path: Path) -> None:
    def soon(pid: int) -> None:
        children = Path(f"/proc/{pid}/task/{pid}/children")
        while not children.read_text().strip():
            time.sleep(0.001)
        os.killpg(pid, signal.SIGINT)

    outcome = interrupted(endpoints, tmp_path, after=0, end=soon, where="silent/start")
    assert outcome.code == 2, outcome.all
    assert outcome.last.startswith("INCOMPLETE: the run was interrupted"), outcome.all
    assert endpoints.counts["/silent/start"] == 0


def test_a_run_that_is_killed_leaves_a_report_that_says_so(endpoints: Endpoints, tmp_path: Path) -> None:
    (tmp_path / "report.json").write_text('{"complete": true}')
    process = started(*options(endpoints.url("stalls/killed"), tmp_path), key=KEY)
    endpoints.wait_for("/stalls/killed", STALLS_AFTER + 1)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    document = valid_report(tmp_path)
    assert document["complete"] is False
    assert document["exit_code"] == 2
