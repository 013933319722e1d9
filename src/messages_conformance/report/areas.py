"""Verdicts counted by area: an area is one topic of the catalogue."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from messages_conformance.report.model import Report
from messages_conformance.rules.verdict import OUTCOMES


@dataclass(frozen=True, kw_only=True)
class Area:
    """One topic. `counts` has one number for each of `OUTCOMES`, in that order."""

    topic: str
    counts: tuple[int, ...]

    @property
    def total(self) -> int:
        """How many requirements the topic has."""
        return sum(self.counts)


def areas(report: Report) -> tuple[Area, ...]:
    """The areas of a report, sorted by topic."""
    by: dict[str, Counter[str]] = {}
    for verdict in report.verdicts:
        by.setdefault(verdict.requirement.partition(".")[0], Counter())[verdict.outcome] += 1
    return tuple(Area(topic=topic, counts=tuple(by[topic][name] for name in OUTCOMES)) for topic in sorted(by))
