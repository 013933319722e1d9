"""What a report says about its run: the target, the options, what was planned, and what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True)
class RunInfo:
    """The target and the options of a run. `started_at` is RFC 3339; `fail_on` is in `options.FAIL_ON`.

    `base_url` is the address in curl commands; when it is empty, they use the target if that is a URL. `judged_by` is
    the command that judged recordings, NO_COMMAND for traffic that has passed, and empty for a live run. `budget` is a
    sentence about the limits. `headers` are the names of the headers that the user added, `connection` the options for
    certificates as words; `warning` is what every report says. `edition` is the edition of the catalogue. `suites`,
    `waivers` and `baseline` are paths of the user.
    """

    target: str
    model: str
    profile: str
    depth: str
    seed: int
    fail_on: str
    started_at: str
    version: str
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    budget: str = ""
    base_url: str = ""
    judged_by: str = ""
    key_variable: str = "MESSAGES_API_KEY"
    headers: tuple[str, ...] = ()
    connection: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    warning: str = ""
    edition: str = ""
    waivers: str = ""
    baseline: str = ""


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What the run cost. The token counts are those that the target reports.

    `money` is computed from them and the prices; None without prices. `currency` is empty for prices of the user.
    """

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    elapsed_s: float = 0.0
    money: float | None = None
    currency: str = ""


@dataclass(frozen=True, kw_only=True)
class Planned:
    """The upper limits that were planned before the run; `duplicates` is the number of requests saved by sharing."""

    requests: int
    output_tokens: int
    duplicates: int = 0


@dataclass(frozen=True, kw_only=True)
class FailedTest:
    """A test of the user that failed, with its message."""

    name: str
    message: str


@dataclass(frozen=True, kw_only=True)
class SavedExchange:
    """What a saved report has of an exchange without its recording: its row of report.json, and the curl command.

    `generated` holds the additional keys of findings about a generated request.
    """

    row: Mapping[str, Any]
    curl: str = ""
    generated: Mapping[str, Any] = field(default_factory=dict)

    @property
    def situations(self) -> tuple[str, ...]:
        """The situations that the exchange was sent for."""
        return tuple(map(str, self.row["situations"]))
