"""Ctrl-C and SIGTERM: held back while a process starts, then passed on to it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Final

INSISTENCE: Final = 3
"""So many times Ctrl-C end a run at once, without its report."""

SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def deaf() -> Iterator[None]:
    """Holds signals back: a process that is started meanwhile gets them once it can end with a report."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def pass_on_signals(processes: Sequence[subprocess.Popen[bytes]]) -> Callable[[], None]:
    """From now on Ctrl-C and SIGTERM are the processes' affair, which end with reports; the result undoes that.

    They may have had the same signal already, as a whole terminal does; they heed only the first.
    """
    heard = 0

    def pass_on(number: int, frame: FrameType | None) -> None:
        nonlocal heard
        heard += 1
        for process in processes:
            # Whoever insists does not want to wait for a report any longer.
            process.send_signal(number) if heard < INSISTENCE else process.kill()

    before = {number: signal.signal(number, pass_on) for number in SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore


def until_signal() -> None:
    """Waits for one of the signals, which the caller has held back."""
    if hasattr(signal, "sigwait"):
        signal.sigwait(SIGNALS)
        return
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)
