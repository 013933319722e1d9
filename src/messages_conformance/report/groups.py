"""Groups of failures that are read together: accepted invalid requests, other routes, what the model may have done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from messages_conformance.report.causes import Cause
from messages_conformance.report.model import Report, failures, harm_of
from messages_conformance.report.order import OTHER_ROUTES, is_lenient
from messages_conformance.report.text import counted
from messages_conformance.rules.catalogue import HIDES
from messages_conformance.rules.verdict import Verdict

MIN_MEMBERS: Final = 3
"""Fewer failures are shown one by one (our own choice)."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Failures under one title, in their order."""

    name: str
    title: str
    verdicts: tuple[Verdict, ...]


def causes_of_failures(report: Report) -> tuple[Cause, ...]:
    """The causes whose requirement makes the run fail, in the order of the failures."""
    failing = {verdict.requirement: place for place, verdict in enumerate(failures(report))}
    found = [cause for cause in report.causes if cause.requirement in failing]
    return tuple(sorted(found, key=lambda cause: failing[cause.requirement]))


def divided_causes(report: Report) -> tuple[tuple[Cause, ...], tuple[Cause, ...]]:
    """(causes that are shown before the failures, causes that are shown after them).

    What a route beside /v1/messages lacks comes last, unless nothing else fails.
    """
    causes = causes_of_failures(report)
    side = tuple(cause for cause in causes if is_of_other_route(cause.requirement))
    if all(is_of_other_route(verdict.requirement) for verdict in failures(report)):
        return causes, ()
    return tuple(cause for cause in causes if cause not in side), side


def is_of_other_route(requirement: str) -> bool:
    """Whether a requirement is about a route beside /v1/messages."""
    return requirement.partition(".")[0] == OTHER_ROUTES


def grouped(report: Report, found: Iterable[Verdict]) -> tuple[tuple[Verdict, ...], tuple[Group, ...]]:
    """(failures that are shown one by one, groups), both in the order of the failures."""
    left = list(found)
    groups: list[Group] = []
    for name, belongs, title, least in (
        ("uncertain", lambda verdict: verdict.uncertain, _uncertain, 1),
        ("other-routes", lambda verdict: is_of_other_route(verdict.requirement), _other_routes, MIN_MEMBERS),
        ("lenient", lambda verdict: _is_accepted_mistake(report, verdict), _lenient, MIN_MEMBERS),
    ):
        members = tuple(verdict for verdict in left if belongs(verdict))
        if len(members) >= least:
            left = [verdict for verdict in left if verdict not in members]
            groups.insert(0, Group(name=name, title=title(len(members)), verdicts=members))
    return tuple(left), tuple(groups)


def _is_accepted_mistake(report: Report, verdict: Verdict) -> bool:
    return harm_of(report, verdict.requirement) == HIDES and is_lenient(verdict.requirement)


def _lenient(number: int) -> str:
    return f"Accepts {counted(number, 'kind')} of invalid request, so mistakes surface elsewhere"


def _other_routes(number: int) -> str:
    return f"Routes beside /v1/messages: {counted(number, 'requirement fails', 'requirements fail')}"


def _uncertain(number: int) -> str:
    return f"The model or the server: {counted(number, 'requirement fails', 'requirements fail')}, not on every try"
