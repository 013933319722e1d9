"""Keeps the exchanges of a run in their order, and their cost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from messages_conformance.exchange import Exchange


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What a run has cost so far.

    `requests` counts everything sent. Tokens are as the target reports them. `elapsed_s` is in seconds of the engine's
    clock, since the engine was made. `money` is 0 without prices.
    """

    requests: int
    input_tokens: int
    output_tokens: int
    elapsed_s: float
    money: float = 0.0


class ExchangeLog:
    """Numbers exchanges, keeps them, and calls `observe` with each one. One thread writes, any thread may read.

    `input_tokens` and `output_tokens` are what the target has reported so far.
    """

    def __init__(self, observe: Callable[[Exchange], None] | None) -> None:
        self.input_tokens = 0
        self.output_tokens = 0
        self._observe = observe
        self._lock = threading.Lock()
        self._exchanges: dict[int, Exchange] = {}
        self._last_number = 0

    def next_number(self) -> int:
        """A number for one more exchange, from 1."""
        with self._lock:
            self._last_number += 1
            return self._last_number

    def record(self, exchange: Exchange) -> None:
        """Keeps an exchange under its number. Passes on what `observe` raises."""
        with self._lock:
            self._exchanges[exchange.number] = exchange
        if self._observe is not None:
            self._observe(exchange)

    def count_tokens(self, *, input_tokens: int | None, output_tokens: int | None) -> None:
        """Adds the tokens that one response reports; None means that it reports none."""
        self.input_tokens += input_tokens or 0
        self.output_tokens += output_tokens or 0

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges so far, by number."""
        with self._lock:
            return tuple(self._exchanges[number] for number in sorted(self._exchanges))
