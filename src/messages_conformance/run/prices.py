"""What a run costs: the prices of the user, else the list price of the model."""

from __future__ import annotations

from dataclasses import dataclass

from messages_conformance.contract.prices import list_price
from messages_conformance.run.run_options import Options

MILLION = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What a million tokens cost; None when it is not known. `currency` is empty for prices of the user.

    `origin` says where the prices come from.
    """

    per_million_input: float | None = None
    per_million_output: float | None = None
    currency: str = ""
    origin: str = ""

    @property
    def known(self) -> bool:
        """Whether any price is known. If only one is, the other counts as 0."""
        return self.per_million_input is not None or self.per_million_output is not None

    @property
    def per_token(self) -> tuple[float, float] | None:
        """What one input token and one output token cost; None when no price is known."""
        if not self.known:
            return None
        return (self.per_million_input or 0) / MILLION, (self.per_million_output or 0) / MILLION

    def of_tokens(self, input_tokens: float, output_tokens: float) -> float | None:
        """Returns the cost; None when no price is known."""
        if self.per_token is None:
            return None
        return input_tokens * self.per_token[0] + output_tokens * self.per_token[1]


def prices_of(options: Options, model: str | None) -> Prices:
    """Returns the prices of the options if one is given, else those of the price list."""
    if options.price_in is not None or options.price_out is not None:
        return Prices(
            per_million_input=options.price_in,
            per_million_output=options.price_out,
            origin="--price-in and --price-out",
        )
    found = list_price(model or "")
    if found is None:
        return Prices()
    return Prices(
        per_million_input=found.per_million_input,
        per_million_output=found.per_million_output,
        currency=found.currency,
        origin=f"{found.source}, read {found.read}",
    )
