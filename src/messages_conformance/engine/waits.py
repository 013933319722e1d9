"""How a thread waits for the engine's thread, so that a signal can end the wait and nothing waits for ever.

The handler of a signal runs in the middle of whatever its thread does. An exception out of it may leave a lock taken,
for example the lock of the event for which the thread waits, and the thread that would set the event waits for ever. So
the handler only sets a flag. It may not set an event: that takes the same lock. The waiting thread looks at the flag.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any, Final

POLL_S: Final = 0.1
"""How long a waiting thread sleeps until it looks at the flag, and until it notices Ctrl-C on every platform."""

END_S: Final = 60.0
"""How long the end of the engine's thread may take (origin: our own; finishing and closing take 25 s at most)."""


class Waits:
    """The waits of all threads for one engine."""

    def __init__(self) -> None:
        self._interrupted = False

    def interrupt(self) -> None:
        """Makes every wait raise KeyboardInterrupt, now and later. Takes no lock."""
        self._interrupted = True

    def until(self, wait: Callable[[float], bool]) -> Iterator[None]:
        """Calls `wait` with seconds until it returns True; yields meanwhile, so that the caller can give up."""
        while not wait(POLL_S):
            if self._interrupted:
                raise KeyboardInterrupt
            yield

    def until_done(self, future: futures.Future[Any], is_running: Callable[[], bool]) -> None:
        """Waits for a future, as long as what sets it is running."""
        for _ in self.until(lambda seconds: bool(futures.wait((future,), seconds).done)):
            if not is_running():
                return


def wait_for_end(thread: threading.Thread) -> None:
    """Waits until a thread has ended. After END_S it is left behind: a report is worth more than its last exchanges."""
    until_s = time.monotonic() + END_S
    while thread.is_alive() and time.monotonic() < until_s:
        thread.join(POLL_S)
