"""Who can use the endpoint: what the failures of a run did to real clients when other servers failed the same way.

Nothing is guessed. A client fails, or loses something, only through a requirement that failed in this run and whose
violation was measured to do that to it. It works only when everything that was measured to stop it was ruled out by a
requirement that was seen to hold. Whatever lies between is not known, and the requirements that would tell are named.
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
"""The measurements of hand-made streams; the others are of whole servers."""

BESIDE: Final = "adjacent"
"""The topic of the endpoints beside POST /v1/messages: a client that fails there fails in these calls alone."""


@dataclass(frozen=True, kw_only=True)
class Effect:
    """What the violation of one requirement did to a client at worst, such as `raises an error`."""

    requirement: str
    outcome: str
    stops: bool


@dataclass(frozen=True, kw_only=True)
class ClientStatus:
    """What one client can expect. `unknown` are requirements that were not seen to hold and would stop it.

    `beyond` are features that the profile does not promise or the model does not have: nothing is said about them.
    `streams_only` marks a client that was measured on streams and on nothing else.
    """

    client: str
    status: str
    effects: tuple[Effect, ...] = ()
    unknown: tuple[str, ...] = ()
    beyond: tuple[str, ...] = ()
    streams_only: bool = False


def client_statuses(report: Report) -> tuple[ClientStatus, ...]:
    """One for each measured client, in the order of the measurements."""
    verdicts = {verdict.requirement: verdict for verdict in report.verdicts}
    if report.void:
        return tuple(ClientStatus(client=client, status=NOT_KNOWN) for client in contract.clients())
    return tuple(_status(report, client, verdicts) for client in contract.clients())


def _status(report: Report, client: str, verdicts: Mapping[str, Verdict]) -> ClientStatus:
    effects = sorted(_effects(client, verdicts), key=lambda e: (not e.stops, rank(e.outcome), e.requirement))
    open_ends = list(_open_ends(report, client, verdicts))
    unknown = [name for name, feature in open_ends if not feature]
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
        beyond=tuple(dict.fromkeys(feature for _, feature in open_ends if feature)),
        streams_only=client in _measured_on_streams_only(),
    )


def _effects(client: str, verdicts: Mapping[str, Verdict]) -> Iterator[Effect]:
    """The worst effect of each requirement that was found violated and is known to touch this client."""
    for name, verdict in verdicts.items():
        outcomes = {m.clients[client] for m in contract.impact(name) if client in m.clients} - {HARMLESS}
        if verdict.findings and outcomes:
            worst = min(outcomes, key=lambda outcome: (not contract.is_failure(outcome), rank(outcome)))
            stops = contract.is_failure(worst) and name.partition(".")[0] != BESIDE
            yield Effect(requirement=name, outcome=worst, stops=stops)


def unmeasured(report: Report) -> tuple[str, ...]:
    """Violated requirements of which nobody knows what they do to any client."""
    violated = (verdict.requirement for verdict in report.verdicts if verdict.findings)
    return tuple(name for name in violated if not contract.impact(name) and not _only_lenient(name))


def _only_lenient(requirement: str) -> bool:
    """Whether it asks for the refusal of something invalid, which none of the measured clients sends."""
    probe = probes().get(requirement)
    return probe is not None and probe.expect == REFUSED


def _open_ends(report: Report, client: str, verdicts: Mapping[str, Verdict]) -> Iterator[tuple[str, str]]:
    """(requirement, feature) of each fault that would stop the client and that nothing in this run rules out.

    `feature` is what the profile does not promise or the model cannot do, where that is why; empty otherwise.
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
    """Whether it stops no client while it is not seen: it belongs to another endpoint, or did not come about."""
    row = CATALOGUE.get(requirement)
    return requirement.partition(".")[0] == BESIDE or (row is not None and row.on_sight)


def _stopping(client: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """(requirements, outcome) of each measured fault that stops the client: any of the requirements shows the fault."""
    for measurement, requirements in contract.faults().items():
        outcome = measurement.clients.get(client, HARMLESS)
        if contract.is_failure(outcome):
            yield requirements, outcome


@cache
def _measured_on_streams_only() -> frozenset[str]:
    whole = {
        client for measurement in contract.faults() if measurement.source != STREAMS for client in measurement.clients
    }
    return frozenset(contract.clients()) - whole


def _offered(profile: str) -> frozenset[str] | None:
    """What a profile promises; None for one that this version does not know."""
    return contract.profile(profile).offers if profile in contract.profile_names() else None


def _feature(requirements: tuple[str, ...], verdicts: Mapping[str, Verdict], offered: frozenset[str] | None) -> str:
    """The feature without which none of the requirements means anything here; empty where that is not the reason."""
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
