"""Measures how late the event loop runs: for this time, the process saw nothing that arrived."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

INTERVAL_S: Final = 0.02
"""Time between two measurements: short against every time that is judged, long against the cost of a measurement."""

KEPT_DELAYS: Final = 30_000
"""Ten minutes of measurements that are all late: longer than any exchange may take."""


class LoopLag:
    """Wakes up at regular times, and remembers when it was late and by how much."""

    def __init__(
        self,
        *,
        now_s: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._now_s = now_s
        self._sleep = sleep
        self._delays: deque[tuple[float, float]] = deque(maxlen=KEPT_DELAYS)
        self._due_s = math.inf

    async def measure(self) -> None:
        """Measures until it is cancelled."""
        while True:
            self._due_s = self._now_s() + INTERVAL_S
            await self._sleep(INTERVAL_S)
            woken_s = self._now_s()
            if woken_s - self._due_s > INTERVAL_S:
                self._delays.append((woken_s, woken_s - self._due_s))

    def lag_s(self, since_s: float) -> float:
        """The longest delay that ended since then, in seconds, or the delay that lasts now if it is longer.

        `since_s` is a time of the clock `now_s`. Without any measurement the result is 0.
        """
        ended = (delay_s for woken_s, delay_s in self._delays if woken_s >= since_s)
        return max(0.0, self._now_s() - self._due_s, *ended)
