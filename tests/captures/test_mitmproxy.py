"""A HAR that mitmproxy makes of the traffic of the official SDK is judged like the traffic itself."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_real_recorders import ASK, BROKEN, FAULT

from messages_conformance.cli import main
from messages_conformance.reference import API_KEY, Server, serve

INSTALL_TIMEOUT_S = 300
PATIENCE_S = 60
PACKAGE = "mitmproxy"

pytestmark = [pytest.mark.proof, pytest.mark.timeout(INSTALL_TIMEOUT_S + 4 * PATIENCE_S)]

CLIENT = f"""
import sys, anthropic
client = anthropic.Anthropic(api_key={API_KEY!r}, base_url=sys.argv[1], max_retries=0)
ask = {ASK!r}
client.messages.create(**ask)
with client.messages.stream(**ask) as stream:
    for _ in stream:
        pass
"""


@pytest.fixture(scope="module")
def mitmdump(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The installed program: the newest one that this Python can run."""
    named = os.environ.get("SDKS_UNDER_TEST")
    folder = (Path(named) if named else tmp_path_factory.mktemp("mitmproxy")) / "mitmproxy"
    program = folder / "bin" / "mitmdump"
    if not program.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, timeout=PATIENCE_S)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "-q", PACKAGE]
        done = subprocess.run(pip, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False)
        if done.returncode and named is None:
            pytest.skip(f"mitmproxy could not be installed: {done.stderr.strip()[-300:]}")
        assert done.returncode == 0, done.stderr[-2000:]
    return program


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def recorded(program: Path, server: Server, folder: Path) -> Path:
    """The HAR of two requests of the SDK, whole and streamed, that pass through mitmproxy."""
    path = folder / "flows.har"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [str(program), "-q", "--mode", f"reverse:{server.base_url}", "--listen-host", "127.0.0.1"]
    words += ["--listen-port", str(port), "--set", f"hardump={path}", "--set", f"confdir={folder}"]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + PATIENCE_S
        while not listens(port):
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        client = [sys.executable, "-c", CLIENT, f"http://127.0.0.1:{port}"]
        subprocess.run(client, check=True, timeout=PATIENCE_S)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=PATIENCE_S)
    return path


@pytest.mark.parametrize(("fault", "failed"), [(None, []), (FAULT, [BROKEN])])
def test_a_har_of_mitmproxy_is_judged(
    fault: str | None, failed: list[str], mitmdump: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serve(fault=fault) as server:
        path = recorded(mitmdump, server, tmp_path)
    code = main(["check", str(path)])
    said = capsys.readouterr().out
    assert code == (1 if failed else 0), said
    assert "2 exchanges in 1 file" in said
    assert re.findall(r"^(\S+)  MUST$", said, re.MULTILINE) == failed
