"""The engine: one thread with one event loop that sends what was planned, while other threads wait for their part."""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
import time
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, Final

from messages_conformance.engine.budget import Budget, Limits
from messages_conformance.engine.composition import compose
from messages_conformance.engine.concurrency_limit import ConcurrencyLimit
from messages_conformance.engine.conversation import Conversation
from messages_conformance.engine.engine_error import EngineError, own_error
from messages_conformance.engine.exchange_log import ExchangeLog, Spent
from messages_conformance.engine.loop_lag import LoopLag
from messages_conformance.engine.planning import Outcome, Plan, Question, question_of, sharing_key
from messages_conformance.engine.rate_limit import RateLimit
from messages_conformance.engine.retries import Retries
from messages_conformance.engine.sending import Sender
from messages_conformance.engine.shared_limits import SharedBudget, SharedFile, SharedRateLimit
from messages_conformance.engine.state import State
from messages_conformance.engine.waits import POLL_S, Waits, wait_for_end
from messages_conformance.exchange import Ask, Exchange, Failure, Request
from messages_conformance.targets import LISTENER, Target

if TYPE_CHECKING:
    from messages_conformance.contract import Profile

DEFAULT_CONCURRENCY: Final = 16
"""Requests in flight at most (origin: our own)."""

DEFAULT_RETRY_BUDGET_S: Final = 60.0
"""How long one exchange waits out refusals at most (origin: our own)."""

_CANCEL_AGAIN_S: Final = 5.0
"""A task that goes on after it was cancelled is cancelled again after this time (origin: our own)."""

_CLOSE_TIMEOUT_S: Final = 5.0
"""How long closing the target may take before the thread ends without it."""

STOPPED: Final = Failure(kind="cancelled", message="the run was stopped before this was answered")
"""The failure of everything that `stop` ends."""


