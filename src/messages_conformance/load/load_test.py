"""One load test, whatever engine runs its users: alone, under load, and after it.

`prepare` sends each request alone. Users then call `one` again and again, each with its own `Line`; somebody calls
`watch` every TICK_S meanwhile. `finish` sends some requests again and writes the report.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

from rich.console import Console

from messages_conformance import internal_errors, report
from messages_conformance.exchange import (
    AFTER,
    ALONE,
    KEY_PLACEHOLDER,
    LOAD,
    LoadFacts,
    Request,
    parse_json,
)
from messages_conformance.exchange import nonce as nonce_of
from messages_conformance.load import summary
from messages_conformance.load.in_progress import InProgress
from messages_conformance.load.judging import LoadJudge
from messages_conformance.load.load_options import SILENCE_FACTOR, LoadOptions
from messages_conformance.load.measured import add_times, alone
from messages_conformance.load.mix import Choice, Kind, kinds
from messages_conformance.load.received import Line, Received
from messages_conformance.load.spending import BUSY, Spending, backoff_s
from messages_conformance.load.summary import LoadResult
from messages_conformance.load.times import Times, over_limits
from messages_conformance.masking import bounded, masked, remember_secret
from messages_conformance.rules import Finding
from messages_conformance.rules.refusals_under_load import figures
from messages_conformance.session import Clock, Session, SessionOptions, Source, UsageError, checked_profile
from messages_conformance.targets.body import SizeLimit

AFTER_KINDS: Final = 3
AFTER_TRIES: Final = 6
AFTER_WAIT_S: Final = 1.0
"""After the load, requests of AFTER_KINDS kinds are sent again, at most AFTER_TRIES times, with AFTER_WAIT_S between
two tries. If they still fail, the target counts as not recovered (our own)."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One request of a user: its kind, the answer, and the violations of a MUST."""

    kind: Kind
    received: Received
    violations: tuple[Finding, ...]


