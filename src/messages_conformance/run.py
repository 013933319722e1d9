"""One run: options in, a target asked, every answer judged, a report out. What pytest does with it is in `plugin`."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from rich.console import Console

from messages_conformance import __version__, contract, gate, report
from messages_conformance import options as options_table
from messages_conformance.confirmation import Confirmation, shrink_requests
from messages_conformance.contract import Auth, ContractError, Profile
from messages_conformance.engine import DEFAULT_CONCURRENCY, Conversation, Engine, EngineError, Limits, Plan, State
from messages_conformance.exchange import SILENT, Ask, Exchange, Failure, Response
from messages_conformance.forecast import Prices, ceilings, show
from messages_conformance.generate import Dialogue, GeneratedSet, ask, named
from messages_conformance.report import FAIL_ON_REGRESSION, FailedTest, RunInfo
from messages_conformance.rules import CATALOGUE, Finding, Judge, editions, select
from messages_conformance.rules.accessors import has_message
from messages_conformance.rules.catalogue import ANTHROPIC, Requirement
from messages_conformance.rules.requirement_globs import unmatched, unmatched_in_profile
from messages_conformance.rules.verdict import Verdict
from messages_conformance.scope import Scope, impact_rank
from messages_conformance.shapes import Drift, unreadable
from messages_conformance.targets import DEFAULT_TIMEOUT_S, VALID_FORMS, TargetError, open_target

DEFAULT_PROFILE: Final = "tokmodel"
DEFAULT_KEY_VARIABLE: Final = "MESSAGES_API_KEY"

WRITE_EVERY_S: Final = 1.0
"""A run that is killed loses no more than this of its report."""

REPORT_FILES: Final = ("report.json", "junit.xml", "report.html", "exchanges.jsonl")

SAID_CHARACTERS: Final = 160
"""How much of a refusal is quoted in a statement."""

BUSY: Final = frozenset({502, 503, 504, 529, 429})
"""Statuses that tell of an outage, not of a contract."""

OTHER_VERSION: Final = {None: "2023-06-01", "2026-10-21": "2023-06-01", "2023-06-01": "2026-10-21"}
"""What is tried when a target refuses the plainest request under the profile's version."""

MODELS: Final = Ask(situation="models", method="GET", path="/v1/models", expect="either")
PLAINEST: Final = ask("preflight", "Reply with the single word: ok")
PLAINEST_STREAMED: Final = ask("preflight.streamed", "Reply with the single word: ok", stream=True)
"""What is asked before everything else, whatever is left to be asked."""


class UsageError(Exception):
    """The options cannot be used; the message names the mistake, the cure, and what would have been valid."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What may be set for a run; the same names as on the command line."""

    target: str | None
    model: str | None = None
    profile: str = DEFAULT_PROFILE
    api_key_env: str = DEFAULT_KEY_VARIABLE
    depth: str = "standard"
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    fail_on: str = "must"
    waivers: str | None = None
    baseline: str | None = None
    edition: str | None = None
    concurrency: int = DEFAULT_CONCURRENCY
    max_requests: int | None = None
    max_output_tokens: int | None = None
    minutes: float | None = None
    rate: float | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    seed: int = 0
    drawn: int | None = None
    draw: str | None = None
    max_shrink_requests: int | None = None
    report: str | None = None
    snapshots: str | None = None
    update_snapshots: bool = False
    price_in: float | None = None
    price_out: float | None = None
    show_trace: bool = False


def checked_profile(name: str) -> Profile:
    """The profile of that name, or a UsageError with the valid ones."""
    try:
        return contract.profile(name)
    except ContractError as error:
        raise UsageError(str(error)) from error


def checked_requirements(globs: Iterable[str]) -> tuple[str, ...]:
    """The globs, each of which names at least one requirement; a UsageError with the nearest ids otherwise."""
    kept = tuple(globs)
    if wrong := unmatched(kept):
        raise UsageError(wrong)
    return kept


