"""Rate, pauses and budget that several processes share when they ask one server with one key.

The parent makes one file for each server and key; each run maps it into memory:

1. A row for each worker holds what its run spends. Only that run writes it, so a run that dies leaves its numbers.
2. Row 0 holds what ended runs spent; the parent adds to it when a worker is free again.
3. The header holds the next free time of the shared rate, the end of the shared pause, and how many refusals (429)
   there were. Each run that sees a new refusal waits until the pause is over, and halves its own concurrency.

Times are those of `time.monotonic`, which all processes of a machine share on Linux and macOS.
"""

from __future__ import annotations

import asyncio
import contextlib
import mmap
import os
import struct
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

try:
    import fcntl
except ImportError:  # Windows has no such locks; the runs there keep their own limits
    fcntl = None  # type: ignore[assignment]

VARIABLE: Final = "MC_SHARED_LIMITS"
"""The variable of the environment with the file and the number of the worker: `FILE:WORKER`."""

_HEADER: Final = struct.Struct("<ddd")  # next_send_s, pause_until_s, refusals
_ROW: Final = struct.Struct("<ddddd")  # requests, settled tokens, reserved tokens, cost, reserved cost

BURST_S: Final = 1.0
"""Refusals within this time are one: requests that were in flight together are refused together (our own)."""

POLL_S: Final = 0.05
"""How often a run looks again whether reservations of other runs have settled (our own)."""


@dataclass(frozen=True, kw_only=True)
class Spending:
    """What runs have spent and reserved: requests, output tokens, and money in the currency of the prices."""

    requests: float = 0
    settled_tokens: float = 0
    reserved_tokens: float = 0
    cost: float = 0
    reserved_cost: float = 0

    def __add__(self, other: Spending) -> Spending:
        return Spending(
            requests=self.requests + other.requests,
            settled_tokens=self.settled_tokens + other.settled_tokens,
            reserved_tokens=self.reserved_tokens + other.reserved_tokens,
            cost=self.cost + other.cost,
            reserved_cost=self.reserved_cost + other.reserved_cost,
        )


class SharedFile:
    """The file of one server and key. `worker` counts from 1; the parent has none (0)."""

    def __init__(self, path: Path, *, worker: int = 0) -> None:
        self._descriptor = os.open(path, os.O_RDWR)
        size = os.fstat(self._descriptor).st_size
        self._memory = mmap.mmap(self._descriptor, size)
        self._rows = (size - _HEADER.size) // _ROW.size
        self.worker = worker

    @staticmethod
    def make(path: Path, *, workers: int) -> None:
        """Makes the file for a number of workers."""
        path.write_bytes(bytes(_HEADER.size + _ROW.size * (workers + 1)))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps the other processes from reading and writing; for microseconds only."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    @property
    def header(self) -> tuple[float, float, float]:
        """The next free time, the end of the pause, and the number of refusals."""
        found: tuple[float, float, float] = _HEADER.unpack_from(self._memory, 0)
        return found

    @header.setter
    def header(self, value: tuple[float, float, float]) -> None:
        _HEADER.pack_into(self._memory, 0, *value)

    def others(self) -> Spending:
        """What all other runs have spent and reserved."""
        rows = (self._row(number) for number in range(self._rows) if number != self.worker)
        return sum(rows, Spending())

    def publish(self, own: Spending) -> None:
        """Writes what the run of this worker has spent and reserved."""
        values = (own.requests, own.settled_tokens, own.reserved_tokens, own.cost, own.reserved_cost)
        _ROW.pack_into(self._memory, self._place(self.worker), *values)

    def free(self, worker: int) -> None:
        """Adds what a worker's run spent to that of the ended runs. What it reserved and never settled is spent."""
        with self.locked():
            ended, old = self._row(0), self._row(worker)
            total = Spending(
                requests=ended.requests + old.requests,
                settled_tokens=ended.settled_tokens + old.settled_tokens + old.reserved_tokens,
                cost=ended.cost + old.cost + old.reserved_cost,
            )
            for number, row in ((0, total), (worker, Spending())):
                self.worker = number
                self.publish(row)
            self.worker = 0

    def close(self) -> None:
        """Unmaps the file."""
        self._memory.close()
        os.close(self._descriptor)

    def _row(self, number: int) -> Spending:
        found = _ROW.unpack_from(self._memory, self._place(number))
        return Spending(
            requests=found[0],
            settled_tokens=found[1],
            reserved_tokens=found[2],
            cost=found[3],
            reserved_cost=found[4],
        )

    @staticmethod
    def _place(number: int) -> int:
        return _HEADER.size + number * _ROW.size


def can_share() -> bool:
    """Whether processes of this system can share limits."""
    return fcntl is not None


def shared_file(environment: dict[str, str] | os._Environ[str]) -> SharedFile | None:
    """The file that the parent named for this run; None for a run that is alone, or whose parent has ended."""
    path, _, worker = environment.get(VARIABLE, "").rpartition(":")
    if not path or not worker.isdecimal() or not can_share():
        return None
    try:
        return SharedFile(Path(path), worker=int(worker))
    except (OSError, ValueError):
        return None


class SharedRateLimit:
    """The rate of one run among others: `wait` returns when a request may be sent. Belongs to one event loop.

    `slow_down` is called once for each refusal that another run met.
    """

    def __init__(
        self,
        file: SharedFile,
        per_second: float | None,
        *,
        sleep: Callable[[float], Awaitable[Any]],
        slow_down: Callable[[], None],
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._interval_s = 0.0 if per_second is None else 1 / per_second
        self._sleep = sleep
        self._slow_down = slow_down
        self._now_s = now_s
        self._seen = file.header[2]

    async def wait(self) -> None:
        """Returns when the next request may be sent: after the pause of all runs, at the rate of all runs."""
        claimed_s = None
        while True:
            with self._file.locked():
                next_s, pause_s, refusals = self._file.header
                now_s = self._now_s()
                if claimed_s is None:
                    claimed_s = max(now_s, next_s) if self._interval_s else now_s
                    if self._interval_s:
                        self._file.header = (claimed_s + self._interval_s, pause_s, refusals)
            self._notice(refusals)
            until_s = max(claimed_s, pause_s)
            if until_s <= now_s:
                return
            await self._sleep(until_s - now_s)

    def refused(self, pause_s: float) -> None:
        """Notes a refusal: no run sends anything for a number of seconds."""
        with self._file.locked():
            next_s, until_s, refusals = self._file.header
            now_s = self._now_s()
            is_new = now_s > until_s + BURST_S or not refusals
            self._seen = refusals + is_new  # the slot of this run is halved already
            self._file.header = (next_s, max(until_s, now_s + pause_s), refusals + is_new)

    def _notice(self, refusals: float) -> None:
        if refusals != self._seen:
            self._seen = refusals
            self._slow_down()


class SharedBudget:
    """What the budget of one run needs to know about the others."""

    def __init__(self, file: SharedFile | None) -> None:
        self._file = file

    @contextlib.contextmanager
    def deciding(self) -> Iterator[Spending]:
        """What the others have spent, while nobody else decides."""
        if self._file is None:
            yield Spending()
            return
        with self._file.locked():
            yield self._file.others()

    def publish(self, own: Spending) -> None:
        """Makes the spending of this run known."""
        if self._file is not None:
            self._file.publish(own)

    @property
    def is_shared(self) -> bool:
        """Whether there may be other runs."""
        return self._file is not None

    async def later(self) -> None:
        """Waits for a moment in which others may settle."""
        await asyncio.sleep(POLL_S)
