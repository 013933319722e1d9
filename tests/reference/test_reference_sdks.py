"""The official SDKs use the endpoint: the newest Python SDK, Python 0.75 and TypeScript, each in its own process.

Only the newest Python SDK is part of the development environment. The others are installed by their ordinary clients
into the folder that SDKS_UNDER_TEST names, or into a temporary folder. If an SDK cannot be installed, the test is
skipped with the reason; if the variable is set, as in CI, it fails.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from messages_conformance.reference import Server, serve

DRIVERS = Path(__file__).parent / "sdks"
CACHE_VARIABLE = "SDKS_UNDER_TEST"
OLD_PYTHON = "0.75.0"
TYPESCRIPT = "1.14.0"
INSTALL_TIMEOUT_S = 300
DRIVE_TIMEOUT_S = 240

PARIS = {"city": "Paris"}
NOTE = "The library opens at nine."
EXPECTED: dict[str, Any] = {
    "create": ["1, 2, 3, 4, 5", "end_turn", "assistant", "claude-opus-4-5", True],
    "limits": ["max_tokens", 5, "stop_sequence", "4", "1, 2, 3, "],
    "stream": ["é漢😀", "é漢😀", "end_turn", True],
    "raw_stream": ["message_start", "message_delta", "message_stop", True],
    "tools": ["tool_use", "get_weather", PARIS, "end_turn", "The tool returned: Sunny."],
    "tools_streamed": [["tool_use", "tool_use"], [PARIS, PARIS], "tool_use"],
    "forced": ["tool_use", "tool_use", "end_turn"],
    "runner": ["The tool returned: Sunny in Paris.", ["tool_use", "end_turn"]],
    "thinking": [["thinking", "text"], ["thinking", "text"], True],
    "structured": ["str", 36],
    "documents": [NOTE, NOTE, True],
    "count": True,
    "models": [True, True, "model"],
    "caching": [True, 0, 0, True],
    "errors": [
        ["AuthenticationError", 401, "authentication_error", True],
        ["NotFoundError", 404, "not_found_error", True],
        ["BadRequestError", 400, "invalid_request_error", True],
        ["BadRequestError", 400, "invalid_request_error", True],
        ["NotFoundError", 404, "not_found_error", True],
    ],
}
"""Scenario -> the result that every SDK must get from the answers."""

BUSY = {
    "occasionally_throttled": [429, "rate_limit_error"],
    "occasionally_overloaded": [529, "overloaded_error"],
}


class Sdks:
    """Runs a driver against a server. Installs a missing SDK once per session."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def drive(self, name: str, server: Server, *more: str) -> dict[str, Any]:
        command, environment = getattr(self, name)()
        words = [*command, server.base_url, server.api_key, *more]
        done = subprocess.run(
            words, env=os.environ | environment, capture_output=True, text=True, timeout=DRIVE_TIMEOUT_S, check=False
        )
        assert done.returncode == 0, done.stderr
        results: dict[str, Any] = json.loads(done.stdout)
        return results

    def python(self) -> tuple[list[str], dict[str, str]]:
        return [sys.executable, str(DRIVERS / "drive.py")], {}

    def python_0_75(self) -> tuple[list[str], dict[str, str]]:
        target = self.folder / f"anthropic-{OLD_PYTHON}-{sys.implementation.cache_tag}"
        pip = [sys.executable, "-m", "pip", "install", "-q", "--target", str(target), f"anthropic=={OLD_PYTHON}"]
        self.install(target / f"anthropic-{OLD_PYTHON}.dist-info", pip)
        return [sys.executable, str(DRIVERS / "drive.py")], {"PYTHONPATH": str(target)}

    def typescript(self) -> tuple[list[str], dict[str, str]]:
        node, npm = shutil.which("node"), shutil.which("npm")
        if node is None or npm is None:
            pytest.skip("the TypeScript SDK needs node and npm, and one of them is not installed")
        target = self.folder / f"sdk-{TYPESCRIPT}"
        package = f"@anthropic-ai/sdk@{TYPESCRIPT}"
        install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(target), package]
        self.install(target / "node_modules" / "@anthropic-ai" / "sdk" / "package.json", install)
        return [node, str(DRIVERS / "drive.mjs"), str(target)], {}

    def install(self, proof: Path, command: list[str]) -> None:
        """Runs an installer unless its package is there. Only one process at a time does this."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            installed(proof, command)


def installed(proof: Path, command: list[str]) -> None:
    """Runs an installer unless its package is there."""
    if proof.exists():
        return
    done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
    if done.returncode and CACHE_VARIABLE not in os.environ:
        pytest.skip(f"this SDK could not be installed: {done.stderr.strip()[-300:]}")
    assert done.returncode == 0, f"{' '.join(command[:4])} failed: {done.stderr[-2000:]}"
    assert proof.exists()


@pytest.fixture(scope="session")
def sdks(tmp_path_factory: pytest.TempPathFactory) -> Sdks:
    folder = os.environ.get(CACHE_VARIABLE)
    # A worker's own folder is in the folder that all workers of this session share.
    shared = tmp_path_factory.getbasetemp() / (".." if "PYTEST_XDIST_WORKER" in os.environ else "")
    return Sdks(Path(folder) if folder else shared.resolve() / "sdks")


# To install an SDK may take as long as the network takes.
pytestmark = pytest.mark.timeout(INSTALL_TIMEOUT_S + 2 * DRIVE_TIMEOUT_S)

VERSIONS = {"python": "2.", "python_0_75": OLD_PYTHON, "typescript": TYPESCRIPT}


@pytest.mark.parametrize("sdk", VERSIONS)
def test_an_sdk_gets_the_expected_answers(sdk: str, sdks: Sdks) -> None:
    with serve() as server:
        results = sdks.drive(sdk, server)
    assert results.pop("version").startswith(VERSIONS[sdk])
    assert results == EXPECTED


@pytest.mark.parametrize(
    ("sdk", "variant"),
    [
        ("python", "occasionally_throttled"),
        ("typescript", "occasionally_overloaded"),
        pytest.param("python_0_75", "occasionally_throttled", marks=pytest.mark.slow),
        pytest.param("python_0_75", "occasionally_overloaded", marks=pytest.mark.slow),
        pytest.param("python", "occasionally_overloaded", marks=pytest.mark.slow),
        pytest.param("typescript", "occasionally_throttled", marks=pytest.mark.slow),
    ],
)
def test_an_sdk_waits_for_a_busy_server(sdk: str, variant: str, sdks: Sdks) -> None:
    with serve(variant=variant) as server:
        results = sdks.drive(sdk, server, "patience")
    assert results["patience"] == [9, [BUSY[variant]]]
