"""One run: options in, a target asked, every answer judged, a report out. What pytest does with it is in `plugin`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from messages_conformance import __version__, contract, report
from messages_conformance.contract import ContractError, Profile
from messages_conformance.engine import DEFAULT_CONCURRENCY, Conversation, Engine, EngineError, Limits, Plan, State
from messages_conformance.exchange import Ask, Exchange, Failure
from messages_conformance.generate import Dialogue, ask
from messages_conformance.rules import CATALOGUE, Finding, Judge, matches, select
from messages_conformance.rules.lens import has_message
from messages_conformance.rules.probes import ECHO, PLAIN
from messages_conformance.targets import DEFAULT_TIMEOUT_S, VALID_FORMS, TargetError, open_target

DEPTHS: Final = ("smoke", "standard", "deep")
"""Each depth asks what the one before it asks, and more."""

FAIL_ON: Final = ("must", "should")
DEFAULT_PROFILE: Final = "tokmodel"
DEFAULT_KEY_VARIABLE: Final = "MESSAGES_API_KEY"

WRITE_EVERY_S: Final = 1.0
"""An interrupted run loses no more than this of its report."""

BUSY: Final = frozenset({502, 503, 504, 529, 429})
"""Statuses that tell of an outage, not of a contract."""

FOLLOW_UPS: Final = frozenset({ECHO, f"{ECHO}-tokmodel"})
"""Requirements that the second step of a dialogue answers for."""


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
    concurrency: int = DEFAULT_CONCURRENCY
    max_requests: int | None = None
    max_output_tokens: int | None = None
    timeout_s: float = DEFAULT_TIMEOUT_S
    seed: int = 0
    report: str | None = None
    trace: bool = False


def checked_profile(name: str) -> Profile:
    """The profile of that name, or a UsageError with the valid ones."""
    try:
        return contract.profile(name)
    except ContractError as error:
        raise UsageError(str(error)) from error


def checked_requirements(globs: Iterable[str]) -> tuple[str, ...]:
    """The globs, each of which names at least one requirement; a UsageError with the nearest ids otherwise."""
    kept = tuple(globs)
    for glob in kept:
        if not any(matches(requirement, (glob,)) for requirement in CATALOGUE):
            near = get_close_matches(glob, CATALOGUE, n=3, cutoff=0.4) or sorted(
                {row.topic for row in CATALOGUE.values()}
            )
            raise UsageError(
                f"no requirement matches {glob!r}; did you mean {', '.join(near)}? "
                f"`messages-conformance list` shows all {len(CATALOGUE)}"
            )
    return kept


class Run:
    """Opens the target, asks what is planned, judges what comes, and reports it; in this order.

    Raises UsageError while it is made when an option cannot be used. `close` is harmless when called again.
    """

    def __init__(self, options: Options, *, out: Console | None = None) -> None:
        self.options = options
        self.out = out or report.console()
        self.profile = _checked(options)
        self.selected = select(options.only, options.skip)
        self.judge = Judge(self.profile, selected=self.selected)
        self.folder = self._folder()
        self.target = self._opened()
        self._statement: report.Statement | None = None
        self.harness_errors: list[str] = []
        self._model = options.model or self.profile.default_model
        self._started_at = datetime.now(UTC).isoformat(timespec="seconds")
        self._engine = Engine(
            self.target,
            profile=self.profile,
            model=self._model,
            concurrency=options.concurrency,
            limits=Limits(max_requests=options.max_requests, max_output_tokens=options.max_output_tokens),
            again=lambda exchange: bool(self.judge.unverified(exchange)),
            observe=self._record,
            progress=self._progressed,
            seed=options.seed,
        )
        self._progress: report.Progress | None = None
        self._written_s = 0.0
        self._judged: set[int] = set()
        self._failed: set[str] = set()
        self._conversations: dict[Dialogue, Conversation] = {}
        self._complete = False

    # -- before anything is sent ------------------------------------------------------------------------------------

    def _folder(self) -> Path | None:
        if self.options.report is None:
            return None
        try:
            folder = report.prepare(self.options.report)
            (folder / "exchanges.jsonl").unlink(missing_ok=True)
        except (report.ReportError, OSError) as error:
            raise UsageError(str(error)) from error
        return folder

    def _opened(self) -> Any:
        options = self.options
        key = os.environ.get(options.api_key_env) or None
        if self.profile.needs_key and key is None and (options.target or "").startswith(("http:", "https:")):
            raise UsageError(
                f"profile {self.profile.name} needs a key: set the environment variable {options.api_key_env}, "
                f"or name another one with --api-key-env (a target that takes any key still wants some value there)"
            )
        try:
            return open_target(options.target or "", key=key, timeout_s=options.timeout_s)
        except TargetError as error:
            raise UsageError(str(error)) from error

    def wants(self, asked: Ask | Dialogue) -> bool:
        """Whether depth, profile and selection leave this to be asked."""
        if DEPTHS.index(asked.depth) > DEPTHS.index(self.options.depth):
            return False
        if not asked.needs <= self.profile.promises:
            return False
        if isinstance(asked, Dialogue):
            return any(self.selected(name) for name in (*FOLLOW_UPS, *self._general()))
        row = CATALOGUE.get(asked.probe)
        if row is not None and asked.probe != PLAIN:
            # A refused request also shows what every error must look like; it is sent for its own sake only.
            return self._asked_for(asked.probe)
        return any(self._asked_for(name) for name in self._general())

    def _general(self) -> tuple[str, ...]:
        """The requirements that are judged on ordinary questions, not on a row of the probe table."""
        return tuple(name for name in CATALOGUE if name not in _probed())

    def _asked_for(self, name: str) -> bool:
        return self.selected(name) and not CATALOGUE[name].inapplicable(self.profile)

    # -- asking -----------------------------------------------------------------------------------------------------

    def begin(self, asks: Iterable[Ask], dialogues: Iterable[Dialogue]) -> Plan | None:
        """Finds the model, asks the plainest question, and when that is answered starts all the others.

        Nothing more is sent when the plainest question brings no message; None then.
        """
        asks = [asked for asked in asks]
        for dialogue in dialogues:
            self._conversations[dialogue] = Conversation(
                name=dialogue.name,
                steps=dialogue.steps,
                max_requests=dialogue.max_requests,
                max_output_tokens=dialogue.max_output_tokens,
                depth=dialogue.depth,
                needs=dialogue.needs,
            )
        if self._model is None:
            self._model = self._engine.model = self._discovered_model()
        report.header(self.out, self._info())
        ready = self._statement is None and self._answers()
        if not ready:
            self._engine.abort(Failure(kind="cancelled", message=self._why_stopped()))
        plan = self._engine.plan(asks, self._conversations.values())
        self._progress = report.Progress(self.out)
        self._progress.__enter__()
        self._engine.start()
        return plan if ready else None

    def _why_stopped(self) -> str:
        if self._statement is not None:
            return self._statement.message
        return "not asked: the plainest request brought no message"

    def _discovered_model(self) -> str | None:
        """The first model of GET /v1/models; states why there is none when the target cannot be reached."""
        listed = self._engine.send_now(Ask(situation="models", method="GET", path="/v1/models", expect="either"))
        if listed.failure is not None:
            self._statement = report.Statement(kind=report.UNREACHABLE, message=listed.failure.message)
            return None
        response = listed.response
        assert response is not None
        if self._refuses_key(response.status):
            return None
        data = response.fields.get("data")
        names = [item.get("id") for item in data if isinstance(item, dict)] if isinstance(data, list) else []
        if names and isinstance(names[0], str) and names[0]:
            return names[0]
        raise UsageError(
            f"which model? Profile {self.profile.name} names none and GET /v1/models answered {response.status} "
            f"without a list: give one with --model"
        )

    def _refuses_key(self, status: int) -> bool:
        if status not in (401, 402, 403):
            return False
        name = self.options.api_key_env
        self._statement = report.Statement(
            kind=report.WRONG_KEY,
            message=f"the target answered {status} to the key in {name}: set a valid key there, or name another "
            f"variable with --api-key-env",
        )
        return True

    def _answers(self) -> bool:
        """Whether the plainest question brings a message, whole or streamed; judges what came, says why not."""
        question = "Reply with the single word: ok"
        first = self._engine.send_now(ask("preflight", question))
        self._judge(first)
        if first.response is not None and has_message(first):
            return True
        if self._explains(first):
            return False
        second = self._engine.send_now(ask("preflight.streamed", question, stream=True))
        self._judge(second)
        return second.response is not None and has_message(second)

    def _explains(self, exchange: Exchange) -> bool:
        """States an outage, a wrong key, a wrong address or a wrong model; False when the answer is to be judged."""
        if exchange.failure is not None:
            self._statement = report.Statement(kind=_kind(exchange.failure), message=exchange.failure.message)
            return True
        response = exchange.response
        assert response is not None
        said = response.body[:300].decode("utf-8", "replace").strip()
        if self._refuses_key(response.status):
            return True
        if response.status in BUSY:
            self._state(f"the target answered {response.status} to the plainest request ({said}): try again later")
        elif 300 <= response.status < 400:
            self._state(f"the target redirects to {response.header('location')}: give that address as TARGET")
        elif response.status == 404:
            self._state(
                f"the target answered 404 to POST /v1/messages ({said}): check TARGET, which is the address that an SDK "
                f"takes as base_url, and --model {self._model}"
            )
        elif 400 <= response.status < 500 and self._model and self._model in said:
            self._state(f"the target refused the model {self._model} ({response.status}: {said}): check --model")
        return self._statement is not None

    def _state(self, message: str) -> None:
        self._statement = report.Statement(kind=report.UNREACHABLE, message=message)

    # -- judging ----------------------------------------------------------------------------------------------------

    def exchanges(self, asked: Ask | Dialogue) -> tuple[Exchange, ...]:
        """What became of it, every attempt; blocks until it is there. Our own errors are kept for the report."""
        planned = self._conversations[asked] if isinstance(asked, Dialogue) else asked
        try:
            return self._engine.wait(planned)
        except EngineError as error:
            self.harness_errors.append(str(error))
            raise

    def judged(self, exchanges: Iterable[Exchange]) -> tuple[Finding, ...]:
        """Judges exchanges that were not judged yet; returns the findings, and keeps the report on disk true."""
        found = [finding for exchange in exchanges for finding in self._judge(exchange)]
        self._failed |= {finding.requirement for finding in found if CATALOGUE[finding.requirement].level == "MUST"}
        if self.folder is not None and time.monotonic() - self._written_s > WRITE_EVERY_S:
            self._write()
            self._written_s = time.monotonic()
        return tuple(found)

    def _judge(self, exchange: Exchange) -> tuple[Finding, ...]:
        if exchange.number in self._judged:
            return ()
        self._judged.add(exchange.number)
        return self.judge.add(exchange)

    def _record(self, exchange: Exchange) -> None:
        if self.folder is not None:
            report.append(self.folder / "exchanges.jsonl", exchange)

    def _progressed(self, state: State) -> None:
        if self._progress is not None:
            self._progress.update(
                planned=state.planned,
                done=state.done,
                in_flight=state.in_flight,
                waiting=state.waiting,
                failed=len(self._failed),
            )

    # -- reporting --------------------------------------------------------------------------------------------------

    def interrupt(self) -> None:
        """Notes that somebody ended the run early; what was judged until then is still reported."""
        if self._statement is None:
            self._statement = report.Statement(kind=report.INTERRUPTED, message="the run was interrupted")

    def finish(self) -> int:
        """Stops what is still under way, writes the report, prints it, and returns the exit code."""
        self._complete = self._statement is None
        self.close()
        self.judged(self._engine.exchanges)  # refusals that were waited out belong to no test
        result = self.report()
        self._write()
        report.summary(self.out, result, verbose=self.options.trace)
        if self.folder is not None:
            self.out.print(f"report: {self.folder}", soft_wrap=True)
        return report.exit_code(result)

    def close(self) -> None:
        """Ends progress, engine and target."""
        if self._progress is not None:
            self._progress.__exit__(None, None, None)
            self._progress = None
        self._engine.stop()

    def report(self) -> report.Report:
        spent = self._engine.spent
        return report.Report(
            run=self._info(),
            verdicts=self.judge.verdicts(),
            exchanges={exchange.number: exchange for exchange in self.judge.exchanges},
            catalogue=CATALOGUE,
            spent=report.Spent(
                requests=spent.requests,
                input_tokens=spent.input_tokens,
                output_tokens=spent.output_tokens,
                elapsed_s=spent.elapsed_s,
            ),
            complete=self._complete,
            statement=self._statement,
            harness_errors=tuple(self.harness_errors),
        )

    def _write(self) -> None:
        if self.folder is None:
            return
        try:
            report.write_all(self.report(), self.folder)
        except report.ReportError as error:
            # The verdicts are still printed; a full disk is no reason to lose them.
            if str(error) not in self.harness_errors:
                self.harness_errors.append(str(error))

    def _info(self) -> report.RunInfo:
        options = self.options
        budget = [
            text
            for text in (
                options.max_requests is not None and f"{options.max_requests:,} requests",
                options.max_output_tokens is not None and f"{options.max_output_tokens:,} output tokens",
            )
            if text
        ]
        return report.RunInfo(
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
            notes=self.target.notes,
            budget=", ".join(budget),
            key_variable=options.api_key_env,
        )


def _kind(failure: Failure) -> str:
    return report.BUDGET if failure.kind == "budget" else report.UNREACHABLE


def _probed() -> frozenset[str]:
    from messages_conformance.contract.probes import probes

    return frozenset(probes())


def _checked(options: Options) -> Profile:
    """The profile, once every option that can be checked without a target is."""
    if not options.target:
        raise UsageError(f"no target was given, and none is taken by default; {VALID_FORMS}")
    if options.depth not in DEPTHS:
        raise UsageError(f"unknown depth {options.depth!r}; valid: {', '.join(DEPTHS)}")
    if options.fail_on not in FAIL_ON:
        raise UsageError(f"unknown value {options.fail_on!r} of --fail-on; valid: {', '.join(FAIL_ON)}")
    if options.concurrency < 1:
        raise UsageError(f"--concurrency is {options.concurrency}; it must be 1 or more")
    if options.timeout_s <= 0:
        raise UsageError(f"--timeout is {options.timeout_s:g}; it is a number of seconds above 0")
    for name, value in (("--max-requests", options.max_requests), ("--max-output-tokens", options.max_output_tokens)):
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}; it must be 1 or more, or left out for no limit")
    checked_requirements((*options.only, *options.skip))
    return checked_profile(options.profile)
