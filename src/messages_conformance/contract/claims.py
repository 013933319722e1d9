"""The statements of the pages of TokModel, each with the requirements that judge it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Final

from messages_conformance import resources

TABLE: Final = "contract/tokmodel_claims.toml"


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One statement: its name, its sentence, globs of requirements, and what a run does beside them."""

    name: str
    sentence: str
    judged_by: tuple[str, ...]
    handled: str


@cache
def claims() -> tuple[Claim, ...]:
    """All statements in the order of the pages."""
    table = tomllib.loads(resources.text(TABLE))
    return tuple(
        Claim(
            name=name,
            sentence=row["sentence"],
            judged_by=tuple(row["judged_by"]),
            handled=row.get("handled", ""),
        )
        for name, row in table.items()
    )
