"""Ends code that never ends: a rule, or a test of the user. Only in the main thread, where Python handles signals.

The limits are far above what a rule or test needs, so that a slow machine reaches none of them.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final

from messages_conformance.rules import EndlessRuleError

RULE_CPU_S: Final = 20.0
"""CPU seconds of the process for all rules about one exchange (our own choice: 10 MB of stream take two)."""

TEST_CPU_S: Final = 20.0
"""CPU seconds of the process for one test of the user, and for the import of their files (our own choice)."""

TEST_S: Final = 600.0
"""Seconds that one test of the user may take, without the time in which it waits for the target (our own choice). A
test that waits until a cache entry of five minutes has expired takes half of it."""

AGAIN_S: Final = 1.0
"""The error is raised again after this time, because the code may catch it."""


class EndlessTestError(BaseException):
    """A test of the user, or its import, took too long. No `except Exception` of the test catches it."""


def rule_limit() -> AbstractContextManager[object]:
    """Raises EndlessRuleError in code that takes more than RULE_CPU_S."""
    return cpu_limit(RULE_CPU_S, lambda: EndlessRuleError(f"it did not end within {RULE_CPU_S:g} s of CPU time"))


@contextlib.contextmanager
def test_limit(is_waiting: Callable[[], bool]) -> Iterator[None]:
    """Raises EndlessTestError in code that takes more than TEST_CPU_S, or TEST_S without `is_waiting`."""
    over = threading.Event()

    def count() -> None:
        used_s = 0.0
        while not over.wait(AGAIN_S):
            used_s += 0.0 if is_waiting() else AGAIN_S
            if used_s > TEST_S:
                signal.pthread_kill(main.ident or 0, signal.SIGVTALRM)

    message = f"it did not end within {TEST_CPU_S:g} s of CPU time, or {TEST_S:g} s in all"
    main = threading.current_thread()
    with cpu_limit(TEST_CPU_S, lambda: EndlessTestError(message)) as limited:
        if limited:
            threading.Thread(target=count, daemon=True).start()
        try:
            yield
        finally:
            over.set()


@contextlib.contextmanager
def cpu_limit(seconds: float, error: Callable[[], BaseException]) -> Iterator[bool]:
    """Raises the error in code that uses more CPU time; yields False where nothing can be limited."""
    if not hasattr(signal, "ITIMER_VIRTUAL") or threading.current_thread() is not threading.main_thread():
        yield False
        return

    def stop(number: int, frame: object) -> None:
        raise error()

    before = signal.signal(signal.SIGVTALRM, stop)
    outer = signal.setitimer(signal.ITIMER_VIRTUAL, seconds, AGAIN_S)
    try:
        yield True
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, *outer)
        signal.signal(signal.SIGVTALRM, before)
