"""Requests that create or remove something on the target: the end of a run does not cancel them, but limits their time.

Without the answer to a creation, nobody knows the id of what has to be removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from messages_conformance.exchange import Failure
from messages_conformance.targets import Unreachable

FINISH_S: Final = 10.0
"""How long such a request may take after the end of the run (origin: our own; a person waits for the end)."""

NOT_ANSWERED: Final = Failure(
    kind="unfinished", message=f"the run was stopped, and no answer came within {FINISH_S:g} s"
)
"""The failure of a request that may have been sent, and may have had its effect."""


class Finishing:
    """The tasks of one event loop that such a request keeps from being cancelled."""

    def __init__(self, limit_s: float = FINISH_S) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self._limits: set[asyncio.Timeout] = set()
        self._limit_s = limit_s
        self._ended = False

    def end(self) -> None:
        """From now on, each such request has `limit_s` seconds."""
        if self._ended:
            return
        self._ended = True
        for limit in self._limits:
            limit.reschedule(asyncio.get_running_loop().time() + self._limit_s)

    @asynccontextmanager
    async def limited(self) -> AsyncIterator[None]:
        """What the current task does meanwhile is not cancelled; raises Unreachable when its time is over."""
        task = asyncio.current_task()
        assert task is not None
        try:
            async with asyncio.timeout(self._limit_s if self._ended else None) as limit:
                self._limits.add(limit)
                self.tasks.add(task)
                try:
                    yield
                finally:
                    self._limits.discard(limit)
                    self.tasks.discard(task)
        except TimeoutError:
            if not limit.expired():
                raise
            raise Unreachable(NOT_ANSWERED) from None
