"""Keeps a run within its limits: a request that might exceed a limit is not sent.

The max_tokens of a request is reserved before it is sent, and settled to what the answer reports. A request for which
too much is reserved by others waits until they settle. A request that the limits can never allow fails at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from messages_conformance.exchange import Failure


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a run may spend; None means no limit.

    `max_requests` counts everything that is sent, repetitions too. `max_output_tokens` counts the tokens that answers
    report, or max_tokens where they report none. After `max_minutes`, counted from the first request, nothing more is
    sent; what is in flight then may end.
    """

    max_requests: int | None = None
    max_output_tokens: int | None = None
    max_minutes: float | None = None

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        return (self.max_requests, self.max_output_tokens, self.max_minutes) != (None, None, None)


class Budget:
    """Counts what one run spends. Belongs to one event loop. `now_s` is a clock; `requests` counts reservations."""

    def __init__(self, limits: Limits, now_s: Callable[[], float] = time.monotonic) -> None:
        self.requests = 0
        self._limits = limits
        self._now_s = now_s
        self._first_request_s: float | None = None
        self._settled_tokens = 0
        self._reserved_tokens = 0
        self._waiters: list[asyncio.Future[None]] = []

    async def reserve(self, tokens: int) -> Failure | None:
        """Reserves `tokens` and counts one request; returns the failure when that would break a limit.

        Waits while other requests may still settle to less.
        """
        while True:
            failure = self._failure(tokens)
            if failure is not None:
                return failure
            if self._fits_now(tokens):
                break
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        if self._first_request_s is None:
            self._first_request_s = self._now_s()
        self.requests += 1
        self._reserved_tokens += tokens
        return None

    def settle(self, reserved: int, used: int) -> None:
        """Ends one reservation of `reserved` tokens: `used` of them are spent, the others are free again."""
        self._reserved_tokens -= reserved
        self._settled_tokens += used
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _fits_now(self, tokens: int) -> bool:
        most = self._limits.max_output_tokens
        return most is None or self._settled_tokens + self._reserved_tokens + tokens <= most

    def _failure(self, tokens: int) -> Failure | None:
        """The limit that one more request breaks, whatever the requests in flight settle to."""
        most_requests = self._limits.max_requests
        if most_requests is not None and self.requests >= most_requests:
            return _not_sent(f"{self.requests} of {most_requests} requests are used up", "--max-requests")
        most_tokens = self._limits.max_output_tokens
        if most_tokens is not None and self._settled_tokens + tokens > most_tokens:
            # Without the numbers of this request, so that all requests that end here have one reason.
            return _not_sent(f"it may take more than is left of {most_tokens:,} output tokens", "--max-output-tokens")
        minutes = self._limits.max_minutes
        if minutes is not None and self._elapsed_s() >= minutes * 60:
            return _not_sent(f"{minutes:g} {'minute is' if minutes == 1 else 'minutes are'} over", "--minutes")
        return None

    def _elapsed_s(self) -> float:
        """Seconds since the first request."""
        return 0.0 if self._first_request_s is None else self._now_s() - self._first_request_s


def _not_sent(reason: str, option: str) -> Failure:
    return Failure(kind="budget", message=f"not sent, because a limit is reached: {reason}; raise {option}")
