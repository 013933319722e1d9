"""One whole run against one subject, in this process and without pytest: the same asks, engine, judge and report."""

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
from messages_conformance.proof.suite_parameters import suite_requests
from messages_conformance.report import Report
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.catalogue import RUN
from messages_conformance.run import Options, Run
from messages_conformance.run.scope import impact_rank

MODEL: Final = "anthropic/claude-opus-4-5"
TIMEOUT_S: Final = 3.0
"""Patience with faults that fall silent; a correct answer of the reference endpoint takes milliseconds."""

CHECKPOINTS: Final = (10, 25, 50, 100)
"""After so many requests of a run it is looked at what was found; rules over several exchanges are asked then."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """What a run against a subject came to, in a form that crosses processes.

    `found_after` is the number of requests, in the order of the plan, after which the first wanted requirement was
    found; None when none was. `lag_s` is the longest time for which this machine stood still meanwhile.
    """

    subject: Subject
    depth: str
    exit_code: int
    tripped: frozenset[str]
    outcomes: dict[str, str]
    statement: str
    harness_errors: tuple[str, ...]
    requests: int
    output_tokens: int
    found_after: int | None
    lag_s: float = 0.0


def run(target: str, profile: str, **options: Any) -> tuple[int, Report]:
    """(exit code, report) of a whole run against a target."""
    judged = Run(Options(target=target, profile=profile, **options), out=Console(quiet=True))
    try:
        for what in _begun(judged):
            judged.judged(judged.exchanges(what))
        return _finished(judged)
    finally:
        judged.close()


def try_subject(subject: Subject, depth: str, seed: int = 0) -> Trial:
    """The trial of a subject at a depth."""
    options = Options(
        target=subject.target,
        profile=subject.profile,
        model=MODEL,
        timeout_s=TIMEOUT_S,
        depth=depth,
        seed=seed,
        drawn=None if subject.generated else 0,
    )
    judged = Run(options, out=Console(quiet=True))
    watch = _Watch(judged, subject)
    try:
        for what in _begun(judged):
            with suppress(EngineError):  # an error of our own, which the run has noted: the rest is tried all the same
                judged.judged(judged.exchanges(what))
            watch.look()
        exit_code, report = _finished(judged)
    finally:
        judged.close()
    watch.look(final=True)
    return Trial(
        subject=subject,
        depth=depth,
        exit_code=exit_code,
        tripped=tripped(report),
        outcomes={verdict.requirement: verdict.outcome for verdict in report.verdicts},
        statement=report.statement.message if report.statement is not None else "",
        harness_errors=report.harness_errors,
        requests=report.spent.requests,
        output_tokens=report.spent.output_tokens,
        found_after=watch.found_after,
        lag_s=max((exchange.observer_lag_s for exchange in report.exchanges.values()), default=0.0),
    )


def tripped(report: Report) -> frozenset[str]:
    """The requirements that failed or warned."""
    return frozenset(verdict.requirement for verdict in report.verdicts if verdict.findings)


def _begun(judged: Run) -> Iterator[Any]:
    """Everything that a run asks at its depth, started; handed out in the order in which a limited run asks it."""
    wanted = sorted((what for what in suite_requests() if judged.wants(what)), key=impact_rank)
    judged.begin(_of(Ask, wanted), _of(Dialogue, wanted), _of(GeneratedSet, wanted))
    return iter(wanted)


def _of(kind: type[Any], wanted: Iterable[Any]) -> list[Any]:
    return [what for what in wanted if isinstance(what, kind)]


def _finished(judged: Run) -> tuple[int, Report]:
    exit_code = judged.finish()
    assert judged.result is not None
    return exit_code, judged.result


class _Watch:
    """Notices after how many requests of a run the first wanted requirement was found."""

    def __init__(self, judged: Run, subject: Subject) -> None:
        self.found_after: int | None = None
        self._judged = judged
        self._wanted = subject.wanted
        self._over_run = any(CATALOGUE[name].over == RUN for name in subject.wanted)
        self._left = list(CHECKPOINTS)

    def look(self, *, final: bool = False) -> None:
        """Looks at what the judge has found so far; at rules over several exchanges only now and then."""
        if self.found_after is not None or not self._wanted:
            return
        spent = len(self._judged.judge.exchanges)
        due = final or bool(self._left and spent >= self._left[0])
        while self._left and spent >= self._left[0]:
            del self._left[0]
        if self._wanted & self._judged.judge.found or (due and self._over_run and self._wanted & self._told()):
            self.found_after = spent

    def _told(self) -> set[str]:
        return {verdict.requirement for verdict in self._judged.judge.verdicts() if verdict.findings}
