"""The facts of the second reading of the contract (August to November 2026), each with what covers it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Final

from messages_conformance import resources

TABLE: Final = "contract/facts.toml"


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One fact: its number, its subject, the requirements that cover it, and why there are none."""

    number: str
    subject: str
    judged_by: tuple[str, ...]
    reason: str


@cache
def facts() -> tuple[Fact, ...]:
    """All facts in their order."""
    table = tomllib.loads(resources.text(TABLE))
    return tuple(
        Fact(
            number=number,
            subject=row["subject"],
            judged_by=tuple(row["judged_by"]),
            reason=row.get("reason", ""),
        )
        for number, row in table.items()
    )
