"""Ctrl-C, SIGTERM and SIGHUP: blocked while a subprocess starts, then passed on to it."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from types import FrameType
from typing import Final, NoReturn, Protocol

KILL_AFTER: Final = 3
"""Number of signals after which a run is killed without a report (our own choice)."""

ENDING: Final = ("SIGINT", "SIGTERM", "SIGHUP")
"""The signals that ask for an end: by the user, by a CI system, by a terminal that is closed."""


def ending_signals() -> tuple[signal.Signals, ...]:
    """The signals that end a run on this system. SIGHUP is left out where it is ignored, as under nohup."""
    found = [getattr(signal, name) for name in ENDING if hasattr(signal, name)]
    return tuple(one for one in found if one.name != "SIGHUP" or signal.getsignal(one) != signal.SIG_IGN)


@contextlib.contextmanager
def signals_blocked() -> Iterator[None]:
    """Blocks signals. A subprocess that starts meanwhile receives them when it unblocks them and can write a report."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ending_signals())
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class Process(Protocol):
    """A process that can be sent signals."""

    def send_signal(self, number: int, /) -> None:
        """Sends a signal."""

    def kill(self) -> None:
        """Ends it at once."""


def pass_on_signals(
    processes: Sequence[Process], *, received_one: Callable[[], None] = lambda: None
) -> Callable[[], None]:
    """Passes Ctrl-C, SIGTERM and SIGHUP on to the processes; returns a function that restores the old handlers.

    `received_one` is called for each signal, before it is passed on. A terminal may send the same signal to the
    processes, too; they react only to the first one.
    """
    received = 0

    def pass_on(number: int, frame: FrameType | None) -> None:
        nonlocal received
        received += 1
        received_one()
        for process in tuple(processes):
            # A user who repeats Ctrl-C does not want to wait for the report.
            process.send_signal(number) if received < KILL_AFTER else process.kill()

    before = {number: signal.signal(number, pass_on) for number in ending_signals()}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore


def end_on_signals() -> None:
    """Makes SIGTERM and SIGHUP end this process as Ctrl-C does, so that it can report."""
    for number in ending_signals():
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def until_signal() -> None:
    """Waits for one of the signals; the caller has blocked them."""
    if hasattr(signal, "sigwait"):
        signal.sigwait(ending_signals())
        return
    with contextlib.suppress(KeyboardInterrupt):
        while True:
            time.sleep(1)
