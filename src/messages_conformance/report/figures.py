"""The three figures of a run: how much was verified, how much of that holds, and how much was not verified.

They are never combined into one score.
"""

from __future__ import annotations

from dataclasses import dataclass

from messages_conformance.report.model import Report
from messages_conformance.rules.verdict import ERROR, FAIL, LEVELS, NOT_APPLICABLE, NOT_VERIFIED, PASS, WARN

VERIFIED = (PASS, FAIL, WARN)


@dataclass(frozen=True, kw_only=True)
class Share:
    """A part of a whole, both as counts."""

    part: int
    whole: int

    @property
    def ratio(self) -> float:
        """The part as a fraction of the whole, from 0 to 1; 0 when the whole is 0."""
        return self.part / self.whole if self.whole else 0.0

    def __str__(self) -> str:
        return f"{self.part:,} of {self.whole:,}"


@dataclass(frozen=True, kw_only=True)
class Figures:
    """`coverage`: verified of applicable requirements. `conformance`: (level, passed of verified requirements).

    `unverified` and `inapplicable` count requirements about which the run makes no claim. `errors` counts our own.
    """

    coverage: Share
    conformance: tuple[tuple[str, Share], ...]
    unverified: int
    inapplicable: int
    errors: int


def figures(report: Report) -> Figures:
    """The figures of a report."""
    judged = [verdict for verdict in report.verdicts if verdict.outcome in VERIFIED]
    applicable = [verdict for verdict in report.verdicts if verdict.outcome != NOT_APPLICABLE]
    levels = {level: [verdict for verdict in judged if verdict.level == level] for level in LEVELS}
    return Figures(
        coverage=Share(part=len(judged), whole=len(applicable)),
        conformance=tuple(
            (level, Share(part=sum(v.outcome == PASS for v in found), whole=len(found)))
            for level, found in levels.items()
            if found
        ),
        unverified=sum(verdict.outcome == NOT_VERIFIED for verdict in report.verdicts),
        inapplicable=len(report.verdicts) - len(applicable),
        errors=sum(verdict.outcome == ERROR for verdict in report.verdicts) + len(report.harness_errors),
    )
