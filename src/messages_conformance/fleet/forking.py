"""Cells as forks of one process that has made a run before: it has imported, compiled and cached what each run needs.

Each cell is still a process of its own, so the state of one run never reaches another, and a crash ends one cell. This
process must have one thread: a fork copies only the thread that forks. Elsewhere than on Linux each cell is started
as a new process, because system libraries of other systems do not survive a fork.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import signal
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import IO, Final, NoReturn

import messages_conformance
from messages_conformance.masking import secrets_restored
from messages_conformance.suite_process import NOT_JUDGED, Parent

NEEDED: Final = (
    *("contract", "engine", "exchange", "gate", "generate", "masking", "reference", "report", "rules", "run"),
    *("session", "shapes", "stream", "suite_process", "targets"),
)
"""The packages that every run imports."""

ALSO_NEEDED: Final = ("pytest", "hypothesis", "hypothesis.strategies", "httpx", "httpcore", "asyncio", "rich.console")


def can_fork() -> bool:
    """Whether cells can be forks of this process."""
    return sys.platform == "linux" and threading.active_count() == 1


def prepare() -> None:
    """Imports what every run needs, and makes a run in memory, so that all forks have its caches."""
    for name in ALSO_NEEDED:
        importlib.import_module(name)
    for package in NEEDED:
        found = importlib.import_module(f"{messages_conformance.__name__}.{package}")
        for module in pkgutil.walk_packages(getattr(found, "__path__", ()), f"{found.__name__}."):
            if not module.name.endswith(".__main__"):
                importlib.import_module(module.name)
    _rehearse()
    # Objects that exist now are never garbage: the collections of the forks do not have to visit, and copy, them.
    gc.collect()
    gc.freeze()


def _rehearse() -> None:
    """Makes one short run in memory. It is only about time: an error shows again, and is reported, in the cells."""
    from messages_conformance.suite_process.own_suites import rehearse

    with secrets_restored(), tempfile.TemporaryDirectory() as folder, contextlib.suppress(Exception):
        rehearse(folder)


class ForkedProcess:
    """A process with the interface of `subprocess.Popen` that this program uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while the process runs."""
        return self._collect(os.WNOHANG)

    def wait(self) -> int:
        """The same, at the end of the process."""
        code = self._collect(0)
        assert code is not None
        return code

    def _collect(self, options: int) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, options)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sends a signal, unless the process has ended."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends the process at once."""
        self.send_signal(signal.SIGKILL)


def fork(
    parent: Parent, arguments: Sequence[str], environment: Mapping[str, str], output: IO[bytes], kept: Sequence[int]
) -> ForkedProcess:
    """Forks a process that runs the suites with these arguments. `kept` are the descriptors that it keeps."""
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if not pid:
        _run(parent, arguments, environment, output.fileno(), kept)
    return ForkedProcess(pid)


def _run(
    parent: Parent, arguments: Sequence[str], environment: Mapping[str, str], output: int, kept: Sequence[int]
) -> NoReturn:
    """The life of the fork. Nothing of the parent's may run in it, so it ends without cleaning up."""
    code = NOT_JUDGED
    try:
        _take_over(environment, output, kept)
        from messages_conformance.suite_process.__main__ import main

        code = main([json.dumps(asdict(parent)), *arguments])
    finally:
        os._exit(code)


def _take_over(environment: Mapping[str, str], output: int, kept: Sequence[int]) -> None:
    """Makes the copy of the parent a process like a new one: its signals, descriptors and environment."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    os.dup2(output, 1)
    os.dup2(output, 2)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    _close_all_but({0, 1, 2, *kept})
    os.environ.clear()
    os.environ.update(environment)
    # The signals were blocked while the fork was made, so that none is lost before pytest handles them.
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _close_all_but(kept: set[int]) -> None:
    """Closes the descriptors of the parent: the life of another cell must not depend on this one."""
    for number in map(int, os.listdir("/proc/self/fd")):
        if number not in kept:
            with contextlib.suppress(OSError):
                os.close(number)
