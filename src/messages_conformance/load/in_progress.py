"""The requests of a load test that wait for an answer: their wait ends when the target is silent."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from messages_conformance.load.mix import Kind
from messages_conformance.load.received import Line, Received

TICK_S: Final = 0.02
"""How often `watch` is called; what it is late, our own process was blocked (our own)."""


class InProgress:
    """The lines on which a request is in progress. `silence_s` is how long the target may send nothing at all."""

    def __init__(self, *, silence_s: float) -> None:
        self.silence_s = silence_s
        self._lines: dict[Line, float] = {}
        self._heard_s = self._ticked_s = time.monotonic()
        self._lags: deque[tuple[float, float]] = deque(maxlen=2_000)

    def __len__(self) -> int:
        return len(self._lines)

    @contextmanager
    def one(self, line: Line) -> Iterator[None]:
        """A request is in progress on this line."""
        if not self._lines:
            self._heard_s = time.monotonic()
        self._lines[line] = time.monotonic()
        try:
            yield
        finally:
            self._lines.pop(line, None)

    def hear(self) -> None:
        """Notes that bytes came."""
        self._heard_s = time.monotonic()

    def watch(self) -> None:
        """Notes how late it is called, and ends every wait when the target has been silent for too long."""
        now_s = time.monotonic()
        late_s = now_s - self._ticked_s - TICK_S
        self._ticked_s = now_s
        if late_s > TICK_S / 2:
            self._lags.append((now_s, late_s))
        if self._lines and now_s - self._heard_s > self.silence_s:
            for line, began_s in list(self._lines.items()):
                sent = f"sent {now_s - began_s:.0f} s before"
                line.give_up(f"no byte came from the target for {self.silence_s:.0f} s ({sent})")
            self._heard_s = now_s

    def lag_of(self, kind: Kind, received: Received) -> float:
        """How long our own process was blocked while the body may have come: earlier blocks change no time in it."""
        usual_s = kind.alone.spread_s if kind.alone is not None else 0.0
        from_s = received.began_s + max(received.first_byte_s - usual_s, 0.0)
        return max((late_s for at_s, late_s in self._lags if at_s >= from_s), default=0.0)
