"""Describes which clients a failure breaks, from our measurements."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from messages_conformance import contract
from messages_conformance.contract import Measurement
from messages_conformance.report.text import counted, listed

UNMEASURED: Final = "unmeasured"
HARMLESS: Final = "unaffected"

_WORST_FIRST: Final = (
    "cannot connect",
    "tool call silently",
    "text silently",
    "hang",
    "crash",
    "stop_reason silently",
    "raises an error",
    "requests are refused",
    "usage silently",
    "silently",
    "asks again",
)
"""Words of the outcomes in contract/impact.json, worst first. Any other outcome ranks just before the harmless one."""


def impact_sentence(requirement: str, *, most: int | None = None) -> str:
    """The worst outcome of each client, such as `fatal; crashes: anthropic-py 2.12.0`; "unmeasured" without any.

    `most` limits the number of clients named for each outcome.
    """
    return described_impact(contract.impact(requirement), contract.severity(requirement), most=most)


def described_impact(measurements: Iterable[Measurement], severity: str, *, most: int | None = None) -> str:
    """The worst outcome of each client over all measurements, grouped by outcome, worst first."""
    worst: dict[str, str] = {}
    for measurement in measurements:
        for client, outcome in measurement.clients.items():
            if client not in worst or rank(outcome) < rank(worst[client]):
                worst[client] = outcome
    if not worst:
        return UNMEASURED
    groups: dict[str, list[str]] = {}
    for client, outcome in sorted(worst.items(), key=lambda item: (rank(item[1]), item[1], item[0])):
        groups.setdefault(outcome, []).append(client)
    unaffected = groups.pop(HARMLESS, [])
    parts = [f"{outcome}: {listed(clients, most or len(clients))}" for outcome, clients in groups.items()]
    if unaffected:
        share = f"{len(unaffected)} of"
        parts.append(f"{HARMLESS}: {share} {counted(len(worst), 'measured client')}")
    return "; ".join([severity, *parts])


def names_client(impact: str) -> bool:
    """Whether a sentence of `impact_sentence` names a client with trouble: not "unmeasured", and not all unaffected."""
    severity, _, outcomes = impact.partition("; ")
    return severity != UNMEASURED and not outcomes.startswith(f"{HARMLESS}: ")


def rank(outcome: str) -> int:
    """The place of an outcome in the order from worst (0) to harmless."""
    if outcome == HARMLESS:
        return len(_WORST_FIRST) + 1
    return next((place for place, stem in enumerate(_WORST_FIRST) if stem in outcome), len(_WORST_FIRST))
