"""Compares the table of clients in a report with what the clients do, for faults of the reference endpoint.

A run of the suites against a fault predicts for each client whether it works. Then the client itself runs its scenarios
against the same fault. Pairs whose scenarios never meet the fault are not compared. What was observed with a fault is
left out when it is predicted, so the figures are those of faults that nobody measured.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from messages_conformance import contract
from messages_conformance.clients.client_runs import FAILS, LOSS, OK, ClientResult
from messages_conformance.clients.driven_target import REFERENCE_MODEL
from messages_conformance.clients.installing import Installation
from messages_conformance.clients.observing import observe
from messages_conformance.contract.impacts import client_names
from messages_conformance.contract.observed_effects import observed_forms
from messages_conformance.live import DEFAULT_PROFILE
from messages_conformance.proof import run
from messages_conformance.reference import faults, find_fault
from messages_conformance.report.clients import FAILS as PREDICTS_FAILURE
from messages_conformance.report.clients import NOT_KNOWN, WORKS, WORKS_AS_SEEN, WORKS_WITH_LOSS, ClientStatus
from messages_conformance.report.model import Report, clients_of

MEANS: Final[Mapping[str, str]] = {
    WORKS: OK,
    WORKS_AS_SEEN: OK,
    WORKS_WITH_LOSS: LOSS,
    PREDICTS_FAILURE: FAILS,
}
"""What a status of the table predicts."""

Table = Callable[[str, str], tuple[ClientStatus, ...]]
"""(fault, profile) -> the table of clients."""

CONDITIONED: Final = "reference faults"
"""The source of measurements that are faults of the reference endpoint."""

LOAD: Final = "load"
"""The category of faults that one client alone does not meet."""

TOPICS: Final = frozenset(
    {
        *("stream-content", "stream-order", "stream-frame", "stream-frames", "stream-error", "stream-blocks"),
        *("response", "tools", "text", "stop", "usage", "thinking", "transport", "wire", "auth", "errors"),
    }
)
"""Categories of faults that ordinary requests of a client can meet."""


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One client and one fault: the status in the table, what happened, and the scenarios that failed."""

    fault: str
    client: str
    predicted: str
    happened: str
    because: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    version: str = ""

    @property
    def is_right(self) -> bool:
        """Whether the table says what happened."""
        return MEANS.get(self.predicted) == self.happened

    @property
    def is_false_works(self) -> bool:
        """Whether the table says that a client works which fails or loses something."""
        return MEANS.get(self.predicted) == OK and self.happened != OK


def default_faults(more: int, *, seed: int = 0) -> tuple[str, ...]:
    """Every fault that impact.json measured, and a number of others by chance."""
    measured = [found.measured for found in contract.measured_faults() if found.source == CONDITIONED]
    others = sorted(name for name, fault in faults().items() if name not in measured and fault.category in TOPICS)
    return (*measured, *random.Random(seed).sample(others, min(more, len(others))))


def never_measured() -> tuple[str, ...]:
    """The faults of which impact.json has nothing, without those that only many users at a time meet."""
    observed = {fault for row in observed_forms() for fault in row.effects}
    measured = observed | {found.measured for found in contract.measured_faults()}
    return tuple(sorted(name for name, fault in faults().items() if name not in measured and fault.category != LOAD))


def checked_faults(names: Sequence[str]) -> tuple[str, ...]:
    """The names; raises LookupError with similar names for an unknown one."""
    for name in names:
        find_fault(name)
    return tuple(dict.fromkeys(names))


def report_of(fault: str, profile: str) -> Report:
    """The report of a run of the suites against the fault."""
    transport = "" if find_fault(fault).needs_socket else ",transport=memory"
    _, report = run(f"reference:{fault}{transport}", profile, model=REFERENCE_MODEL, seed=0)
    return report


def predicted(fault: str, profile: str) -> tuple[ClientStatus, ...]:
    """The table of clients of a run of the suites against the fault, without what was observed with this fault."""
    return clients_of(report_of(fault, profile), without=fault)


def profile_of(installation: Installation) -> str:
    """The profile under which the table predicts the client: its own, if it has one."""
    return contract.client_uses()[client_names()[installation.client.measured]].profile or DEFAULT_PROFILE


def compare(installation: Installation, names: Sequence[str], *, table: Table = predicted) -> Iterator[Prediction]:
    """One prediction for each fault that the client meets. A run of the suites gives the table, unless `table` does."""
    client, profile = client_names()[installation.client.measured], profile_of(installation)
    for seen in observe(installation, names, profile):
        if seen.result.status:
            status = next(one for one in table(seen.fault, profile) if one.client == client)
            yield _prediction(seen.fault, status, seen.result)


def _prediction(fault: str, status: ClientStatus, result: ClientResult) -> Prediction:
    return Prediction(
        fault=fault,
        client=result.client.title,
        predicted=status.status,
        happened=result.status,
        because=tuple(effect.requirement for effect in status.effects),
        failed=tuple(f"{one.scenario}: {one.detail}" for one in result.failed),
        version=result.version,
    )


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of one client: how many predictions are right, of how many; how many are not known; false "works"."""

    client: str
    right: int
    compared: int
    not_known: int
    false_works: int
    version: str = ""


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
            version=group[0].version,
        )
        for client, group in groups.items()
    )
