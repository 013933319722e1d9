"""The known clients and the scenarios, read from their two tables."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from typing import Any

from messages_conformance import resources


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """One thing that a client is asked to do: `ask` for the driver, and what the application `expects` to get.

    A target may refuse an `optional` one because of its model. `answers` is the status with which the proxy answers the
    first request, instead of the target; 0 for none.
    """

    name: str
    ask: Mapping[str, Any]
    expects: Mapping[str, Any]
    core: bool = False
    needs: str = ""
    optional: bool = False
    answers: int = 0


@dataclass(frozen=True, kw_only=True)
class KnownClient:
    """A client, its packages with their known good versions, and the script that drives it."""

    name: str
    title: str
    manager: str
    packages: Mapping[str, str]
    driver: str
    scenarios: tuple[str, ...]
    measured: str = ""
    newest: str = ""
    """A condition for the newest version of the first package, such as <1."""
    model: str = ""
    slow: bool = False
    """Whether it is started anew in each scenario."""
    compared: tuple[str, ...] = ()
    """More scenarios, for the comparison with predictions alone."""

    def requirements(self, *, latest: bool = False) -> tuple[str, ...]:
        """The packages as their manager names them, with the known good versions or the newest ones."""
        sign = "==" if self.manager == "pip" else "@"
        if not latest:
            return tuple(f"{name}{sign}{version}" for name, version in self.packages.items())
        first, *others = self.packages
        return (f"{first}{self.newest or ('' if self.manager == 'pip' else '@latest')}", *others)


@cache
def known_clients() -> Mapping[str, KnownClient]:
    """Every client that can be driven, by name."""
    rows = tomllib.loads(resources.text("clients/known_clients.toml"))
    return {name: KnownClient(name=name, **{**row, **_tuples(row)}) for name, row in rows.items()}


def _tuples(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: tuple(value) for name, value in row.items() if isinstance(value, list)}


@cache
def scenarios() -> Mapping[str, Scenario]:
    """Every scenario, by name, in the order in which it is run."""
    rows = tomllib.loads(resources.text("clients/scenarios.toml"))
    return {name: Scenario(name=name, **row) for name, row in rows.items()}


def chosen_clients(names: Iterable[str]) -> tuple[KnownClient, ...]:
    """The clients with these names, or all; raises LookupError with the valid names."""
    known = known_clients()
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise LookupError(f"unknown client {name!r}{hint}; valid: {', '.join(known)}")
    return tuple(known[name] for name in dict.fromkeys(names)) or tuple(known.values())


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What a run asks of each client: the scenarios whose capability the profile promises."""

    offers: frozenset[str] = field(default_factory=frozenset)

    def of(self, client: KnownClient) -> tuple[Scenario, ...]:
        """The scenarios for a client, in the order of the table."""
        return tuple(
            scenario
            for name, scenario in scenarios().items()
            if name in client.scenarios and (not scenario.needs or scenario.needs in self.offers)
        )
