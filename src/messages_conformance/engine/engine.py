"""The engine: one thread with one event loop that sends what was planned, while others wait for their own part."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent import futures
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from messages_conformance.engine.budget import Budget, Limits
from messages_conformance.engine.composition import compose
from messages_conformance.engine.concurrency_limit import ConcurrencyLimit
from messages_conformance.engine.conversation import Conversation
from messages_conformance.engine.exchange_log import ExchangeLog, Spent
from messages_conformance.engine.planning import Outcome, Plan, Question, question_of, sharing_key
from messages_conformance.engine.rate_limit import RateLimit
from messages_conformance.engine.sending import Sender
from messages_conformance.exchange import Ask, Exchange, Failure, Request
from messages_conformance.targets import Target

if TYPE_CHECKING:
    from messages_conformance.contract import Profile

DEFAULT_CONCURRENCY: Final = 16
DEFAULT_RETRY_BUDGET_S: Final = 60.0

_POLL_S: Final = 0.1
"""How long a waiting thread sleeps at most before it can notice Ctrl-C on every platform."""

_CLOSE_TIMEOUT_S: Final = 5.0

STOPPED: Final = Failure(kind="cancelled", message="the run was stopped before this was answered")


class EngineError(RuntimeError):
    """Our own error, never the target's: wrong use of the engine, or an exception in a conversation or a callback."""


@dataclass(frozen=True, kw_only=True)
class State:
    """Where a run stands. `planned` and `done` count questions and conversations; `waiting` sit out a rate limit."""

    planned: int
    in_flight: int
    done: int
    waiting: int
    concurrency: int


