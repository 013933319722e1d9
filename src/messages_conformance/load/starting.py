"""Starts Locust in a process of its own: gevent changes the standard library of the process that imports it."""

from __future__ import annotations

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

from messages_conformance.load.load_options import NOT_JUDGED, USAGE, VARIABLE, LoadOptions

MISSING: Final = "a load test needs Locust: pip install 'messages-conformance[load]'"

CODES: Final = (0, 1, NOT_JUDGED, USAGE)
"""The exit codes of a load test; Locust has others when it breaks."""

STOP_FACTOR: Final = 4
"""At the end, we wait for the users this many times the allowed silence (our own). Then they are stopped."""


class Started:
    """The running process of Locust. It gets one signal, on which it writes its report; later ones change nothing."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._ending = False

    def send_signal(self, number: int, /) -> None:
        """Asks it to end."""
        if not self._ending:
            self._ending = True
            self._process.terminate()

    def kill(self) -> None:
        """Ends it at once."""
        self._process.kill()


def missing_packages() -> str:
    """What to install for a load test; empty when everything is there."""
    return MISSING if importlib.util.find_spec("locust") is None else ""


def command(options: LoadOptions, *, users: int, spawn_rate: float, workers: int = 0) -> list[str]:
    """The words that start Locust without a web UI."""
    return [
        *(sys.executable, "-m", "locust", "--headless", "--locustfile", str(Path(__file__).parent / "locustfile.py")),
        *("--host", options.url, "--users", str(users), "--spawn-rate", f"{spawn_rate:g}"),
        *("--stop-timeout", f"{options.silence_s * STOP_FACTOR:g}", "--exit-code-on-error", "0"),
        *("--loglevel", "ERROR", "--only-summary"),
        *(("--processes", str(workers)) if workers > 1 else ()),
    ]


def start(
    options: LoadOptions,
    *,
    users: int,
    spawn_rate: float,
    workers: int = 0,
    quiet: bool = False,
    more: Sequence[str] = (),
    started: Callable[[Started], object] = lambda _: None,
) -> int:
    """Runs a load test; returns its exit code. `started` gets the process, to send it the signals of this one."""
    environment = {**os.environ, VARIABLE: options.to_json(), "MESSAGES_CONFORMANCE_LOAD_COMMAND": "1"}
    words = [*command(options, users=users, spawn_rate=spawn_rate, workers=workers), *more]
    # In a session of its own it gets no signal of a terminal, but only ours: Locust loses its report on the second one.
    process = subprocess.Popen(
        words, env=environment, stdout=subprocess.DEVNULL if quiet else None, start_new_session=True
    )
    running = Started(process)
    started(running)
    try:
        code = process.wait()
    except KeyboardInterrupt:
        running.send_signal(signal.SIGTERM)
        code = process.wait()
    return code if code in CODES else NOT_JUDGED
