"""What a source says about itself, and what its user sets: everything that a session needs besides the exchanges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from messages_conformance.exchange import RecordingPart


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where the exchanges come from. Only `name` is required; the rest is shown in the report where it is known.

    - `name`: printed as the target, such as a URL or a file.
    - `model`: the model that the requests name; empty when it is unknown or differs.
    - `depth`, `seed`: what a live run asked for.
    - `budget`: the limits of the run in words.
    - `key_variable`: the environment variable that holds the key, for the commands in the report.
    - `headers`: the names of the headers that the user added; `connection`: the options for certificates, as words.
    - `suites`: the files and folders of the user's tests.
    - `warning`: what every report must say, such as that certificates were not verified.
    - `base_url`: the address for commands in the report, if `name` is none; `judged_by`: see `report.RunInfo`.
    - `notes`: sentences for the reader, such as what was tolerated in the address.
    - `lacks`: what no exchange of this source has. Rules that need it are `not-verified`.
    """

    name: str
    model: str = ""
    depth: str = "standard"
    seed: int = 0
    budget: str = ""
    key_variable: str = "MESSAGES_API_KEY"
    headers: tuple[str, ...] = ()
    connection: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    warning: str = ""
    base_url: str = ""
    judged_by: str = ""
    notes: tuple[str, ...] = ()
    lacks: frozenset[RecordingPart] = frozenset()


@dataclass(frozen=True, kw_only=True)
class SessionOptions:
    """What a user sets, whatever the source is; the names are those of the command line.

    - `profile`: a built-in name, or the path of a TOML file.
    - `only`, `skip`: globs over requirement ids.
    - `fail_on`: "must", "should" or "regression".
    - `waivers`, `baseline`: paths; `edition`: the name of an edition of the catalogue.
    - `report`: the folder of the report; None writes none.
    - `show_trace`: print the whole exchange with each failure.
    - `output`: "text", or "json" for the JSON of the report and nothing else; `quiet`: print only the verdict.
    - `events`: the file for what happens meanwhile, as JSON lines; None writes none.
    """

    profile: str = "tokmodel"
    only: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    fail_on: str = "must"
    waivers: str | None = None
    baseline: str | None = None
    edition: str | None = None
    report: str | None = None
    show_trace: bool = False
    output: str = "text"
    quiet: bool = False
    events: str | None = None


@dataclass(frozen=True, kw_only=True)
class Clock:
    """The two clocks that a session needs; it reads no other.

    `now` returns the time of day with a time zone. `monotonic_s` returns seconds that never go back.
    """

    now: Callable[[], datetime]
    monotonic_s: Callable[[], float]