@dataclass(frozen=True, kw_only=True)
class Gating:
    """What the gate of a run is made of, read before anything is sent."""

    edition: str
    levels: Mapping[str, str] | None
    waivers: tuple[gate.Waiver, ...]
    baseline: Mapping[str, str] | None
    note: str = ""

    def catalogue(self) -> Mapping[str, Requirement]:
        """The catalogue with the levels of the edition."""
        return editions.of_edition(CATALOGUE, self.levels)

    def check_waivers(self) -> None:
        """Raises a UsageError for a waiver that names no requirement."""
        wrong = gate.unknown_requirement(self.waivers, CATALOGUE)
        if wrong:
            raise UsageError(wrong)

    def settled(
        self, verdicts: tuple[Verdict, ...], *, model: str, profile: str, complete: bool, only_regressions: bool
    ) -> gate.Gate:
        """The gate over the verdicts of this run."""
        return gate.evaluate(
            verdicts,
            waivers=self.waivers,
            model=model,
            profile=profile,
            today=datetime.now(UTC).date(),
            complete=complete,
            edition=self.edition,
            unscored=editions.added_after(CATALOGUE, self.levels),
            baseline=self.baseline,
            only_regressions=only_regressions,
        )


def gating(options: Options) -> Gating:
    """Reads waivers, edition and baseline; a UsageError when one of them cannot be used."""
    try:
        edition = editions.checked(options.edition)
        earlier = None if options.baseline is None else report.load(options.baseline)
        return Gating(
            edition=edition,
            levels=editions.frozen(edition),
            waivers=() if options.waivers is None else gate.read(Path(options.waivers)),
            baseline=None if earlier is None else {v.requirement: v.outcome for v in earlier.verdicts},
            note="" if earlier is None else _apart(earlier.run, options),
        )
    except (gate.GateError, editions.EditionError) as error:
        raise UsageError(str(error)) from error
    except report.ReportError as error:
        raise UsageError(f"--baseline: {error}") from error


def _apart(earlier: RunInfo, options: Options) -> str:
    """What makes a baseline a doubtful one; empty when nothing does."""
    pairs = ((earlier.profile, options.profile, "profile"), (earlier.depth, options.depth, "depth"))
    told = [f"{name} {before}, and this run {now}" for before, now, name in pairs if before != now]
    return f"the baseline has {'; '.join(told)}" if told else ""


class Planned:
    """A run that is only told: what it would ask, and what that may cost. A target needs no key for it, and no name."""

    def __init__(self, options: Options, *, out: Console | None = None) -> None:
        self.options = replace(options, target=options.target or "reference:")
        self.out = out or report.console()
        self.profile = _checked(self.options)
        try:
            # A target that could not be run is no target to plan for.
            asyncio.run(open_target(self.options.target or "", key=None).aclose())
        except TargetError as error:
            raise UsageError(str(error)) from error
        selected = select(options.only, options.skip)
        self._scope = _scope(options, self.profile, selected)
        self.wants = self._scope.wants

    def show(self, suites: Mapping[str, Sequence[Ask | Dialogue | GeneratedSet]]) -> None:
        """Prints the plan of these suites, and of what is asked before them."""
        options, model = self.options, self.options.model or self.profile.default_model
        first: list[Ask | Dialogue] = [PLAINEST, PLAINEST_STREAMED, *([] if model else [MODELS])]
        drawn = {name: [each for one in asked for each in self._scope.expanded(one)] for name, asked in suites.items()}
        prices = Prices(per_million_input=options.price_in, per_million_output=options.price_out)
        asked = {"before the suites": first, **drawn}
        show(self.out, ceilings(asked, profile=self.profile, model=model), prices)


