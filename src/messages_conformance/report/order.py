"""The order of failures: by harm, then level, then whether they are frequent, then how many clients suffer from them.

What is certain comes before what the model may have done, and the Messages route before the routes beside it. A leak
comes first wherever it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from messages_conformance import contract
from messages_conformance.contract.probes import probes
from messages_conformance.exchange import REFUSED
from messages_conformance.rules.catalogue import HARMS, LEAKS
from messages_conformance.rules.probe_rules import VALID_REQUEST
from messages_conformance.rules.verdict import LEVELS, Verdict

OTHER_ROUTES: Final = "adjacent"
"""The topic of the routes beside /v1/messages."""

GATEWAY: Final = "gateway."
"""Requirements on which no client was measured: of equal ones, that comes first which fails for most requests."""

TOPICS: Final = (
    *(
        "transport",
        "response",
        "stream",
        "stop",
        "request",
        "usage",
        "tokmodel",
        "auth",
        "version",
        "errors",
        "headers",
    ),
)
"""The order of failures that are otherwise equal. Answers are first. What the server does with requests is before the
counts that follow from it. Then the form of refusals, then other topics."""

CONTESTED: Final = frozenset({"version.header.required"})
"""Requirements on which the sources differ: the overview page asks for the header, the OpenAPI description of the same
API does not. Such a warning comes after all others, and is never a headline."""

GENERAL: Final = frozenset({"response.content.tool_use-only-choice"})
"""Requirements that see a wrong value; another one that fails says what was done to it, and so comes first."""

OFTEN: Final = 0.5
"""A failure on this part of the answers is one of the rule, below it one of some answers (our own choice)."""

_UNAFFECTED: Final = "unaffected"


def is_lenient(requirement: str) -> bool:
    """Whether a violation means that an invalid request was accepted."""
    probe = probes().get(requirement)
    return probe is not None and probe.expect == REFUSED


def affected_clients(requirement: str) -> int:
    """How many measured clients fail or lose something by a violation; all of them when a valid request fails."""
    if requirement == VALID_REQUEST:
        return len(contract.clients())
    return len(
        {name for one in contract.impact(requirement) for name, effect in one.clients.items() if effect != _UNAFFECTED}
    )


def fails_often(verdict: Verdict) -> bool:
    """Whether a requirement fails wherever it applies, or nearly so. A valid request that fails always counts so."""
    answers = len({finding.exchange for finding in verdict.findings})
    return verdict.requirement == VALID_REQUEST or answers >= OFTEN * verdict.judged


def how_often(verdict: Verdict) -> str:
    """In how many answers and for which requests a requirement fails, as a part of a sentence."""
    answers = len({finding.exchange for finding in verdict.findings if finding.exchange})
    often = "" if not answers or fails_often(verdict) else f"in {answers:,} of {verdict.judged:,} answers"
    parts = [verdict.pattern] if verdict.pattern.startswith("always") else [often, verdict.pattern]
    return "".join(f", {part}" for part in parts if part)


def rank(
    verdict: Verdict, harm: str, causes: Mapping[str, int]
) -> tuple[int, int, bool, int, int, bool, bool, int, int, int, str]:
    """The place of a failure in reports. `causes` has the place of each requirement that is blamed for a cause."""
    name = verdict.requirement
    return (
        _place(verdict, harm),
        _index(HARMS, harm),
        _is_beside(name),
        causes.get(name, len(causes)),
        _index(LEVELS, verdict.level),
        not fails_often(verdict),
        name in GENERAL,
        -affected_clients(name),
        _index(TOPICS, name.partition(".")[0]),
        -len(verdict.findings) if name.startswith(GATEWAY) else 0,
        name,
    )


def _place(verdict: Verdict, harm: str) -> int:
    if verdict.requirement in CONTESTED:
        return 4
    if verdict.uncertain:
        return 3
    if harm == LEAKS:
        return 0
    return 2 if _is_beside(verdict.requirement) else 1


def _is_beside(requirement: str) -> bool:
    return requirement.partition(".")[0] == OTHER_ROUTES


def _index(order: tuple[str, ...], name: str) -> int:
    return order.index(name) if name in order else len(order)
