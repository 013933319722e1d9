"""Which real clients can use the endpoint, derived from the failures of the run and from our measurements.

Nothing is guessed. A client fails, or loses data, only when a requirement failed in this run and a violation of that
requirement did this to the client in a measurement. A client works only when this run ruled out every measured fault
that stops it. Otherwise the status is "not known", and the requirements that would decide it are named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from messages_conformance import contract
from messages_conformance.contract.probes import probes
from messages_conformance.exchange import REFUSED
from messages_conformance.report.impact_text import HARMLESS, rank
from messages_conformance.report.model import Report
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.verdict import NOT_APPLICABLE, PASS, Verdict

WORKS: Final = "works"
WORKS_WITH_LOSS: Final = "works with loss"
FAILS: Final = "fails"
NOT_KNOWN: Final = "not known"
STATUSES: Final = (WORKS, WORKS_WITH_LOSS, FAILS, NOT_KNOWN)

STREAMS: Final = "sdk_streams.json"
"""The source of measurements with hand-made streams; the other sources measured whole servers."""

OTHER_ENDPOINTS: Final = "adjacent"
"""The topic of all endpoints except POST /v1/messages. A failure there affects only the calls to those endpoints."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """The worst that a violation of one requirement did to a client, such as `raises an error`."""

    requirement: str
    outcome: str
    stops: bool


@dataclass(frozen=True, kw_only=True)
class ClientStatus:
    """Whether one client works. `unknown` are requirements that were not verified and whose violation stops it.

    `not_offered` are features that the profile does not promise or the model does not have; the status ignores them.
    `streams_only` is true for a client that was measured only on streams.
    """

    client: str
    status: str
    effects: tuple[Effect, ...] = ()
    unknown: tuple[str, ...] = ()
    not_offered: tuple[str, ...] = ()
    streams_only: bool = False


def client_statuses(report: Report) -> tuple[ClientStatus, ...]:
    """One status for each measured client, in the order of the measurements."""
    verdicts = {verdict.requirement: verdict for verdict in report.verdicts}
    if report.unjudged:
        return tuple(ClientStatus(client=client, status=NOT_KNOWN) for client in contract.clients())
    return tuple(_status(report, client, verdicts) for client in contract.clients())


def _status(report: Report, client: str, verdicts: Mapping[str, Verdict]) -> ClientStatus:
    effects = sorted(_effects(client, verdicts), key=lambda e: (not e.stops, rank(e.outcome), e.requirement))
    undecided = list(_undecided(report, client, verdicts))
    unknown = [name for name, feature in undecided if not feature]
    if any(effect.stops for effect in effects):
        status = FAILS
    elif effects:
        status = WORKS_WITH_LOSS
    else:
        status = NOT_KNOWN if unknown else WORKS
    return ClientStatus(
        client=client,
        status=status,
        effects=tuple(effects),
        unknown=tuple(dict.fromkeys(unknown)),
        not_offered=tuple(dict.fromkeys(feature for _, feature in undecided if feature)),
        streams_only=client in _measured_on_streams_only(),
    )


def _effects(client: str, verdicts: Mapping[str, Verdict]) -> Iterator[Effect]:
    """The worst effect of each violated requirement that was measured to affect this client."""
    for name, verdict in verdicts.items():
        outcomes = {m.clients[client] for m in contract.impact(name) if client in m.clients} - {HARMLESS}
        if verdict.findings and outcomes:
            worst = min(outcomes, key=lambda outcome: (not contract.is_failure(outcome), rank(outcome)))
            stops = contract.is_failure(worst) and name.partition(".")[0] != OTHER_ENDPOINTS
            yield Effect(requirement=name, outcome=worst, stops=stops)


def unmeasured(report: Report) -> tuple[str, ...]:
    """Violated requirements without a measurement: their effect on clients is unknown."""
    violated = (verdict.requirement for verdict in report.verdicts if verdict.findings)
    return tuple(name for name in violated if not contract.impact(name) and not _only_lenient(name))


def _only_lenient(requirement: str) -> bool:
    """Whether the requirement demands the refusal of an invalid request: no measured client sends one."""
    probe = probes().get(requirement)
    return probe is not None and probe.expect == REFUSED


def _undecided(report: Report, client: str, verdicts: Mapping[str, Verdict]) -> Iterator[tuple[str, str]]:
    """(requirement, feature) of each fault that stops the client and is not ruled out in this run.

    `feature` is the feature that the profile does not promise or the model lacks, when that is the reason; else empty.
    """
    offered = _offered(report.run.profile)
    for requirements, outcome in _stopping(client):
        judged = [verdicts.get(name) for name in requirements]
        if any(verdict is not None and (verdict.outcome == PASS or verdict.findings) for verdict in judged):
            continue
        if all(_harmless_unseen(name) for name in requirements):
            continue
        feature = _feature(requirements, verdicts, offered)
        yield requirements[0], "" if "connect" in outcome else feature


def _harmless_unseen(requirement: str) -> bool:
    """Whether it stops no client as long as nobody saw it fail: it is about another endpoint, or rarely occurs."""
    row = CATALOGUE.get(requirement)
    return requirement.partition(".")[0] == OTHER_ENDPOINTS or (row is not None and row.on_sight)


def _stopping(client: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """(requirements, outcome) of each measured fault that stops the client. Any of the requirements detects it."""
    for measurement, requirements in contract.measured_faults().items():
        outcome = measurement.clients.get(client, HARMLESS)
        if contract.is_failure(outcome):
            yield requirements, outcome


@cache
def _measured_on_streams_only() -> frozenset[str]:
    whole = {
        client
        for measurement in contract.measured_faults()
        if measurement.source != STREAMS
        for client in measurement.clients
    }
    return frozenset(contract.clients()) - whole


def _offered(profile: str) -> frozenset[str] | None:
    """The capabilities that a profile promises; None for a profile that this version does not know."""
    return contract.profile(profile).offers if profile in contract.profile_names() else None


def _feature(requirements: tuple[str, ...], verdicts: Mapping[str, Verdict], offered: frozenset[str] | None) -> str:
    """The missing feature that makes all of the requirements not applicable; empty when there is another reason."""
    features = []
    for name in requirements:
        row, verdict = CATALOGUE.get(name), verdicts.get(name)
        if row is None or verdict is None or verdict.outcome != NOT_APPLICABLE:
            return ""
        missing = row.needs - (offered if offered is not None else row.needs)
        if not missing and row.capability is None:
            return ""
        features.append(", ".join(sorted(missing)) or str(row.capability))
    return features[0] if features else ""
