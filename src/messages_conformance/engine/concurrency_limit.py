"""Limits how many requests are in flight: fewer after a refusal, more again after successes.

The rules of this file:

1. At most `limit` slots are active. A refusal halves the limit. Ten successes raise it by one, up to the ceiling.
2. Requests that were in flight together are refused together: such a burst halves the limit once.
3. A request that waits out a rate limit pauses its slot. No new request gets a slot in its place.
4. Paused slots resume first. Then urgent requests get slots (later steps of a conversation), then the others in order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

SUCCESSES_PER_STEP: Final = 10
"""Successes that raise the limit by one: so slowly that the target's own limit is not reached again at once (origin:
our own)."""

_Queue = deque[asyncio.Future[None]]


class ConcurrencyLimit:
    """Gives out slots, each for one request in flight. Belongs to one event loop.

    `limit` is the number of slots at present, `active` those in use, `paused` those that wait out a rate limit. Raises
    ValueError for a ceiling below 1.
    """

    def __init__(self, ceiling: int) -> None:
        if ceiling < 1:
            raise ValueError(f"a concurrency of {ceiling} can send nothing; it has to be at least 1")
        self.limit = ceiling
        self.active = 0
        self.paused = 0
        self._ceiling = ceiling
        self._resuming: _Queue = deque()
        self._urgent: _Queue = deque()
        self._ordinary: _Queue = deque()
        self._successes = 0
        self._admissions = 0
        self._lowered_at = 0

    async def acquire(self, *, urgent: bool = False) -> Slot:
        """A slot, as soon as the limit allows one."""
        await self._admitted(self._urgent if urgent else self._ordinary)
        return Slot(self, self._admissions)

    def succeeded(self) -> None:
        """Counts a success, which may raise the limit."""
        self._successes += 1
        if self._successes >= SUCCESSES_PER_STEP and self.limit < self._ceiling:
            self.limit += 1
            self._successes = 0
            self.wake()

    def refused(self, admission: int) -> None:
        """Halves the limit, unless it was halved since the refused request was admitted."""
        self._successes = 0
        if admission > self._lowered_at:
            self.limit = max(1, self.limit // 2)
            self._lowered_at = self._admissions

    def slow_down(self) -> None:
        """Halves the limit because another run was refused, unless no slot was given out since it was last halved."""
        self.refused(self._admissions)

    async def resume(self) -> int:
        """Makes a paused slot active again, as soon as the limit allows it. Returns the number of its new admission."""
        await self._admitted(self._resuming)
        return self._admissions

    def wake(self) -> None:
        """Admits every waiter that the limit allows."""
        while self._resuming and self.active < self.limit:
            if self._wake_first(self._resuming):
                self.paused -= 1
        while self.active + self.paused < self.limit and (self._urgent or self._ordinary):
            self._wake_first(self._urgent or self._ordinary)

    def _wake_first(self, queue: _Queue) -> bool:
        """Admits the first waiter of a queue; False when it was cancelled."""
        waiter = queue.popleft()
        if waiter.done():
            return False
        self.active += 1
        waiter.set_result(None)
        return True

    async def _admitted(self, queue: _Queue) -> None:
        """Waits in a queue until it is admitted."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(waiter)
        self.wake()
        try:
            if not waiter.done():
                await waiter
        except asyncio.CancelledError:
            self._pass_on(waiter, resuming=queue is self._resuming)
            raise
        self._admissions += 1

    def _pass_on(self, waiter: asyncio.Future[None], *, resuming: bool) -> None:
        """If the waiter was cancelled just as it got the slot, passes the slot on."""
        if waiter.done() and not waiter.cancelled():
            self.active -= 1
            self.paused += resuming  # a slot that was to resume stays paused until it is released
        self.wake()


class Slot:
    """The right to send one request after another. To be released once, whether it is active or paused."""

    def __init__(self, concurrency: ConcurrencyLimit, admission: int) -> None:
        self._concurrency = concurrency
        self._admission = admission
        self._paused = False

    def refused(self) -> None:
        """Reports that the request in this slot was refused for its rate."""
        self._concurrency.refused(self._admission)

    def pause(self) -> None:
        """Stops to use the slot for some time. No new request gets it meanwhile."""
        self._paused = True
        self._concurrency.active -= 1
        self._concurrency.paused += 1
        self._concurrency.wake()

    async def resume(self) -> None:
        """Ends a pause, as soon as the limit allows it."""
        self._admission = await self._concurrency.resume()
        self._paused = False

    def release(self) -> None:
        """Gives the slot back."""
        if self._paused:
            self._concurrency.paused -= 1
        else:
            self._concurrency.active -= 1
        self._concurrency.wake()
