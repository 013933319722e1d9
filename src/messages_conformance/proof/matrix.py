"""Trials summed up: what was caught, what was missed, who was accused without reason; by category and by depth.

A fault is caught where its run finds broken what the fault names and nothing else. A smoke run asks too little to see
everything: there it is enough that one of the named requirements is found. What is found beside the named ones is a
false alarm, on a fault as on a correct server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from messages_conformance.proof.subjects import FAULT, VARIANT
from messages_conformance.proof.trial import CHECKPOINTS, Trial
from messages_conformance.report.model import CONFORMANT, NOT_JUDGED, VIOLATIONS

CAUGHT: Final = "caught"
PARTLY: Final = "partly"
MISSED: Final = "missed"
ACCUSED: Final = "false alarm"
GREEN: Final = "green"
BROKEN: Final = "error"
"""Outcomes of a trial. `partly`: some of what the fault names was found, and nothing else. `error`: ours."""

SMOKE: Final = "smoke"
SMOKE_SHARE: Final = 0.6
"""The least share of all faults that a smoke run has to catch (origin: our own aim)."""


def outcome(trial: Trial) -> str:
    """What a trial came to."""
    subject = trial.subject
    if trial.harness_errors:
        return BROKEN
    if subject.statement:
        told = trial.exit_code == NOT_JUDGED and subject.statement in trial.statement
        return ACCUSED if trial.tripped else CAUGHT if told else MISSED
    if trial.tripped - subject.wanted or (subject.kind == VARIANT and trial.exit_code != CONFORMANT):
        return ACCUSED
    if subject.kind == VARIANT:
        return GREEN
    if not trial.tripped:
        return MISSED
    exact = trial.tripped == subject.wanted and trial.exit_code == (VIOLATIONS if subject.wanted_musts else CONFORMANT)
    return CAUGHT if exact else PARTLY


def catches(trial: Trial) -> bool:
    """Whether a trial counts as a catch at its depth."""
    return outcome(trial) in ((CAUGHT, PARTLY) if trial.depth == SMOKE else (CAUGHT,))


def complaint(trial: Trial) -> str:
    """What is wrong with a trial in one sentence; empty for what is as it has to be. Smoke may miss."""
    subject, what = trial.subject, outcome(trial)
    where = f"{subject.name} in {subject.profile} at {trial.depth}"
    if what == BROKEN:
        return f"{where}: an error of the suite's own: {trial.harness_errors[0]}"
    if what == ACCUSED:
        beside = ", ".join(sorted(trial.tripped - subject.wanted))
        return f"{where}: {beside or trial.statement or f'exit code {trial.exit_code}'} without reason"
    if what in (MISSED, PARTLY) and trial.depth != SMOKE:
        lost = ", ".join(sorted(subject.wanted - trial.tripped)) or subject.statement or f"exit code {trial.exit_code}"
        return f"{where}: {lost} was not found ({subject.summary})"
    return ""


@dataclass(frozen=True, kw_only=True)
class Share:
    """So many of so many."""

    part: int
    whole: int

    @property
    def ratio(self) -> float:
        return self.part / self.whole if self.whole else 0.0


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """All trials of a proof. `untried` are faults without a trial, each with the reason."""

    trials: tuple[Trial, ...]
    depths: tuple[str, ...]
    untried: dict[str, str] = field(default_factory=dict)

    @cached_property
    def faulty(self) -> tuple[Trial, ...]:
        return tuple(trial for trial in self.trials if trial.subject.kind == FAULT)

    @cached_property
    def correct(self) -> tuple[Trial, ...]:
        return tuple(trial for trial in self.trials if trial.subject.kind == VARIANT)

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of faults, by name."""
        return tuple(sorted({trial.subject.category for trial in self.faulty}))

    @property
    def false_alarms(self) -> tuple[Trial, ...]:
        """Trials that found something broken that is not, on faults and correct servers alike."""
        return tuple(trial for trial in self.trials if outcome(trial) == ACCUSED)

    @property
    def errors(self) -> tuple[Trial, ...]:
        return tuple(trial for trial in self.trials if outcome(trial) == BROKEN)

    @property
    def missed(self) -> tuple[Trial, ...]:
        """Trials beyond smoke that did not find all that they had to."""
        return tuple(trial for trial in self.faulty if trial.depth != SMOKE and outcome(trial) in (MISSED, PARTLY))

    @property
    def missed_musts(self) -> tuple[Trial, ...]:
        """Those among the missed that would let a violation pass, or a dead server."""
        return tuple(trial for trial in self.missed if _lets_pass(trial))

    def faults(self, *, category: str | None = None) -> tuple[str, ...]:
        """Names of all faults, or of a category's, untried ones left out."""
        return tuple(
            sorted({trial.subject.name for trial in self.faulty if category in (None, trial.subject.category)})
        )

    def caught(self, depth: str, *, category: str | None = None, musts: bool = False) -> Share:
        """Faults that are caught at a depth, in every profile in which they are tried; `musts` counts no others."""
        held = _by_fault(
            trial for trial in self.faulty if category in (None, trial.subject.category) and (not musts or _must(trial))
        )
        seen = [any(t.depth == depth for t in trials) for trials in held]
        caught = [
            seen_at and all(catches(trial) for trial in trials if trial.depth == depth)
            for seen_at, trials in zip(seen, held, strict=True)
        ]
        return Share(part=sum(caught), whole=len(held))

    def curve(self, depth: str) -> tuple[tuple[int, Share], ...]:
        """(requests spent, faults of which a first sign was found by then), in the order of the plan."""
        tried = _by_fault(trial for trial in self.faulty if trial.depth == depth and trial.subject.wanted)
        most = max((trial.requests for trials in tried for trial in trials), default=0)
        steps = (*(step for step in CHECKPOINTS if step < most), most)
        return tuple((step, Share(part=sum(_found(t, step) for t in tried), whole=len(tried))) for step in steps)

    def requests(self, depth: str) -> tuple[int, int]:
        """The fewest and the most requests of a run at a depth against a correct server."""
        spent = [trial.requests for trial in self.correct if trial.depth == depth]
        return (min(spent), max(spent)) if spent else (0, 0)

    def problems(self, *, whole: bool) -> tuple[str, ...]:
        """What keeps the proof from holding; `whole` is true when nothing was left out of it."""
        found = [complaint(trial) for trial in (*self.errors, *self.false_alarms, *self.missed_musts)]
        smoke = self.caught(SMOKE)
        if whole and SMOKE in self.depths and smoke.ratio < SMOKE_SHARE:
            found.append(f"smoke catches {smoke.part} of {smoke.whole} faults, less than {SMOKE_SHARE:.0%}")
        return tuple(found)


def _lets_pass(trial: Trial) -> bool:
    lost = trial.subject.wanted_musts - trial.tripped
    return bool(lost or trial.subject.statement or (trial.subject.wanted_musts and trial.exit_code != VIOLATIONS))


def _must(trial: Trial) -> bool:
    return bool(trial.subject.statement or trial.subject.wanted_musts)


def _found(trials: list[Trial], step: int) -> bool:
    return any(trial.found_after is not None and trial.found_after <= step for trial in trials)


def _by_fault(trials: Iterable[Trial]) -> list[list[Trial]]:
    """The trials of each fault together."""
    held: dict[str, list[Trial]] = {}
    for trial in trials:
        held.setdefault(trial.subject.name, []).append(trial)
    return list(held.values())


def grouped(trials: Iterable[Trial], key: Callable[[Trial], str]) -> dict[str, list[Trial]]:
    """The trials by what `key` says of them, in the order of the keys."""
    held: dict[str, list[Trial]] = {}
    for trial in trials:
        held.setdefault(key(trial), []).append(trial)
    return dict(sorted(held.items()))
