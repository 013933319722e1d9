"""CPU per request of our user of Locust, compared with a bare one of Locust that judges nothing.

pip install 'messages-conformance[load]'; python benchmarks/load_against_locust.py
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from messages_conformance.reference import API_KEY

USERS: Final = 32
PORT: Final = 8799


def cpu_ms(peer: str, folder: Path) -> float:
    """CPU milliseconds per request of one user class."""
    result = folder / f"{peer}.json"
    words = [sys.executable, "-m", "locust", "--headless", "-f", str(Path(__file__).parent / "locust_peers.py")]
    words += ["--host", f"http://127.0.0.1:{PORT}", "--users", str(USERS), "--spawn-rate", str(USERS)]
    environment = {**os.environ, "PEER": peer, "RESULT": str(result), "MESSAGES_API_KEY": API_KEY}
    subprocess.run([*words, "--loglevel", "ERROR", "--only-summary"], env=environment, check=False, timeout=180)
    measured = json.loads(result.read_text("utf-8"))
    return float(measured["cpu_s"] / measured["requests"] * 1000)


def main() -> None:
    """Prints both, and their ratio."""
    server = subprocess.Popen(
        [sys.executable, "-m", "messages_conformance", "serve", "--port", str(PORT)], stdout=subprocess.PIPE
    )
    try:
        assert server.stdout is not None
        server.stdout.readline()
        with tempfile.TemporaryDirectory() as folder:
            bare, judged = (cpu_ms(peer, Path(folder)) for peer in ("bare", "judged"))
        print(f"bare {bare:.2f} ms, judged {judged:.2f} ms of CPU per request: ratio {judged / bare:.2f}")
    finally:
        server.terminate()
        server.wait()


if __name__ == "__main__":
    main()
