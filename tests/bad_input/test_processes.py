"""The process of a run ends when its parent ends, in whatever way, and sends nothing more."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import COMMAND, ended, environment, run, started, valid_report
from misbehaving import KEY, PATIENCE_S, STALLS_AFTER, Endpoints

pytestmark = [pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc"), pytest.mark.slow]

MEMORY = "reference:,transport=memory"
SMOKE = ("--depth", "smoke", "--only", "stream.order")


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for_end(pid: int) -> None:
    """Returns when the process is gone; a zombie that nobody waits for counts as gone."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    raise AssertionError(f"process {pid} still runs")


def stalled(endpoints: Endpoints, where: str, folder: Path, *more: str) -> subprocess.Popen[str]:
    """A run in the middle of its requests: the target does not answer the others."""
    target = ("run", endpoints.url(where), "--model", "reference-1", "--profile", "anthropic-2023-06-01")
    process = started(*target, "--report", str(folder), "--concurrency", "4", "--timeout", "100000", *more, key=KEY)
    endpoints.wait_for(f"/{where}", STALLS_AFTER + 1)
    return process


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_the_child_of_a_killed_command_ends_and_reports_what_was_judged(
    endpoints: Endpoints, tmp_path: Path, number: signal.Signals
) -> None:
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("this signal is ignored here, as under nohup")
    where = f"stalls/{number.name}"
    process = stalled(endpoints, where, tmp_path)
    [child] = children_of(process.pid)
    os.kill(process.pid, number)
    wait_for_end(child)
    process.communicate(timeout=PATIENCE_S)
    sent = endpoints.counts[f"/{where}"]
    document = valid_report(tmp_path)
    assert document["statement"]["kind"] == "interrupted"
    assert document["exit_code"] == 2
    assert document["counts"]["verified"] > 0
    assert process.returncode == (-signal.SIGKILL if number == signal.SIGKILL else 2)
    assert endpoints.counts[f"/{where}"] == sent


def test_an_endless_test_ends_with_its_parent(tmp_path: Path) -> None:
    (tmp_path / "test_endless.py").write_text("import time\ndef test_x():\n    while True: time.sleep(0.01)\n")
    process = started("run", MEMORY, *SMOKE, "--suite", str(tmp_path / "test_endless.py"))
    assert process.stdout is not None
    while "5 of 5" not in process.stdout.readline():
        pass
    [child] = children_of(process.pid)
    os.kill(process.pid, signal.SIGKILL)
    wait_for_end(child)
    process.communicate(timeout=PATIENCE_S)


def test_an_ignored_hangup_stays_ignored(endpoints: Endpoints, tmp_path: Path) -> None:
    where = "stalls/nohup"
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does, for all processes that start now
    try:
        process = stalled(endpoints, where, tmp_path)
    finally:
        signal.signal(signal.SIGHUP, before)
    [child] = children_of(process.pid)
    os.killpg(process.pid, signal.SIGHUP)
    time.sleep(0.2)
    assert child in children_of(process.pid)
    os.killpg(process.pid, signal.SIGTERM)
    assert ended(process, folder=tmp_path).code == 2


def test_all_children_of_a_killed_command_end(endpoints: Endpoints, tmp_path: Path) -> None:
    urls = {name: endpoints.url(f"stalls/fleet-{name}") for name in ("one", "two")}
    text = "".join(f'[targets.{name}]\ntarget = "{url}"\n' for name, url in urls.items())
    (tmp_path / "messages-conformance.toml").write_text(f'model = "reference-1"\ntimeout = 1000\n{text}')
    process = started("run", "--all", "--jobs", "2", key=KEY, cwd=tmp_path)
    for name in urls:
        endpoints.wait_for(f"/stalls/fleet-{name}", STALLS_AFTER + 1)
    found = children_of(process.pid)
    assert len(found) == 2
    os.kill(process.pid, signal.SIGKILL)
    for child in found:
        wait_for_end(child)
    process.communicate(timeout=PATIENCE_S)


