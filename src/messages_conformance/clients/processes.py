"""Runs a foreign program with limits: its time, the output that is kept, and all processes that it leaves behind.

The program gets a session of its own and a mark in its environment. At its end, the processes of the session and, on
Linux, all processes with the mark are killed, also those that made another session.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from messages_conformance.parent_process import end_with_parent

MARK: Final = "CLIENT_RUN_OF_MESSAGES_CONFORMANCE"
"""The environment variable that marks every process of a program, also of a program inside another one."""

KEPT_BYTES: Final = 256 * 1024
"""At most this many bytes of the output are kept (our own); the rest is read and dropped, so that the program never
waits."""

LINE_BYTES: Final = 64 * 1024
"""The longest line that is passed on (our own): a result of a driver has less than a tenth of it."""

READ_BYTES: Final = 64 * 1024
READER_S: Final = 5.0
"""Longest wait for the reader of an output whose processes are all killed (our own)."""


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a program ended. `code` is None when it was killed at its time limit; `output` is its beginning."""

    code: int | None
    output: bytes
    size_bytes: int

    @property
    def text(self) -> str:
        """The output as text; bytes that are not UTF-8 are replaced."""
        return self.output.decode("utf-8", "replace")


class Program:
    """A running program. In another thread, `on_line` gets each whole line of its output, and `on_end` is called at the
    end of the output."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        on_line: Callable[[bytes], None] | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._nonce = secrets.token_hex(16)
        self._process = subprocess.Popen(
            list(command),
            env={**env, MARK: os.environ.get(MARK, "") + self._nonce},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=end_with_parent if os.name == "posix" else None,  # with its thread, which waits for it
        )
        self._kept = bytearray()
        self._size_bytes = 0
        self._on_line = on_line
        self._on_end = on_end
        self._reader = threading.Thread(target=self._read, name="client-output", daemon=True)
        self._reader.start()

    @property
    def last_words(self) -> str:
        """The last line of the kept output that names an error, else the last one that is not empty."""
        lines = [line.strip() for line in bytes(self._kept).decode("utf-8", "replace").splitlines() if line.strip()]
        errors = [line for line in lines if "Error" in line]
        return (errors or lines or [""])[-1]

    def wait(self, limit_s: float) -> Ran:
        """Waits for the end, at most `limit_s`; then no process of the program is left."""
        code: int | None = None
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(limit_s)
        finally:
            self.kill()
        return Ran(code=code, output=bytes(self._kept), size_bytes=self._size_bytes)

    def kill(self) -> None:
        """Ends every process of the program; harmless when they have ended."""
        self._end_processes()
        self._process.wait()
        self._end_processes()  # those that were born in the meantime
        self._reader.join(READER_S)

    def _end_processes(self) -> None:
        if os.name != "posix":
            self._process.kill()
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        for number in _marked(self._nonce.encode()):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(number, signal.SIGKILL)

    def _read(self) -> None:
        assert self._process.stdout is not None
        stream: IO[bytes] = self._process.stdout
        line = bytearray()
        while data := os.read(stream.fileno(), READ_BYTES):
            self._size_bytes += len(data)
            self._kept += data[: max(0, KEPT_BYTES - len(self._kept))]
            if self._on_line is not None:
                line = self._passed_on(line + data)
        stream.close()
        self._on_end()

    def _passed_on(self, data: bytearray) -> bytearray:
        """Passes whole lines on; returns the beginning of the next line."""
        assert self._on_line is not None
        *lines, rest = data.split(b"\n")
        for line in lines:
            if len(line) <= LINE_BYTES:
                self._on_line(bytes(line))
        return rest[: LINE_BYTES + 1]


def run_program(command: Sequence[str], *, env: Mapping[str, str], limit_s: float, cwd: Path | None = None) -> Ran:
    """Runs a program to its end, or kills it at the limit. Raises OSError when it cannot be started."""
    program = Program(command, env=env, cwd=cwd)
    return program.wait(limit_s)


def _marked(nonce: bytes) -> Iterator[int]:
    """The processes with the nonce in their mark; none on systems without /proc."""
    name = f"{MARK}=".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            environment = (folder / "environ").read_bytes()
        except OSError:
            continue
        if any(nonce in entry for entry in environment.split(b"\0") if entry.startswith(name)):
            yield int(folder.name)
