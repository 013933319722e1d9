"""The requests that a target must accept or refuse: reads and checks suites/probes.toml."""

from __future__ import annotations

import base64
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from messages_conformance import resources
from messages_conformance.contract.documents import ContractError

TABLE: Final = "suites/probes.toml"
BASE_BODY: Final[Mapping[str, Any]] = {
    "max_tokens": 16,
    "messages": [{"role": "user", "content": "Reply with the single word: ok"}],
}
"""The simplest valid body. The model of the run is added as its first member."""

ROW_KEYS: Final = frozenset(
    [
        "requirement",
        "level",
        "harm",
        "sentence",
        "source",
        "expect",
        "cases",
        "families",
        "api_version",
        "statuses",
        "error_type",
        "needs",
        "capability",
        "depth",
        "situation",
        "extends",
        "error_status",
        "refusals_only",
        "judged_elsewhere",
        "controlled",
        "excused",
        "own",
    ]
)
CASE_KEYS: Final = frozenset(
    [
        "name",
        "with",
        "without",
        "repeat",
        "append",
        "raw",
        "raw_base64",
        "headers",
        "auth",
        "path",
        "method",
        "odd_case",
        "layout",
        "depth",
    ]
)
NUMBER: Final = "{n}"
"""In a repeated item, it becomes the number of the copy, from 0."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One request of a row. `body` is a JSON body without a model, raw bytes, or None for an empty body."""

    name: str
    body: Mapping[str, Any] | bytes | None
    fill_model: bool
    headers: tuple[tuple[str, str | None], ...]
    auth: str
    method: str
    path: str
    odd_case: bool
    layout: str
    depth: str | None
    """The least depth of a run that sends the case, if it is not that of the row."""


@dataclass(frozen=True, kw_only=True)
class Probe:
    """One row: a requirement, and the requests that show whether it holds."""

    requirement: str
    level: str
    harm: str
    sentence: str
    source: str
    expect: str
    families: frozenset[str]
    api_version: str | None
    statuses: tuple[int, ...]
    error_type: str | None
    error_status: int | None
    refusals_only: bool
    judged_elsewhere: bool
    controlled: bool
    excused: tuple[str, ...]
    own: frozenset[str]
    needs: frozenset[str]
    capability: str | None
    depth: str
    situation: str | None
    cases: tuple[Case, ...]

    def describes(self) -> str:
        """The requests of the row, in words."""
        if not self.cases:
            return "requests of a dialogue of the suites"
        return (
            f"{len(self.cases)} request{'s' if len(self.cases) > 1 else ''} ({', '.join(c.name for c in self.cases)})"
        )


@cache
def probes() -> Mapping[str, Probe]:
    """All rows by requirement id. A row with `extends` adds its cases to the earlier row.

    A ContractError names the row with an unknown key or a repeated requirement.
    """
    table: dict[str, Probe] = {}
    for row in tomllib.loads(resources.text(TABLE)).get("probe", []):
        name = row.get("requirement", "?")
        unknown = set(row) - ROW_KEYS
        if unknown:
            raise ContractError(
                f"{TABLE}, {name}: unknown key {', '.join(sorted(unknown))}; known: {', '.join(sorted(ROW_KEYS))}"
            )
        cases = tuple(_case(name, case) for case in row["cases"])
        if row.get("extends"):
            table[name] = _with_cases(table[name], cases)
        elif name in table:
            raise ContractError(f"{TABLE}: {name} is there twice; write extends = true in the second row")
        else:
            table[name] = _probe(row, cases)
    return table


def _probe(row: Mapping[str, Any], cases: tuple[Case, ...]) -> Probe:
    return Probe(
        requirement=row["requirement"],
        level=row["level"],
        harm=row.get("harm", ""),
        sentence=row["sentence"],
        source=row["source"],
        expect=row["expect"],
        families=frozenset(row.get("families", ("tokmodel", "anthropic"))),
        api_version=row.get("api_version"),
        statuses=tuple(row.get("statuses", ())),
        error_type=row.get("error_type"),
        error_status=row.get("error_status"),
        refusals_only=row.get("refusals_only", False),
        judged_elsewhere=row.get("judged_elsewhere", False),
        controlled=row.get("controlled", False),
        excused=tuple(row.get("excused", ())),
        own=frozenset(row.get("own", ())),
        needs=frozenset(row.get("needs", ())),
        capability=row.get("capability"),
        depth=row.get("depth", "standard"),
        situation=row.get("situation"),
        cases=cases,
    )


def _with_cases(probe: Probe, cases: tuple[Case, ...]) -> Probe:
    values = {name: getattr(probe, name) for name in Probe.__dataclass_fields__}
    return Probe(**{**values, "cases": (*probe.cases, *cases)})


def _case(requirement: str, case: Mapping[str, Any]) -> Case:
    unknown = set(case) - CASE_KEYS
    if unknown:
        raise ContractError(f"{TABLE}, {requirement}: unknown case key {', '.join(sorted(unknown))}")
    return Case(
        name=case["name"],
        body=_body(case),
        fill_model="model" not in case.get("without", ()),
        headers=tuple(_headers(case.get("headers", {}))),
        auth=case.get("auth", "profile"),
        method=case.get("method", "POST"),
        path=case.get("path", "/v1/messages"),
        odd_case=case.get("odd_case", False),
        layout=case.get("layout", "compact"),
        depth=case.get("depth"),
    )


def _headers(table: Mapping[str, str | list[str]]) -> Iterator[tuple[str, str | None]]:
    """A header with several values is sent once for each; an empty value removes the header."""
    for name, value in table.items():
        for one in value if isinstance(value, list) else [value]:
            yield name, one or None


def _body(case: Mapping[str, Any]) -> Mapping[str, Any] | bytes | None:
    if "raw" in case:
        return str(case["raw"]).encode() or None
    if "raw_base64" in case:
        return base64.b64decode(case["raw_base64"])
    changed = {**BASE_BODY, **json.loads(case.get("with", "{}"))}
    for pointer, times in case.get("repeat", {}).items():
        changed = _repeated(changed, pointer.strip("/").split("/"), times)
    for name, items in json.loads(case.get("append", "{}")).items():
        changed[name] = [*changed[name], *items]
    return {name: value for name, value in changed.items() if name not in case.get("without", ())}


def _repeated(value: Any, path: list[str], times: int) -> Any:
    """The value with the string, or the items of the list, at a path, repeated a number of times."""
    if path:
        held = list(value) if isinstance(value, list) else dict(value)
        key: Any = int(path[0]) if isinstance(held, list) else path[0]
        held[key] = _repeated(held[key], path[1:], times)
        return held
    if isinstance(value, str):
        return value * times
    return [_numbered(item, number) for number in range(times) for item in value]


def _numbered(value: Any, number: int) -> Any:
    """The value with NUMBER in its strings replaced."""
    return json.loads(json.dumps(value).replace(NUMBER, str(number)))
