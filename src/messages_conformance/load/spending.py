"""What a load test sent, received and spent so far, and when it has to end for that."""

from __future__ import annotations

import time
from collections import deque
from typing import Final

from messages_conformance.contract.prices import list_price
from messages_conformance.engine.backoff import stated_pause_s
from messages_conformance.exchange import Response
from messages_conformance.load.load_options import LoadOptions
from messages_conformance.load.measured import tokens_of
from messages_conformance.load.received import Received
from messages_conformance.report import Spent

STORM_OF: Final = 100
STORM_SHARE: Final = 0.5
"""When this many of the last requests got no answer or a failure, the test ends: more would only do harm (our own)."""

BUSY: Final = frozenset({429, 503, 529})
"""A server that refuses with these is busy, and says so; its users wait, as clients do."""


BACKOFF_S: Final = 0.5
MOST_BACKOFF_S: Final = 5.0
"""How long a user waits after such a refusal, by retry-after or else the first (our own)."""


class Spending:
    """Counts requests, tokens and money. `stop_reason` says why the test has to end; empty while it goes on."""

    def __init__(self, options: LoadOptions, *, model: str) -> None:
        self._options = options
        listed = list_price(model)
        self._prices = options.prices or ((listed.per_million_input, listed.per_million_output) if listed else None)
        self._began_s = time.monotonic()
        self._latest: deque[bool] = deque(maxlen=STORM_OF)
        self.stop_reason = ""
        self.sent = self.answered = self.busy = 0
        self.input_tokens = self.output_tokens = 0

    @property
    def has_prices(self) -> bool:
        """Whether the cost is known."""
        return self._prices is not None

    @property
    def cost(self) -> float:
        """What the tokens cost so far; 0 if no price is known."""
        per_input, per_output = self._prices or (0.0, 0.0)
        return (self.input_tokens * per_input + self.output_tokens * per_output) / 1e6

    @property
    def seen(self) -> bool:
        """Whether anything was received under load."""
        return bool(self._latest)

    def spent(self) -> Spent:
        """The same for a report."""
        return Spent(
            requests=self.sent,
            input_tokens=self.input_tokens,
            output_tokens=self.output_tokens,
            elapsed_s=time.monotonic() - self._began_s,
            money=self.cost if self.has_prices else None,
        )

    def add_tokens(self, received: Received) -> int:
        """Counts the tokens of an answer; returns those of its output."""
        inputs, outputs = tokens_of(received)
        self.input_tokens += inputs
        self.output_tokens += outputs
        return outputs

    def add(self, received: Received) -> int:
        """Counts an answer under load, and decides whether the test has to end; returns its output tokens."""
        outputs = self.add_tokens(received)
        self.answered += 200 <= received.status < 300
        self.busy += received.status in BUSY
        self._latest.append((received.status >= 400 and received.status not in BUSY) or bool(received.failure[0]))
        self.stop_reason = self.stop_reason or self._ceiling()
        return outputs

    def _ceiling(self) -> str:
        options, failed = self._options, sum(self._latest)
        if len(self._latest) == STORM_OF and failed >= STORM_OF * STORM_SHARE:
            return f"{failed} of the last {STORM_OF} requests failed, and more would only do harm"
        if self.sent >= options.max_requests:
            return f"the limit of {options.max_requests:,} requests is reached (--max-requests)"
        if self.input_tokens + self.output_tokens >= options.max_tokens:
            return f"the limit of {options.max_tokens:,} tokens is reached (--max-tokens)"
        if options.max_cost is not None and self.cost > options.max_cost:
            return f"the limit of {options.max_cost:g} is reached (--max-cost)"
        return ""


def backoff_s(received: Received) -> float:
    """The pause that the answer asks for, or our own without a valid one; never longer than MOST_BACKOFF_S."""
    head = Response(status=received.status, headers=received.headers, chunks=(), headers_at_s=0.0, ended_at_s=0.0)
    stated_s = stated_pause_s(head, now_s=time.time())
    return BACKOFF_S if stated_s is None else min(stated_s, MOST_BACKOFF_S)
