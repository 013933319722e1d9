"""The summary of all trials by category and depth: caught faults, missed faults, and false alarms.

A fault is caught when exactly the requirements that it names fail. A smoke run sends too few requests to find all of
them: there, one of the named requirements is enough. A failure of any other requirement is a false alarm, for faults
and for correct servers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from messages_conformance.proof.subjects import FAULT, PAIR, VARIANT
from messages_conformance.proof.trial import CHECKPOINTS, Trial
from messages_conformance.report.figures import Share
from messages_conformance.report.model import CONFORMANT, NOT_JUDGED, VIOLATIONS

CAUGHT: Final = "caught"
PARTLY: Final = "partly"
MISSED: Final = "missed"
ACCUSED: Final = "false alarm"
GREEN: Final = "green"
BROKEN: Final = "error"
"""Outcomes of a trial. `partly`: only some of the named requirements failed, and no other. `error`: our own error."""

SMOKE: Final = "smoke"
HEADLINE_SHARE: Final = 0.98
"""The minimum share of right headlines of a whole proof (origin: our own goal)."""

SMOKE_SHARE: Final = 0.41
"""The minimum share of all faults that a smoke run must find (origin: our own goal). It is low because 25 requests
cannot show faults of rare requests, or of one answer in several."""


def outcome(trial: Trial) -> str:
    """The outcome of a trial."""
    subject = trial.subject
    if trial.harness_errors:
        return BROKEN
    if subject.statement:
        stated = trial.exit_code == NOT_JUDGED and subject.statement in trial.statement
        return ACCUSED if trial.tripped else CAUGHT if stated else MISSED
    if subject.kind == PAIR:
        return CAUGHT if has_right_headline(trial) else MISSED
    if trial.tripped - subject.wanted or (subject.kind == VARIANT and trial.exit_code != CONFORMANT):
        return ACCUSED
    if subject.kind == VARIANT:
        return GREEN
    if not trial.tripped:
        return MISSED
    exact = trial.tripped == subject.wanted and trial.exit_code == (VIOLATIONS if subject.wanted_musts else CONFORMANT)
    return CAUGHT if exact else PARTLY


def has_right_headline(trial: Trial) -> bool:
    """Whether the report of a faulty server names first what a fault breaks, and not a consequence."""
    return trial.headline in trial.subject.own


def catches(trial: Trial) -> bool:
    """Whether a trial counts as caught at its depth."""
    return outcome(trial) in ((CAUGHT, PARTLY) if trial.depth == SMOKE else (CAUGHT,))


def complaint(trial: Trial) -> str:
    """What is wrong with a trial, in one sentence; empty when nothing is. A smoke run may miss faults."""
    subject, what = trial.subject, outcome(trial)
    where = f"{subject.name} in {subject.profile} at {trial.depth}"
    if what == BROKEN:
        return f"{where}: harness error: {trial.harness_errors[0]}"
    if what == ACCUSED:
        unexpected = ", ".join(sorted(trial.tripped - subject.wanted))
        return f"{where}: {unexpected or trial.statement or f'exit code {trial.exit_code}'} failed without reason"
    if subject.kind == PAIR:
        return "" if what == CAUGHT else f"{where}: the headline is {trial.headline or 'empty'}"
    if what in (MISSED, PARTLY) and trial.depth != SMOKE:
        lost = ", ".join(sorted(subject.wanted - trial.tripped)) or subject.statement or f"exit code {trial.exit_code}"
        return f"{where}: {lost} was not found ({subject.summary})"
    return ""


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """All trials of a proof. `untried` are faults without a trial, each with the reason."""

    trials: tuple[Trial, ...]
    depths: tuple[str, ...]
    untried: dict[str, str] = field(default_factory=dict)

    @cached_property
    def faulty(self) -> tuple[Trial, ...]:
        """The trials of faults."""
        return tuple(trial for trial in self.trials if trial.subject.kind == FAULT)

    @cached_property
    def correct(self) -> tuple[Trial, ...]:
        """The trials of correct servers."""
        return tuple(trial for trial in self.trials if trial.subject.kind == VARIANT)

    @cached_property
    def pairs(self) -> tuple[Trial, ...]:
        """The trials of two faults at once."""
        return tuple(trial for trial in self.trials if trial.subject.kind == PAIR)

    @property
    def wrong_headlines(self) -> tuple[Trial, ...]:
        """Trials of faults and pairs, except smoke runs, whose report names something else first."""
        return tuple(trial for trial in self._with_headline if not has_right_headline(trial))

    @property
    def headlines(self) -> Share:
        """The share of right headlines of all faults and pairs of which a run finds something, without smoke runs."""
        return Share(part=len(self._with_headline) - len(self.wrong_headlines), whole=len(self._with_headline))

    @property
    def _with_headline(self) -> tuple[Trial, ...]:
        found = (trial for trial in (*self.faulty, *self.pairs) if trial.depth != SMOKE)
        # A false alarm is counted as one, and what it does to the headline does not matter.
        return tuple(t for t in found if t.subject.own and t.tripped and outcome(t) != ACCUSED)

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories of faults, sorted."""
        return tuple(sorted({trial.subject.category for trial in self.faulty}))

    @property
    def false_alarms(self) -> tuple[Trial, ...]:
        """Trials in which a requirement failed without reason, for faults and for correct servers."""
        return tuple(trial for trial in self.trials if outcome(trial) == ACCUSED)

    @property
    def errors(self) -> tuple[Trial, ...]:
        """Trials with an error of our own."""
        return tuple(trial for trial in self.trials if outcome(trial) == BROKEN)

    @property
    def missed(self) -> tuple[Trial, ...]:
        """Trials at other depths than smoke that did not find all named requirements."""
        return tuple(trial for trial in self.faulty if trial.depth != SMOKE and outcome(trial) in (MISSED, PARTLY))

    @property
    def missed_musts(self) -> tuple[Trial, ...]:
        """The missed trials of faults that violate a MUST or make the server unusable."""
        return tuple(trial for trial in self.missed if _misses_must(trial))

    def faults(self, *, category: str | None = None) -> tuple[str, ...]:
        """The names of all tried faults, or of those of a category."""
        return tuple(
            sorted({trial.subject.name for trial in self.faulty if category in (None, trial.subject.category)})
        )

    def caught(self, depth: str, *, category: str | None = None, musts: bool = False) -> Share:
        """The share of faults that are caught at a depth in all their profiles; `musts` counts only those of a MUST."""
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
        """(requests sent, share of faults with a named requirement found by then), in the order of the plan."""
        tried = _by_fault(trial for trial in self.faulty if trial.depth == depth and trial.subject.wanted)
        most = max((trial.requests for trials in tried for trial in trials), default=0)
        steps = (*(step for step in CHECKPOINTS if step < most), most)
        return tuple((step, Share(part=sum(_found(t, step) for t in tried), whole=len(tried))) for step in steps)

    def requests(self, depth: str) -> tuple[int, int]:
        """The fewest and the most requests of a run at a depth against a correct server."""
        spent = [trial.requests for trial in self.correct if trial.depth == depth]
        return (min(spent), max(spent)) if spent else (0, 0)

    def problems(self, *, whole: bool) -> tuple[str, ...]:
        """Why the proof does not hold; `whole` is true when no option left anything out."""
        found = [complaint(trial) for trial in (*self.errors, *self.false_alarms, *self.missed_musts)]
        smoke = self.caught(SMOKE)
        if whole and SMOKE in self.depths and smoke.ratio < SMOKE_SHARE:
            found.append(f"smoke catches {smoke.part} of {smoke.whole} faults, less than {SMOKE_SHARE:.0%}")
        right = self.headlines
        if whole and right.whole and right.ratio < HEADLINE_SHARE:
            share = f"{right.part} of {right.whole} faults"
            found.append(f"the headline is right for {share}, less than {HEADLINE_SHARE:.0%}")
        return tuple(found)


def _misses_must(trial: Trial) -> bool:
    lost = trial.subject.wanted_musts - trial.tripped
    return bool(lost or trial.subject.statement or (trial.subject.wanted_musts and trial.exit_code != VIOLATIONS))


def _must(trial: Trial) -> bool:
    return bool(trial.subject.statement or trial.subject.wanted_musts)


def _found(trials: list[Trial], step: int) -> bool:
    return any(trial.found_after is not None and trial.found_after <= step for trial in trials)


def _by_fault(trials: Iterable[Trial]) -> list[list[Trial]]:
    """The trials grouped by fault."""
    held: dict[str, list[Trial]] = {}
    for trial in trials:
        held.setdefault(trial.subject.name, []).append(trial)
    return list(held.values())


def grouped(trials: Iterable[Trial], key: Callable[[Trial], str]) -> dict[str, list[Trial]]:
    """The trials grouped by `key`, in the order of the keys."""
    held: dict[str, list[Trial]] = {}
    for trial in trials:
        held.setdefault(key(trial), []).append(trial)
    return dict(sorted(held.items()))