class Run:
    """Opens the target, asks what is planned, judges what comes, and reports it; in this order.

    Raises UsageError while it is made when an option cannot be used. `close` is harmless when called again.
    """

    def __init__(self, options: Options, *, out: Console | None = None) -> None:
        self.options = options
        self.out = out or report.console()
        self.profile = _checked(options)
        self.selected = select(options.only, options.skip)
        self.scope = _scope(options, self.profile, self.selected)
        self._gating = gating(options)
        self.judge = Judge(self.profile, selected=self.selected, catalogue=self._gating.catalogue())
        self._release: Callable[[], None] = lambda: None
        self.folder = self._folder()
        self._records, self._unwritten = True, ""
        try:
            self.target = self._opened()
        except UsageError:
            self._release()
            raise
        self._statement: report.Statement | None = None
        self._interrupted = False
        self._waits = False
        self.harness_errors: list[str] = []
        self._model = options.model or self.profile.default_model
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._engine = Engine(
            self.target,
            profile=self.profile,
            model=self._model,
            concurrency=options.concurrency,
            limits=Limits(
                max_requests=options.max_requests,
                max_output_tokens=options.max_output_tokens,
                max_minutes=options.minutes,
            ),
            rate=options.rate,
            rank=impact_rank,
            retry_budget_s=options.timeout_s,
            again=self._again,
            observe=self._record,
            progress=self._progressed,
            seed=options.seed,
        )
        self._progress: report.Progress | None = None
        self._written_s = 0.0
        self._judged: set[int] = set()
        self._failed: set[str] = set()
        self._conversations: dict[Dialogue, Conversation] = {}
        self._asked: tuple[Ask | Dialogue, ...] = ()
        self._confirmation: Confirmation | None = None
        self._notes: list[str] = [self._gating.note] if self._gating.note else []
        self._listed = False  # whether the target itself named the model, so that a 404 is no wrong address
        self._premises: dict[str, tuple[str, ...]] = {}
        self._complete = False
        self._drifts: list[Drift] = []
        self._failed_tests: list[FailedTest] = []
        self._planned: report.Planned | None = None
        self._coverage: tuple[report.FieldCoverage, ...] = ()
        self._suites: Mapping[str, Sequence[Ask | Dialogue]] = {}
        self.result: report.Report | None = None

    # -- before anything is sent ------------------------------------------------------------------------------------

    def _folder(self) -> Path | None:
        if self.options.report is None:
            return None
        try:
            folder = report.prepare(self.options.report)
        except report.ReportError as error:
            raise UsageError(str(error)) from error
        for name in REPORT_FILES:
            if (folder / name).is_dir():
                raise UsageError(
                    f"reports cannot go to {str(folder)!r}: it has a folder named {name}; name another one"
                )
        try:
            self._release = report.claim(folder)
        except report.ReportError as error:
            raise UsageError(str(error)) from error
        return folder

    def _opened(self) -> Any:
        options = self.options
        key = os.environ.get(options.api_key_env) or None
        try:
            target = open_target(
                options.target or "",
                key=key,
                timeout_s=options.timeout_s,
                version_required=self.profile.family == ANTHROPIC,
            )
        except TargetError as error:
            raise UsageError(str(error)) from error
        if self.profile.needs_key and target.key is None and not target.offline:
            raise UsageError(
                f"profile {self.profile.name} needs a key: set the environment variable {options.api_key_env}, "
                f"or name another one with --api-key-env (a target that takes any key still wants some value there)"
            )
        return target

    def wants(self, asked: Ask | Dialogue | GeneratedSet) -> bool:
        """Whether depth, profile and selection leave this to be asked."""
        return self.scope.wants(asked)

    def _again(self, exchange: Exchange) -> bool:
        premise = [name for situation in exchange.situations for name in self._premises.get(situation, ())]
        return bool(self.judge.unverified(exchange, premise))

    # -- asking -----------------------------------------------------------------------------------------------------

    def begin(
        self,
        asks: Iterable[Ask],
        dialogues: Iterable[Dialogue],
        drawings: Iterable[GeneratedSet] = (),
        *,
        suites: Mapping[str, Sequence[Ask | Dialogue | GeneratedSet]] = MappingProxyType({}),
    ) -> Plan | None:
        """Finds the model, asks the plainest question, and when that is answered starts all the others.

        Nothing more is sent when the plainest question brings no message; None then. `suites` says which of them belong
        together, for those who watch.
        """
        self._suites = {
            name: [each for one in suite for each in self.scope.expanded(one)] for name, suite in suites.items()
        }
        drawn = [each for drawing in drawings for each in self.scope.expanded(drawing)]
        asks = (*asks, *(each for each in drawn if isinstance(each, Ask)))
        dialogues = (*dialogues, *(each for each in drawn if isinstance(each, Dialogue)))
        self._asked = (*asks, *dialogues)
        # Tests of the user's, which are known by now, may have added rules of their own.
        self.judge = Judge(self.profile, selected=self.selected, catalogue=self._gating.catalogue())
        self._gating.check_waivers()
        self._premises.update((asked.situation, asked.premise) for asked in asks)
        for dialogue in dialogues:
            self._conversations[dialogue] = Conversation(
                name=dialogue.name,
                steps=dialogue.steps,
                max_requests=dialogue.max_requests,
                max_output_tokens=dialogue.max_output_tokens,
                depth=dialogue.depth,
                needs=dialogue.needs,
                drawn=dialogue.drawn,
            )
        self._forget_earlier_report()
        try:
            ready = self._is_ready()
        except EngineError as error:
            self.harness_errors.append(str(error))
            ready = False
        if not ready:
            self._engine.abort(Failure(kind="cancelled", message=self._why_stopped()))
        plan = self._engine.plan(asks, self._conversations.values())
        self._planned = report.Planned(
            requests=plan.requests, output_tokens=plan.output_tokens, duplicates=plan.duplicates
        )
        if ready:
            self._progress = report.Progress(self.out, self._standing)
            self._progress.__enter__()
        self._engine.start()
        return plan if ready else None

    def _forget_earlier_report(self) -> None:
        """Whoever kills this run must not find the verdict of the one before."""
        if self.folder is not None:
            for name in REPORT_FILES:
                with contextlib.suppress(OSError):
                    (self.folder / name).unlink(missing_ok=True)

    def _is_ready(self) -> bool:
        """Whether there is a model and the plainest question brings a message."""
        if self._model is None:
            self._model = self._engine.model = self._discovered_model()
        report.header(self.out, self._info())
        self._write()
        if self._statement is not None:
            return False
        if self._answers():
            return True
        if self._statement is None:
            self._state(self._why_stopped(), kind=report.NO_MESSAGE)
        return False

    def _why_stopped(self) -> str:
        if self._statement is not None:
            return self._statement.message
        return "the plainest request brought no message, so nothing else was asked"

    def _discovered_model(self) -> str | None:
        """The first model of GET /v1/models; states why there is none when the target cannot be reached."""
        listed = self._send(MODELS)
        if self._explains_any(listed):
            return None
        response = listed.response
        assert response is not None
        data = response.fields.get("data")
        names = [item.get("id") for item in data if isinstance(item, dict)] if isinstance(data, list) else []
        if names and isinstance(names[0], str) and names[0]:
            self._listed = True
            return names[0]
        raise UsageError(
            f"no model was given, profile {self.profile.name} names none, and GET /v1/models answered "
            f"{response.status} without a list: name one with --model (is TARGET the right address?)"
        )

    def _send(self, asked: Ask) -> Exchange:
        with self._waiting():
            exchange = self._engine.send_now(asked)
            if exchange.response is not None and exchange.response.status == 401 and asked.auth == "profile":
                return self._with_other_auth(asked, exchange) or exchange
        return exchange

    def _with_other_auth(self, asked: Ask, refused: Exchange) -> Exchange | None:
        """The answer when the key is sent in the other header; from then on all are asked so. None if that is refused.

        That the profile's own header is not accepted is judged like everything else, by a request that sends it.
        """
        other: Auth = "bearer" if self.profile.auth == "x-api-key" else "x-api-key"
        exchange = self._engine.send_now(replace(asked, auth=other))
        if exchange.response is None or exchange.response.status in (401, 403):
            return None
        self._judged.add(refused.number)
        self._engine.profile = replace(self.profile, auth=other)
        self._notes.append(f"the target refuses the key as {self.profile.auth} and takes it as {other}: asked so")
        return exchange

    def _with_other_version(self, asked: Ask, refused: Exchange) -> Exchange | None:
        """The answer under another anthropic-version, which all are asked with from then on; None if there is none."""
        version = OTHER_VERSION[self.profile.api_version]
        exchange = self._engine.send_now(replace(asked, headers=(("anthropic-version", version),)))
        if exchange.response is None or not has_message(exchange):
            return None
        self._judged.add(refused.number)
        self._engine.profile = replace(self._engine.profile, api_version=version)
        sent = f"anthropic-version {self.profile.api_version}" if self.profile.api_version else "no anthropic-version"
        self._notes.append(f"the target refuses the plainest request with {sent}: asked with {version}")
        return exchange

    def _answers(self) -> bool:
        """Whether the plainest question brings a message, whole or streamed; judges what came, says why not."""
        first = self._send(PLAINEST)
        if first.response is not None and first.response.status == 400:
            first = self._with_other_version(PLAINEST, first) or first
        if self._explains(first):
            return False
        self._judge(first)
        if has_message(first):
            return True
        second = self._send(PLAINEST_STREAMED)
        self._judge(second)
        return second.response is not None and has_message(second)

    def _explains(self, exchange: Exchange) -> bool:
        """States an outage, a wrong key, a wrong address or a wrong model; False when the answer is to be judged."""
        if self._explains_any(exchange):
            return True
        response = exchange.response
        assert response is not None
        said = _said(response)
        if response.status == 404 and not self._listed:
            self._state(
                f"the target answered 404 to POST /v1/messages{said}: check TARGET, which is the address that an SDK "
                f"takes as base_url, and --model {self._model}"
            )
        elif 400 <= response.status < 500 and self._model and self._model.encode() in response.body:
            self._state(f"the target refused the model {self._model} with {response.status}{said}: check --model")
        return self._statement is not None

    def _explains_any(self, exchange: Exchange) -> bool:
        """States what keeps a target from answering whatever it is asked."""
        if exchange.failure is not None:
            self._state(exchange.failure.message, kind=_kind(exchange.failure))
            return True
        response = exchange.response
        assert response is not None
        said = _said(response)
        if response.status in (401, 402, 403):
            self._state(
                f"the target answered {response.status} to the key in {self.options.api_key_env}{said}: set a valid "
                f"key there, or name another variable with --api-key-env",
                kind=report.WRONG_KEY,
            )
        elif response.status in BUSY:
            what = f"{exchange.request.method} {exchange.request.path}"
            self._state(f"the target answered {response.status} to {what}{said}: try again later")
        elif 300 <= response.status < 400:
            place = response.header("location")
            self._state(
                f"the target answers with a redirect ({response.status}) to {place or 'nowhere'} and none is "
                f"followed: give the final address as TARGET"
            )
        return self._statement is not None

    def _state(self, message: str, *, kind: str = report.UNREACHABLE) -> None:
        """Keeps the first statement: an interruption is not explained away by what it led to."""
        self._statement = self._statement or report.Statement(kind=kind, message=message)

    # -- judging ----------------------------------------------------------------------------------------------------

    def _drawn(self, drawing: GeneratedSet) -> tuple[Exchange, ...]:
        """What became of everything that a drawing drew, as it is to be judged."""
        found: list[Exchange] = []
        for asked in self.scope.expanded(drawing):
            answers = self.exchanges(asked)
            self.judged(answers[:-1] if isinstance(asked, Ask) else ())
            found += [self._settled(answer) for answer in (answers[-1:] if isinstance(asked, Ask) else answers)]
        return tuple(found)

    def _settled(self, exchange: Exchange) -> Exchange:
        """The exchange that is judged for a drawn one, which may be a smaller request's."""
        if self._confirmation is None:
            self._confirmation = Confirmation(
                profile=self.profile,
                send=self._unjudged,
                find=lambda answer: frozenset(said.requirement for said in self.judge.findings(answer)),
                others=self._others,
                most=shrink_requests(self.options.max_shrink_requests, self.options.target or ""),
                alone=self.scope.alone is not None,
            )
        settled = self._confirmation.settled(exchange)
        if settled.number != exchange.number:
            self._judged.add(exchange.number)
            self._judged.discard(settled.number)
        return settled

    def _unjudged(self, asked: Ask) -> Exchange:
        """What became of an Ask that only helps to judge another."""
        exchange = self.ask(asked)
        self._judged.add(exchange.number)
        return exchange

    def _others(self) -> tuple[Exchange, ...]:
        """Every exchange of this run, once all that was planned is answered."""
        for asked in self._asked:
            with contextlib.suppress(EngineError):  # it is told where the answer is needed
                self._engine.wait(self._conversations[asked] if isinstance(asked, Dialogue) else asked)
        return self._engine.exchanges

    def exchanges(self, asked: Ask | Dialogue | GeneratedSet) -> tuple[Exchange, ...]:
        """What became of it, every attempt; blocks until it is there. Our own errors are kept for the report.

        Of a drawing there is one exchange for each request, confirmed and made smaller where that is in order.
        """
        if isinstance(asked, GeneratedSet):
            return self._drawn(asked)
        planned = self._conversations[asked] if isinstance(asked, Dialogue) else asked
        try:
            with self._waiting():
                return self._engine.wait(planned)
        except EngineError as error:
            self.harness_errors.append(str(error))
            raise

    def judged(self, exchanges: Iterable[Exchange]) -> tuple[Finding, ...]:
        """Judges exchanges that were not judged yet; returns the findings, and keeps the report on disk true."""
        found = [finding for exchange in exchanges for finding in self._judge(exchange)]
        self._failed |= {
            finding.requirement for finding in found if self.judge.catalogue[finding.requirement].level == "MUST"
        }
        if self.folder is not None and time.monotonic() - self._written_s > WRITE_EVERY_S:
            self._write()
            self._written_s = time.monotonic()
        return tuple(found)

    def drifted(self, drifts: Iterable[Drift]) -> None:
        """Keeps what differs from the shapes of an earlier run."""
        self._drifts += drifts

    def failed_test(self, name: str, message: str) -> None:
        """Keeps that a test of the user's own found fault with the target."""
        self._failed_tests.append(FailedTest(name=name, message=message))

    def ask(self, asked: Ask) -> Exchange:
        """What became of an Ask that was not planned; blocks, and keeps to the limits of the run."""
        with self._waiting():
            return self._engine.send_now(asked)

    @property
    def model(self) -> str:
        """The model that is asked for; empty until one is known."""
        return self._model or ""

    def _judge(self, exchange: Exchange) -> tuple[Finding, ...]:
        if exchange.number in self._judged:
            return ()
        self._judged.add(exchange.number)
        return self.judge.add(exchange)

    def _record(self, exchange: Exchange) -> None:
        if self.folder is None or not self._records:
            return
        try:
            report.append(self.folder / "exchanges.jsonl", exchange)
        except report.ReportError as error:
            # Half a line may stand there: one more behind it could not be read.
            self._records, self._unwritten = False, str(error)

    def _progressed(self, state: State) -> None:
        if self._progress is not None:
            self._progress.update()

    def _standing(self) -> report.RunProgress:
        """Where the run stands; may be asked from any thread."""
        state, spent, planned = self._engine.state, self._engine.spent, self._planned
        return report.RunProgress(
            planned=state.planned,
            done=state.done,
            in_flight=state.in_flight,
            waiting=state.waiting,
            failed=len(self._failed),
            tokens=spent.output_tokens,
            tokens_most=self.options.max_output_tokens or (0 if planned is None else planned.output_tokens),
            elapsed_s=spent.elapsed_s,
            suites=tuple(self._lane(name, asked) for name, asked in self._suites.items()),
        )

    def _lane(self, name: str, asked: Sequence[Ask | Dialogue]) -> report.SuiteProgress:
        planned = [self._conversations.get(what) if isinstance(what, Dialogue) else what for what in asked]
        state = self._engine.tally(what for what in planned if what is not None)
        return report.SuiteProgress(
            name=name, planned=state.planned, done=state.done, in_flight=state.in_flight, waiting=state.waiting
        )

    # -- reporting --------------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Notes that somebody ends the run early. What was judged until then is still reported.

        Raises KeyboardInterrupt where the run only waits; never where something would stay half judged or half
        written. May be called by a signal handler, and again.
        """
        self._interrupted = True
        self._state("the run was interrupted", kind=report.INTERRUPTED)
        if self._waits:
            raise KeyboardInterrupt

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        self._waits = True
        try:
            if self._interrupted:
                raise KeyboardInterrupt
            yield
        finally:
            self._waits = False

    def finish(self) -> int:
        """Stops what is still under way, writes the report, prints it, and returns the exit code."""
        self._stop()
        if self._statement is None:
            self._statement = self._shortfall()
        void = self._statement is not None and self._statement.voids
        # Refusals that were waited out belong to no test. What is void is not judged: it only says why.
        self.judged(exchange for exchange in self._engine.exchanges if not void or exchange.response is None)
        self._complete = self._statement is None
        if self.folder is not None or not self.out.quiet:  # otherwise nobody reads it
            self._coverage = report.request_coverage(self._engine.exchanges, api_version=self.profile.body_version)
        self._tell_undrawn()
        self._write(ended=True)
        if self._unwritten and self._statement is None:
            # What was judged is still printed; a full disk is no reason to lose it.
            self._complete = False
            self._state(f"the report is not whole: {self._unwritten}", kind=report.UNWRITTEN)
            self._write(ended=True)
        self.result = result = self.report()
        if not self.out.quiet:
            report.summary(self.out, result, verbose=self.options.show_trace)
        if self.folder is not None:
            self.out.print(f"report: {self.folder}", soft_wrap=True)
        self.close()
        return report.exit_code(result)

    def _tell_undrawn(self) -> None:
        """Notes that the limits ended what is drawn: as much is asked as there is room for, and no more is owed."""
        left = [one for one in self._engine.exchanges if one.origin is not None and _is_unpaid(one)]
        if left:
            failure = left[0].failure
            assert failure is not None
            self._notes.append(f"{len(left):,} of the drawn requests were {failure.message}")
            report.note(self.out, self._notes[-1])

    def _shortfall(self) -> report.Statement | None:
        """That not everything was answered: such a run may find violations, but it cannot find conformance."""
        if not self._engine.exchanges:
            message = "nothing was asked: the options and the profile leave no test"
            return None if self.harness_errors else report.Statement(kind=report.NOTHING_ASKED, message=message)
        unanswered = [
            exchange.failure
            for exchange in self._engine.exchanges
            if exchange.failure is not None
            and exchange.failure.kind != SILENT
            and not (exchange.origin is not None and _is_unpaid(exchange))
            and exchange.number not in self.judge.explained
        ]
        if not unanswered:
            return None
        spent = [failure for failure in unanswered if failure.kind == "budget"]
        if spent:
            return report.Statement(
                kind=report.BUDGET, message=f"{len(spent):,} of the requests were {spent[0].message}"
            )
        message = f"{len(unanswered):,} of {len(self._engine.exchanges):,} requests got no answer; the last: "
        return report.Statement(kind=report.UNANSWERED, message=message + unanswered[-1].message)

    def close(self) -> None:
        """Ends progress, engine and target, and leaves the report's folder to others."""
        self._stop()
        self._release()
        self._release = lambda: None

    def _stop(self) -> None:
        if self._progress is not None:
            self._progress.__exit__(None, None, None)
            self._progress = None
        self._engine.stop()

    def report(self) -> report.Report:
        spent, verdicts = self._engine.spent, self.judge.verdicts()
        return report.Report(
            run=self._info(),
            verdicts=verdicts,
            gate=self._gating.settled(
                verdicts,
                model=self.model,
                profile=self.profile.name,
                complete=self._complete and self._statement is None,
                only_regressions=self.options.fail_on == FAIL_ON_REGRESSION,
            ),
            exchanges={exchange.number: exchange for exchange in self.judge.exchanges},
            catalogue=CATALOGUE,
            spent=report.Spent(
                requests=spent.requests,
                input_tokens=spent.input_tokens,
                output_tokens=spent.output_tokens,
                elapsed_s=spent.elapsed_s,
            ),
            planned=self._planned,
            complete=self._complete,
            statement=self._statement,
            harness_errors=tuple(self.harness_errors),
            request_coverage=self._coverage,
            drifts=tuple(self._drifts),
            failed_tests=tuple(self._failed_tests),
        )

    def _write(self, *, ended: bool = False) -> None:
        if self.folder is None:
            return
        try:
            (report.write_all if ended else report.write_interim)(self.report(), self.folder)
        except report.ReportError as error:
            self._unwritten = self._unwritten or str(error)

    def _info(self) -> RunInfo:
        options = self.options
        budget = [
            text
            for text in (
                options.max_requests is not None and f"{options.max_requests:,} requests",
                options.max_output_tokens is not None and f"{options.max_output_tokens:,} output tokens",
                options.minutes is not None and f"{options.minutes:g} minutes",
                options.rate is not None and f"{options.rate:g} requests a second",
            )
            if text
        ]
        return RunInfo(
            target=self.target.name,
            model=self._model or "",
            profile=self.profile.name,
            depth=options.depth,
            seed=options.seed,
            fail_on=options.fail_on,
            started_at=self._started_at,
            version=__version__,
            only=options.only,
            skip=options.skip,
            notes=(*self.target.notes, *self._notes),
            budget=", ".join(budget),
            key_variable=options.api_key_env,
            edition=self._gating.edition,
            waivers=options.waivers or "",
            baseline=options.baseline or "",
        )


