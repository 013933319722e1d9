"""The matrix of areas: each topic of the catalogue with the verdicts of its requirements, counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from messages_conformance.report.model import Report
from messages_conformance.rules.verdict import OUTCOMES


@dataclass(frozen=True, kw_only=True)
class Area:
    """One topic. `counts` holds a number for every outcome, 0 included, in their order."""

    topic: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.counts)


def areas(report: Report) -> tuple[Area, ...]:
    """One for each topic of the run, by name."""
    by: dict[str, Counter[str]] = {}
    for verdict in report.verdicts:
        by.setdefault(verdict.requirement.partition(".")[0], Counter())[verdict.outcome] += 1
    return tuple(Area(topic=topic, counts=tuple(by[topic][name] for name in OUTCOMES)) for topic in sorted(by))
