"""The options of a run, in one table: the command line, pytest, the environment and configuration files all read it.

Each row of `OPTIONS` holds the limits of its option, too. `problem(values)` checks a set of options against the table
and returns the sentence for the first wrong value. It does not matter where a value was set.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["text", "path", "name or path", "whole number", "number", "flag", "globs", "paths"]
"""What an option's value is. A path in a file is meant from that file's folder; globs and paths may be several."""

Owner = Literal["run", "syrupy", "command line"]
"""Who declares it in pytest: we do, syrupy does, or nobody, because pytest says it without an option."""

SEVERAL: Final = frozenset({"globs", "paths"})

DEPTHS: Final = ("smoke", "standard", "deep")
"""Each depth sends what the depth before it sends, and more."""

FAIL_ON: Final = ("must", "should", "regression")
"""What makes a run fail: a violated MUST, a violated SHOULD too, or a MUST that did not fail in the baseline."""

ENVIRONMENT_PREFIX: Final = "MESSAGES_CONFORMANCE_"


@dataclass(frozen=True)
class Option:
    """One option: its name on the command line without dashes, what it does, its kind, and its limits.

    `field` is the name in `run.Options`, where it differs. `choices` are the valid words, `at_least` and `above` the
    bounds of a number; a number with a bound is also finite. `refuses_empty` forbids a text of spaces. `wrong` is the
    sentence for a value outside the limits; `{value}` and `{choices}` are filled in.
    """

    name: str
    help: str
    kind: Kind = "text"
    field: str = ""
    belongs_to: Owner = "run"
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    above: float | None = None
    refuses_empty: bool = False
    wrong: str = ""

    @property
    def flag(self) -> str:
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that sets it, too."""
        return ENVIRONMENT_PREFIX + self.name.upper().replace("-", "_")

    @property
    def destination(self) -> str:
        return self.field or self.name.replace("-", "_")

    @property
    def settings(self) -> dict[str, Any]:
        """What argparse and pytest want to know of it; an option that was not given is None."""
        common: dict[str, Any] = {"help": self.help, "dest": self.destination, "default": None}
        match self.kind:
            case "flag":
                return {**common, "action": "store_true"}
            case "globs" | "paths":
                return {**common, "action": "append"}
            case "whole number":
                return {**common, "type": int}
            case "number":
                return {**common, "type": float}
        return common

    def problem(self, value: Any) -> str:
        """The sentence for a value outside the limits of this option; empty for a valid value.

        The value has the kind of the option already; None means that the option was not set.
        """
        if value is None:
            return ""
        if self.refuses_empty and not value.strip():
            return f"{self.flag} is empty; give it a value, or leave it out"
        if self._allows(value):
            return ""
        shown = f"{value:g}" if self.kind == "number" else f"{value!r}"
        return self.wrong.format(value=shown, choices=", ".join(self.choices))

    def _allows(self, value: Any) -> bool:
        if self.choices:
            return value in self.choices
        if self.at_least is not None:
            return bool(self.at_least <= value < math.inf)
        return self.above is None or bool(self.above < value < math.inf)


@dataclass(frozen=True, kw_only=True)
class Need:
    """One option that needs another one: `option`, when it has the value `value`, needs `needed`."""

    option: str
    value: Any
    needed: str
    sentence: str


