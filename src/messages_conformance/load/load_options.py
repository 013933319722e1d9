"""The options of a load test, as the command passes them to the process of Locust."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from messages_conformance.exchange import header_placeholder

VARIABLE: Final = "MESSAGES_CONFORMANCE_LOAD"
"""The variable with the options as JSON; a user of `locust -f` may set some of them there, too."""

KEY_VARIABLE: Final = "MESSAGES_API_KEY"

USAGE: Final = 4
NOT_JUDGED: Final = 2
"""The exit codes of wrong usage and of what could not be judged, as for every command."""

DEFAULT_PROFILE: Final = "anthropic-2023-06-01"

SILENCE_S: Final = 15.0
SILENCE_FACTOR: Final = 5
"""The wait ends when no byte comes for this time, or for the slowest answer alone multiplied by this number (our
own)."""

MAX_REQUESTS: Final = 200_000
MAX_TOKENS: Final = 5_000_000
"""Ceilings of a test for which the user sets none: requests, and tokens of input and output (our own)."""


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What a user sets.

    `url` is the base URL. Without a `model`, the first of GET /v1/models is used. `seed` chooses the requests, `kinds`
    how many different ones. `silence_s` is how long the target may be silent altogether. `max_cost` is in the currency
    of `prices`, which are (input, output) for a million tokens. `limits` are the most seconds (for `tps`: the fewest
    tokens per second) by name, such as {"ttft-p95": 2.0}. `metrics` is a path on the target with figures in the text
    format of Prometheus. `session` are the fields of SessionOptions.
    """

    url: str = ""
    model: str = ""
    seed: int = 0
    kinds: int = 24
    seconds: float = 0.0
    silence_s: float = SILENCE_S
    max_requests: int = MAX_REQUESTS
    max_tokens: int = MAX_TOKENS
    max_cost: float | None = None
    prices: tuple[float, float] | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    metrics: str = ""
    owned: bool = False
    headers: tuple[tuple[str, str], ...] = ()
    session: Mapping[str, Any] = field(default_factory=dict)

    @property
    def profile(self) -> str:
        """The profile under which answers are judged."""
        return str(self.session.get("profile") or DEFAULT_PROFILE)

    @property
    def key(self) -> str:
        """The key, from the environment."""
        return os.environ.get(KEY_VARIABLE, "")

    @property
    def header_values(self) -> Mapping[str, str]:
        """Placeholder -> value, for each added header."""
        return {header_placeholder(name): value for name, value in self.headers}

    def to_json(self) -> str:
        """The options as JSON; the key is not among them."""
        return json.dumps(asdict(self))


def from_environment(**given: Any) -> LoadOptions:
    """The options in the variable, and over them those that the code of a user gives. Raises ValueError."""
    stated = json.loads(os.environ.get(VARIABLE) or "{}")
    if not isinstance(stated, dict):
        raise ValueError(f"${VARIABLE} is no JSON object")
    values = {**{name: value for name, value in given.items() if value}, **stated}
    for name in ("headers", "prices"):
        if values.get(name):
            values[name] = tuple(tuple(one) if isinstance(one, list) else one for one in values[name])
    unknown = set(values) - set(LoadOptions.__dataclass_fields__)
    if unknown:
        raise ValueError(f"${VARIABLE} has unknown options: {', '.join(sorted(unknown))}")
    return LoadOptions(**values)


def seconds_of(text: str) -> float:
    """The seconds in a text such as 2s, 250ms or 1.5. Raises ValueError for another text."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(ms|s|)", text.strip())
    if found is None or not float(found[1]):
        raise ValueError(f"{text!r} is no time; write it such as 2s or 250ms")
    return float(found[1]) / (1000 if found[2] == "ms" else 1)
