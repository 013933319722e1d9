"""The CPU time of short commands, in seconds and as a ratio to the start of pytest: imports, plan, a smoke run.

The least of several runs counts, user and system time together. Modules are compiled before.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from typing import Final

REPETITIONS: Final = 5
SMOKE: Final = ("reference:", "--depth", "smoke")


def main() -> None:
    """Prints one row for each command."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        environment["PYTHONPYCACHEPREFIX"] = f"{folder}/compiled"
        ours = [sys.executable, "-m", "messages_conformance"]
        commands = {
            "pytest --version": [sys.executable, "-m", "pytest", "--version"],
            "messages-conformance --version": [*ours, "--version"],
            "plan, smoke": [*ours, "plan", *SMOKE],
            "run, smoke": [*ours, "run", *SMOKE, "--report", f"{folder}/report"],
        }
        least = {name: _least_s(command, environment) for name, command in commands.items()}
    pytest_s = least["pytest --version"][0]
    print("| command | CPU s | to pytest --version | wall s |\n|---|---|---|---|")
    for name, (cpu_s, wall_s) in least.items():
        print(f"| {name} | {cpu_s:.2f} | {cpu_s / pytest_s:.1f} | {wall_s:.2f} |")


def _least_s(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """The least CPU time and the least wall time of a command and its processes."""
    spent = []
    for _ in range(REPETITIONS + 1):  # the first one compiles
        before, began_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
        after, wall_s = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic() - began_s
        spent.append((after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s))
    return min(cpu_s for cpu_s, _ in spent), min(wall_s for _, wall_s in spent)


if __name__ == "__main__":
    main()
