"""What a violation of a requirement does to real clients: our own measurements in contract/impact.json.

Each measurement is one fault of a server, and the worst effect on each client. X01 and so on are hand-made streams that
four versions of the official SDKs read; names with reject_ are servers that refuse a valid request; those of the source
`reference faults` are faults of the reference endpoint; other names are faults of a whole server that ten clients used.

The section `observed` of the file is made by `python -m messages_conformance.clients.measuring`; see observed_effects.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from messages_conformance import resources

Severity = Literal["fatal", "major", "moderate", "minor", "harmless", "unmeasured"]
Source = Literal["impact.json", "sdk_streams.json", "reference faults"]

_WORST_FIRST: tuple[Severity, ...] = ("fatal", "major", "moderate", "minor", "harmless", "unmeasured")


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """One measured fault. `clients`: client with version -> effect, such as `loses text silently` or `unaffected`.

    `found` is a pattern of findings: the fault violates the requirement in the form that these findings describe. It is
    empty for a fault that is used for every other form.
    """

    measured: str
    source: Source
    severity: Severity
    clients: Mapping[str, str]
    found: str = ""


def impact(requirement: str) -> tuple[Measurement, ...]:
    """The measurements of faults that violate `requirement`, worst first; empty if none was measured."""
    return _measurements().get(requirement, ())


def impact_of(requirement: str, findings: Iterable[str], *, client: str) -> tuple[Measurement, ...]:
    """The measurements of `requirement` on one client in the form of these findings, each as text.

    A finding has the form of the measurements whose pattern it matches; otherwise, that of those without a pattern.
    """
    name = _measured_as(client)
    rows = [row for row in impact(requirement) if name in row.clients]
    chosen: list[Measurement] = []
    for text in findings:
        matching = [row for row in rows if row.found and re.search(row.found, text)]
        chosen += matching or [row for row in rows if not row.found]
    return tuple(dict.fromkeys(chosen))


def _measured_as(client: str) -> str:
    """The client with the version of these measurements; another one may have been observed since."""
    names = impact_data()["clients"]
    return names.get(short_name(client), client) if client in client_names().values() else client


def outcome_on(row: Measurement, client: str) -> str:
    """The effect of a measured fault on a client with its newest version."""
    return row.clients[_measured_as(client)]


def severity(requirement: str) -> Severity:
    """The worst severity among the measurements of `requirement`, or `unmeasured`."""
    found = impact(requirement)
    return found[0].severity if found else "unmeasured"


@cache
def measured_faults() -> Mapping[Measurement, tuple[str, ...]]:
    """Every measured fault, with the requirements that it violates."""
    faults: dict[str, tuple[Measurement, list[str]]] = {}
    for requirement, measurements in _measurements().items():
        for measurement in measurements:
            faults.setdefault(measurement.measured, (measurement, []))[1].append(requirement)
    return MappingProxyType({measurement: tuple(names) for measurement, names in faults.values()})


@cache
def clients() -> tuple[str, ...]:
    """The measured clients with their versions, in the order of the file, without former versions."""
    return tuple(client_names().values())


@cache
def client_names() -> Mapping[str, str]:
    """Short name -> client with its version, in the order of the file, without former versions."""
    former = impact_data().get("former", ())
    newest = impact_data().get("observed", {}).get("clients", {})
    kept = {name: client for name, client in impact_data()["clients"].items() if name not in former}
    return MappingProxyType(kept | newest)


@cache
def short_name(client: str) -> str:
    """The short name of a client with its version."""
    return next(name for name, title in client_names().items() if title == client)


@cache
def is_failure(outcome: str) -> bool:
    """Whether this effect stops the client. Of the others, all but `unaffected` lose something."""
    return outcome in {impact_data()["outcomes"][code] for code in impact_data()["failing"]}


@cache
def impact_data() -> Mapping[str, Any]:
    """The whole file."""
    data: dict[str, Any] = json.loads(resources.text("contract/impact.json"))
    return MappingProxyType(data)


@cache
def _measurements() -> Mapping[str, tuple[Measurement, ...]]:
    data = impact_data()
    names, outcomes = data["clients"], data["outcomes"]
    return MappingProxyType(
        {
            requirement: tuple(sorted((_measurement(row, names, outcomes) for row in rows), key=_rank))
            for requirement, rows in data["requirements"].items()
        }
    )


def _measurement(row: dict[str, Any], clients: dict[str, str], outcomes: dict[str, str]) -> Measurement:
    effects = {clients[client]: outcomes[code] for client, code in row["clients"].items()}
    return Measurement(
        measured=row["measured"],
        source=row["source"],
        severity=row["severity"],
        clients=MappingProxyType(effects),
        found=row.get("found", ""),
    )


def _rank(measurement: Measurement) -> tuple[int, str]:
    return _WORST_FIRST.index(measurement.severity), measurement.measured
