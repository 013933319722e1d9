"""The requirements that no rule judges, read from suites/not_judged.toml and checked.

A tolerated requirement leaves its subject open: a correct target may behave either way. The tests run all suites
against variants of the reference endpoint that use this freedom; any finding there is a bug of ours. An excluded
requirement cannot be observed by a client, costs too much to observe, or is judged under another id.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from messages_conformance import resources
from messages_conformance.contract import ContractError
from messages_conformance.rules.catalogue import BOTH
from messages_conformance.rules.verdict import LEVELS

TABLE: Final = "suites/not_judged.toml"
TOLERATED_KEY: Final = "tolerated"
EXCLUDED_KEY: Final = "excluded"


@dataclass(frozen=True, kw_only=True)
class Tolerance:
    """A requirement that leaves its subject open, and the variants that prove that no finding is reported for it."""

    id: str
    level: str
    sentence: str
    source: str
    families: frozenset[str]
    variants: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """A requirement without a rule, and the reason."""

    id: str
    level: str
    sentence: str
    source: str
    families: frozenset[str]
    reason: str


COMMON_KEYS: Final = ("requirement", "level", "sentence", "source")
KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    TOLERATED_KEY: (*COMMON_KEYS, "variants"),
    EXCLUDED_KEY: (*COMMON_KEYS, "reason"),
}
"""The keys that every row of a kind must have; `families` is optional."""


@cache
def tolerances() -> Mapping[str, Tolerance]:
    """Every tolerated requirement by its id; raises ContractError when the table is wrong."""
    rows = [_tolerance(row) for row in _rows(TOLERATED_KEY)]
    return MappingProxyType({row.id: row for row in rows})


@cache
def exclusions() -> Mapping[str, Exclusion]:
    """Every excluded requirement by its id; raises ContractError when the table is wrong."""
    rows = [_exclusion(row) for row in _rows(EXCLUDED_KEY)]
    return MappingProxyType({row.id: row for row in rows})


def parsed(text: str) -> Mapping[str, list[dict[str, Any]]]:
    """The rows of a table by kind, each checked; raises ContractError with the row and what is valid."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ContractError(f"{TABLE} is not valid TOML: {error}") from error
    unknown = sorted(set(table) - set(KEYS))
    if unknown:
        raise ContractError(f"{TABLE}: unknown table {unknown[0]!r}; valid: {', '.join(KEYS)}")
    rows: dict[str, list[dict[str, Any]]] = {kind: table.get(kind, []) for kind in KEYS}
    seen: set[str] = set()
    for kind, of_kind in rows.items():
        for number, row in enumerate(of_kind, start=1):
            name = str(row.get("requirement", f"number {number}"))
            problem = next(_problems(kind, row), "") or (f"{name} has two rows" if name in seen else "")
            if problem:
                raise ContractError(f"{TABLE}, [[{kind}]] {name}: {problem}")
            seen.add(name)
    return rows


def _problems(kind: str, row: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with a row, and what is valid there."""
    required = KEYS[kind]
    for key in row:
        if key not in (*required, "families"):
            yield f"unknown key {key!r}; valid: {', '.join((*required, 'families'))}"
    for key in required:
        listed = key == "variants"
        if key not in row:
            yield f"the key {key!r} is missing"
        elif listed and not _is_list_of_names(row[key]):
            yield f"{key} is {row[key]!r}; valid: a list of one or more names"
        elif not listed and not (isinstance(row[key], str) and row[key]):
            yield f"{key} is {row[key]!r}; valid: a non-empty string"
    if row.get("level") not in LEVELS:
        yield f"level is {row.get('level')!r}; valid: {', '.join(LEVELS)}"
    families = row.get("families", sorted(BOTH))
    if not _is_list_of_names(families) or not BOTH.issuperset(families):
        yield f"families is {families!r}; valid: a list of {' and '.join(sorted(BOTH))}"


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item for item in value)


def _rows(kind: str) -> list[dict[str, Any]]:
    return parsed(resources.text(TABLE))[kind]


def _tolerance(row: Mapping[str, Any]) -> Tolerance:
    return Tolerance(
        id=row["requirement"],
        level=row["level"],
        sentence=row["sentence"],
        source=row["source"],
        families=frozenset(row.get("families", BOTH)),
        variants=tuple(row["variants"]),
    )


def _exclusion(row: Mapping[str, Any]) -> Exclusion:
    return Exclusion(
        id=row["requirement"],
        level=row["level"],
        sentence=row["sentence"],
        source=row["source"],
        families=frozenset(row.get("families", BOTH)),
        reason=row["reason"],
    )
