"""What the rules about one requirement returned so far: findings, passes, reasons and errors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from messages_conformance.masking import bounded
from messages_conformance.rules.catalogue import Requirement
from messages_conformance.rules.verdict import Finding, Place, Unverified

MOST_PASSED: Final = 10_000
"""At most this many numbers of exchanges on which one requirement holds are kept, for the same reason."""

MOST_FINDINGS: Final = 10_000
"""At most this many findings of a requirement are kept: captures may hold millions of exchanges (our own; one has a
kilobyte)."""


@dataclass(slots=True)
class Tally:
    """The outcomes of one requirement so far.

    `unverified`: the last reason of the rule itself. `left_out`: how many exchanges lack a part that the rule reads,
    and `lack`: the last reason for that. `error`: the first one.
    """

    findings: list[Finding] = field(default_factory=list)
    passed: int = 0
    passed_on: list[int] = field(default_factory=list)
    unverified: str = ""
    error: str = ""
    left_out: int = 0
    lack: str = ""
    endless: bool = False

    def absorb(self, later: Tally) -> Tally:
        """Adds the outcomes of another tally; returns this one."""
        self.findings += later.findings[: max(MOST_FINDINGS - len(self.findings), 0)]
        self.passed += later.passed
        self.passed_on += later.passed_on[: max(MOST_PASSED - len(self.passed_on), 0)]
        self.unverified = later.unverified or self.unverified
        self.error = self.error or later.error
        self.left_out += later.left_out
        self.lack = later.lack or self.lack
        return self


def typed(outcomes: Iterable[Finding | Unverified]) -> list[Finding | Unverified]:
    """What a rule yields; raises TypeError for anything else, which would otherwise count for nothing."""
    found = list(outcomes)
    for one in found:
        if not isinstance(one, Finding | Unverified):
            raise TypeError(f"a rule yields Finding and Unverified, not {type(one).__name__}")
    return found


def book(tally: Tally, requirement: Requirement, outcomes: list[Finding | Unverified], number: int) -> list[Finding]:
    """Adds the outcomes of one rule to its tally; returns the findings with their requirement and exchange."""
    findings = [
        replace(
            outcome,
            found=bounded(outcome.found),
            wanted=bounded(outcome.wanted),
            place=_bounded_place(outcome.place),
            requirement=requirement.id,
            exchange=outcome.exchange or number,
        )
        for outcome in outcomes
        if isinstance(outcome, Finding)
    ]
    tally.absorb(Tally(findings=findings))
    reasons = [outcome.reason for outcome in outcomes if isinstance(outcome, Unverified)]
    tally.unverified = bounded(reasons[-1]) if reasons else tally.unverified
    if not outcomes:
        tally.passed += 1
    return findings


def _bounded_place(place: Place) -> Place:
    """The place; the names in it come from the target."""
    texts = (place.event_type, place.pointer, place.header)
    event_type, pointer, header = (None if text is None else bounded(text) for text in texts)
    if (event_type, pointer, header) == texts:
        return place
    return replace(place, event_type=event_type, pointer=pointer, header=header)