class Engine:
    """Plans asks, sends them concurrently within limits, and hands out their exchanges.

    `rate` is the requests a second at most. `rank` says what a limited run sends first: what has the lowest.
    `observe` gets every exchange as it is recorded, refused ones that were waited out included; `again` is asked after
    an exchange of an Ask with attempts left; `progress` gets the State after each of them. All three are called on the
    engine's thread. Closes the target when it stops.
    """

    def __init__(
        self,
        target: Target,
        *,
        profile: Profile,
        model: str | None,
        concurrency: int = DEFAULT_CONCURRENCY,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        rate: float | None = None,
        rank: Callable[[Ask | Conversation], Any] | None = None,
        retry_budget_s: float = DEFAULT_RETRY_BUDGET_S,
        again: Callable[[Exchange], bool] | None = None,
        observe: Callable[[Exchange], None] | None = None,
        progress: Callable[[State], None] | None = None,
        seed: int = 0,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.target = target
        self.profile = profile
        self.model = model
        self._progress = progress
        self._clock = target.clock
        self._now_s = time.monotonic if self._clock is None else self._clock.now_s
        self._began_s = self._now_s()
        self._concurrency = ConcurrencyLimit(concurrency)
        self._rank = rank if limits.any else None
        self._budget = Budget(limits, self._now_s)
        self._log = ExchangeLog(observe)
        self._sender = Sender(
            target,
            concurrency=self._concurrency,
            budget=self._budget,
            pace=RateLimit(rate, sleep=sleep, now_s=self._now_s),
            log=self._log,
            retry_budget_s=retry_budget_s,
            again=again,
            sleep=sleep,
            seed=seed,
            now_s=self._now_s,
            began_s=self._began_s,
        )
        self._questions: dict[tuple[object, ...], Question] = {}
        self._outcomes: dict[Ask | Conversation, Outcome] = {}
        self._unsent: list[Question | Conversation] = []
        self._planned = 0
        self._done = 0
        self._started = False
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._halt: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._ready = threading.Event()
        self._lock = threading.Lock()

    # Planning

    def plan(self, asks: Iterable[Ask], conversations: Iterable[Conversation] = ()) -> Plan:
        """Takes asks and conversations into the run; what this call adds to its requests and output tokens."""
        requests = tokens = duplicates = 0
        for conversation in conversations:
            if conversation not in self._outcomes:
                self._outcomes[conversation] = Outcome()
                self._take(conversation)
                requests += conversation.max_requests
                tokens += conversation.max_output_tokens
        fresh: list[Question] = []
        for ask in asks:
            if ask in self._outcomes:
                continue
            question, is_new = self._question_of(ask)
            self._outcomes[ask] = question.outcome
            duplicates += not is_new
            if is_new:
                fresh.append(question)
        for question in fresh:
            self._take(question)
            requests += question.attempts
            tokens += question.token_ceiling
        if self._started:
            self._on_loop(self._launch)
        return Plan(requests=requests, output_tokens=tokens, duplicates=duplicates)

    def _question_of(self, ask: Ask) -> tuple[Question, bool]:
        request = compose(ask, profile=self.profile, model=self.model)
        key = sharing_key(ask, request)
        known = self._questions.get(key)
        if known is not None and not self._started:
            known.share(ask)
            return known, False
        question = self._question(ask, request)
        self._questions[key] = question
        return question, True

    def _question(self, ask: Ask, request: Request | None = None) -> Question:
        number = self._log.next_number()
        return question_of(ask, profile=self.profile, model=self.model, number=number, request=request)

    def _take(self, item: Question | Conversation) -> None:
        self._planned += 1
        with self._lock:
            self._unsent.append(item)

    # Running

    def start(self) -> None:
        """Begins to send, on a thread of its own."""
        self._begin()
        self._started = True
        self._on_loop(self._launch)

    def wait(self, asked: Ask | Conversation) -> tuple[Exchange, ...]:
        """All attempts of an Ask, the last one last, or all steps of a conversation; blocks until they are there."""
        outcome = self._outcomes.get(asked)
        if outcome is None:
            name = asked.name if isinstance(asked, Conversation) else asked.situation
            raise EngineError(f"{name!r} was never planned; hand it to plan() before waiting for it")
        while not outcome.done.wait(_POLL_S):
            if self._thread is None:
                raise EngineError("nothing is being sent yet; call start() before wait()")
            if not self._thread.is_alive() and not outcome.done.is_set():
                raise EngineError("the engine's thread ended before this was answered")
        if outcome.error is not None:
            raise EngineError(f"our own error, not the target's: {_described(outcome.error)}") from outcome.error
        return tuple(outcome.exchanges)

    def send_now(self, ask: Ask) -> Exchange:
        """Asks ahead of everything that waits, before or during the run, and blocks; never shared with other asks."""
        if threading.current_thread() is self._thread:
            raise EngineError("send_now() would wait for its own thread; await the conversation's ask function instead")
        loop = self._begin()
        waiting = asyncio.run_coroutine_threadsafe(self._now(ask), loop)
        while not waiting.done() and loop.is_running():
            futures.wait((waiting,), _POLL_S)
        if not waiting.done() or waiting.cancelled():
            raise EngineError("the engine was stopped before this was answered")
        error = waiting.exception()
        if error is not None:
            raise EngineError(f"our own error, not the target's: {_described(error)}") from error
        return waiting.result()

    def abort(self, reason: Failure) -> None:
        """Ends everything that is not in flight with this failure at once, and whatever is asked later."""
        if self._loop is None or threading.current_thread() is self._thread:
            self._sender.end(reason)
        else:
            self._on_loop(self._sender.end, reason)

    def stop(self) -> None:
        """Cancels what is in flight, closes the target and ends the thread; harmless when called again."""
        if self._stopped:
            return
        self._begin()  # also without a run: the target has to be closed in a loop
        self._stopped = True
        self._on_loop(self._request_halt)
        while self._thread is not None and self._thread.is_alive():
            self._thread.join(_POLL_S)

    # What can be seen from outside

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All so far, by number."""
        return self._log.exchanges

    @property
    def spent(self) -> Spent:
        return Spent(
            requests=self._budget.requests,
            input_tokens=self._log.input_tokens,
            output_tokens=self._log.output_tokens,
            elapsed_s=self._now_s() - self._began_s,
        )

    @property
    def state(self) -> State:
        return State(
            planned=self._planned,
            in_flight=self._concurrency.active,
            done=self._done,
            waiting=self._concurrency.resting,
            concurrency=self._concurrency.limit,
        )

    def tally(self, asked: Iterable[Ask | Conversation]) -> State:
        """Where a part of the run stands: the State of what was planned for these alone."""
        outcomes = [outcome for what in asked if (outcome := self._outcomes.get(what)) is not None]
        left = [outcome for outcome in outcomes if not outcome.done.is_set()]
        return State(
            planned=len(outcomes),
            in_flight=sum(outcome.in_flight for outcome in left),
            done=len(outcomes) - len(left),
            waiting=sum(outcome.waiting for outcome in left),
            concurrency=self._concurrency.limit,
        )

    # On the loop

    def _begin(self) -> asyncio.AbstractEventLoop:
        """The running loop; its thread is started when there is none."""
        if self._stopped:
            raise EngineError("the engine is stopped; make a new one for another run")
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="messages-conformance-engine", daemon=True)
            self._thread.start()
        self._ready.wait()
        assert self._loop is not None
        return self._loop

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=None if self._clock is None else self._clock.new_event_loop) as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._halt = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        # Simulated time never lags, and a regular beat would move it on.
        pulse = None if self._clock is not None else asyncio.create_task(self._sender.pulse.beat())
        self._ready.set()
        try:
            await self._halt.wait()
            await self._finish()
        finally:
            if pulse is not None:
                pulse.cancel()
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await self.target.aclose()

    async def _finish(self) -> None:
        self._sender.end(STOPPED)
        self._launch()  # what was never sent is recorded as such
        await asyncio.sleep(0)  # a task that is cancelled before its first step would leave its waiters without a word
        while self._tasks:
            for task in tuple(self._tasks):
                task.cancel()
            await asyncio.wait(tuple(self._tasks))

    def _request_halt(self) -> None:
        assert self._halt is not None
        self._halt.set()

    def _on_loop(self, function: Callable[..., object], *arguments: object) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed: there is nothing left to tell it
            self._loop.call_soon_threadsafe(function, *arguments)

    def _launch(self) -> None:
        with self._lock:
            items, self._unsent = self._unsent, []
        for item in sorted(items, key=self._place):
            outcome = item.outcome if isinstance(item, Question) else self._outcomes[item]
            work = self._sender.perform(item) if isinstance(item, Question) else self._converse(item, outcome)
            self._spawn(self._settled(work, outcome))

    def _place(self, item: Question | Conversation) -> Any:
        """What is sent first: what matters most, where not all may be sent; else conversations, which take longest."""
        if self._rank is None:
            return isinstance(item, Question)
        if isinstance(item, Question):
            return min(map(self._rank, (item.ask, *item.sharers)))
        return self._rank(item)

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settled(self, work: Coroutine[Any, Any, object], outcome: Outcome) -> None:
        """Runs a piece of work to its end; whatever happens, nobody waits for it forever."""
        try:
            await work
        except asyncio.CancelledError:
            if self._sender.ended is None:
                outcome.error = EngineError("cancelled from outside the engine")
        except Exception as error:  # whatever it is, it belongs to whoever waits for this
            outcome.error = error
        finally:
            work.close()
            self._done += 1
            self._report(outcome)
            outcome.done.set()

    def _report(self, outcome: Outcome) -> None:
        try:
            if self._progress is not None:
                self._progress(self.state)
        except Exception as error:
            outcome.error = outcome.error or error

    async def _converse(self, conversation: Conversation, outcome: Outcome) -> None:
        asked = 0

        async def ask(ask: Ask) -> Exchange:
            nonlocal asked
            asked += 1
            if asked > conversation.max_requests:
                raise EngineError(f"{conversation.name} asks more than its {conversation.max_requests} requests")
            question = self._question(ask)
            outcome.in_flight += 1
            try:
                return await self._sender.perform(question, urgent=asked > 1)
            finally:
                outcome.in_flight -= 1
                outcome.exchanges.extend(question.outcome.exchanges)

        await conversation.steps(ask)

    async def _now(self, ask: Ask) -> Exchange:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await self._sender.perform(self._question(ask), urgent=True)


def _described(error: BaseException) -> str:
    return str(error) if isinstance(error, EngineError) else f"{type(error).__name__}: {error}"
