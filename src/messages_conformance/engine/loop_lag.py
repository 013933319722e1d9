"""A heartbeat of the event loop: how late it was tells for how long we saw nothing."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from typing import Final

BEAT_S: Final = 0.02
"""Short against every time that is judged, long against what a beat costs."""

KEPT_BEATS: Final = 30_000
"""Ten minutes of beats: longer than any exchange may take."""


class LoopLag:
    """Beats while the loop runs; remembers when it was late, and by how much."""

    def __init__(self) -> None:
        self._late: deque[tuple[float, float]] = deque(maxlen=KEPT_BEATS)
        self._due_s = math.inf

    async def beat(self) -> None:
        """Runs until it is cancelled."""
        while True:
            self._due_s = time.monotonic() + BEAT_S
            await asyncio.sleep(BEAT_S)
            late_s = time.monotonic() - self._due_s
            if late_s > BEAT_S:
                self._late.append((self._due_s + late_s, late_s))

    def lag_s(self, since_s: float) -> float:
        """The longest delay of a beat since then, in seconds; of one that is still to come, too."""
        late = (late_s for at_s, late_s in self._late if at_s >= since_s)
        return max(0.0, time.monotonic() - self._due_s, *late)