class Engine:
    """Plans Asks, sends them concurrently within limits, and returns their exchanges to the threads that wait for them.

    `rate` is the most requests a second. `rank` orders what a limited run sends: the lowest rank first. `observe` gets
    every exchange as it is recorded, refused ones that were waited out included. `again` is called after an exchange of
    an Ask with attempts left. `progress` gets the State after each question. All three are called on the engine's
    thread. With `checks_outage`, a control request distinguishes an outage in mid-run from a violation. The engine
    closes the target when it stops. `added_headers` are names: each request has these headers, too. It runs on the
    clock of the target: simulated time for a target in memory. With `shared`, rate, pauses after 429 and the limits
    hold for all runs that have this file. With `ahead`, at most this many answers wait to be fetched. A run that ends
    at a limit of failures must not ask everything before the first answer is judged.
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
        checks_outage: bool = False,
        added_headers: tuple[str, ...] = (),
        shared: SharedFile | None = None,
        ahead: int | None = None,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self.target = target
        self.profile = profile
        self.model = model
        self._added_headers = added_headers
        self._progress = progress
        self._now_s = time.monotonic if target.clock is None else target.clock.now_s
        self._began_s = self._now_s()
        self._concurrency = ConcurrencyLimit(concurrency)
        self._rank = rank if limits.any else None
        self._order_seed = None if rank is None else seed
        self._ahead = ahead
        self._held: deque[Question | Conversation] = deque()
        self._budget = Budget(limits, self._now_s, SharedBudget(shared))
        self._log = ExchangeLog(observe)
        self._loop_lag = LoopLag(now_s=self._now_s)
        self._sender = Sender(
            target,
            concurrency=self._concurrency,
            budget=self._budget,
            rate_limit=RateLimit(rate, sleep=sleep, now_s=self._now_s)
            if shared is None
            else SharedRateLimit(shared, rate, sleep=sleep, slow_down=self._concurrency.slow_down),
            retries=Retries(offline=target.offline, retry_budget_s=retry_budget_s, seed=seed),
            log=self._log,
            loop_lag=self._loop_lag,
            again=again,
            sleep=sleep,
            now_s=self._now_s,
            began_s=self._began_s,
            checks_outage=checks_outage,
        )
        self._questions: dict[tuple[object, ...], Question] = {}
        self._outcomes: dict[Ask | Conversation, Outcome] = {}
        self._unsent: list[Question | Conversation] = []
        self._planned = 0
        self._done = 0
        self._started = False
        self._stopped = False
        self._waits = Waits()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop_is_ready = threading.Event()
        self._failure: Exception | None = None
        self._lock = threading.Lock()

    # Planning

    def plan(self, asks: Iterable[Ask], conversations: Iterable[Conversation] = ()) -> Plan:
        """Adds Asks and conversations to the run, also while it runs. Returns what this call adds at most."""
        requests = tokens = duplicates = 0
        for conversation in conversations:
            if conversation not in self._outcomes:
                self._outcomes[conversation] = Outcome()
                self._queue(conversation)
                requests += conversation.max_requests
                tokens += conversation.max_output_tokens
        new_questions: list[Question] = []
        for ask in asks:
            if ask in self._outcomes:
                continue
            question, is_new = self._shared_question(ask)
            self._outcomes[ask] = question.outcome
            if is_new:
                new_questions.append(question)
            else:
                duplicates += 1
        for question in new_questions:
            self._queue(question)
            requests += question.attempts
            tokens += question.token_ceiling
        if self._started:
            self._call_on_loop(self._launch)
        return Plan(requests=requests, output_tokens=tokens, duplicates=duplicates)

    def _shared_question(self, ask: Ask) -> tuple[Question, bool]:
        """The question for an Ask, and whether it is new: an equal one is shared until the run starts."""
        request = self._composed(ask)
        key = sharing_key(ask, request)
        known = self._questions.get(key)
        if known is not None and not self._started:
            known.share(ask)
            return known, False
        question = self._new_question(ask, request)
        self._questions[key] = question
        return question, True

    def _new_question(self, ask: Ask, request: Request | None = None) -> Question:
        number = self._log.next_number()
        request = request or self._composed(ask)
        return question_of(ask, profile=self.profile, model=self.model, number=number, request=request)

    def _composed(self, ask: Ask) -> Request:
        return compose(ask, profile=self.profile, model=self.model, added=self._added_headers)

    def _queue(self, item: Question | Conversation) -> None:
        self._planned += 1
        with self._lock:
            self._unsent.append(item)

    # Running

    def start(self) -> None:
        """Starts to send, on a thread of its own."""
        self._running_loop()
        self._started = True
        self._call_on_loop(self._launch)

    def interrupt(self) -> None:
        """Makes `wait` and `send_now` raise KeyboardInterrupt, now and later. A signal handler may call it."""
        self._waits.interrupt()

    def wait(self, planned: Ask | Conversation) -> tuple[Exchange, ...]:
        """All attempts of an Ask, the last one last, or all steps of a conversation. Blocks until they are complete.

        Raises EngineError for what was never planned, before `start`, and for an error of our own.
        """
        outcome = self._outcomes.get(planned)
        if outcome is None:
            name = planned.name if isinstance(planned, Conversation) else planned.situation
            raise EngineError(f"{name!r} was never planned; pass it to plan() before waiting for it")
        if self._ahead is not None and self._loop is not None:
            self._call_on_loop(self._start_wanted, outcome)
        for _ in self._waits.until(outcome.done.wait):
            if self._thread is None:
                raise EngineError("nothing is being sent yet; call start() before wait()")
            if not self._thread.is_alive() and not outcome.done.is_set():
                raise EngineError("the engine's thread ended before this was answered")
        if self._ahead is not None:
            self._call_on_loop(self._start_held, 1)
        if outcome.error is not None:
            raise own_error(outcome.error)
        return tuple(outcome.exchanges)

    def send_now(self, ask: Ask) -> Exchange:
        """Sends an Ask before everything that waits, before or during the run, and blocks. It is never shared.

        Raises EngineError on the engine's own thread, after `stop`, and for an error of our own.
        """
        if threading.current_thread() is self._thread:
            raise EngineError("send_now() would wait for its own thread; await the conversation's ask function instead")
        loop = self._running_loop()
        sending = self.submit(ask)
        self._waits.until_done(sending, loop.is_running)
        if not sending.done() or sending.cancelled():
            raise EngineError("the engine was stopped before this was answered")
        error = sending.exception()
        if error is not None:
            raise own_error(error)
        return sending.result()

    def submit(self, ask: Ask, listener: Callable[[bytes], bool] | None = None) -> Future[Exchange]:
        """Sends an Ask as `send_now` does, without blocking; the future has its exchange.

        `listener` is called with each piece of a stream as it arrives, on the engine's thread; False leaves the stream.
        """

        async def send() -> Exchange:
            LISTENER.set(listener)
            return await self._send_urgently(ask)

        return asyncio.run_coroutine_threadsafe(send(), self._running_loop())

    def abort(self, reason: Failure) -> None:
        """Ends everything that is not in flight with this failure at once, and everything that is asked later."""
        if self._loop is None or threading.current_thread() is self._thread:
            self._sender.end(reason)
        else:
            self._call_on_loop(self._sender.end, reason)
            if self._ahead is not None:
                self._call_on_loop(self._launch)  # what is held ends with this failure, too

    def stop(self) -> None:
        """Cancels what is in flight, closes the target and ends the thread. May be called again."""
        if self._stopped:
            return
        try:
            self._running_loop()  # even if nothing was sent: the target has to be closed in a loop
        finally:
            self._stopped = True
        self._call_on_loop(self._stop_loop)
        if self._thread is not None:
            wait_for_end(self._thread)

    def set_prices(self, prices: tuple[float, float] | None) -> None:
        """Sets what one input and one output token cost. Call it before anything that costs money is sent."""
        self._budget.prices = prices

    # State

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges so far, by number."""
        return self._log.exchanges

    @property
    def spent(self) -> Spent:
        """What the run has cost so far."""
        return Spent(
            requests=self._budget.requests,
            input_tokens=self._log.input_tokens,
            output_tokens=self._log.output_tokens,
            elapsed_s=self._now_s() - self._began_s,
            money=self._budget.cost,
        )

    @property
    def state(self) -> State:
        """The progress of the whole run."""
        return State(
            planned=self._planned,
            in_flight=self._concurrency.active,
            done=self._done,
            waiting=self._concurrency.paused,
            concurrency=self._concurrency.limit,
        )

    def state_of(self, planned: Iterable[Ask | Conversation]) -> State:
        """The progress of a part of the run. What was never planned is left out."""
        outcomes = [outcome for one in planned if (outcome := self._outcomes.get(one)) is not None]
        left = [outcome for outcome in outcomes if not outcome.done.is_set()]
        return State(
            planned=len(outcomes),
            in_flight=sum(outcome.in_flight for outcome in left),
            done=len(outcomes) - len(left),
            waiting=sum(outcome.waiting for outcome in left),
            concurrency=self._concurrency.limit,
        )

    # The thread and its loop

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        """The event loop; starts its thread when there is none yet."""
        if self._stopped:
            raise EngineError("the engine is stopped; make a new one for another run")
        if self._thread is None:
            self._start()
        while not self._loop_is_ready.wait(POLL_S) and self._thread is not None and self._thread.is_alive():
            pass
        if self._loop is None:
            raise self._failure or EngineError("the thread that sends requests did not start")
        return self._loop

    def _start(self) -> None:
        """Starts the thread. When there is no memory for it, there is none, and nothing waits for it."""
        thread = threading.Thread(target=self._run, name="messages-conformance-engine", daemon=True)
        thread.start()
        self._thread = thread

    def _run(self) -> None:
        clock = self.target.clock
        try:
            with asyncio.Runner(loop_factory=None if clock is None else clock.new_event_loop) as runner:
                runner.run(self._main())
        except Exception as error:  # raised in the thread that waits, or printed there
            self._failure = error
            if self._loop is not None:
                raise
        finally:
            self._loop_is_ready.set()

    async def _main(self) -> None:
        """Runs until `stop`; closes the target."""
        self._stopping = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        # Simulated time never lags, and regular measurements would advance it.
        measuring = asyncio.create_task(self._loop_lag.measure()) if self.target.clock is None else None
        self._loop_is_ready.set()
        try:
            await self._stopping.wait()
            await self._cancel_all()
        finally:
            if measuring is not None:
                measuring.cancel()
            with contextlib.suppress(TimeoutError, OSError):
                async with asyncio.timeout(_CLOSE_TIMEOUT_S):
                    await self.target.aclose()

    async def _cancel_all(self) -> None:
        self._sender.end(STOPPED)
        self._launch()  # what was never sent is recorded as such
        await asyncio.sleep(0)  # a task that is cancelled before its first step would never set its outcome
        while self._tasks:
            for task in self._tasks - self._sender.finishing.tasks:
                task.cancel()
            await asyncio.wait(tuple(self._tasks), timeout=_CANCEL_AGAIN_S)

    def _stop_loop(self) -> None:
        assert self._stopping is not None
        self._stopping.set()

    def _call_on_loop(self, function: Callable[..., object], *arguments: object) -> None:
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop is closed: everything has ended
            self._loop.call_soon_threadsafe(function, *arguments)

    # On the loop

    def _launch(self) -> None:
        """Starts a task for everything that is planned and not sent yet."""
        with self._lock:
            items, self._unsent = self._unsent, []
        if self._ahead is not None and self._rank is None:  # as they are waited for; a conversation is many requests
            self._held.extend(sorted(items, key=lambda item: isinstance(item, Conversation)))
        else:
            self._held.extend(sorted(self._shuffled(items), key=self._order))
        everything = self._ahead is None or self._sender.ended is not None
        self._start_held(len(self._held) if everything else self._ahead or 0)

    def _start_held(self, most: int) -> None:
        """Starts a task for the next ones of what is planned."""
        for _ in range(min(most, len(self._held))):
            self._begin(self._held.popleft())

    def _start_wanted(self, outcome: Outcome) -> None:
        """Starts what somebody waits for, if it is not sent yet."""
        item = next((each for each in self._held if self._outcome_of(each) is outcome), None)
        if item is not None:
            self._held.remove(item)
            self._begin(item)

    def _outcome_of(self, item: Question | Conversation) -> Outcome:
        return item.outcome if isinstance(item, Question) else self._outcomes[item]

    def _begin(self, item: Question | Conversation) -> None:
        outcome = self._outcome_of(item)
        if isinstance(item, Question):
            self._start_task(self._settle(self._sender.perform(item), outcome))
        else:
            self._start_task(self._settle(self._converse(item, outcome), outcome))

    def _shuffled(self, items: list[Question | Conversation]) -> list[Question | Conversation]:
        """What is equally important, in an order that depends on the seed.

        A fault of every k-th request would hide behind an order in which equal forms of requests alternate.
        """
        return items if self._order_seed is None else random.Random(self._order_seed).sample(items, len(items))

    def _order(self, item: Question | Conversation) -> Any:
        """A limited run sends what matters most first; any other sends conversations first, which take longest."""
        if self._rank is None:
            return isinstance(item, Question)
        if isinstance(item, Question):
            return min(map(self._rank, (item.ask, *item.sharers)))
        return self._rank(item)

    def _start_task(self, work: Coroutine[Any, Any, Any]) -> None:
        self._keep(asyncio.get_running_loop().create_task(work))

    def _keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _settle(self, work: Coroutine[Any, Any, object], outcome: Outcome) -> None:
        """Runs the work and sets its outcome in any case: no thread waits for it forever."""
        try:
            await work
        except asyncio.CancelledError:
            if self._sender.ended is None:
                outcome.error = EngineError("cancelled from outside the engine")
        except Exception as error:  # any error is raised in the thread that waits
            outcome.error = error
        finally:
            work.close()
            self._done += 1
            self._report_progress(outcome)
            outcome.done.set()

    def _report_progress(self, outcome: Outcome) -> None:
        try:
            if self._progress is not None:
                self._progress(self.state)
        except Exception as error:
            outcome.error = outcome.error or error

    async def _converse(self, conversation: Conversation, outcome: Outcome) -> None:
        """Runs the steps of a conversation, and collects their exchanges."""
        count = 0

        async def ask_next(ask: Ask) -> Exchange:
            nonlocal count
            count += 1
            if count > conversation.max_requests:
                raise EngineError(f"{conversation.name} asks more than its {conversation.max_requests} requests")
            if missing := ask.needs - self.profile.offers:
                return self._not_sent(ask, missing)
            question = self._new_question(ask)
            outcome.in_flight += 1
            try:
                return await self._sender.perform(question, urgent=count > 1)
            finally:
                outcome.in_flight -= 1
                outcome.exchanges.extend(question.outcome.exchanges)

        await conversation.steps(ask_next)

    def _not_sent(self, ask: Ask, missing: frozenset[str]) -> Exchange:
        """The exchange of a step that the profile does not promise: it is neither sent nor recorded."""
        reason = f"profile {self.profile.name} does not promise {', '.join(sorted(missing))}"
        request = self._composed(ask)
        return Exchange(number=0, request=request, response=None, failure=Failure(kind="cancelled", message=reason))

    async def _send_urgently(self, ask: Ask) -> Exchange:
        task = asyncio.current_task()
        assert task is not None
        self._keep(task)
        return await self._sender.perform(self._new_question(ask), urgent=True)
