"""The options of a run, in one table: the command line, pytest, the environment and configuration files all read it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["text", "path", "name or path", "whole number", "number", "flag", "globs", "paths"]
"""What an option's value is. A path in a file is meant from that file's folder; globs and paths may be several."""

Owner = Literal["run", "syrupy", "command line"]
"""Who declares it in pytest: we do, syrupy does, or nobody, because pytest says it without an option."""

SEVERAL: Final = frozenset({"globs", "paths"})

ENVIRONMENT_PREFIX: Final = "MESSAGES_CONFORMANCE_"


@dataclass(frozen=True)
class Option:
    """One option: its name on the command line without dashes, what it does, and what its value is.

    `field` is the name in `run.Options`, where it differs.
    """

    name: str
    help: str
    kind: Kind = "text"
    field: str = ""
    belongs_to: Owner = "run"

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


OPTIONS: Final = (
    Option("target", "what to judge: http(s)://..., reference:, reference:FAULT or replay:FILE"),
    Option("model", "the model to ask (default: the profile's, else the first of GET /v1/models)"),
    Option("profile", "what the target promises (default: tokmodel)", "name or path"),
    Option("api-key-env", "the environment variable that holds the key (default: MESSAGES_API_KEY)"),
    Option("depth", "smoke, standard (default) or deep"),
    Option("only", "judge only requirements that match this glob; may be repeated", "globs"),
    Option("skip", "leave out requirements that match this glob; may be repeated", "globs"),
    Option("fail-on", "must (default), should, or regression (a MUST that did not fail in --baseline)"),
    Option("waivers", "TOML file of failures that are known and excused until a date", "path"),
    Option("baseline", "report of an earlier run: says what changed, and what --fail-on regression is", "path"),
    Option("edition", "edition of the catalogue, such as 2026.11: what was added later does not count"),
    Option("concurrency", "requests in flight at most (default: 16)", "whole number"),
    Option("max-requests", "requests sent at most, repetitions included", "whole number"),
    Option("max-output-tokens", "output tokens spent at most", "whole number"),
    Option("minutes", "minutes after which nothing more is sent", "number"),
    Option("rate", "requests sent in a second at most", "number"),
    Option(
        "timeout",
        "seconds to wait for the next byte, and to sit out the 429 and 503 of one request (default: 60)",
        "number",
        "timeout_s",
    ),
    Option("seed", "seed of everything that is drawn (default: 0)", "whole number"),
    Option(
        "drawn", "requests that are drawn, conversations counting as one (default: as the depth says)", "whole number"
    ),
    Option("draw", "ask one drawn request alone, by its name in a report, such as requests/0/12"),
    Option(
        "max-shrink-requests",
        "requests more that may be sent to find the smallest drawn one that shows a fault "
        "(default: 30 for reference: and this machine, else 0)",
        "whole number",
    ),
    Option("report", "folder for report.html, report.json, junit.xml and exchanges.jsonl", "path"),
    Option("suite", "tests of your own, a file or a folder, to run too", "paths", belongs_to="command line"),
    Option(
        "snapshots", "folder of the shapes of answers; what differs from them is reported and fails the run", "path"
    ),
    Option(
        "snapshot-update", "keep the shapes of this run in --snapshots", "flag", "update_snapshots", belongs_to="syrupy"
    ),
    Option("price-in", "what a million input tokens cost, for the plan", "number"),
    Option("price-out", "what a million output tokens cost, for the plan", "number"),
    Option("config", "file of options (default: the nearest messages-conformance.toml or pyproject.toml)", "path"),
    Option("show-trace", "show the whole exchange with each failure", "flag"),
)