def _is_unpaid(exchange: Exchange) -> bool:
    return exchange.failure is not None and exchange.failure.kind == "budget"


def _kind(failure: Failure) -> str:
    return report.BUDGET if failure.kind == "budget" else report.UNREACHABLE


def _said(response: Response) -> str:
    """The reason that a refusal gives, in parentheses; empty when it gives none."""
    error = response.fields.get("error")
    message = error.get("message") if isinstance(error, dict) else error
    text = message if isinstance(message, str) else response.body[: 4 * SAID_CHARACTERS].decode("utf-8", "replace")
    text = " ".join(text.split())
    return f" ({text[:SAID_CHARACTERS]}{'…' if len(text) > SAID_CHARACTERS else ''})" if text else ""


def _check_snapshots(options: Options) -> None:
    if options.snapshots is None:
        return
    folder = Path(options.snapshots)
    if options.update_snapshots:
        try:
            report.prepare(folder, option="--snapshots")
        except report.ReportError as error:
            raise UsageError(str(error)) from error
    elif not folder.is_dir():
        raise UsageError(
            f"--snapshots: there is no folder {str(folder)!r}; name one that holds shapes, "
            f"or add --snapshot-update to make it"
        )
    if broken := unreadable(folder):
        raise UsageError(
            f"--snapshots: this shape cannot be read: {broken}; restore it from your history, or remove it"
        )


def _scope(options: Options, profile: Profile, selected: Callable[[str], bool]) -> Scope:
    try:
        alone = None if options.draw is None else named(options.draw)
    except ContractError as error:
        raise UsageError(str(error)) from error
    return Scope(
        profile=profile,
        depth=options.depth,
        selected=selected,
        seed=options.seed,
        drawn=options.drawn,
        alone=alone,
    )


def _checked(options: Options) -> Profile:
    """The profile, once every option that can be checked without a target is."""
    if not options.target:
        raise UsageError(f"no target was given, and none is taken by default; {VALID_FORMS}")
    if wrong := options_table.problem(vars(options)):
        raise UsageError(wrong)
    _check_snapshots(options)
    checked_requirements((*options.only, *options.skip))
    profile = checked_profile(options.profile)
    if wrong := unmatched_in_profile(profile):
        raise UsageError(wrong)
    return profile
