"""A real gateway, installed from the package index and judged as docs/judge-a-gateway.md shows it for CI.

LiteLLM is installed into the folder that GATEWAYS_UNDER_TEST names, or into a temporary folder. If it cannot be
installed, the test is skipped with the reason.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import COMMAND

CACHE_VARIABLE = "GATEWAYS_UNDER_TEST"
VERSION = "1.106.2"
INSTALL_TIMEOUT_S = 900
START_TIMEOUT_S = 240
RUN_TIMEOUT_S = 600
DOCS = Path(__file__).parents[2] / "docs" / "judge-a-gateway.md"
QUIET = {
    "LITELLM_TELEMETRY": "False",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "NO_DOCS": "True",
    "DISABLE_ADMIN_UI": "True",
}
"""LiteLLM's own switches against requests to the internet."""

KNOWN = {
    "gateway.answer.arguments",
    "gateway.answer.delivered",
    "gateway.answer.form",
    "gateway.answer.stop-reason",
    "gateway.answer.text",
    "gateway.error.cut",
    "gateway.error.hidden",
    "gateway.error.retry-after",
    "gateway.request.texts",
    "gateway.request.tool-schemas",
}
"""What this version does wrong when it translates to chat completions; each was compared with the records by hand."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


@pytest.fixture(scope="module")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = Path(os.environ.get(CACHE_VARIABLE) or tmp_path_factory.mktemp("gateways")) / f"litellm-{VERSION}"
    program = folder / "bin" / "litellm"
    if program.exists():
        return program
    for command in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(folder / "bin" / "pip"), "install", "-q", f"litellm[proxy]=={VERSION}"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
        if done.returncode:
            pytest.skip(f"LiteLLM cannot be installed: {done.stderr.strip()[-300:]}")
    return program


@pytest.fixture
def ports() -> tuple[int, int]:
    return free_port(), free_port()


@pytest.fixture
def litellm(executable: Path, ports: tuple[int, int], tmp_path: Path) -> Iterator[str]:
    """The address of LiteLLM with the configuration of the documentation, with other ports."""
    own, upstream = ports
    (config,) = re.findall(r"```yaml\n(model_list:.*?)```", DOCS.read_text("utf-8"), re.DOTALL)
    file = tmp_path / "config.yaml"
    file.write_text(config.replace("8789", str(upstream)), "utf-8")
    words = [str(executable), "--config", str(file), "--host", "127.0.0.1", "--port", str(own)]
    with (tmp_path / "log.txt").open("w") as log:
        process = subprocess.Popen(words, env=os.environ | QUIET, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until_it_answers(f"http://127.0.0.1:{own}/health/liveliness", process)
        yield f"http://127.0.0.1:{own}"
    finally:
        process.terminate()
        process.wait(60)


def wait_until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline_s and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5):
                return
        except OSError:
            time.sleep(0.5)
    pytest.fail("LiteLLM does not answer")


@pytest.mark.proof
@pytest.mark.timeout(INSTALL_TIMEOUT_S + START_TIMEOUT_S + RUN_TIMEOUT_S)
def test_the_known_faults_of_litellm_are_found_and_nothing_else(
    litellm: str, ports: tuple[int, int], tmp_path: Path
) -> None:
    words = ["gateway", litellm, "--upstream-port", str(ports[1]), "--speaks", "openai-chat"]
    words += ["--model", "chat", "--key", "sk-test", "--report", str(tmp_path / "report")]
    done = subprocess.run(
        [*COMMAND, *words], capture_output=True, text=True, timeout=RUN_TIMEOUT_S, check=False, cwd=tmp_path
    )
    assert done.returncode == 1, done.stdout + done.stderr
    document = json.loads((tmp_path / "report" / "report.json").read_text("utf-8"))
    assert {row["id"] for row in document["requirements"] if row["verdict"] == "fail"} == KNOWN
    assert [row["id"] for row in document["requirements"] if row["verdict"] == "error"] == []
