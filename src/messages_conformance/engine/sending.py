"""One question until it has an answer: refusals are waited out, broken connections asked again, limits kept.

The rules of this file:

1. 429, 503 and 529 are waited out within the retry budget of the exchange; each refused response is an exchange of its
   own, so that its shape can be judged.
2. When a budget is used up and nothing succeeded meanwhile, the target is taken to be down: further refusals are not
   waited out until something succeeds.
3. No response at all, a 5xx to a valid request, a body that broke off, or a stream that ended in an error event, is
   asked again once; the second result counts, and the first response is an exchange of its own. A stream that ended in
   an overload is asked again more often, unless no stream ever comes through.
4. When the first questions all fail to reach the target, and nothing was ever answered, the rest is not tried.
5. A request that must be refused may be refused with 503 or 529 too; after few retries that is its response.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

from messages_conformance.engine.backoff import WAITED_OUT, pause_s, stated_pause_s
from messages_conformance.engine.budget import Budget
from messages_conformance.engine.concurrency_limit import ConcurrencyLimit, Slot
from messages_conformance.engine.exchange_log import ExchangeLog
from messages_conformance.engine.loop_lag import LoopLag
from messages_conformance.engine.planning import Question
from messages_conformance.engine.rate_limit import RateLimit
from messages_conformance.engine.token_counts import reported_tokens
from messages_conformance.exchange import ASKED_AGAIN, REFUSED, RESET, SILENT, Exchange, Failure, Request, Response
from messages_conformance.targets import Target, Unreachable

REFUSAL_RETRIES: Final = 2
"""Retries of a 503 or 529 where a refusal is wanted: enough to tell a busy server from one that always says so."""

STREAM_ATTEMPTS: Final = 5
"""How often a stream is asked for that ends in an overload: on a bad day one in five may, and is no violation."""

_PASSING: Final = frozenset({"overloaded_error", "rate_limit_error", "timeout_error"})
"""Error events that blame the moment and not the request."""

OUTAGE_FAILURES: Final = 5
"""Questions in a row without any response, from the first on, that show a target to be unreachable for all."""

_OUTAGE: Final = frozenset({"dns", "refused", "tls", "timeout"})
_UNSENT: Final = frozenset({"dns", "refused", "tls"})
_DETERMINED: Final = frozenset({"tls"})

_Result = tuple[Response | None, Failure | None]


@dataclass(kw_only=True)
class _Patience:
    """What one exchange has been through so far."""

    refusals: int = 0
    waited_s: float = 0.0
    successes_before: int = 0
    reconnected: bool = False
    asked_again: int = 0
    notes: list[str] = field(default_factory=list)


class Sender:
    """Sends questions through a target. Belongs to one event loop; `ended` set means that nothing more is sent."""

    def __init__(
        self,
        target: Target,
        *,
        concurrency: ConcurrencyLimit,
        budget: Budget,
        pace: RateLimit,
        log: ExchangeLog,
        retry_budget_s: float,
        again: Callable[[Exchange], bool] | None,
        sleep: Callable[[float], Awaitable[Any]],
        seed: int,
        now_s: Callable[[], float],
        began_s: float,
    ) -> None:
        self.ended: Failure | None = None
        self.pulse = LoopLag()
        self._target = target
        self._offline = target.offline
        self._concurrency = concurrency
        self._budget = budget
        self._pace = pace
        self._log = log
        self._retry_budget_s = retry_budget_s
        self._again = again
        self._sleep = sleep
        self._seed = seed
        self._now_s = now_s
        self._began_s = began_s
        self._idle: set[asyncio.Task[Any]] = set()
        self._successes = 0
        self._responses = 0
        self._unreached = 0
        self._streams_break = False
        self._down = False

    def end(self, reason: Failure) -> None:
        """Everything that is not in flight ends with this failure, now and from now on."""
        self.ended = self.ended or reason
        for task in tuple(self._idle):
            task.cancel()

    async def perform(self, question: Question, *, urgent: bool = False) -> Exchange:
        """The last exchange of a question, asked up to its attempts; all of them are in its outcome."""
        for attempt in range(1, question.attempts + 1):
            exchange = await self._exchange(question, attempt, urgent=urgent or attempt > 1)
            self._log.record(exchange)
            question.outcome.exchanges.append(exchange)
            if attempt == question.attempts or exchange.response is None:
                break
            if self._again is None or not self._again(exchange):
                break
        return question.outcome.exchanges[-1]

    async def _exchange(self, question: Question, attempt: int, *, urgent: bool) -> Exchange:
        number = question.number if attempt == 1 else self._log.next_number()
        patience = _Patience()
        started_s = self._elapsed_s()
        response: Response | None = None
        failure = self.ended
        if failure is None:
            try:
                with self._interruptible():
                    slot = await self._concurrency.acquire(urgent=urgent)
                started_s = self._elapsed_s()
                question.outcome.in_flight += 1
                try:
                    response, failure = await self._answer(question, slot, patience)
                finally:
                    question.outcome.in_flight -= 1
                    slot.release()
            except asyncio.CancelledError:
                failure = self._cancelled()
        return Exchange(
            number=number,
            request=question.request,
            response=response,
            failure=failure,
            situations=tuple(question.situations),
            probes=tuple(question.probes),
            expect=question.expect,
            statuses=question.ask.statuses,
            attempt=attempt,
            started_s=started_s,
            requested_model=_model(question.request),
            waits=tuple(patience.notes),
            observer_lag_s=self.pulse.lag_s(self._began_s + started_s),
            capability=question.ask.capability,
            origin=question.ask.origin,
        )

    def _cancelled(self) -> Failure:
        """The reason for which this task was cancelled; cancels on where it was not by us."""
        task = asyncio.current_task()
        if self.ended is None or task is None:
            raise asyncio.CancelledError
        task.uncancel()
        return self.ended

    async def _answer(self, question: Question, slot: Slot, patience: _Patience) -> _Result:
        while True:
            response, failure = await self._send(question)
            if response is None:
                assert failure is not None
                if not self._reconnects(failure, patience):
                    self._despair(failure)
                    return None, failure
            elif (broke := _broke(response, question)) and self._may_heal(response, patience):
                patience.asked_again += 1
                patience.notes.append(f"{ASKED_AGAIN}: {broke}")
                self._record_refused(question, response)
                if patience.asked_again > 1:
                    await self._calm_down(question, slot, patience)
            elif response.status not in WAITED_OUT or response.status in question.ask.statuses:
                self._succeeded()
                if response.is_event_stream:
                    self._streams_break = bool(broke)
                return response, None
            else:
                result = await self._wait_out(question, slot, patience, response)
                if result is not None:
                    return result

    def _may_heal(self, response: Response, patience: _Patience) -> bool:
        """True when an answer that broke is to be asked for again."""
        if self._offline or not patience.asked_again:
            return not self._offline
        passing = bool(_error_types(response) & _PASSING) and not self._streams_break
        return passing and patience.asked_again + 1 < STREAM_ATTEMPTS

    async def _calm_down(self, question: Question, slot: Slot, patience: _Patience) -> None:
        """Waits for an overload to pass that ended streams in their middle."""
        jitter = Random(f"{self._seed}:{question.number}:{patience.asked_again}")
        pause = pause_s(patience.asked_again - 1, None, jitter)
        slot.rest()
        with self._interruptible():
            await self._sleep(pause)
            await slot.resume()

    async def _send(self, question: Question) -> _Result:
        """One request on the wire, paid for; the failure that left no response otherwise."""
        held = question.held_tokens
        if self.ended is not None:
            return None, self.ended
        with self._interruptible():
            if not self._offline:
                await self._pace.turn()
            failure = await self._budget.reserve(held)
        if failure is not None:
            return None, failure
        used = held  # until it is known better: a broken answer may have been generated and billed
        try:
            response = await self._target.send(question.request)
            self._responses += 1
            input_tokens, output_tokens = reported_tokens(response)
            self._log.input_tokens += input_tokens or 0
            self._log.output_tokens += output_tokens or 0
            used = held if output_tokens is None else output_tokens
        except Unreachable as error:
            used = 0 if error.failure.kind in _UNSENT else held
            return None, error.failure
        finally:
            self._budget.settle(held, used)
        return response, None

    def _reconnects(self, failure: Failure, patience: _Patience) -> bool:
        """True when a request that got no response is to be sent once more."""
        hopeless = failure.kind in (SILENT, *_DETERMINED) or (failure.kind == "timeout" and not self._responses)
        if patience.reconnected or self._offline or hopeless or failure.kind == "budget" or self.ended is not None:
            return False
        patience.reconnected = True
        patience.notes.append(f"{ASKED_AGAIN}: {failure.message}")
        return True

    def _despair(self, failure: Failure) -> None:
        """Ends the run where it is plain that nobody will ever answer."""
        self._unreached += failure.kind in _OUTAGE
        if self._unreached >= OUTAGE_FAILURES and not self._responses and not self._offline:
            self.end(failure)

    async def _wait_out(
        self, question: Question, slot: Slot, patience: _Patience, response: Response
    ) -> _Result | None:
        """Waits, and gives None to ask again; or the result when waiting is over."""
        if not patience.refusals:
            patience.successes_before = self._successes
        patience.refusals += 1
        slot.lower()
        wanted = question.may_be_refused and response.status != 429
        pause = self._pause_s(question, patience, response, wanted=wanted)
        if pause is None and wanted:
            return response, None
        self._record_refused(question, response)
        if pause is None:
            self._down = self._down or self._successes == patience.successes_before
            return None, _given_up(response, patience)
        patience.waited_s += pause
        patience.notes.append(f"waited {pause:.1f} s after {response.status}")
        slot.rest()
        question.outcome.waiting += 1
        try:
            with self._interruptible():
                if not self._offline:
                    await self._sleep(pause)
                await slot.resume()
        finally:
            question.outcome.waiting -= 1
        return None

    def _pause_s(self, question: Question, patience: _Patience, response: Response, *, wanted: bool) -> float | None:
        """How long to wait before asking again; None when that is no longer worth it."""
        if self._down or (wanted and patience.refusals > REFUSAL_RETRIES):
            return None
        jitter = Random(f"{self._seed}:{question.number}:{patience.refusals}")
        pause = pause_s(patience.refusals, stated_pause_s(response, now_s=time.time()), jitter)
        return pause if patience.waited_s + pause <= self._retry_budget_s else None

    def _record_refused(self, question: Question, response: Response) -> None:
        self._log.record(
            Exchange(
                number=self._log.next_number(),
                request=question.request,
                response=response,
                situations=tuple(question.situations),
                started_s=self._elapsed_s() - response.ended_at_s,
                requested_model=_model(question.request),
            )
        )

    def _succeeded(self) -> None:
        self._successes += 1
        self._down = False
        self._concurrency.succeeded()

    def _elapsed_s(self) -> float:
        return self._now_s() - self._began_s

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Marks the time in which nothing of ours is on the wire: an abort may end it."""
        task = asyncio.current_task()
        if task is None:
            yield
            return
        self._idle.add(task)
        try:
            yield
        finally:
            self._idle.discard(task)


def _broke(response: Response, question: Question) -> str:
    """How an answer failed on its way, in a manner that asking again may heal; empty when it did not."""
    if response.ending == RESET:
        return response.detail or "the body broke off"
    if question.expect != REFUSED and response.status >= 500 and response.status not in WAITED_OUT:
        return f"status {response.status}"
    if question.expect != REFUSED and response.is_event_stream and any(e.type == "error" for e in response.events):
        return "the stream ended in an error event"
    return ""


def _error_types(response: Response) -> set[str]:
    """The types of the errors in a stream's error events."""
    errors = (event.fields.get("error") for event in response.events if event.type == "error")
    return {str(error.get("type")) for error in errors if isinstance(error, dict)}


def _model(request: Request) -> str | None:
    model = request.fields.get("model")
    return model if isinstance(model, str) else None


def _given_up(response: Response, patience: _Patience) -> Failure:
    limited = response.status == 429
    tried = f"{patience.refusals} times in a row, {patience.waited_s:.0f} s of waiting included"
    cure = "lower --concurrency or ask for a higher rate limit" if limited else "try again when the target is less busy"
    message = f"the target answered {response.status} {tried}; {cure}"
    return Failure(kind="rate-limited" if limited else "overloaded", message=message)
