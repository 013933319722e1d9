"""Excuses for deviations of a run, and the problems of the waivers themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from messages_conformance.gate.difference import DEVIATING, Difference, difference
from messages_conformance.gate.waivers import Waiver
from messages_conformance.rules.verdict import ERROR, FAIL, NOT_VERIFIED, PASS, Verdict

WAIVED: Final = "waived"
UNSCORED: Final = "unscored"
KNOWN: Final = "in the baseline"


@dataclass(frozen=True, kw_only=True)
class Excuse:
    """Why a deviation does not fail the run: the kind of excuse and the reason."""

    kind: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Gate:
    """The result of the gate. `excuses` are by requirement id; each of the `problems` (sentences) fails the run."""

    excuses: Mapping[str, Excuse] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    difference: Difference | None = None


def evaluate(
    verdicts: Sequence[Verdict],
    *,
    waivers: Iterable[Waiver] = (),
    model: str = "",
    profile: str = "",
    today: date,
    complete: bool = True,
    edition: str = "",
    unscored: frozenset[str] = frozenset(),
    baseline: Mapping[str, str] | None = None,
    only_regressions: bool = False,
) -> Gate:
    """Applies waivers, edition and baseline to the verdicts of a run.

    `unscored` are requirements that were added after the `edition`. `baseline` has the outcomes of an earlier run; with
    `only_regressions`, a failure that is also there is excused. A run that is not `complete` makes no waiver stale.
    """
    changes = None if baseline is None else difference(baseline, {v.requirement: v.outcome for v in verdicts})
    excuses: dict[str, Excuse] = {}
    if changes is not None and only_regressions:
        excuses |= {v.requirement: _known(v, changes) for v in verdicts if _is_known(v, changes)}
    excuses |= {
        v.requirement: Excuse(kind=UNSCORED, reason=f"added after edition {edition}")
        for v in verdicts
        if v.outcome in DEVIATING | {ERROR} and v.requirement in unscored
    }
    problems: list[str] = []
    for waiver in waivers:
        if waiver.applies_to(model=model, profile=profile):
            covered = [v for v in verdicts if waiver.covers(v.requirement)]
            problems += _problems(waiver, covered, today, complete)
            excuses |= _excused(waiver, covered, today)
    return Gate(excuses=excuses, problems=tuple(problems), difference=changes)


def _is_known(verdict: Verdict, changes: Difference) -> bool:
    return verdict.outcome == FAIL and verdict.requirement not in changes.newly_failing


def _known(verdict: Verdict, changes: Difference) -> Excuse:
    absent = verdict.requirement in changes.unknown_before
    return Excuse(kind=KNOWN, reason="the baseline did not judge it" if absent else "it failed in the baseline, too")


def _excused(waiver: Waiver, covered: Iterable[Verdict], today: date) -> dict[str, Excuse]:
    if waiver.expires < today:
        return {}
    reason = f"until {waiver.expires.isoformat()} by {waiver.owner}: {waiver.reason}"
    return {v.requirement: Excuse(kind=WAIVED, reason=reason) for v in covered if v.outcome in DEVIATING}


def _problems(waiver: Waiver, covered: Sequence[Verdict], today: date, complete: bool) -> list[str]:
    """Why the waiver itself fails the run: it has expired, or it excuses nothing any more."""
    outcomes = {verdict.outcome for verdict in covered}
    if complete and PASS in outcomes and not outcomes & (DEVIATING | {NOT_VERIFIED, ERROR}):
        return [f"{waiver.place}: stale, because {waiver.requirement} is not violated any more; delete it"]
    if waiver.expires < today:
        until = f"{waiver.expires.isoformat()} ({waiver.requirement}, {waiver.owner})"
        return [f"{waiver.place}: expired on {until}; fix the failure, or set a new date"]
    return []
