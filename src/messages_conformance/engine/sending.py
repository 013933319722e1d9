"""Sends one question until it has a result: waits out refusals, repeats broken answers, keeps the limits.

`retries` decides what is sent again, and after which pause. A response may not be the result of its question, such as a
429 before a retry, or an answer that broke off. Each of these is a separate exchange, so that its shape can be judged.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, Final

from messages_conformance.engine.budget import Budget
from messages_conformance.engine.concurrency_limit import ConcurrencyLimit, Slot
from messages_conformance.engine.exchange_log import ExchangeLog
from messages_conformance.engine.finishing import Finishing
from messages_conformance.engine.loop_lag import LoopLag
from messages_conformance.engine.outage import NO_ANSWER, OUTAGE, OutageCheck, doubt_about
from messages_conformance.engine.planning import Question
from messages_conformance.engine.rate_limit import RateLimit
from messages_conformance.engine.retries import (
    History,
    Retries,
    how_it_broke,
    must_wait,
    refusal_is_expected,
    says_busy,
)
from messages_conformance.engine.shared_limits import SharedRateLimit
from messages_conformance.engine.token_counts import most_input_tokens, priced_input_tokens, reported_tokens
from messages_conformance.exchange import ACCEPTED, ASKED_AGAIN, Exchange, Failure, Request, Response
from messages_conformance.targets import Target, Unreachable

_UNSENT: Final = frozenset({"dns", "refused", "tls"})
"""Kinds of failures before a request was sent: it cannot have cost anything."""

CONTROL_TOKENS: Final = 64
"""The output tokens that are reserved for a control request (origin: our own; the plainest question asks for fewer)."""

_Result = tuple[Response | None, Failure | None]


class Sender:
    """Sends questions through a target. Belongs to one event loop.

    Once `ended` is set, nothing more is sent. `again` is called after an exchange of a question with attempts left.
    `now_s` is the clock of the run, and `began_s` its time at the beginning.
    """

    def __init__(
        self,
        target: Target,
        *,
        concurrency: ConcurrencyLimit,
        budget: Budget,
        rate_limit: RateLimit | SharedRateLimit,
        retries: Retries,
        log: ExchangeLog,
        loop_lag: LoopLag,
        again: Callable[[Exchange], bool] | None,
        sleep: Callable[[float], Awaitable[Any]],
        now_s: Callable[[], float],
        began_s: float,
        checks_outage: bool = False,
    ) -> None:
        self.ended: Failure | None = None
        self.finishing = Finishing()
        self._target = target
        self._concurrency = concurrency
        self._budget = budget
        self._rate_limit = rate_limit
        self._retries = retries
        self._log = log
        self._loop_lag = loop_lag
        self._again = again
        self._sleep = sleep
        self._now_s = now_s
        self._began_s = began_s
        self._outage = OutageCheck(
            send=self._send_request, sleep=sleep, now_s=now_s, enabled=checks_outage and not target.offline
        )
        self._interruptible_tasks: set[asyncio.Task[Any]] = set()

    def end(self, reason: Failure) -> None:
        """Ends everything that is not in flight with this failure, now and later. The first reason stays."""
        self.ended = self.ended or reason
        self.finishing.end()
        for task in tuple(self._interruptible_tasks):
            task.cancel()

    async def perform(self, question: Question, *, urgent: bool = False) -> Exchange:
        """Sends a question, up to its attempts, and returns the last exchange. All exchanges are in its outcome."""
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
        """One attempt at a question, from its turn to its result."""
        number = question.number if attempt == 1 else self._log.next_number()
        history = History(started_s=self._elapsed_s())
        response, failure = await self._result(question, history, urgent=urgent)
        # What came before an outage was noticed is a part of it, and no answer of the target.
        if failure is None or failure.kind != OUTAGE:
            for interim in history.interim:
                self._log.record(interim)
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
            started_s=history.started_s,
            requested_model=_model(question.request),
            waits=tuple(history.notes),
            observer_lag_s=self._loop_lag.lag_s(self._began_s + history.started_s),
            capability=question.ask.capability,
            origin=question.ask.origin,
        )

    async def _result(self, question: Question, history: History, *, urgent: bool) -> _Result:
        """The result of a question. What removes something is sent after the end of the run, too."""
        if not question.ask.cleans_up:
            return await self._result_of_turn(question, history, urgent=urgent)
        try:
            async with self.finishing.limited():
                return await self._result_of_turn(question, history, urgent=urgent)
        except Unreachable as error:
            return None, error.failure

    async def _result_of_turn(self, question: Question, history: History, *, urgent: bool) -> _Result:
        """Waits for a slot, and sends the question in it."""
        if self.ended is not None and not question.ask.cleans_up:
            return None, self.ended
        try:
            with contextlib.nullcontext() if question.ask.cleans_up else self._interruptible():
                slot = await self._concurrency.acquire(urgent=urgent)
            history.started_s = self._elapsed_s()
            question.outcome.in_flight += 1
            try:
                return await self._result_in_slot(question, slot, history)
            finally:
                question.outcome.in_flight -= 1
                slot.release()
        except asyncio.CancelledError:
            return None, self._reason_of_cancellation()

    def _reason_of_cancellation(self) -> Failure:
        """The failure for which `end` cancelled this task; raises CancelledError when something else did."""
        task = asyncio.current_task()
        if self.ended is None or task is None:
            raise asyncio.CancelledError
        task.uncancel()
        return self.ended

    async def _result_in_slot(self, question: Question, slot: Slot, history: History) -> _Result:
        """Sends the question until there is a result."""
        while True:
            started_s = self._now_s()
            response, failure = await self._send(question)
            if response is None:
                assert failure is not None
                if self._reconnects(failure, history):
                    continue
                return None, await self._outage_behind(failure)
            self._outage.note(question.request, response, started_s=started_s, is_plain=is_plain(question))
            if (outage := await self._outage_instead(response, question)) is not None:
                return None, outage
            broken = how_it_broke(response, question)
            if broken and self._retries.repeats(response, history, may_be_refused=question.expect != ACCEPTED):
                await self._prepare_repeat(question, slot, history, response, broken)
            elif must_wait(response, question):
                result = await self._wait_out(question, slot, history, response)
                if result is not None:
                    return result
            else:
                self._retries.succeeded(
                    response,
                    broken=bool(broken),
                    repeats=history.repeats,
                    route=question.request.route,
                    refusals=history.refusals,
                    after_refusal=any(_is_refusal(interim) for interim in history.interim),
                )
                self._concurrency.succeeded()
                return response, None

    async def _send(self, question: Question) -> _Result:
        """Sends one request within rate and budget; returns its response, or the failure when there is none."""
        if self.ended is not None and not question.ask.cleans_up:
            return None, self.ended
        return await self._send_request(
            question.request,
            reserved=question.reserved_tokens,
            in_spite_of_limits=question.ask.cleans_up,
            creates=question.ask.creates,
        )

    async def _outage_behind(self, failure: Failure) -> Failure:
        """The outage of which a missing answer is a part; the failure itself when the target still answers."""
        if self.ended is not None or failure.kind not in NO_ANSWER:
            return failure
        return await self._explained(failure.message) or failure

    async def _outage_instead(self, response: Response, question: Question) -> Failure | None:
        """The outage that a doubtful response is a part of; None when the response is the target's own."""
        expected = (*question.ask.statuses, *([401] if question.ask.auth in ("none", "wrong") else []))
        doubt = "" if must_wait(response, question) else doubt_about(response, expected=expected)
        return await self._explained(doubt) if doubt else None

    async def _explained(self, doubt: str) -> Failure | None:
        """The outage that explains a doubtful answer. It ends the run."""
        outage = await self._outage.explains(doubt)
        if outage is not None:
            self.end(outage)
        return outage

    async def _send_request(
        self,
        request: Request,
        *,
        reserved: int = CONTROL_TOKENS,
        in_spite_of_limits: bool = False,
        creates: bool = False,
    ) -> _Result:
        """Sends a request within rate and budget, of which it takes `reserved` output tokens at most."""
        reserved_input = most_input_tokens(request)
        with contextlib.nullcontext() if in_spite_of_limits else self._interruptible():
            if not self._target.offline:
                await self._rate_limit.wait()
            failure = await self._budget.reserve(reserved, reserved_input, in_spite_of_limits=in_spite_of_limits)
        if failure is not None:
            return None, failure
        used_input: float = reserved_input
        used = reserved  # until more is known: a broken answer may have been generated and billed
        try:
            async with self.finishing.limited() if creates else contextlib.nullcontext():
                response = await self._target.send(request)
            self._retries.responded()
            input_tokens, output_tokens = reported_tokens(response)
            self._log.count_tokens(input_tokens=input_tokens, output_tokens=output_tokens)
            used = reserved if output_tokens is None else output_tokens
            priced = priced_input_tokens(response)
            used_input = reserved_input if priced is None else priced
        except Unreachable as error:
            unsent = error.failure.kind in _UNSENT
            used, used_input = (0, 0) if unsent else (reserved, reserved_input)
            return None, error.failure
        finally:
            self._budget.settle(reserved, used, reserved_input=reserved_input, used_input=used_input)
        return response, None

    def _reconnects(self, failure: Failure, history: History) -> bool:
        """Whether a request without a response is sent again. Ends the run when the target is unreachable for all."""
        if self.ended is None and self._retries.reconnects(failure, history):
            history.reconnected = True
            history.notes.append(f"{ASKED_AGAIN}: {failure.message}")
            return True
        if self._retries.is_outage(failure):
            self.end(failure)
        return False

    async def _prepare_repeat(
        self, question: Question, slot: Slot, history: History, response: Response, broken: str
    ) -> None:
        """Records an answer that broke, and waits where repeating it at once would not help."""
        history.repeats += 1
        history.notes.append(f"{ASKED_AGAIN}: {broken}")
        history.interim.append(self._interim(question, response))
        is_busy = says_busy(response)
        if is_busy:
            slot.refused()
        pause = self._retries.pause_before_repeat_s(question, history, is_busy=is_busy)
        if pause is not None:
            await self._wait(pause, slot)

    async def _wait_out(self, question: Question, slot: Slot, history: History, response: Response) -> _Result | None:
        """Waits after a refusal, and returns None to send the request again; the result when waiting is over."""
        self._retries.refused(history)
        slot.refused()
        pause = self._retries.pause_after_refusal_s(question, history, response)
        if pause is None and refusal_is_expected(question, response):
            if await self._outage.still_answers():
                if not (self._outage.knows_an_answer and self._retries.confirms(history)):
                    return response, None
                self._note_interim(question, history, response)
                return None
            pause = self._retries.pause_after_refusal_s(question, history, response, is_busy=True)
        one_kind = self._retries.refuses_one_kind(response, history, is_last=pause is None)
        if one_kind and await self._outage.answers_now():
            return response, None
        if pause is None and response.status != 429 and self._always_refuses(question, history):
            return response, None
        if pause is None and response.status != 429:
            outage = await self._explained(f"status {response.status}")
            if outage is not None:
                return None, outage
        history.interim.append(self._interim(question, response))
        if pause is None:
            self._retries.gave_up(history, route=question.request.route)
            return None, self._retries.gave_up_failure(response, history)
        if response.status == 429:
            self._rate_limit.refused(pause)
        history.waited_s += pause
        history.notes.append(f"waited {pause:.1f} s after {response.status}")
        question.outcome.waiting += 1
        try:
            await self._wait(pause, slot)
        finally:
            question.outcome.waiting -= 1
        return None

    def _note_interim(self, question: Question, history: History, response: Response) -> None:
        """Records a refusal that may be one of the moment: others are answered, so the request is sent again."""
        history.interim.append(self._interim(question, response))
        history.notes.append(f"{ASKED_AGAIN}: status {response.status}, while others are answered")

    def _always_refuses(self, question: Question, history: History) -> bool:
        """Notes that a request is not waited for any more; whether its route refuses every request."""
        self._retries.gave_up(history, route=question.request.route)
        return self._retries.always_refuses(question.request.route)

    async def _wait(self, pause: float, slot: Slot) -> None:
        """Pauses the slot for a number of seconds. Recorded answers are not waited for."""
        slot.pause()
        with self._interruptible():
            if not self._target.offline:
                await self._sleep(pause)
            await slot.resume()

    def _interim(self, question: Question, response: Response) -> Exchange:
        """The exchange with a response that is not the result of its question."""
        return Exchange(
            number=self._log.next_number(),
            request=question.request,
            response=response,
            situations=tuple(question.situations),
            started_s=self._elapsed_s() - response.ended_at_s,
            requested_model=_model(question.request),
        )

    def _elapsed_s(self) -> float:
        return self._now_s() - self._began_s

    @contextlib.contextmanager
    def _interruptible(self) -> Iterator[None]:
        """Marks a time in which this task has nothing in flight: `end` may cancel it."""
        task = asyncio.current_task()
        if task is None:
            yield
            return
        self._interruptible_tasks.add(task)
        try:
            yield
        finally:
            self._interruptible_tasks.discard(task)


def is_plain(question: Question) -> bool:
    """Whether a question is a valid request for a message, sent with the key of the run."""
    return question.creates_message and question.expect == ACCEPTED and question.ask.auth == "profile"


def _is_refusal(exchange: Exchange) -> bool:
    return exchange.response is not None and 400 <= exchange.response.status < 500 and exchange.response.status != 429


def _model(request: Request) -> str | None:
    model = request.fields.get("model")
    return model if isinstance(model, str) else None
