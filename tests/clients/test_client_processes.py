"""A foreign program ends with everything that it started, and its output is bounded."""

from __future__ import annotations

import os
import sys
import threading
import time

from messages_conformance.clients.processes import KEPT_BYTES, Program, run_program

CHILD = "import time; print('ready', __import__('os').getpid(), flush=True); time.sleep(600)"
PARENT = f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, "-S", "-c", {CHILD!r}], start_new_session=True)
time.sleep(600)
"""


def is_alive(number: int) -> bool:
    try:
        with open(f"/proc/{number}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_program_ends_with_children_in_sessions_of_their_own() -> None:
    lines: list[bytes] = []
    ready = threading.Event()

    def took(line: bytes) -> None:
        lines.append(line)
        ready.set()

    program = Program((sys.executable, "-S", "-c", PARENT), env=os.environ, on_line=took)
    try:
        assert ready.wait(60)
        child = int(lines[0].split()[1])
        assert is_alive(child)
    finally:
        ran = program.wait(0)
    assert ran.code is None
    while is_alive(child):  # the system needs a moment; the time limit of the test ends this loop
        time.sleep(0.01)


def test_megabytes_of_output_are_dropped() -> None:
    script = "import sys\nfor _ in range(64): sys.stdout.write('x' * 65536)"
    ran = run_program((sys.executable, "-S", "-c", script), env=os.environ, limit_s=60)
    assert (ran.code, len(ran.output), ran.size_bytes) == (0, KEPT_BYTES, 64 * 65536)


def test_lines_of_endless_length_are_not_passed_on() -> None:
    lines: list[bytes] = []
    script = "print('x' * 1_000_000); print('short')"
    program = Program((sys.executable, "-S", "-c", script), env=os.environ, on_line=lines.append)
    program.wait(60)
    assert lines == [b"short"]