def test_an_interrupted_fleet_says_what_was_not_run(endpoints: Endpoints, tmp_path: Path) -> None:
    targets = {"done": MEMORY, "stalls": endpoints.url("stalls/interrupted"), "never": endpoints.url("stalls/never")}
    text = "".join(f'[targets.{name}]\ntarget = "{target}"\n' for name, target in targets.items())
    text = text.replace(MEMORY, f'{MEMORY}"\ndepth = "smoke')
    (tmp_path / "messages-conformance.toml").write_text(f'model = "reference-1"\ntimeout = 1000\n{text}')
    process = started("run", "--all", "--jobs", "1", "--report", "out", key=KEY, cwd=tmp_path)
    endpoints.wait_for("/stalls/interrupted", STALLS_AFTER + 1)
    process.send_signal(signal.SIGINT)
    assert ended(process, folder=tmp_path).code == 2
    fleet = json.loads((tmp_path / "out" / "fleet.json").read_text())
    outcomes = {cell["id"]: (cell["outcome"], bool(cell["report"])) for cell in fleet["cells"]}
    assert outcomes == {
        "done": ("passes", True),
        "stalls": ("not-judged", True),
        "never": ("not-judged", False),
    }
    assert not fleet["complete"]


CLOSED = {"stdin": "<&-", "stdout": ">&-", "stderr": "2>&-", "all": "<&- >&- 2>&-", "head": "| head -1"}


@pytest.mark.parametrize("how", CLOSED)
@pytest.mark.parametrize(("target", "code"), [(MEMORY, 0), ("reference:drop_message_stop,transport=memory", 1)])
def test_a_closed_stream_changes_no_exit_code(tmp_path: Path, how: str, target: str, code: int) -> None:
    command = " ".join([*COMMAND, "run", target, *SMOKE, "--report", str(tmp_path / "report")])
    shell = f"set +o pipefail; {command} {CLOSED[how]}; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", shell], env=environment(), capture_output=True, timeout=PATIENCE_S, check=False)
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert b"Traceback" not in ran.stdout + ran.stderr
    assert valid_report(tmp_path / "report")["exit_code"] == code
    lines = (tmp_path / "report" / "exchanges.jsonl").read_text().splitlines()
    assert all(line.startswith('{"number"') for line in lines)


def test_wrong_usage_is_wrong_usage_when_nobody_reads_the_message() -> None:
    for command in ("run reference:x", "report nowhere", "run --nonsense"):
        shell = f"{' '.join(COMMAND)} {command} 2>&-; exit $?"
        ran = subprocess.run(["bash", "-c", shell], env=environment(), capture_output=True, check=False)
        assert ran.returncode == 4


def test_an_internal_error_of_a_command_is_exit_code_two(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import messages_conformance.rules.requirement_list as page\n"
        "def broken():\n    raise ZeroDivisionError('it broke')\n"
        "page.listed = broken\n"
    )
    path = f"{tmp_path}{os.pathsep}{environment()['PYTHONPATH']}"
    outcome = ended(started("list", PYTHONPATH=path))
    assert outcome.code == 2
    assert "internal error: ZeroDivisionError: it broke, at sitecustomize.py:3" in outcome.error
    assert run("list").code == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
@pytest.mark.parametrize("command", ["proxy", "judge-client"])
def test_no_command_of_the_user_outlives_ours(tmp_path: Path, command: str, number: signal.Signals) -> None:
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("this signal is ignored here, as under nohup")
    words = {
        "proxy": ["--upstream", "http://127.0.0.1:9", "--port", "0", "--report", str(tmp_path / "report")],
        "judge-client": ["--fault", "drop_message_stop"],
    }[command]
    mark = tmp_path / "pid"
    script = f"echo $$ > {mark}; exec sleep 1000"
    process = started(command, *words, "--", "sh", "-c", script)
    end = time.monotonic() + PATIENCE_S
    while not (mark.exists() and mark.read_text().strip()) and time.monotonic() < end:
        time.sleep(0.05)
    child = int(mark.read_text())
    os.kill(process.pid, number)
    wait_for_end(child)
    out, err = process.communicate(timeout=PATIENCE_S)
    assert "Traceback" not in out + err
    assert process.returncode not in (0, 1, 4)
    if command == "proxy" and number != signal.SIGKILL:
        assert valid_report(tmp_path / "report")["statement"]["kind"] == "nothing-asked"
