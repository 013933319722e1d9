"""How many requests may be in flight: fewer after a refusal, more again after successes.

The rules of this file:

1. At most `limit` slots are active. A refusal halves the limit, ten successes raise it by one, up to the ceiling.
2. Requests that were in flight together are refused together: such a burst halves the limit once.
3. Who waits out a rate limit gives its slot back but keeps its place: nothing new is admitted instead of it.
4. Those who resume go first, then the urgent (later steps of a conversation), then the others in their order.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

SUCCESSES_PER_STEP: Final = 10
"""Successes that raise the limit by one: slow enough that a limit once met is not met again at once."""

_Queue = deque[asyncio.Future[None]]


class ConcurrencyLimit:
    """Admits requests. Belongs to one event loop."""

    def __init__(self, ceiling: int) -> None:
        if ceiling < 1:
            raise ValueError(f"a concurrency of {ceiling} can send nothing; it has to be at least 1")
        self.limit = ceiling
        self.active = 0
        self.resting = 0
        self._ceiling = ceiling
        self._resuming: _Queue = deque()
        self._urgent: _Queue = deque()
        self._ordinary: _Queue = deque()
        self._successes = 0
        self._admitted = 0
        self._lowered_at = 0

    async def acquire(self, *, urgent: bool = False) -> Slot:
        """A slot, as soon as the limit allows."""
        await self._turn(self._urgent if urgent else self._ordinary)
        return Slot(self, self._admitted)

    def succeeded(self) -> None:
        self._successes += 1
        if self._successes >= SUCCESSES_PER_STEP and self.limit < self._ceiling:
            self.limit += 1
            self._successes = 0
            self.admit()

    def lower(self, admitted: int) -> None:
        """Halves the limit, unless it was halved since the refused request was admitted."""
        self._successes = 0
        if admitted > self._lowered_at:
            self.limit = max(1, self.limit // 2)
            self._lowered_at = self._admitted

    async def resume(self) -> int:
        """Turns a resting place into an active one again; the number of its new admission."""
        await self._turn(self._resuming)
        return self._admitted

    def admit(self) -> None:
        """Wakes whoever may go now."""
        while self._resuming and self.active < self.limit:
            if self._wake(self._resuming):
                self.resting -= 1
        while self._free() and (self._urgent or self._ordinary):
            self._wake(self._urgent or self._ordinary)

    def _free(self) -> bool:
        return self.active + self.resting < self.limit

    def _wake(self, queue: _Queue) -> bool:
        future = queue.popleft()
        if future.done():
            return False
        self.active += 1
        future.set_result(None)
        return True

    async def _turn(self, queue: _Queue) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        queue.append(future)
        self.admit()
        try:
            if not future.done():
                await future
        except asyncio.CancelledError:
            self._give_back(future, resuming=queue is self._resuming)
            raise
        self._admitted += 1

    def _give_back(self, future: asyncio.Future[None], *, resuming: bool) -> None:
        """A turn that was granted to somebody who was cancelled in the same moment goes to the next."""
        if future.done() and not future.cancelled():
            self.active -= 1
            self.resting += resuming  # its owner still has the place of one who rests
        self.admit()


class Slot:
    """The right to send one request after another. Released exactly once, whatever state it is in."""

    def __init__(self, concurrency: ConcurrencyLimit, admitted: int) -> None:
        self._concurrency = concurrency
        self._admitted = admitted
        self._resting = False

    def lower(self) -> None:
        """Tells that the request in this slot was refused for its rate."""
        self._concurrency.lower(self._admitted)

    def rest(self) -> None:
        """Lets the slot go for a while, without anybody new taking its place."""
        self._resting = True
        self._concurrency.active -= 1
        self._concurrency.resting += 1
        self._concurrency.admit()

    async def resume(self) -> None:
        self._admitted = await self._concurrency.resume()
        self._resting = False

    def release(self) -> None:
        if self._resting:
            self._concurrency.resting -= 1
        else:
            self._concurrency.active -= 1
        self._concurrency.admit()
