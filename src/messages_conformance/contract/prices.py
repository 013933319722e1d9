"""The list prices of known models, out of prices.toml: what a million tokens cost, with date and source."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Final

from messages_conformance import resources

_SUFFIX: Final = r"(?:[-@]\d{8})?(?:-latest)?(?:-v\d+(?::\d+)?)?"
"""What follows the name of a model: its date, or a version of the platform that sells it."""


@dataclass(frozen=True, kw_only=True)
class ListPrice:
    """The price of a million input and output tokens of a model. `read` is the date of the price list (ISO 8601)."""

    per_million_input: float
    per_million_output: float
    currency: str
    source: str
    read: str


def list_price(model: str) -> ListPrice | None:
    """The price of a model; None for one that the price list does not have."""
    name = re.split(r"[/.:](?=claude-)", model.lower())[-1]
    name = re.sub(r"(?<=\d)\.(?=\d)", "-", name)
    return next((price for known, price in _prices().items() if re.fullmatch(re.escape(known) + _SUFFIX, name)), None)


@cache
def _prices() -> dict[str, ListPrice]:
    table = tomllib.loads(resources.text("contract/prices.toml"))
    return {
        name: ListPrice(
            per_million_input=float(row[0]),
            per_million_output=float(row[1]),
            currency=table["currency"],
            source=table["source"],
            read=table["read"].isoformat(),
        )
        for name, row in table["models"].items()
    }
