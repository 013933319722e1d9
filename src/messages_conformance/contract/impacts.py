"""What a violated requirement does to real clients: our own measurements, out of contract/impact.json.

Each measurement is one fault that a server was given, and the worst thing that each client did with it. Stream ids
(X01 ...) are hand-made streams read by four builds of the official SDKs; names are faults of a whole server, met by ten
clients; names with reject_ are servers that refuse something valid.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Literal

from messages_conformance import resources

Severity = Literal["fatal", "major", "moderate", "minor", "harmless", "unmeasured"]
Source = Literal["impact.json", "sdk_streams.json"]

_WORST_FIRST: tuple[Severity, ...] = ("fatal", "major", "moderate", "minor", "harmless", "unmeasured")


@dataclass(frozen=True, kw_only=True, eq=False)
class Measurement:
    """One measured fault: client with version -> what happened to it, such as `loses text silently` or `unaffected`."""

    measured: str
    source: Source
    severity: Severity
    clients: Mapping[str, str]


def impact(requirement: str) -> tuple[Measurement, ...]:
    """The measurements of faults that violate `requirement`, worst first; empty where nobody measured one."""
    return _measurements().get(requirement, ())


def severity(requirement: str) -> Severity:
    """The worst severity among the measurements of `requirement`, or `unmeasured`."""
    found = impact(requirement)
    return found[0].severity if found else "unmeasured"


@cache
def faults() -> Mapping[Measurement, tuple[str, ...]]:
    """Every measured fault once, with the requirements that it violates: any of them shows it."""
    found: dict[str, tuple[Measurement, list[str]]] = {}
    for requirement, measurements in _measurements().items():
        for measurement in measurements:
            found.setdefault(measurement.measured, (measurement, []))[1].append(requirement)
    return MappingProxyType({measurement: tuple(names) for measurement, names in found.values()})


@cache
def clients() -> tuple[str, ...]:
    """The measured clients with their versions, in the order of the file."""
    return tuple(_data()["clients"].values())


@cache
def is_failure(outcome: str) -> bool:
    """Whether a client that met this outcome did not get through; any other but `unaffected` lost something."""
    return outcome in {_data()["outcomes"][code] for code in _data()["failing"]}


@cache
def _data() -> Mapping[str, Any]:
    data: dict[str, Any] = json.loads(resources.text("contract/impact.json"))
    return MappingProxyType(data)


@cache
def _measurements() -> Mapping[str, tuple[Measurement, ...]]:
    data = _data()
    names, outcomes = data["clients"], data["outcomes"]
    read = {
        requirement: sorted((_read(row, names, outcomes) for row in rows), key=_rank)
        for requirement, rows in data["requirements"].items()
    }
    return MappingProxyType({requirement: tuple(rows) for requirement, rows in read.items()})


def _read(row: dict[str, Any], clients: dict[str, str], outcomes: dict[str, str]) -> Measurement:
    effects = {clients[client]: outcomes[code] for client, code in row["clients"].items()}
    return Measurement(
        measured=row["measured"],
        source=row["source"],
        severity=row["severity"],
        clients=MappingProxyType(effects),
    )


def _rank(measurement: Measurement) -> tuple[int, str]:
    return _WORST_FIRST.index(measurement.severity), measurement.measured
