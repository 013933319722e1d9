"""Time for tests over real sockets: it passes only while the peer keeps silent on purpose.

A timeout ends exactly then, and never because the machine is busy. No test waits for it.
"""

from __future__ import annotations

import asyncio
import selectors
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

POLL_S = 0.005
"""How often the loop looks whether the peer has begun to keep silent."""


def run(work: Coroutine[Any, Any, Result], silent: threading.Event) -> Result:
    """Runs the work in an event loop whose time passes only while `silent` is set and nothing arrives."""
    with asyncio.Runner(loop_factory=lambda: _PeerTimeLoop(silent)) as runner:
        return runner.run(work)


class _PeerTimeLoop(asyncio.SelectorEventLoop):
    def __init__(self, silent: threading.Event) -> None:
        self._waiting = _Selector(silent)
        super().__init__(self._waiting)

    def time(self) -> float:
        return self._waiting.now_s


class _Selector(selectors.DefaultSelector):
    def __init__(self, silent: threading.Event) -> None:
        super().__init__()
        self.now_s = 0.0
        self._silent = silent

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        while True:
            is_silent = self._silent.is_set()  # read first: what was sent before the silence has arrived then
            ready = super().select(0 if is_silent else POLL_S)
            if ready:
                return ready
            if is_silent:
                self.now_s += timeout
                return []
