"""At most so many requests a second: each takes the next free moment, and waits for it."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any


class RateLimit:
    """Moments at even distances; None is no limit. Belongs to one event loop."""

    def __init__(
        self,
        per_second: float | None,
        *,
        sleep: Callable[[float], Awaitable[Any]],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._distance_s = None if per_second is None else 1 / per_second
        self._sleep = sleep
        self._now_s = now_s
        self._next_s = 0.0

    async def turn(self) -> None:
        """Returns when the next request may be sent."""
        if self._distance_s is None:
            return
        now_s = self._now_s()
        mine_s = max(now_s, self._next_s)
        self._next_s = mine_s + self._distance_s
        if mine_s > now_s:
            await self._sleep(mine_s - now_s)
