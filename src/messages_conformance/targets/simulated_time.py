"""Simulated time: delays take no time of the machine, and recorded times do not depend on its speed.

A simulated clock belongs to a target that needs no network. All tasks of a run share the clock through the event loop.
The loop moves the clock forward only when every task waits, directly to the end of the next wait.
"""

from __future__ import annotations

import asyncio
import selectors


class SimulatedClock:
    """Seconds since the clock was made. They pass only while the event loops of this clock have nothing else to do."""

    def __init__(self) -> None:
        self._now_s = 0.0

    def now_s(self) -> float:
        """The simulated time in seconds. May be called from any thread."""
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Moves the clock forward. For the event loop, and for tests."""
        self._now_s += seconds

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """An event loop that runs on this clock: `asyncio.sleep` and `asyncio.timeout` wait for simulated time.

        Calls from other threads wake it as usual. Whatever needs real time (a socket, another thread) gets none while
        a task waits for simulated time: use it for targets in memory only.
        """
        return _SimulatedTimeLoop(self)


class _SimulatedTimeLoop(asyncio.SelectorEventLoop):
    """Reads a simulated clock, and skips the waits instead of sleeping."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__(_SkippingSelector(clock))
        self._clock = clock

    def time(self) -> float:
        return self._clock.now_s()


class _SkippingSelector(selectors.DefaultSelector):
    """Asked to wait for a time, it moves the clock by that time; asked to wait for an event, it waits."""

    def __init__(self, clock: SimulatedClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(0)
        if not ready:
            self._clock.advance(timeout)
        return ready
