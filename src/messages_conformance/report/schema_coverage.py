"""Which part of the request schema a run used: fields, their cases and keywords, in valid and in invalid requests.

A request is invalid on purpose when the run expects its refusal. It counts for the field where the schema finds the
mistake. It counts for the whole body when the schema cannot find it: fields that exclude each other, a header, no JSON.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from messages_conformance import contract
from messages_conformance.contract.request_fields import WHOLE, RequestField, fields_in, fields_to, request_fields
from messages_conformance.exchange import MESSAGES_PATH, REFUSED, UNRECORDED, Exchange, RecordingPart

ACCEPTED: Final = "accepted"
REFUSED_OUTCOME: Final = "refused"
FAILED: Final = "failed"
"""The outcome of a request: a success status; a 4xx; anything else, no answer included."""

NEVER_SENT: Final = frozenset({"budget", "cancelled", UNRECORDED})
"""Kinds of failure of a request that was planned but never sent."""


@dataclass(kw_only=True)
class Tally:
    """How often something was sent, accepted and refused. The rest failed or got no answer."""

    sent: int = 0
    accepted: int = 0
    refused: int = 0

    def add(self, outcome: str) -> None:
        """Counts one request with this outcome."""
        self.sent += 1
        self.accepted += outcome == ACCEPTED
        self.refused += outcome == REFUSED_OUTCOME


@dataclass(kw_only=True)
class Keyword:
    """How often valid requests obeyed a keyword of the schema, and invalid requests violated it on purpose."""

    held: int = 0
    broken: int = 0


@dataclass(kw_only=True)
class FieldCoverage:
    """One field of the request schema. `valid` counts valid requests that have it, `invalid` those invalid there."""

    name: str
    beta: bool
    valid: Tally = field(default_factory=Tally)
    invalid: Tally = field(default_factory=Tally)
    cases: dict[str, Tally] = field(default_factory=dict)
    keywords: dict[str, Keyword] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Shares:
    """The figures of the whole table, without fields that need a beta header."""

    fields: int
    fields_sent: int
    cases: int
    cases_sent: int
    fields_broken: int


class RequestCoverage:
    """The table of requests to POST /v1/messages, which takes them one by one. `rows` is in the order of the schema."""

    def __init__(self, api_version: str) -> None:
        self._api_version = api_version
        self._table = {id(node): _empty(node) for node in request_fields()}

    @property
    def rows(self) -> tuple[FieldCoverage, ...]:
        """The rows as they are now."""
        return tuple(self._table.values())

    def add(self, exchange: Exchange) -> None:
        """Counts one request, unless it was never sent or creates no message."""
        if exchange.failure is not None and exchange.failure.kind in NEVER_SENT:
            return
        if exchange.request.method != "POST" or exchange.request.route != MESSAGES_PATH:
            return
        if RecordingPart.REQUEST in exchange.lacks:
            return
        if exchange.expect == REFUSED:
            _add_broken(exchange, self._table, self._api_version)
        else:
            _add_valid(exchange, self._table)


def request_coverage(exchanges: Iterable[Exchange], *, api_version: str) -> tuple[FieldCoverage, ...]:
    """The table of all requests to POST /v1/messages, in the order of the schema."""
    coverage = RequestCoverage(api_version)
    for exchange in exchanges:
        coverage.add(exchange)
    return coverage.rows


def shares(table: Iterable[FieldCoverage]) -> Shares:
    """How much of the table was sent."""
    rows = [row for row in table if not row.beta]
    return Shares(
        fields=len(rows),
        fields_sent=sum(row.valid.sent > 0 for row in rows),
        cases=sum(len(row.cases) for row in rows),
        cases_sent=sum(case.sent > 0 for row in rows for case in row.cases.values()),
        fields_broken=sum(row.invalid.sent > 0 for row in rows),
    )


def sentence(found: Shares) -> str:
    """The shares in words."""
    return (
        f"request schema: {found.fields_sent:,} of {found.fields:,} fields and {found.cases_sent:,} of {found.cases:,} "
        f"cases sent, {found.fields_broken:,} fields invalid on purpose"
    )


def to_json(table: Iterable[FieldCoverage]) -> dict[str, Any]:
    """The table as report.json has it: rows of the fields that were sent, names of the others."""
    rows = [row for row in table if not row.beta or row.valid.sent or row.invalid.sent]
    sent = [row for row in rows if row.valid.sent or row.invalid.sent]
    return {
        **asdict(shares(rows)),
        "rows": [{**asdict(row), "cases": _named(row.cases), "keywords": _named(row.keywords)} for row in sent],
        "not_sent": [row.name for row in rows if not (row.valid.sent or row.invalid.sent)],
    }


def from_json(document: Mapping[str, Any]) -> tuple[FieldCoverage, ...]:
    """The rows of a saved table. It only names the fields that were not sent; their cases come from the schema."""
    known = {node.name: node for node in request_fields()}
    rows = [
        FieldCoverage(
            name=row["name"],
            beta=row["beta"],
            valid=Tally(**row["valid"]),
            invalid=Tally(**row["invalid"]),
            cases={case.pop("name"): Tally(**case) for case in map(dict, row["cases"])},
            keywords={keyword.pop("name"): Keyword(**keyword) for keyword in map(dict, row["keywords"])},
        )
        for row in document["rows"]
    ]
    unsent = (
        _empty(known[name]) if name in known else FieldCoverage(name=name, beta=False) for name in document["not_sent"]
    )
    return (*rows, *unsent)


def _named(parts: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"name": name, **asdict(part)} for name, part in parts.items()]


def _empty(node: RequestField) -> FieldCoverage:
    return FieldCoverage(
        name=node.name,
        beta=node.beta,
        cases={case: Tally() for case in node.cases},
        keywords={name: Keyword() for name in node.keywords},
    )


def _outcome(exchange: Exchange) -> str:
    status = exchange.response.status if exchange.response is not None else 0
    return ACCEPTED if 200 <= status < 300 else REFUSED_OUTCOME if 400 <= status < 500 else FAILED


def _add_valid(exchange: Exchange, table: Mapping[int, FieldCoverage]) -> None:
    """Counts each field and case once for each request, even when it occurs several times."""
    outcome = _outcome(exchange)
    cases: dict[int, set[str]] = {}
    for node, found in fields_in(exchange.request.fields):
        cases.setdefault(id(node), set()).update(found)
    for key, found_cases in cases.items():
        row = table.get(key)
        if row is None:  # the constant type of a branch
            continue
        row.valid.add(outcome)
        for case in found_cases:
            row.cases[case].add(outcome)
        for keyword in row.keywords.values():
            keyword.held += 1


def _add_broken(exchange: Exchange, table: Mapping[int, FieldCoverage], api_version: str) -> None:
    outcome, body = _outcome(exchange), exchange.request.json
    ways = [tuple(table.values())[:1]]
    if isinstance(body, dict):
        problems = contract.explain("request", body, api_version=api_version)
        for problem in problems:
            nodes = fields_to(body, problem.pointer)
            ways.append(tuple(table[id(node)] for node in nodes if id(node) in table))
            # A missing required key belongs to the object around it.
            row = next((row for row in reversed(ways[-1]) if problem.keyword in row.keywords), None)
            if row is not None:
                row.keywords[problem.keyword].broken += 1
    rows = {way[-1].name: way[-1] for way in ways[1:] or ways}
    for row in rows.values():
        row.invalid.add(outcome)


__all__ = [
    "WHOLE",
    "FieldCoverage",
    "Keyword",
    "Shares",
    "Tally",
    "from_json",
    "request_coverage",
    "sentence",
    "shares",
    "to_json",
]
