"""Runs pytest with the suites: a verdict for the parent, an end when it is gone.

    python -m messages_conformance.suite_process JSON ARGUMENT...

JSON is a `Parent`. The verdict goes through a pipe, with the parent's nonce. An exit code alone proves nothing, because
a test can end this process with `os._exit(0)`. The parent has the other end of a second pipe. When the parent ends,
even by SIGKILL, reading this pipe ends. Then this process ends like an interrupted run.
"""

from __future__ import annotations

import contextlib
import gc
import inspect
import json
import os
import signal
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Final

import pytest

from messages_conformance.garbage import search_rarely
from messages_conformance.internal_errors import report_internal_error
from messages_conformance.parent_process import end_with_parent
from messages_conformance.suite_process import NOT_JUDGED, WRONG_USAGE, Parent, own_options
from messages_conformance.suite_process.output import mask_output

GRACE_S: Final = 10.0
"""How long a run may take to write its report after its parent has ended (our own choice: a report takes a second).
Threads of a test may also continue for this time after the verdict."""


class _Watched:
    """A plugin that requires tests in each suite of the user, and keeps the exit code of the run for its parent."""

    def __init__(self) -> None:
        self.code: int | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        """Refuses a suite without tests and rules: as a gate it would always be open. No option left out a test yet."""
        if session.testsfailed:
            return
        files = {item.path for item in items} | _files_of_rules()
        folders = {parent for file in files for parent in (file, *file.parents)}
        for path in map(Path, session.config.args):
            if path.resolve() not in folders and path.absolute() not in folders:
                raise pytest.UsageError(
                    f"--suite: {str(path)!r} has no tests and no rules; a test is a function test_... in test_*.py"
                )

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Collects garbage from now on, without what was imported: to search that takes a tenth of a short run."""
        search_rarely()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Keeps the exit code of a run or of a plan that has finished."""
        # Imported here, after pytest has loaded it as a plugin.
        from messages_conformance.plugin import VERDICT

        self.code = config.stash.get(VERDICT, None)


def _files_of_rules() -> set[Path]:
    """The files that define a rule: those of a user may have no tests, because their rules judge every exchange."""
    from messages_conformance.rules import CATALOGUE

    codes = (getattr(inspect.unwrap(row.judge), "__code__", None) for row in CATALOGUE.values())
    return {Path(name).resolve() for name in {code.co_filename for code in codes if code is not None}}


def main(arguments: list[str]) -> int:
    """Runs pytest with the arguments after the first; returns 0, 1, 2 or 4, never another code of pytest."""
    parent = Parent(**json.loads(arguments[0]))
    for pipe in filter(None, (parent.verdict_pipe, parent.life_pipe)):
        os.set_inheritable(pipe, False)
    if own_options(arguments[1:]) is None:
        mask_output(arguments[1:])
    _end_with(parent)
    watched = _Watched()
    gc.disable()  # until everything is imported, of which nothing is garbage
    try:
        if (options := own_options(arguments[1:])) is not None:
            from messages_conformance.suite_process.own_suites import judge

            watched.code = judge(options)
        ended = 0 if options is not None else int(pytest.main(arguments[1:], plugins=[watched]))
    except SystemExit as error:  # of a conftest.py, which pytest imports before anything else
        ended = pytest.ExitCode.USAGE_ERROR
        frame = traceback.extract_tb(error.__traceback__)[-1]
        print(f"ERROR: --suite: {frame.filename}:{frame.lineno}: SystemExit; nothing was sent", file=sys.stderr)
    except BaseException as error:  # our own, and none of pytest's: nothing may end as exit code 1
        ended = pytest.ExitCode.INTERNAL_ERROR
        report_internal_error(error)
    _ignore_signals()
    code = _code(ended, watched.code)
    _write(parent, code)
    _flush()
    # A thread that a test started may never end. It must not keep the process.
    with contextlib.suppress(RuntimeError):  # there is no memory for a thread
        threading.Thread(target=_end_late, args=(code,), daemon=True).start()
    return code


def _ignore_signals() -> None:
    """The run has ended: a signal that comes late must not hide its verdict. The parent can still kill this process."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _code(pytest_code: int, verdict: int | None) -> int:
    if verdict is not None:
        return verdict
    # Without a verdict, only wrong usage is known. Whatever else happened, nothing was judged.
    return WRONG_USAGE if pytest_code == pytest.ExitCode.USAGE_ERROR else NOT_JUDGED


def _write(parent: Parent, code: int) -> None:
    if parent.verdict_pipe is not None:
        with contextlib.suppress(OSError):
            os.write(parent.verdict_pipe, json.dumps({"nonce": parent.nonce, "exit_code": code}).encode())


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()


def _end_late(code: int) -> None:
    time.sleep(GRACE_S)
    os._exit(code)


# -- the parent -----------------------------------------------------------------------------------------------------


def _end_with(parent: Parent) -> None:
    """Ends this process when the parent is gone."""
    asked = end_with_parent()
    if parent.life_pipe is None:
        return
    threading.Thread(target=_watch, args=(parent.life_pipe, asked), daemon=True).start()
    if asked and os.getppid() != parent.process:  # it ended before the kernel was asked
        os.kill(os.getpid(), signal.SIGTERM)


def _watch(pipe: int, kernel_sends: bool) -> None:
    """Waits until the other end of the pipe is closed; then lets the run write its report, for GRACE_S at most."""
    with contextlib.suppress(OSError):
        while os.read(pipe, 1):
            pass
    if not kernel_sends:
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os._exit(NOT_JUDGED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
