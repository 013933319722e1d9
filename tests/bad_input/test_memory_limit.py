"""A target whose every answer is long, and a machine without memory: a verdict or one sentence, and what was judged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command_line import COMMAND, PEAK_MEMORY, environment, valid_report
from misbehaving import KEY, PATIENCE_S, Endpoints

resource = pytest.importorskip("resource", reason="limits the memory of a process")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits the address space")

MOST_BYTES = 500 * 1024 * 1024
"""What a run may hold against such a target."""


def judged(endpoints: Endpoints, folder: Path, limit_bytes: int) -> tuple[subprocess.CompletedProcess[str], int]:
    """A run against answers of ten megabytes under a limit of its address space, and the most that it held."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))

    endpoints.counts.clear()
    peak = folder / "peak"
    words = ["run", endpoints.url("swells"), "--model", "reference-1", "--profile", "anthropic-2023-06-01"]
    words += ["--depth", "smoke", "--report", str(folder / "report")]
    ran = subprocess.run(
        [sys.executable, "-S", str(PEAK_MEMORY), str(peak), *COMMAND, *words],
        env=environment(KEY),
        text=True,
        capture_output=True,
        preexec_fn=limit,
        timeout=PATIENCE_S,
        check=False,
    )
    return ran, int(peak.read_text())


@pytest.mark.slow
def test_answers_of_ten_megabytes_need_little_memory(endpoints: Endpoints, tmp_path: Path) -> None:
    ran, peak_bytes = judged(endpoints, tmp_path, 4 * MOST_BYTES)
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert peak_bytes < MOST_BYTES
    document = valid_report(tmp_path / "report")
    assert document["complete"]
    assert document["counts"]["verified"] > 50


@pytest.mark.proof  # how far a process comes with so little memory depends on the machine
def test_a_process_without_memory_ends_with_a_sentence(endpoints: Endpoints, tmp_path: Path) -> None:
    # Where it ends depends on the machine: with a verdict, in the middle of the run, or before its first request.
    for limit_mib in (150, 115):
        ran, _ = judged(endpoints, tmp_path, limit_mib * 1024 * 1024)
        assert ran.returncode in (1, 2)
        assert "CONFORM" in ran.stdout or "memory" in ran.stdout + ran.stderr or "allocate" in ran.stdout + ran.stderr
        if ran.returncode == 1:
            assert valid_report(tmp_path / "report")["exit_code"] == 1
