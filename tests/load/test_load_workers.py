"""`--workers` starts several processes of Locust; each judges its own answers and writes its own report."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from messages_conformance.reference import API_KEY, serve

WORKERS = 2


@pytest.mark.slow
@pytest.mark.timeout(150)
@pytest.mark.skipif(find_spec("locust") is None, reason="the extra load is not installed")
def test_each_worker_sends_requests_and_writes_its_report(tmp_path: Path) -> None:
    with serve() as server:
        command = [sys.executable, "-m", "messages_conformance", "load", server.base_url, "--users", "4"]
        command += ["--minutes", "0.05", "--kinds", "4", "--workers", str(WORKERS), "--report", str(tmp_path)]
        done = subprocess.run(
            command,
            env={**os.environ, "MESSAGES_API_KEY": API_KEY},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    reports = [json.loads(path.read_text("utf-8")) for path in sorted(tmp_path.rglob("report.json"))]
    assert len(reports) == WORKERS
    assert all(report["complete"] and report["spent"]["requests"] > 10 for report in reports)