OPTIONS: Final = (
    Option("target", "what to judge: http(s)://..., reference:, reference:FAULT or replay:FILE"),
    Option("model", "the model to ask (default: the profile's, else the first of GET /v1/models)", refuses_empty=True),
    Option("profile", "what the target promises (default: tokmodel)", "name or path"),
    Option(
        "api-key-env",
        "the environment variable that holds the key (default: MESSAGES_API_KEY)",
        refuses_empty=True,
    ),
    Option(
        "depth",
        "smoke, standard (default) or deep",
        choices=DEPTHS,
        wrong="unknown depth {value}; valid: {choices}",
    ),
    Option("only", "judge only requirements that match this glob; may be repeated", "globs"),
    Option("skip", "leave out requirements that match this glob; may be repeated", "globs"),
    Option(
        "fail-on",
        "must (default), should, or regression (a MUST that did not fail in --baseline)",
        choices=FAIL_ON,
        wrong="unknown value {value} of --fail-on; valid: {choices}",
    ),
    Option("waivers", "TOML file of failures that are known and excused until a date", "path", refuses_empty=True),
    Option(
        "baseline",
        "report of an earlier run: says what changed, and what --fail-on regression is",
        "path",
        refuses_empty=True,
    ),
    Option(
        "edition",
        "edition of the catalogue, such as 2026.11: what was added later does not count",
        refuses_empty=True,
    ),
    Option(
        "concurrency",
        "requests in flight at most (default: 16)",
        "whole number",
        at_least=1,
        wrong="--concurrency is {value}; it must be 1 or more",
    ),
    Option(
        "max-requests",
        "requests sent at most, repetitions included",
        "whole number",
        at_least=1,
        wrong="--max-requests is {value}; it must be 1 or more, or left out for no limit",
    ),
    Option(
        "max-output-tokens",
        "output tokens spent at most",
        "whole number",
        at_least=1,
        wrong="--max-output-tokens is {value}; it must be 1 or more, or left out for no limit",
    ),
    Option(
        "minutes",
        "minutes after which nothing more is sent",
        "number",
        above=0,
        wrong="--minutes is {value}; it is a number above 0, or left out for no limit",
    ),
    Option(
        "rate",
        "requests sent in a second at most",
        "number",
        above=0,
        wrong="--rate is {value}; it is a number above 0, or left out for no limit",
    ),
    Option(
        "timeout",
        "seconds to wait for the next byte, and to sit out the 429 and 503 of one request (default: 60)",
        "number",
        "timeout_s",
        above=0,
        wrong="--timeout is {value}; it is a number of seconds above 0",
    ),
    Option("seed", "seed of everything that is drawn (default: 0)", "whole number"),
    Option(
        "drawn",
        "requests that are drawn, conversations counting as one (default: as the depth says)",
        "whole number",
        at_least=0,
        wrong="--drawn is {value}; it must be 0 or more, or left out",
    ),
    Option("draw", "ask one drawn request alone, by its name in a report, such as requests/0/12"),
    Option(
        "max-shrink-requests",
        "requests more that may be sent to find the smallest drawn one that shows a fault "
        "(default: 30 for reference: and this machine, else 0)",
        "whole number",
        at_least=0,
        wrong="--max-shrink-requests is {value}; it must be 0 or more, or left out",
    ),
    Option("report", "folder for report.html, report.json, junit.xml and exchanges.jsonl", "path", refuses_empty=True),
    Option("suite", "tests of your own, a file or a folder, to run too", "paths", belongs_to="command line"),
    Option(
        "snapshots",
        "folder of the shapes of answers; what differs from them is reported and fails the run",
        "path",
        refuses_empty=True,
    ),
    Option(
        "snapshot-update", "keep the shapes of this run in --snapshots", "flag", "update_snapshots", belongs_to="syrupy"
    ),
    Option(
        "price-in",
        "what a million input tokens cost, for the plan",
        "number",
        at_least=0,
        wrong="--price-in is {value}; it is the price of a million tokens, 0 or more",
    ),
    Option(
        "price-out",
        "what a million output tokens cost, for the plan",
        "number",
        at_least=0,
        wrong="--price-out is {value}; it is the price of a million tokens, 0 or more",
    ),
    Option("config", "file of options (default: the nearest messages-conformance.toml or pyproject.toml)", "path"),
    Option("show-trace", "show the whole exchange with each failure", "flag"),
)

NEEDS: Final = (
    Need(
        option="fail-on",
        value="regression",
        needed="baseline",
        sentence="--fail-on regression needs --baseline REPORT, the folder of the run to compare with",
    ),
    Need(
        option="snapshot-update",
        value=True,
        needed="snapshots",
        sentence="--snapshot-update needs --snapshots FOLDER, where the shapes of this run are to be kept",
    ),
)


def problem(values: Mapping[str, Any]) -> str:
    """The sentence for the first value that is outside the limits of its option; empty when all are valid.

    `values` are the options by the names of the fields of `run.Options`, each of the kind of its option.
    """
    for option in OPTIONS:
        if sentence := option.problem(values.get(option.destination)):
            return sentence
    by_name = {option.name: values.get(option.destination) for option in OPTIONS}
    unmet = (need for need in NEEDS if by_name[need.option] == need.value and by_name[need.needed] is None)
    return next((need.sentence for need in unmet), "")
