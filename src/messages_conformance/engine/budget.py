"""Keeps a run within its limits: a request that might exceed a limit is not sent.

The max_tokens of a request is reserved before it is sent, and settled to what the answer reports. A request for which
too much is reserved by others waits until they settle. A request that the limits can never allow fails at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from messages_conformance.engine.shared_limits import SharedBudget, Spending
from messages_conformance.exchange import Failure


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a run may spend; None means no limit.

    `max_requests` counts everything that is sent, repetitions too. `max_output_tokens` counts the tokens that answers
    report, or max_tokens where they report none. After `max_minutes`, counted from the first request, nothing more is
    sent; what is in flight then may end. `max_cost` is in the currency of the prices.
    """

    max_requests: int | None = None
    max_output_tokens: int | None = None
    max_minutes: float | None = None
    max_cost: float | None = None

    @property
    def any(self) -> bool:
        """Whether there is a limit at all."""
        limits = (self.max_requests, self.max_output_tokens, self.max_minutes, self.max_cost)
        return any(limit is not None for limit in limits)


class Budget:
    """Counts what one run spends. Belongs to one event loop. `now_s` is a clock; `requests` counts reservations.

    `prices` are those of one input and one output token; None until they are known. `cost` is what is spent. With
    `shared`, the limits of requests, tokens and cost hold for this run and the others together.
    """

    def __init__(
        self, limits: Limits, now_s: Callable[[], float] = time.monotonic, shared: SharedBudget | None = None
    ) -> None:
        self.requests = 0
        self._limits = limits
        self._now_s = now_s
        self._first_request_s: float | None = None
        self.prices: tuple[float, float] | None = None
        self.cost = 0.0
        self._reserved_cost = 0.0
        self._settled_tokens = 0
        self._reserved_tokens = 0
        self._waiters: list[asyncio.Future[None]] = []
        self._shared = shared or SharedBudget(None)
        self._others = Spending()

    async def reserve(self, tokens: int, input_tokens: int = 0, *, in_spite_of_limits: bool = False) -> Failure | None:
        """Reserves tokens of output and input, and counts one request; returns the failure if that breaks a limit.

        Waits while other requests may still settle to less.
        """
        while True:
            with self._shared.deciding() as self._others:
                failure = None if in_spite_of_limits else self._failure(tokens, input_tokens)
                if failure is not None:
                    return failure
                if in_spite_of_limits or self._fits_now(tokens, input_tokens):
                    self._reserve_now(tokens, input_tokens)
                    return None
            if self._shared.is_shared:
                await self._shared.later()
                continue
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    def _reserve_now(self, tokens: int, input_tokens: int) -> None:
        if self._first_request_s is None:
            self._first_request_s = self._now_s()
        self.requests += 1
        self._reserved_tokens += tokens
        self._reserved_cost += self.cost_of(input_tokens, tokens)
        self._publish()

    def _publish(self) -> None:
        self._shared.publish(
            Spending(
                requests=self.requests,
                settled_tokens=self._settled_tokens,
                reserved_tokens=self._reserved_tokens,
                cost=self.cost,
                reserved_cost=self._reserved_cost,
            )
        )

    def settle(self, reserved: int, used: int, *, reserved_input: int = 0, used_input: float = 0) -> None:
        """Ends one reservation of tokens: the used ones are spent, the others are free again."""
        self._reserved_tokens -= reserved
        self._settled_tokens += used
        self._reserved_cost -= self.cost_of(reserved_input, reserved)
        self.cost += self.cost_of(used_input, used)
        self._publish()
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def cost_of(self, input_tokens: float, output_tokens: float) -> float:
        """What tokens cost; 0 while no prices are known."""
        input_price, output_price = self.prices or (0.0, 0.0)
        return input_tokens * input_price + output_tokens * output_price

    def _fits_now(self, tokens: int, input_tokens: int) -> bool:
        most, most_cost = self._limits.max_output_tokens, self._limits.max_cost
        if most is not None and self._taken_tokens + tokens > most:
            return False
        taken = self._spent_cost + self._reserved_cost + self._others.reserved_cost
        return most_cost is None or taken + self.cost_of(input_tokens, tokens) <= most_cost

    @property
    def _taken_tokens(self) -> float:
        """The tokens that are spent or reserved, by all runs that share the limit."""
        return self._spent_tokens + self._reserved_tokens + self._others.reserved_tokens

    @property
    def _spent_tokens(self) -> float:
        return self._settled_tokens + self._others.settled_tokens

    @property
    def _spent_cost(self) -> float:
        return self.cost + self._others.cost

    def _failure(self, tokens: int, input_tokens: int) -> Failure | None:
        """The limit that one more request breaks, whatever the requests in flight settle to."""
        most_requests = self._limits.max_requests
        requests = self.requests + int(self._others.requests)
        if most_requests is not None and requests >= most_requests:
            return _not_sent(f"{requests} of {most_requests} requests are used up", "--max-requests")
        most_tokens = self._limits.max_output_tokens
        if most_tokens is not None and self._spent_tokens + tokens > most_tokens:
            # Without the numbers of this request, so that all requests that end here have one reason.
            return _not_sent(f"it may take more than is left of {most_tokens:,} output tokens", "--max-output-tokens")
        most_cost = self._limits.max_cost
        if most_cost is not None and self._spent_cost + self.cost_of(input_tokens, tokens) > most_cost:
            return _not_sent(f"it may cost more than is left of {most_cost:g}", "--max-cost")
        minutes = self._limits.max_minutes
        if minutes is not None and self._elapsed_s() >= minutes * 60:
            return _not_sent(f"{minutes:g} {'minute is' if minutes == 1 else 'minutes are'} over", "--minutes")
        return None

    def _elapsed_s(self) -> float:
        """Seconds since the first request."""
        return 0.0 if self._first_request_s is None else self._now_s() - self._first_request_s


def _not_sent(reason: str, option: str) -> Failure:
    return Failure(kind="budget", message=f"not sent, because a limit is reached: {reason}; raise {option}")
