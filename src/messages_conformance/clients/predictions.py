"""Compares the table of clients in a report with what the clients do, for faults of the reference endpoint.

A run of the suites against a fault predicts for each client whether it works; the client itself then does its scenarios
against the same fault. Pairs whose scenarios never meet the fault are not compared.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from messages_conformance import contract
from messages_conformance.clients.client_runs import FAILS, LOSS, OK, ClientResult, Endpoint, collect, judged_scenario
from messages_conformance.clients.driven_target import REFERENCE_MODEL, reference_model
from messages_conformance.clients.faulty_endpoints import SIGN, FaultyEndpoints
from messages_conformance.clients.installing import Installation
from messages_conformance.clients.known_clients import Scenario, scenarios
from messages_conformance.contract.impacts import client_names
from messages_conformance.proof import run
from messages_conformance.reference import API_KEY, faults, find_fault, serve_endpoint
from messages_conformance.report.clients import FAILS as PREDICTS_FAILURE
from messages_conformance.report.clients import NOT_KNOWN, WORKS, WORKS_AS_SEEN, WORKS_WITH_LOSS, ClientStatus
from messages_conformance.report.model import clients_of

NOT_COMPARED: Final = frozenset(
    {"retry", "turn_with_retry", "count_tokens", "abort", "ten_at_once", "long_stream", "image"}
)
"""Scenarios that the table does not predict (the proxy answers them, or they use another endpoint) or that repeat
others."""

MEANS: Final[Mapping[str, str]] = {
    WORKS: OK,
    WORKS_AS_SEEN: OK,
    WORKS_WITH_LOSS: LOSS,
    PREDICTS_FAILURE: FAILS,
}
"""What a status of the table predicts."""

CONDITIONED: Final = "reference faults"
"""The source of measurements that are faults of the reference endpoint."""

TOPICS: Final = frozenset(
    {
        *("stream-content", "stream-order", "stream-frame", "stream-frames", "stream-error", "stream-blocks"),
        *("response", "tools", "text", "stop", "usage", "thinking", "transport", "wire", "auth", "errors"),
    }
)
"""Categories of faults that ordinary requests of a client can meet."""

LIMIT_S: Final = 15.0
"""Longest scenario (our own: retries of the SDKs after errors take up to four seconds)."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One client and one fault: the status in the table, what happened, and the scenarios that failed."""

    fault: str
    client: str
    predicted: str
    happened: str
    because: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()

    @property
    def is_right(self) -> bool:
        """Whether the table says what happened."""
        return MEANS.get(self.predicted) == self.happened

    @property
    def is_false_works(self) -> bool:
        """Whether the table says that a client works which fails or loses something."""
        return MEANS.get(self.predicted) == OK and self.happened != OK


def default_faults(more: int, *, seed: int = 0) -> tuple[str, ...]:
    """Every fault that impact.json measured, and so many others by chance."""
    measured = [found.measured for found in contract.measured_faults() if found.source == CONDITIONED]
    others = sorted(name for name, fault in faults().items() if name not in measured and fault.category in TOPICS)
    return (*measured, *random.Random(seed).sample(others, min(more, len(others))))


def checked_faults(names: Sequence[str]) -> tuple[str, ...]:
    """The names; raises LookupError with similar names for an unknown one."""
    for name in names:
        find_fault(name)
    return tuple(dict.fromkeys(names))


def what_happens(installation: Installation, names: Sequence[str]) -> dict[str, ClientResult]:
    """Fault -> what the client does with it, for the faults that it meets; all of them from few processes."""
    endpoints = FaultyEndpoints()
    asked = [_under(fault, one) for fault in names for one in _compared(installation)]
    with serve_endpoint(endpoints.as_endpoint()) as server:
        endpoint = Endpoint(
            base_url=f"{server.base_url}/{{scenario}}",
            model=reference_model(installation.client),
            key=API_KEY,
            limit_s=LIMIT_S,
            obedient=True,
        )
        version, results = collect(installation, asked, endpoint)
    judged = [judged_scenario(one, results.get(one.name, {}), obedient=True) for one in asked]
    found = {}
    for fault in filter(endpoints.shown, names):
        own = [one for one in judged if one.scenario.startswith(fault + SIGN)]
        shown = tuple(replace(one, scenario=one.scenario.partition(SIGN)[2]) for one in own)
        found[fault] = ClientResult(client=installation.client, version=version, scenarios=shown)
    return found


def _compared(installation: Installation) -> Iterator[Scenario]:
    for name in installation.client.scenarios:
        if name not in NOT_COMPARED:
            yield scenarios()[name]


def _under(fault: str, scenario: Scenario) -> Scenario:
    return replace(scenario, name=f"{fault}{SIGN}{scenario.name}")


def predicted(fault: str, profile: str) -> tuple[ClientStatus, ...]:
    """The table of clients of a run of the suites against the fault."""
    transport = "" if find_fault(fault).needs_socket else ",transport=memory"
    _, report = run(f"reference:{fault}{transport}", profile, model=REFERENCE_MODEL, seed=0)
    return clients_of(report)


def compare(
    installations: Iterable[Installation],
    names: Sequence[str],
    profile: str,
    *,
    table: Callable[[str, str], tuple[ClientStatus, ...]] = predicted,
) -> tuple[Prediction, ...]:
    """One prediction for each client that is measured and each fault that it meets."""
    happened = {one.client.measured: what_happens(one, names) for one in installations}
    met = [fault for fault in names if any(fault in results for results in happened.values())]
    found = []
    for fault in met:
        statuses = {status.client: status for status in table(fault, profile)}
        for measured, results in happened.items():
            if fault in results and results[fault].status:
                found.append(_prediction(fault, statuses[client_names()[measured]], results[fault]))
    return tuple(found)


def _prediction(fault: str, status: ClientStatus, result: ClientResult) -> Prediction:
    return Prediction(
        fault=fault,
        client=result.client.title,
        predicted=status.status,
        happened=result.status,
        because=tuple(effect.requirement for effect in status.effects),
        failed=tuple(f"{one.scenario}: {one.detail}" for one in result.failed),
    )


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of one client: how many predictions are right, of how many; how many are not known; false "works"."""

    client: str
    right: int
    compared: int
    not_known: int
    false_works: int


def figures(predictions: Iterable[Prediction]) -> tuple[Figures, ...]:
    """The share of right predictions of each client."""
    groups: dict[str, list[Prediction]] = {}
    for one in predictions:
        groups.setdefault(one.client, []).append(one)
    return tuple(
        Figures(
            client=client,
            right=sum(one.is_right for one in group),
            compared=len(group),
            not_known=sum(one.predicted == NOT_KNOWN for one in group),
            false_works=sum(one.is_false_works for one in group),
        )
        for client, group in groups.items()
    )
