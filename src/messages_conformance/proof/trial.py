"""One whole run against one subject, in this process and without pytest, with the same requests, engine and session."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console

from messages_conformance.engine import EngineError
from messages_conformance.exchange import Ask
from messages_conformance.generate import Dialogue, GeneratedSet
from messages_conformance.proof.subjects import Subject
from messages_conformance.report import Report, headline
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.catalogue import RUN
from messages_conformance.run import Options, Run
from messages_conformance.run.scope import impact_rank
from messages_conformance.suite_process.suite_requests import suite_requests

MODEL: Final = "anthropic/claude-opus-4-5"
TIMEOUT_S: Final = 3.0
"""The timeout for faults that never answer. A correct answer of the reference endpoint takes milliseconds."""

PATIENT_TIMEOUT_S: Final = 60.0
"""The timeout for a fault that pauses; a target in memory pauses in simulated time."""

CHECKPOINTS: Final = (10, 25, 50, 100)
"""Numbers of requests after which the rules over several exchanges are evaluated for `found_after`."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """The result of a run against a subject, in a form that can be sent between processes.

    `tripped` are the requirements with a finding. `found_after` is the number of requests, in the order of the plan,
    after which the first expected requirement failed; None when none did. `headline` is the requirement that the report
    names first. `lag_s` is the longest pause of this process.
    """

    subject: Subject
    depth: str
    exit_code: int
    tripped: frozenset[str]
    headline: str
    outcomes: dict[str, str]
    statement: str
    harness_errors: tuple[str, ...]
    requests: int
    output_tokens: int
    found_after: int | None
    lag_s: float = 0.0


def run(target: str, profile: str, **options: Any) -> tuple[int, Report]:
    """Runs all suites against a target; returns (exit code, report)."""
    judged = Run(Options(target=target, profile=profile, **options), out=Console(quiet=True))
    try:
        for asked in _begun(judged):
            judged.judged(judged.exchanges(asked))
        return _finished(judged)
    finally:
        judged.close()


def try_subject(subject: Subject, depth: str, seed: int = 0) -> Trial:
    """Runs all suites against a subject at a depth and returns the trial."""
    options = Options(
        target=subject.target,
        profile=subject.profile,
        model=MODEL,
        timeout_s=PATIENT_TIMEOUT_S if "claude-code.stream.silence" in subject.wanted else TIMEOUT_S,
        depth=depth,
        seed=seed,
        generated=None if subject.generated else 0,
        include=",".join(sorted(subject.included)) or None,
    )
    judged = Run(options, out=Console(quiet=True))
    found_after = _FoundAfter(judged, subject)
    try:
        for asked in _begun(judged):
            with suppress(EngineError):  # our own error, which the run has noted
                judged.judged(judged.exchanges(asked))
            found_after.update()
        exit_code, report = _finished(judged)
    finally:
        judged.close()
    found_after.update(final=True)
    return Trial(
        subject=subject,
        depth=depth,
        exit_code=exit_code,
        tripped=tripped(report),
        headline=first.requirement if (first := headline(report)) is not None else "",
        outcomes={verdict.requirement: verdict.outcome for verdict in report.verdicts},
        statement=report.statement.message if report.statement is not None else "",
        harness_errors=report.harness_errors,
        requests=report.spent.requests,
        output_tokens=report.spent.output_tokens,
        found_after=found_after.requests,
        lag_s=max((exchange.observer_lag_s for exchange in report.exchanges.values()), default=0.0),
    )


def tripped(report: Report) -> frozenset[str]:
    """Returns the ids of the requirements that failed or warned, or would without the failure that explains them."""
    return frozenset(verdict.requirement for verdict in report.verdicts if verdict.findings or verdict.explained)


def _begun(judged: Run) -> Iterator[Any]:
    """Starts a run; returns everything that it sends at its depth, in the order in which a limited run sends it."""
    planned = sorted((asked for asked in suite_requests() if judged.wants(asked)), key=impact_rank)
    judged.begin(_of(Ask, planned), _of(Dialogue, planned), _of(GeneratedSet, planned))
    return iter(planned)


def _of(kind: type[Any], planned: Iterable[Any]) -> list[Any]:
    return [asked for asked in planned if isinstance(asked, kind)]


def _finished(judged: Run) -> tuple[int, Report]:
    exit_code = judged.finish()
    assert judged.result is not None
    return exit_code, judged.result


class _FoundAfter:
    """Notes after how many requests of a run the first expected requirement failed."""

    def __init__(self, judged: Run, subject: Subject) -> None:
        self.requests: int | None = None
        self._judged = judged
        self._wanted = subject.wanted
        self._over_run = any(CATALOGUE[name].over == RUN for name in subject.wanted)
        self._left = list(CHECKPOINTS)

    def update(self, *, final: bool = False) -> None:
        """Compares the findings with the expected ones; evaluates rules over several exchanges at CHECKPOINTS."""
        if self.requests is not None or not self._wanted:
            return
        spent = len(self._judged.judge.exchanges)
        due = final or bool(self._left and spent >= self._left[0])
        while self._left and spent >= self._left[0]:
            del self._left[0]
        if self._wanted & self._judged.judge.found or (due and self._over_run and self._wanted & self._failed()):
            self.requests = spent

    def _failed(self) -> set[str]:
        verdicts = self._judged.judge.verdicts(only=self._wanted)
        return {verdict.requirement for verdict in verdicts if verdict.findings}
