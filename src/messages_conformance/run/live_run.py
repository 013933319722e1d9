"""One live run: opens the target, sends what is planned, and passes the exchanges to a session."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from rich.console import Console

from messages_conformance import report
from messages_conformance.engine import Conversation, Engine, EngineError, Plan, State, most_input_tokens, shared_file
from messages_conformance.exchange import Ask, Exchange, Failure, Request
from messages_conformance.generate import Dialogue, GeneratedSet
from messages_conformance.report.text import counted
from messages_conformance.rules import Finding, Judge, select
from messages_conformance.rules.verdict import MUST
from messages_conformance.run.confirmation import Confirmation, shrink_requests
from messages_conformance.run.interruptible import run_until_interrupted
from messages_conformance.run.left_behind import left_behind
from messages_conformance.run.observed_target import ObservedTarget
from messages_conformance.run.preflight import Preflight
from messages_conformance.run.prices import Prices, prices_of
from messages_conformance.run.run_options import Options, checked, opened_target, scope_of, with_last_failed
from messages_conformance.run.scope import impact_rank
from messages_conformance.run.time_limit import rule_limit, test_limit
from messages_conformance.run.waiting import wait_for
from messages_conformance.session import Clock, Session, Source, UsageError
from messages_conformance.session.session import is_unpaid
from messages_conformance.shapes import Drift
from messages_conformance.targets import HttpTarget

SYSTEM_CLOCK: Final = Clock(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)

AHEAD: Final = 32
"""With a limit of failures, this many answers may wait to be judged (our own: twice the usual number in flight)."""

ONE_SIGNAL_S: Final = 1.0
"""Signals within this time are one (our own: a terminal and the parent process send the same one)."""

Planned = Ask | Dialogue | GeneratedSet


class Run:
    """Asks a target. The order of calls is: the constructor, `begin`, `exchanges` and `judged`, `finish`, `close`.

    The constructor and `begin` raise UsageError when an option cannot be used.
    """

    def __init__(self, options: Options, *, out: Console | None = None) -> None:
        self.options = options = with_last_failed(options)
        self.profile = checked(options)
        self.scope = scope_of(options, self.profile, select(options.only, options.skip))
        self.session = Session(
            Source(
                name=options.target or "",
                model=options.model or self.profile.default_model or "",
                depth=options.depth,
                seed=options.seed,
                budget=options.budget,
                key_variable=options.api_key_env,
                headers=tuple(name for name, _ in options.connection.headers),
                connection=options.connection_options,
                suites=options.suites,
            ),
            options=options.session,
            clock=SYSTEM_CLOCK,
            out=out,
            spent=self._spent,
            limit=rule_limit,
        )
        try:
            self.target = opened_target(options, self.profile)
        except UsageError:
            self.session.close()
            raise
        self.session.describe(name=self.target.name, notes=self.target.notes, warning=self.target.warning)
        self.out = self.session.out
        self._may_stop = self._waits = False
        self._prices = Prices()
        self._interrupted = False
        self._raised_s = -ONE_SIGNAL_S
        self._failed_so_far: frozenset[str] = frozenset()
        self.limit_is_reached = False
        self._engine = Engine(
            self.target if self.session.events is None else ObservedTarget(self.target, self._write_request),
            profile=self.profile,
            model=options.model or self.profile.default_model,
            concurrency=options.concurrency,
            limits=options.limits,
            rate=options.rate,
            rank=impact_rank,
            retry_budget_s=options.timeout_s,
            again=self._is_to_be_repeated,
            observe=self._record,
            progress=self._show_progress,
            seed=options.seed,
            checks_outage=True,
            added_headers=tuple(name for name, _ in options.connection.headers),
            ahead=None if options.max_failures is None else AHEAD,
            shared=shared_file(os.environ) if isinstance(self.target, HttpTarget) else None,
        )
        self._progress: report.Progress | None = None
        self._conversations: dict[Dialogue, Conversation] = {}
        self._planned: tuple[Ask | Dialogue, ...] = ()
        self._suites: Mapping[str, Sequence[Ask | Dialogue]] = {}
        self._premises: dict[str, tuple[str, ...]] = {}
        self._confirmation: Confirmation | None = None

    def wants(self, asked: Planned) -> bool:
        """Returns True when depth, profile and selection include this."""
        return self.scope.wants(asked)

    def _is_to_be_repeated(self, exchange: Exchange) -> bool:
        """Returns True when the model did not show what the exchange was sent for."""
        premise = [name for situation in exchange.situations for name in self._premises.get(situation, ())]
        return bool(self.judge.unverified(exchange, premise))

    def _record(self, exchange: Exchange) -> None:
        self.session.record(exchange)

    def _write_request(self, request: Request) -> None:
        """Writes the event of a request that is sent now; the engine's thread calls it."""
        if self.session.events is not None:
            self.session.events.write("request", method=request.method, path=request.path, bytes=len(request.body))

    # -- sending -----------------------------------------------------------------------------------------------------

    def begin(
        self,
        asks: Iterable[Ask],
        dialogues: Iterable[Dialogue],
        generated: Iterable[GeneratedSet] = (),
        *,
        suites: Mapping[str, Sequence[Planned]] = MappingProxyType({}),
    ) -> Plan | None:
        """Runs the preflight and then starts to send everything; returns None when the preflight fails.

        `suites` groups the same asks by file, for the progress display.
        """
        self._suites = {name: self.scope.expanded_all(suite) for name, suite in suites.items()}
        expanded = self.scope.expanded_all(generated)
        asks = (*asks, *(each for each in expanded if isinstance(each, Ask)))
        dialogues = (*dialogues, *(each for each in expanded if isinstance(each, Dialogue)))
        self._planned = (*asks, *dialogues)
        self.session.begin()
        self._premises.update((asked.situation, asked.premise) for asked in asks)
        self._conversations.update((dialogue, _conversation(dialogue)) for dialogue in dialogues)
        self._wait_for_target()
        ready = self._is_ready()
        plan = self._engine.plan(asks, self._conversations.values())
        self.session.planned = report.Planned(
            requests=plan.requests, output_tokens=plan.output_tokens, duplicates=plan.duplicates
        )
        if ready:
            self._progress = report.Progress(self.out, self._progress_state)
            self._progress.__enter__()
        self._engine.start()
        return plan if ready else None

    def _is_ready(self) -> bool:
        preflight = Preflight(
            self.session,
            self._engine,
            send=self.ask,
            key_variable=self.options.api_key_env,
            stages=self._stages,
            found_model=self._set_prices,
            proxy=self.target.proxy if isinstance(self.target, HttpTarget) else "",
        )
        try:
            if preflight.passes():
                return True
        except EngineError as error:
            self.session.harness_errors.append(str(error))
        self._engine.abort(Failure(kind="cancelled", message=preflight.reason))
        return False

    def _set_prices(self, model: str) -> None:
        """Finds the prices of the model; raises UsageError when a limit needs them and none are known."""
        is_free = not isinstance(self.target, HttpTarget)
        self._prices = prices_of(self.options, "" if is_free else model)
        if is_free and not self._prices.known:
            return
        if self.options.max_cost is not None and not self._prices.known:
            raise UsageError(
                f"--max-cost needs prices, and the price list does not have the model {model!r}: add --price-in and "
                f"--price-out, what a million tokens cost"
            )
        self._engine.set_prices(self._prices.per_token)
        if self._prices.known and self._prices.currency:
            self.session.note(f"money is computed with list prices: {self._prices.origin}")

    def _stages(self, failed: str) -> str:
        """The stages of the connection that worked, as a part of a sentence; empty for a target without a network."""
        if not isinstance(self.target, HttpTarget) or self._interrupted:
            return ""
        with self._waiting():
            if failed:
                return str(self.target.stages_until(failed))
            return str(run_until_interrupted(self.target.failing_stage(), lambda: self._interrupted))

    def _wait_for_target(self) -> None:
        """Waits as long as the user allows until the target answers, and notes how long that took."""
        seconds = self.options.wait_for_target
        if not seconds or not isinstance(self.target, HttpTarget):
            return
        self.out.print(f"waiting for the target, at most {seconds:g} s", soft_wrap=True)
        with self._waiting():
            waited_s = run_until_interrupted(
                wait_for(
                    opened_target(self.options, self.profile),
                    self.profile,
                    seconds=seconds,
                    added=tuple(name for name, _ in self.options.connection.headers),
                ),
                lambda: self._interrupted,
            )
        if waited_s is None:
            self.session.note(f"the target did not answer within {seconds:g} s (--wait-for-target)")
        else:
            self.session.note(f"the target answered after {waited_s:.0f} s (--wait-for-target)")

    def ask(self, asked: Ask) -> Exchange:
        """Sends an Ask that was not planned and returns its exchange; blocks, and keeps the limits of the run."""
        with self._waiting():
            return self._engine.send_now(asked)

    def submit(self, asked: Ask, listener: Callable[[bytes], bool] | None = None) -> Future[Exchange]:
        """Sends an Ask that was not planned, without blocking; see `Engine.submit`. The limits of the run hold."""
        return self._engine.submit(asked, listener)

    # -- exchanges and verdicts --------------------------------------------------------------------------------------

    def exchanges(self, asked: Planned) -> tuple[Exchange, ...]:
        """Returns every attempt, the last one last; blocks until they are there. Keeps our own errors for the report.

        A generated set has one exchange for each request, after it was reproduced and minimised.
        """
        if isinstance(asked, GeneratedSet):
            return self._generated(asked)
        planned = self._conversations[asked] if isinstance(asked, Dialogue) else asked
        try:
            with self._waiting():
                return self._engine.wait(planned)
        except EngineError as error:
            self.session.harness_errors.append(str(error))
            raise

    def judged(self, exchanges: Iterable[Exchange]) -> tuple[Finding, ...]:
        """Judges the exchanges that are not judged yet; returns the findings, and updates the report on disk."""
        with self._stoppable(False):
            findings = self.session.judged(exchanges)
            if self.session.failed != self._failed_so_far:  # the requests that begin a run may show a failure, too
                self._failed_so_far = self.session.failed
                self._stop_at_limit()
            return findings

    def _stop_at_limit(self) -> None:
        """Notes that enough requirements failed. Excused ones, and consequences of others, do not count."""
        most = self.options.max_failures
        if most is None or len(self.session.failed) < most or self.limit_is_reached:
            return
        failed = [verdict for verdict in report.failures(self.session.report()) if verdict.level == MUST]
        if len(failed) >= most:
            self.limit_is_reached = True
            self.end_early(f"the run stopped after {counted(len(failed), 'failure')} (--max-failures {most})")

    def drifted(self, drifts: Iterable[Drift]) -> None:
        """Keeps differences from the shapes of an earlier run."""
        self.session.drifted(drifts)

    def failed_test(self, name: str, message: str) -> None:
        """Keeps a failed assertion of a test that the user wrote."""
        self.session.failed_test(name, message)

    @property
    def judge(self) -> Judge:
        """The judge of this run."""
        return self.session.judge

    @property
    def is_interrupted(self) -> bool:
        """Whether the run ends before all was asked."""
        return self._interrupted

    @property
    def harness_errors(self) -> list[str]:
        """Our own errors so far."""
        return self.session.harness_errors

    @property
    def model(self) -> str:
        """The model that is asked for; empty until one is known."""
        return self._engine.model or ""

    @property
    def result(self) -> report.Report | None:
        """The report, once the run has finished."""
        return self.session.result

    # -- generated requests ------------------------------------------------------------------------------------------

    def _generated(self, generated: GeneratedSet) -> tuple[Exchange, ...]:
        """Returns the exchanges of a generated set as they are judged."""
        settled: list[Exchange] = []
        for asked in self.scope.expanded(generated):
            answers = self.exchanges(asked)
            # Of several attempts at one request, all but the last are judged as they are.
            self.judged(answers[:-1] if isinstance(asked, Ask) else ())
            settled += [self._confirmed(answer) for answer in (answers[-1:] if isinstance(asked, Ask) else answers)]
        return tuple(settled)

    def _confirmed(self, exchange: Exchange) -> Exchange:
        """Returns the exchange to judge for a generated one; it may be that of a smaller request."""
        if self._confirmation is None:
            self._confirmation = Confirmation(
                profile=self.profile,
                send=self._ask_unjudged,
                find=lambda answer: frozenset(finding.requirement for finding in self.judge.findings(answer)),
                others=self._all_exchanges,
                most=shrink_requests(self.options.max_shrink_requests, self.options.target or ""),
                alone=self.scope.alone is not None,
            )
        confirmed = self._confirmation.confirmed(exchange)
        if confirmed.number != exchange.number:
            self.session.leave_out(exchange)
            self.session.take_back(confirmed)
        return confirmed

    def _ask_unjudged(self, asked: Ask) -> Exchange:
        """Sends an Ask whose answer only helps to judge another one."""
        exchange = self.ask(asked)
        self.session.leave_out(exchange)
        return exchange

    def _all_exchanges(self) -> tuple[Exchange, ...]:
        """Returns every exchange of this run, once everything that was planned is answered."""
        for asked in self._planned:
            with contextlib.suppress(EngineError):  # reported where the answer is needed
                self._engine.wait(self._conversations[asked] if isinstance(asked, Dialogue) else asked)
        return self._engine.exchanges

    # -- progress ----------------------------------------------------------------------------------------------------

    def _show_progress(self, state: State) -> None:
        if self._progress is not None:
            self._progress.update()

    def _progress_state(self) -> report.RunProgress:
        """Returns how far the run is; may be called from any thread."""
        state, spent, planned = self._engine.state, self._engine.spent, self.session.planned
        return report.RunProgress(
            planned=state.planned,
            done=state.done,
            in_flight=state.in_flight,
            waiting=state.waiting,
            failed=len(self.session.failed),
            tokens=spent.output_tokens,
            tokens_most=self.options.max_output_tokens or (0 if planned is None else planned.output_tokens),
            elapsed_s=spent.elapsed_s,
            suites=tuple(self._suite_progress(name, asked) for name, asked in self._suites.items()),
        )

    def _suite_progress(self, name: str, asked: Sequence[Ask | Dialogue]) -> report.SuiteProgress:
        planned = [self._conversations.get(one) if isinstance(one, Dialogue) else one for one in asked]
        state = self._engine.state_of(one for one in planned if one is not None)
        return report.SuiteProgress(
            name=name, planned=state.planned, done=state.done, in_flight=state.in_flight, waiting=state.waiting
        )

    def _spent(self) -> report.Spent:
        spent = self._engine.spent
        return report.Spent(
            requests=spent.requests,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            elapsed_s=spent.elapsed_s,
            money=spent.money if self._prices.known else None,
            currency=self._prices.currency,
        )

    # -- the end -----------------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Notes that the user ends the run early. What was judged until then is still reported.

        A signal handler may call it, also more than once. Raises KeyboardInterrupt only while a test of the user runs,
        and for one of several signals. Each wait of the run raises it itself, at a place where no lock is taken. So
        nothing is left locked, half judged or half written.
        """
        self.end_early("the run was interrupted")
        self._engine.interrupt()
        now_s = time.monotonic()
        if self._may_stop and now_s - self._raised_s >= ONE_SIGNAL_S:
            self._raised_s = now_s
            raise KeyboardInterrupt

    def end_early(self, reason: str) -> None:
        """Notes that the run ends before all was asked, and why."""
        self._interrupted = True
        self.session.state(reason, kind=report.INTERRUPTED)

    @contextlib.contextmanager
    def of_user(self) -> Iterator[None]:
        """Code of the user runs: it can be interrupted, and ends with EndlessTestError when it takes too long."""
        with self._stoppable(True), test_limit(lambda: self._waits):
            yield

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        """The run waits, also for a test of the user: the wait looks by itself whether the run is interrupted."""
        with self._stoppable(False):
            if self._interrupted:
                raise KeyboardInterrupt
            before, self._waits = self._waits, True
            try:
                yield
            finally:
                self._waits = before

    @contextlib.contextmanager
    def _stoppable(self, may_stop: bool) -> Iterator[None]:
        """Says whether a signal handler may raise KeyboardInterrupt meanwhile."""
        before, self._may_stop = self._may_stop, may_stop
        try:
            yield
        finally:
            self._may_stop = before

    def finish(self) -> int:
        """Cancels what is still in flight, writes and prints the report, and returns the exit code."""
        self._stop()
        self._note_unsent_generated()
        self._note_the_rest()
        self._note_what_is_left()
        return self.session.finish()

    def _note_unsent_generated(self) -> None:
        """Notes that a limit kept generated requests from being sent. They do not make the run incomplete."""
        unsent = [one for one in self._engine.exchanges if one.origin is not None and is_unpaid(one)]
        if unsent:
            failure = unsent[0].failure
            assert failure is not None
            text = f"{len(unsent):,} of the generated requests were {failure.message}"
            self.session.note(text)
            report.note(self.out, text)

    def _note_what_is_left(self) -> None:
        """Notes what this run created on the target and could not remove."""
        if isinstance(self.target, HttpTarget) and (text := left_behind(self._engine.exchanges)):
            self.session.note(text)
            report.note(self.out, text)

    def _note_the_rest(self) -> None:
        """Notes what the requests that a limit kept back may take."""
        unsent = [one.request for one in self._engine.exchanges if one.origin is None and is_unpaid(one)]
        if not unsent:
            return
        stated = [request.fields.get("max_tokens") for request in unsent]
        tokens = sum(each for each in stated if isinstance(each, int) and not isinstance(each, bool) and each > 0)
        money = self._prices.of_tokens(sum(map(most_input_tokens, unsent)), tokens)
        costs = "" if money is None else f", or {money:,.4f} {self._prices.currency or 'at your prices'}"
        self.session.note(f"the requests that a limit kept back may take {tokens:,} output tokens{costs}")

    def close(self) -> None:
        """Ends progress, engine and target, and releases the report's folder; harmless when called again."""
        self._stop()
        self.session.close()

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.__exit__(None, None, None)
            self._progress = None
        self._engine.stop()


def _conversation(dialogue: Dialogue) -> Conversation:
    return Conversation(
        name=dialogue.name,
        steps=dialogue.steps,
        max_requests=dialogue.max_requests,
        max_output_tokens=dialogue.max_output_tokens,
        depth=dialogue.depth,
        needs=dialogue.needs,
        generated=dialogue.generated,
    )
