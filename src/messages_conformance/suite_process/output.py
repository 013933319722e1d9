"""The output of suites of the user: what their tests print has no key, and nothing that a CI system executes.

Python's own streams mask what is written to them. Other output, for example of a program that a test starts, goes
through a pipe to a process that masks it line by line. It is a process and no thread, because a test may end this one
at any time, and what it printed last matters most then.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import sys
from collections.abc import Sequence
from typing import Final

from messages_conformance.ci_commands import disarmed
from messages_conformance.masking import masked, remember_secret
from messages_conformance.options import KEY_VARIABLES, OPTIONS, parsed_header

BLOCK_BYTES: Final = 65_536
WAIT_S: Final = 0.2
"""A line without an end is written after this time: it may be a question, or progress (our own choice)."""


class _Masked(io.TextIOWrapper):
    """A stream of text without secrets."""

    def write(self, text: str, /) -> int:
        """Writes the text masked; returns its length."""
        super().write(_clean(text))
        return len(text)


def mask_output(arguments: Sequence[str]) -> None:
    """Masks what this process, and the programs that it starts, print from now on. Call it while there is one thread.

    `arguments` are the options of the run, as `--name=value`.
    """
    if os.name != "posix":
        return
    _remember(arguments)
    for number, name in ((1, "stdout"), (2, "stderr")):
        getattr(sys, name).flush()
        real = os.dup(number)
        _copy_masked(number, real)
        old = getattr(sys, name)
        stream = _Masked(os.fdopen(real, "wb"), encoding=old.encoding, errors=old.errors, line_buffering=True)
        setattr(sys, name, stream)


def _remember(arguments: Sequence[str]) -> None:
    """Masks the keys of the environment, and the values of added headers, in this process and in what it forks."""
    named = [text.partition("=")[2] for text in arguments if text.startswith("--api-key-env=")]
    for variable in (*named, *KEY_VARIABLES):
        remember_secret(os.environ.get(variable, "").strip())
    for option in OPTIONS:
        for line in os.environ.get(option.variable, "").splitlines() if option.secret else ():
            _, value = parsed_header(line)
            for part in (value, *value.split()[1:]):
                remember_secret(part)


def _copy_masked(number: int, real: int) -> None:
    """Replaces a descriptor by a pipe to a new process that masks what comes and writes it to `real`."""
    read, written = os.pipe()
    if not os.fork():
        with contextlib.suppress(BaseException):
            os.close(written)
            _copy(read, real)
        os._exit(0)
    os.close(read)
    os.dup2(written, number)
    os.close(written)


def _copy(read: int, real: int) -> None:
    """The life of the process that masks: it ends when nobody can write to the pipe any more."""
    for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(each, signal.SIG_IGN)
    _close_all_but({read, real})
    rest = b""
    while True:
        is_ready = bool(select.select([read], [], [], WAIT_S if rest else None)[0])
        data = os.read(read, BLOCK_BYTES) if is_ready else b""
        lines, end, part = (rest + data).rpartition(b"\n")
        is_late = not is_ready or len(part) > BLOCK_BYTES
        rest = b"" if is_late or not data else part
        _write(real, lines + end + (b"" if rest else part))
        if is_ready and not data:
            return


def _close_all_but(kept: set[int]) -> None:
    """Closes what the process that masks has inherited, such as the pipes between this process and its parent."""
    start = 0
    for number in sorted(kept):
        os.closerange(start, number)
        start = number + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < BLOCK_BYTES else BLOCK_BYTES)


def _write(real: int, data: bytes) -> None:
    view = memoryview(_clean(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape"))
    while view:
        view = view[os.write(real, view) :]


def _clean(text: str) -> str:
    return disarmed(masked(text))
