"""Limits how many requests are sent in a second."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any


class RateLimit:
    """Spaces requests evenly: each takes the next free time and waits for it. Belongs to one event loop.

    `per_second` is the rate; None means no limit.
    """

    def __init__(
        self,
        per_second: float | None,
        *,
        sleep: Callable[[float], Awaitable[Any]],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval_s = None if per_second is None else 1 / per_second
        self._sleep = sleep
        self._now_s = now_s
        self._next_s = 0.0

    async def wait(self) -> None:
        """Returns when the next request may be sent."""
        if self._interval_s is None:
            return
        now_s = self._now_s()
        send_at_s = max(now_s, self._next_s)
        self._next_s = send_at_s + self._interval_s
        if send_at_s > now_s:
            await self._sleep(send_at_s - now_s)

    def refused(self, pause_s: float) -> None:
        """Notes a refusal: nothing to do for a run that is alone, because its slots wait."""