class LoadTest:
    """Takes the options and a clock. Raises UsageError or TargetError when one of them cannot be used."""

    def __init__(self, options: LoadOptions, *, clock: Clock, out: Console | None = None, salt: int = 0) -> None:
        profile = checked_profile(options.profile)
        parts = urlsplit(options.url)
        self.options, self.out = options, out or report.console()
        self._host, self._secure = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._secure else 80)
        self._base = parts.path.rstrip("/")
        if options.key:
            remember_secret(options.key)
        for placeholder, value in options.header_values.items():
            remember_secret(value, placeholder=placeholder)
        self._unanswered = ""
        self._size_limit = SizeLimit()
        self.in_progress = InProgress(silence_s=options.silence_s)
        self.model = options.model or self._first_model()
        self.kinds = kinds(
            profile,
            model=self.model,
            seed=options.seed,
            most=options.kinds,
            added=tuple(name for name, _ in options.headers),
        )
        source = Source(
            name=options.url,
            model=self.model,
            seed=options.seed,
            depth="load",
            judged_by=report.NO_COMMAND,
            base_url=options.url,
        )
        session_options = SessionOptions(**{**options.session, "profile": options.profile})
        self.spending = Spending(options, model=self.model)
        if options.max_cost is not None and not self.spending.has_prices:
            raise UsageError(f"the price of {self.model} is not known: --max-cost needs --price-in and --price-out")
        self.judge = LoadJudge(source, session_options, clock=clock, out=self.out, spent=self.spending.spent)
        self.times = Times()
        self._choice = Choice(self.kinds, seed=options.seed)
        self._numbers, self._salt = itertools.count(), salt
        self._metrics_before: dict[str, float] = {}
        self.peak = 0

    @property
    def stop_reason(self) -> str:
        """Why the test has to end; empty while it goes on."""
        return self.spending.stop_reason

    def watch(self) -> None:
        """Ends every wait when the target has been silent for too long; called every TICK_S."""
        self.in_progress.watch()

    @property
    def session(self) -> Session:
        """The session of the report."""
        return self.judge.session

    def _first_model(self) -> str:
        """The first model of the list of the target. Raises UsageError without one."""
        line = self.line()
        headers = [("x-api-key", self.options.key), ("authorization", f"Bearer {self.options.key}")]
        sent = ("GET", f"{self._base}/v1/models", [*headers, *self.options.headers], b"")
        received = line.send_within(self.options.silence_s, *sent)
        line.close()
        value = parse_json(b"".join(data for _, data in received.chunks))
        rows = value.get("data") if isinstance(value, dict) else None
        if not isinstance(rows, list) or not rows or not isinstance(rows[0], dict) or not rows[0].get("id"):
            why = received.failure[1] or f"GET /v1/models was answered with {received.status}"
            raise UsageError(f"the target names no model ({why}); name one with --model")
        return str(rows[0]["id"])

    def interrupt(self, why: str) -> None:
        """Notes that somebody ends the test before its time: then it is never green."""
        self.session.state(why, kind=report.INTERRUPTED)

    def fail(self, error: Exception) -> None:
        """Notes an error of our own, which ends the test."""
        self.session.harness_errors.append(bounded(internal_errors.described(error)))
        self.spending.stop_reason = self.stop_reason or "an internal error"

    # -- before the load ----------------------------------------------------------------------------------------------

    def prepare(self) -> bool:
        """Sends each request alone, once; returns whether any was answered, so that a load can begin."""
        line = self.line()
        refused: list[str] = []
        known: list[Kind] = []
        for kind in self.kinds:
            found = self._alone(line, kind)
            refused += [] if found.accepted else [kind.name]
            known.append(replace(kind, alone=found))
            if len(refused) >= AFTER_KINDS and len(refused) == len(known):
                break  # nothing works: the rest would not, either
        self.kinds = tuple(known)
        usable = [kind for kind in self.kinds if kind.alone is not None and kind.alone.accepted]
        if self.options.metrics:
            self._metrics_before = dict(figures(self._metrics(line)[1]))
        line.close()
        self._choice = Choice(usable or self.kinds, seed=self.options.seed)
        if not usable:
            self.session.state(f"no request was answered alone, so that no load was sent: {self._unanswered}")
            return False
        if refused:
            some = f"{len(refused)} of {len(self.kinds)} requests were refused alone and are not sent under load"
            self.session.note(f"{some}: {', '.join(refused)}")
        slowest_s = max(kind.alone.elapsed_s for kind in usable if kind.alone is not None)
        self.in_progress.silence_s = max(self.options.silence_s, SILENCE_FACTOR * slowest_s)
        return True

    def _alone(self, line: Line, kind: Kind) -> Any:
        facts = LoadFacts(phase=ALONE, kind=kind.name, nonce=self._nonce())
        received = self._send(line, kind, facts)
        self.judge.took(kind, received, facts)
        self._unanswered = received.failure[1] or f"it was answered with {received.status}; the report has it"
        self.spending.add_tokens(received)
        return alone(self.judge.exchange(kind, received, facts))

    def line(self) -> Line:
        """A connection for one user."""
        limit = self._size_limit
        return Line(self._host, self._port, secure=self._secure, heard=self.in_progress.hear, size_limit=limit)

    # -- under load ---------------------------------------------------------------------------------------------------

    def one(self, line: Line) -> Outcome:
        """Sends one request of the mix and judges its answer; waits if the target asks for it."""
        kind = self._choice.next()
        facts = LoadFacts(
            phase=LOAD, kind=kind.name, nonce=self._nonce(), in_flight=len(self.in_progress) + 1, alone=kind.alone
        )
        self.peak = max(self.peak, facts.in_flight)
        received = self._send(line, kind, facts)
        findings = self.judge.took(kind, received, facts, lag_s=self.in_progress.lag_of(kind, received))
        self._account(kind, received)
        levels = self.session.judge.catalogue
        outcome = Outcome(
            kind=kind,
            received=received,
            violations=tuple(found for found in findings if levels[found.requirement].level == "MUST"),
        )
        if received.status in BUSY and not self.stop_reason:
            time.sleep(backoff_s(received))
        return outcome

    def _account(self, kind: Kind, received: Received) -> None:
        outputs = self.spending.add(received)
        if 200 <= received.status < 300:
            add_times(self.times, kind, received, outputs)

    # -- sending ------------------------------------------------------------------------------------------------------

    def _nonce(self) -> str:
        return nonce_of(next(self._numbers), salt=self._salt)

    def _send(self, line: Line, kind: Kind, facts: LoadFacts) -> Received:
        self.spending.sent += 1
        with self.in_progress.one(line):
            return line.send(
                kind.request.method, self._base + kind.request.path, self._headers(kind.request), kind.body(facts.nonce)
            )

    def _headers(self, request: Request) -> list[tuple[str, str]]:
        values = self.options.header_values
        key = self.options.key
        return [(name, values.get(value, value.replace(KEY_PLACEHOLDER, key))) for name, value in request.headers]

    # -- after the load -----------------------------------------------------------------------------------------------

    def finish(self) -> int:
        """Sends some requests again, alone, and writes the report; returns the exit code."""
        if self.stop_reason:
            self.session.note(f"the test ended early: {self.stop_reason}")
        if self.spending.seen:
            self._recover()
        for name, sentence in over_limits(self.times, self.options.limits):
            self.session.failed_test(f"limit {name}", sentence)
        self.judge.end_window()
        result = self.result()
        for note in summary.notes(result):
            self.session.note(note)
        code = self.session.finish()
        if not self.session.out.quiet:
            self.out.print(summary.text(result), highlight=False, soft_wrap=True, markup=False)
        if self.session.folder is not None:
            summary.write(result, self.session.folder.path)
        self.session.close()
        return code

    def result(self) -> LoadResult:
        """The counts and times so far."""
        return LoadResult(
            url=self.options.url,
            model=self.model,
            sent=self.spending.sent,
            answered=self.spending.answered,
            busy=self.spending.busy,
            judged=self.judge.taken,
            equal=self.judge.equal,
            peak=self.peak,
            input_tokens=self.spending.input_tokens,
            output_tokens=self.spending.output_tokens,
            stop_reason=self.stop_reason,
            times=self.times,
        )

    def _recover(self) -> None:
        line = self.line()
        for kind in [kind for kind in self.kinds if kind.alone is not None and kind.alone.accepted][:AFTER_KINDS]:
            waits: tuple[str, ...] = ()
            for _ in range(AFTER_TRIES):
                facts = LoadFacts(phase=AFTER, kind=kind.name, nonce=self._nonce(), alone=kind.alone)
                received = self._send(line, kind, facts)
                if 200 <= received.status < 300:
                    break
                waits = (*waits, f"waited {AFTER_WAIT_S:g} s after {received.status or received.failure[0]}")
                time.sleep(AFTER_WAIT_S)
            self.judge.took(kind, received, facts, waits=waits)
        if self.options.metrics and self._metrics_before:
            time.sleep(AFTER_WAIT_S)
            received, _ = self._metrics(line)
            facts = LoadFacts(
                phase=AFTER, kind="metrics", in_flight=self.peak, metrics_before=self._metrics_before, nonce=""
            )
            self.judge.took(self._metrics_kind(), received, facts)
        line.close()

    def _metrics(self, line: Line) -> tuple[Received, str]:
        kind = self._metrics_kind()
        received = line.send("GET", self._base + self.options.metrics, self._headers(kind.request), b"")
        return received, b"".join(data for _, data in received.chunks).decode("utf-8", "replace")

    def _metrics_kind(self) -> Kind:
        first = self.kinds[0].request
        headers = tuple((name, value) for name, value in first.headers if name.lower() != "content-type")
        request = replace(first, method="GET", path=self.options.metrics, headers=headers, body=b"")
        return Kind(name="metrics", request=request, echoes=False, max_tokens=0)


def described(error: Finding) -> str:
    """A finding as the message of a failure in Locust; the same text for the same requirement."""
    return masked(f"{error.requirement}: wanted {error.wanted}")
