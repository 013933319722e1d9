"""One session: exchanges in, verdicts and a report out."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, Final

from rich.console import Console

from messages_conformance import __version__, report
from messages_conformance.exchange import NOT_KEPT, SILENT, Exchange, limited, trimmed
from messages_conformance.gate import Gate
from messages_conformance.internal_errors import described
from messages_conformance.masking import bounded, masked_exchange
from messages_conformance.report import FailedTest, RunInfo, Spent
from messages_conformance.report.text import counted
from messages_conformance.rules import CATALOGUE, Finding, Judge, select
from messages_conformance.rules.verdict import FAIL, WARN, Verdict
from messages_conformance.session.asking_again import with_situations
from messages_conformance.session.event_log import EventLog
from messages_conformance.session.gating import read_gating
from messages_conformance.session.report_folder import ReportFolder
from messages_conformance.session.selection import checked_profile, checked_requirements
from messages_conformance.session.source import Clock, SessionOptions, Source
from messages_conformance.shapes import Drift

JSON: Final = "json"
"""The value of `SessionOptions.output` for a JSON report on standard output."""

WRITE_EVERY_S: Final = 1.0
"""A killed process loses at most this much of its report, as long as a report is written quickly."""

MOST_TIME_WRITING: Final = 0.05
"""At most this part of a session's time is used for interim reports, because each one takes seconds with thousands of
exchanges (origin: our own)."""


class Session:
    """Takes exchanges from one source, judges them, and reports the result.

    The order of calls is: the constructor, `begin`, then `record` and `judged` as exchanges come, then `finish`, then
    `close`. The constructor and `begin` raise UsageError when an option cannot be used. `record` may be called from any
    thread; every other method from one thread only. `spent` returns what the source cost; by default each recorded
    exchange counts as one request. `limit` limits the time of rules, as in `Judge`.
    """

    def __init__(
        self,
        source: Source,
        *,
        options: SessionOptions,
        clock: Clock,
        out: Console | None = None,
        spent: Callable[[], Spent] | None = None,
        limit: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._limit = limit
        checked_requirements((*options.only, *options.skip))
        self.options = options
        self.source = source
        self.out = out or report.console()
        self.out.quiet = self.out.quiet or options.quiet or options.output == JSON
        self.profile = checked_profile(options.profile)
        self.selected = select(options.only, options.skip)
        self.statement: report.Statement | None = None
        self.result: report.Report | None = None
        self.planned: report.Planned | None = None
        self.harness_errors: list[str] = []
        self._gating = read_gating(options, source)
        self._clock = clock
        self._spent = spent or self._counted
        self._started_at = clock.now().isoformat(timespec="seconds")
        self._notes: list[str] = [self._gating.note] if self._gating.note else []
        self._lock = threading.Lock()
        self._recorded: list[Exchange] = []
        self._released = 0
        self._requests = report.RequestCoverage(self.profile.body_version)
        self._settled: set[int] = set()
        self._failed: set[str] = set()
        self._drifts: list[Drift] = []
        self._failed_tests: list[FailedTest] = []
        self._coverage: tuple[report.FieldCoverage, ...] = ()
        self._complete = self._is_over = False
        self._write_next_s = clock.monotonic_s() + WRITE_EVERY_S
        self.judge = self._new_judge()
        self.folder = ReportFolder.opened(options.report) if options.report is not None else None
        self.events = EventLog(options.events, now=clock.now) if options.events is not None else None
        self._last_outcomes: dict[str, str] = {}

    def begin(self) -> None:
        """Starts to judge: removes an earlier report from the folder, and reads rules that were registered meanwhile.

        Raises UsageError when a waiver names no requirement.
        """
        self.judge = self._new_judge()
        self._gating.check_waivers()
        if self.folder is not None:
            self.folder.remove_earlier_report()
        info = self.info
        self._event("start", target=info.target, model=info.model, profile=info.profile, depth=info.depth)

    def announce(self) -> None:
        """Prints the head of the report and writes a first report, which says that it is incomplete."""
        report.header(self.out, self.info)
        if self.folder is not None:
            self.folder.write(self._report_without_verdicts(), final=False)

    def _new_judge(self) -> Judge:
        return Judge(self.profile, selected=self.selected, catalogue=self._gating.catalogue(), limit=self._limit)

    def _event(self, event: str, **fields: Any) -> None:
        if self.events is not None:
            self.events.write(event, **fields)

    def _event_of(self, requirement: str, outcome: str, **more: Any) -> None:
        """Writes a verdict that differs from the last one that was written."""
        before = self._last_outcomes.get(requirement)
        if self.events is not None and before != outcome:
            self._last_outcomes[requirement] = outcome
            self._event("verdict", requirement=requirement, verdict=outcome, before=before, **more)

    # -- what the source reports -------------------------------------------------------------------------------------

    def describe(
        self,
        *,
        name: str | None = None,
        model: str | None = None,
        notes: tuple[str, ...] | None = None,
        warning: str | None = None,
    ) -> None:
        """Sets what the source learns later than the session begins; None leaves a value as it is."""
        self.source = replace(
            self.source,
            name=self.source.name if name is None else name,
            model=self.source.model if model is None else model,
            notes=self.source.notes if notes is None else notes,
            warning=self.source.warning if warning is None else warning,
        )

    def note(self, text: str) -> None:
        """Adds a sentence for the reader of the report."""
        self._notes.append(bounded(text))

    def state(self, message: str, *, kind: str = report.UNREACHABLE) -> None:
        """Says why the session cannot be judged as a whole. The first statement counts: later ones are consequences."""
        self.statement = self.statement or report.Statement(kind=kind, message=bounded(message))

    def record(self, exchange: Exchange) -> Exchange:
        """Keeps an exchange for the report and the recording; returns it as it is judged. May be called in any thread.

        An exchange that is recorded and not passed to `judged` is judged at the end.
        """
        exchange = _trimmed(masked_exchange(_limited(self._with_lacks(exchange))))
        with self._lock:
            self._recorded.append(exchange)
        if self.folder is not None:
            self.folder.append(exchange)
        return exchange

    def _with_lacks(self, exchange: Exchange) -> Exchange:
        if self.source.lacks <= exchange.lacks:
            return exchange
        return replace(exchange, lacks=exchange.lacks | self.source.lacks)

    def drifted(self, drifts: Iterable[Drift]) -> None:
        """Keeps differences from the shapes of an earlier run."""
        self._drifts += drifts

    def failed_test(self, name: str, message: str) -> None:
        """Keeps a failed assertion of a test that the user wrote."""
        self._failed_tests.append(FailedTest(name=name, message=bounded(message)))

    # -- judging -----------------------------------------------------------------------------------------------------

    @property
    def recorded(self) -> tuple[Exchange, ...]:
        """All recorded exchanges, by number."""
        with self._lock:
            return tuple(sorted(self._recorded, key=lambda exchange: exchange.number))

    @property
    def failed(self) -> frozenset[str]:
        """The MUST requirements that fail so far."""
        return frozenset(self._failed)

    def judged(self, exchanges: Iterable[Exchange]) -> tuple[Finding, ...]:
        """Judges the exchanges that are not judged yet; returns the findings, and updates the report on disk."""
        findings = [finding for exchange in exchanges for finding in self.judged_now(exchange)]
        levels = self.judge.catalogue
        self._failed |= {finding.requirement for finding in findings if levels[finding.requirement].level == "MUST"}
        for finding in findings:
            must = levels[finding.requirement].level == "MUST"
            self._event_of(finding.requirement, FAIL if must else WARN, exchange=finding.exchange)
        if self.folder is not None and self._clock.monotonic_s() > self._write_next_s:
            began_s = self._clock.monotonic_s()
            self.write()
            ended_s = self._clock.monotonic_s()
            self._write_next_s = ended_s + max(WRITE_EVERY_S, (ended_s - began_s) / MOST_TIME_WRITING)
        return tuple(findings)

    def judged_now(self, exchange: Exchange) -> tuple[Finding, ...]:
        """Judges one exchange, unless that was done before, and writes no report."""
        if exchange.number in self._settled:
            return ()
        self._settled.add(exchange.number)
        return self.judge.add(self._with_lacks(exchange))

    def release(self) -> None:
        """Releases the memory of judged exchanges of captures that have ended; a source of many files calls it.

        The verdicts and the recording have all of them; the report shows those that remain.
        """
        self.judge.forget()
        remaining = {exchange.number for exchange in self.judge.exchanges}
        with self._lock:
            released = [e for e in self._recorded if e.number in self._settled and e.number not in remaining]
            self._recorded = [e for e in self._recorded if e.number not in self._settled or e.number in remaining]
            self._released += len(released)
        for exchange in released:
            self._settled.discard(exchange.number)
            self._requests.add(exchange)

    def leave_out(self, exchange: Exchange) -> None:
        """Excludes an exchange from judging: it only helped to judge another one."""
        self._settled.add(exchange.number)

    def take_back(self, exchange: Exchange) -> None:
        """Includes an exchange again that `leave_out` excluded."""
        self._settled.discard(exchange.number)

    # -- the end -----------------------------------------------------------------------------------------------------

    def finish(self) -> int:
        """Judges the rest, writes and prints the report, releases the folder, and returns the exit code.

        An error of our own in one of these steps is reported, and costs only this step.
        """
        with self._noting_errors():
            self.statement = self.statement or self._shortfall()
        unusable = self.statement is not None and self.statement.invalidates
        # Exchanges that no test asked for are judged now; only those without an answer if the run is invalid.
        for exchange in self.recorded:
            if not unusable or exchange.response is None:
                with self._noting_errors():
                    self.judged((exchange,))
        self._complete = self.statement is None
        self._is_over = True
        self._note_full_recording()
        if self.events is not None and self.events.problem:
            self.note(f"--events: the file ends early: it could not be written any more ({self.events.problem})")
        if self.folder is not None or not self.out.quiet or self.options.output == JSON:  # otherwise nobody reads it
            with self._noting_errors():
                for exchange in self.recorded:
                    self._requests.add(exchange)
                self._coverage = self._requests.rows
        self.result = result = self._written()
        self._print(result)
        code = report.exit_code(self.result)
        self._write_last_events(self.result, code)
        self.close()
        return code

    def _write_last_events(self, result: report.Report, code: int) -> None:
        for verdict in result.verdicts if self.events is not None else ():
            self._event_of(verdict.requirement, verdict.outcome)
        spent = result.spent
        self._event(
            "end",
            exit_code=code,
            verdict=report.verdict_sentence(result),
            requests=spent.requests,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
        )

    @contextmanager
    def _noting_errors(self) -> Iterator[None]:
        """Keeps an error of our own for the report, which then is not green."""
        try:
            yield
        except Exception as error:
            self.harness_errors.append(bounded(described(error)))

    def _print(self, result: report.Report) -> None:
        """Prints the whole report, or only the verdict when our own error keeps it from being printed."""
        try:
            if self.options.output == JSON:
                report.StandardOutput().write(report.FORMATS["json"](result))
            elif self.options.quiet:
                report.StandardOutput().write(f"{report.verdict_sentence(result)}\n")
            elif not self.out.quiet:
                report.summary(self.out, result, verbose=self.options.show_trace)
        except Exception as error:
            self.harness_errors.append(bounded(described(error)))
            self.result = result = replace(result, harness_errors=tuple(self.harness_errors))
            self.out.print(report.verdict_sentence(result), soft_wrap=True)
        if self.folder is not None:
            self.out.print(f"report: {self.folder.path}", soft_wrap=True)

    def _written(self) -> report.Report:
        """The report, written into the folder. Missing files are stated, and the verdicts are printed all the same."""
        result = self.report()
        if self.folder is None:
            return result
        self.folder.write(result, final=True)
        if self.folder.problem and self.statement is None:
            self._complete = False
            self.state(f"the report is not whole: {self.folder.problem}", kind=report.UNWRITTEN)
            result = self.report()
            self.folder.write(result, final=True)
        return result

    def close(self) -> None:
        """Releases the report's folder; harmless when called again."""
        if self.folder is not None:
            self.folder.release()
        if self.events is not None:
            self.events.close()

    def _note_full_recording(self) -> None:
        """Says that exchanges are missing in the recording, if so. They are judged all the same."""
        last = None if self.folder is None else self.folder.last_recorded
        if last is not None:
            self.note(f"exchanges.jsonl is full: it ends with exchange {last}; all exchanges are judged")

    def _shortfall(self) -> report.Statement | None:
        """States that answers are missing: such a session can find violations, but not conformance."""
        recorded = self.recorded
        if not recorded and not self._released:
            message = "nothing was asked: the options and the profile leave no test"
            return None if self.harness_errors else report.Statement(kind=report.NOTHING_ASKED, message=message)
        unanswered = [
            exchange.failure
            for exchange in recorded
            if exchange.failure is not None
            and exchange.failure.kind not in (SILENT, NOT_KEPT)
            and not (exchange.origin is not None and is_unpaid(exchange))
            and exchange.number not in self.judge.explained
        ]
        if not unanswered:
            return None
        unpaid = [failure for failure in unanswered if failure.kind == "budget"]
        if unpaid:
            message = f"{counted(len(unpaid), 'request')} {unpaid[0].message}"
            return report.Statement(kind=report.BUDGET, message=message)
        message = f"{len(unanswered):,} of {self._released + len(recorded):,} requests got no answer; the last: "
        return report.Statement(kind=report.UNANSWERED, message=message + unanswered[-1].message)

    # -- the report --------------------------------------------------------------------------------------------------

    def _report_without_verdicts(self) -> report.Report:
        """The report before anything is judged. It only replaces an earlier one, so it is made without a verdict."""
        return report.Report(
            run=self.info,
            verdicts=(),
            exchanges={},
            catalogue=CATALOGUE,
            spent=self._spent(),
            planned=self.planned,
            complete=False,
            statement=self.statement,
            harness_errors=tuple(self.harness_errors),
        )

    def report(self) -> report.Report:
        """Returns the report as of now; it says `complete=False` until the session has finished."""
        judged, exchanges = self.judge.verdicts(), self.judge.exchanges
        excuses = self._gate(judged).excuses
        verdicts, causes = report.explained(
            judged,
            () if self.judge.has_forgotten else exchanges,
            kept=lambda verdict, blamed: self._gating.keeps(verdict, blamed, excuses),
        )
        by_chance = {number for cause in causes if cause.by_chance for number in cause.exchanges}
        if self._is_over:
            verdicts = with_situations(verdicts, self.judge)
        return report.Report(
            run=self.info,
            verdicts=verdicts,
            causes=causes,
            features=report.matrix(judged, (one for one in exchanges if one.number not in by_chance)),
            gate=self._gate(verdicts),
            exchanges={exchange.number: exchange for exchange in exchanges},
            catalogue=CATALOGUE,
            spent=self._spent(),
            planned=self.planned,
            complete=self._complete,
            statement=self.statement,
            harness_errors=tuple(self.harness_errors),
            request_coverage=self._coverage,
            drifts=tuple(self._drifts),
            failed_tests=tuple(self._failed_tests),
            recording_sha256=self.folder.recording_sha256 if self._is_over and self.folder is not None else "",
        )

    def _gate(self, verdicts: tuple[Verdict, ...]) -> Gate:
        return self._gating.applied(
            verdicts,
            model=self.source.model,
            profile=self.profile.name,
            today=self._clock.now().date(),
            complete=self._complete and self.statement is None,
        )

    def write(self) -> None:
        """Writes the report as of now into the folder, if there is one."""
        if self.folder is not None:
            self.folder.write(self.report(), final=False)

    def _counted(self) -> Spent:
        with self._lock:
            return Spent(requests=self._released + len(self._recorded))

    @property
    def info(self) -> RunInfo:
        """What the report says about the source and the options."""
        options, source = self.options, self.source
        return RunInfo(
            target=source.name,
            model=source.model,
            profile=self.profile.name,
            depth=source.depth,
            seed=source.seed,
            fail_on=options.fail_on,
            started_at=self._started_at,
            version=__version__,
            only=options.only,
            skip=options.skip,
            notes=(*source.notes, *self._notes),
            budget=source.budget,
            key_variable=source.key_variable,
            headers=source.headers,
            connection=source.connection,
            suites=source.suites,
            warning=source.warning,
            base_url=source.base_url,
            judged_by=source.judged_by,
            edition=self._gating.edition,
            waivers=options.waivers or "",
            baseline=options.baseline or "",
        )


def _limited(exchange: Exchange) -> Exchange:
    """Returns the exchange; its response is cut off if a live run would not have read it to the end."""
    response = None if exchange.response is None else limited(exchange.response)
    return exchange if response is exchange.response else replace(exchange, response=response)


def _trimmed(exchange: Exchange) -> Exchange:
    """Returns the exchange with only the beginning of a response that was cut off."""
    response = None if exchange.response is None else trimmed(exchange.response)
    return exchange if response is exchange.response else replace(exchange, response=response)


def is_unpaid(exchange: Exchange) -> bool:
    """Returns True when a limit of the run kept the request from being sent."""
    return exchange.failure is not None and exchange.failure.kind == "budget"
