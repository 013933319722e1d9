"""The record of a run: numbers, exchanges in their order, and what they cost. Written by one thread, read by any."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from messages_conformance.exchange import Exchange


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a run has cost so far. Tokens as the target reports them."""

    requests: int
    input_tokens: int
    output_tokens: int
    elapsed_s: float


class ExchangeLog:
    """Keeps every exchange, and hands each to `observe` as it happens."""

    def __init__(self, observe: Callable[[Exchange], None] | None) -> None:
        self.input_tokens = 0
        self.output_tokens = 0
        self._observe = observe
        self._lock = threading.Lock()
        self._exchanges: dict[int, Exchange] = {}
        self._last_number = 0

    def next_number(self) -> int:
        with self._lock:
            self._last_number += 1
            return self._last_number

    def record(self, exchange: Exchange) -> None:
        with self._lock:
            self._exchanges[exchange.number] = exchange
        if self._observe is not None:
            self._observe(exchange)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All so far, by number."""
        with self._lock:
            return tuple(self._exchanges[number] for number in sorted(self._exchanges))
