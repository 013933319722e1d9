"""Starts Locust in a process of its own: gevent changes the standard library of the process that imports it."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from messages_conformance.load.load_options import VARIABLE, LoadOptions

MISSING: Final = "a load test needs Locust: pip install 'messages-conformance[load]'"

STOP_FACTOR: Final = 4
"""At the end, users are waited for so many times the allowed silence (our own); then they are stopped."""


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
) -> int:
    """Runs a load test; returns its exit code."""
    environment = {**os.environ, VARIABLE: options.to_json(), "MESSAGES_CONFORMANCE_LOAD_COMMAND": "1"}
    words = [*command(options, users=users, spawn_rate=spawn_rate, workers=workers), *more]
    process = subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL if quiet else None)
    try:
        return process.wait()
    except KeyboardInterrupt:
        return process.wait()
