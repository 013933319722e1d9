"""Since when what fails, and what flaps: pure functions of the runs of a store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Final

from messages_conformance.history.store import PastRun
from messages_conformance.rules.verdict import FAIL, PASS, WARN

VIOLATED: Final = (FAIL, WARN)
SEEN: Final = (PASS, FAIL, WARN)

WINDOW: Final = 10
FLAPPING_CHANGES: Final = 3
"""A requirement flaps if it changed this often within its last `WINDOW` verified runs. Broken, repaired and broken
again is three changes (our own; Nagios calls 5 changes in 20 checks flapping)."""


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One requirement of one cell: what it is now, and since when.

    `since` is the start of the first run of the present state, and `since_release` its release. `before` is the start
    of the last run in the other state; it is empty when there was none. `runs` are the verified runs in the present
    state, `changes` those among the last `WINDOW` verified runs.
    """

    cell: str
    requirement: str
    outcome: str
    since: str
    since_release: str
    since_version: str
    before: str
    before_release: str
    runs: int
    changes: int

    @property
    def is_violated(self) -> bool:
        """Whether the last verified outcome is a violation."""
        return self.outcome in VIOLATED

    @property
    def is_flapping(self) -> bool:
        """Whether it changed too often lately to be called repaired or broken."""
        return self.changes >= FLAPPING_CHANGES


def standings(runs: Iterable[PastRun]) -> Iterator[Standing]:
    """One row for each requirement of a cell that was ever violated. `runs` are ordered by cell and time."""
    for _, group in groupby(runs, key=lambda run: run.cell):
        of_cell = list(group)
        violated = {name for run in of_cell for name, outcome in run.outcomes.items() if outcome in VIOLATED}
        for name in sorted(violated):
            yield _standing(name, [run for run in of_cell if run.outcomes.get(name) in SEEN])


def _standing(name: str, seen: Sequence[PastRun]) -> Standing:
    states = [run.outcomes[name] in VIOLATED for run in seen]
    start = len(states)
    while start and states[start - 1] == states[-1]:
        start -= 1
    last, first, before = seen[-1], seen[start], seen[start - 1] if start else None
    return Standing(
        cell=last.cell,
        requirement=name,
        outcome=last.outcomes[name],
        since=first.started_at,
        since_release=first.release,
        since_version=first.version,
        before="" if before is None else before.started_at,
        before_release="" if before is None else before.release,
        runs=len(states) - start,
        changes=sum(one != other for one, other in pairwise(states[-WINDOW:])),
    )


@dataclass(frozen=True, kw_only=True)
class Night:
    """The runs that started on one day: how many cells passed, had violations, and could not be judged."""

    day: str
    passes: int
    violations: int
    not_judged: int
    releases: tuple[str, ...]


def nights(runs: Iterable[PastRun]) -> tuple[Night, ...]:
    """One row for each day with runs; of several runs of a cell on one day, the last counts."""
    last: dict[tuple[str, str], PastRun] = {}
    for run in runs:
        last[run.started_at[:10], run.cell] = run
    by_day: dict[str, list[PastRun]] = {}
    for (day, _), run in last.items():
        by_day.setdefault(day, []).append(run)
    return tuple(_night(day, by_day[day]) for day in sorted(by_day))


def _night(day: str, runs: Sequence[PastRun]) -> Night:
    codes = Counter(run.exit_code for run in runs)
    return Night(
        day=day,
        passes=codes[0],
        violations=codes[1],
        not_judged=len(runs) - codes[0] - codes[1],
        releases=tuple(sorted({run.release for run in runs} - {""})),
    )
