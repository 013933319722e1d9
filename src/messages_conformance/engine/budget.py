"""Money is hard: what might go beyond a limit is not sent.

A request's max_tokens is held back before it is sent, and settled to what the answer reports. Whoever finds that too
much is held back waits for others to settle; whoever could not be paid for even then is told so at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from messages_conformance.exchange import Failure


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a run may spend; None is no limit. `max_requests` counts everything sent, repetitions too.

    After `max_minutes` nothing more is sent; what is in flight then may end.
    """

    max_requests: int | None = None
    max_output_tokens: int | None = None
    max_minutes: float | None = None

    @property
    def any(self) -> bool:
        return (self.max_requests, self.max_output_tokens, self.max_minutes) != (None, None, None)


class Budget:
    """The account of one run. Belongs to one event loop. `now_s` is a clock; time runs from the first request on."""

    def __init__(self, limits: Limits, now_s: Callable[[], float] = time.monotonic) -> None:
        self.requests = 0
        self._limits = limits
        self._now_s = now_s
        self._first_s: float | None = None
        self._settled_tokens = 0
        self._held_tokens = 0
        self._waiters: list[asyncio.Future[None]] = []

    async def reserve(self, tokens: int) -> Failure | None:
        """Holds back `tokens` and counts one request; the reason why not, when that would break a limit."""
        while True:
            failure = self._exceeded(tokens)
            if failure is not None:
                return failure
            ceiling = self._limits.max_output_tokens
            if ceiling is None or self._settled_tokens + self._held_tokens + tokens <= ceiling:
                break
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        self._first_s = self._now_s() if self._first_s is None else self._first_s
        self.requests += 1
        self._held_tokens += tokens
        return None

    def settle(self, held: int, used: int) -> None:
        """Ends one reservation: `used` of it is spent, the rest is free again."""
        self._held_tokens -= held
        self._settled_tokens += used
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _exceeded(self, tokens: int) -> Failure | None:
        """The limit that stays broken however the requests in flight settle."""
        most = self._limits.max_requests
        if most is not None and self.requests >= most:
            return _spent(f"{self.requests} of {most} requests are used up", "--max-requests")
        ceiling = self._limits.max_output_tokens
        if ceiling is not None and self._settled_tokens + tokens > ceiling:
            # Without the numbers of this request, so that everything that ended here has one reason.
            return _spent(f"it may take more than is left of {ceiling:,} output tokens", "--max-output-tokens")
        minutes = self._limits.max_minutes
        if minutes is not None and self._first_s is not None and self._now_s() - self._first_s >= minutes * 60:
            return _spent(f"{minutes:g} {'minute is' if minutes == 1 else 'minutes are'} over", "--minutes")
        return None


def _spent(what: str, option: str) -> Failure:
    return Failure(kind="budget", message=f"not sent, the budget does not allow it: {what}; raise it by {option}")
