"""The options of a run, in one table: the command line, pytest, the environment and configuration files all read it.

Each row of `OPTIONS` holds the limits of its option, too. `problem(values)` checks a set of options against the table
and returns the sentence for the first wrong value. It does not matter where a value was set.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["text", "path", "name or path", "whole number", "number", "flag", "globs", "paths", "headers"]
"""The kind of value. A path in a file is relative to its folder; globs, paths and headers can have several values."""

Owner = Literal["run", "syrupy", "command line"]
"""Who declares the option in pytest: our plugin, syrupy, or nobody: only the command line uses it."""

OUTPUTS: Final = ("text", "json")

SEVERAL: Final = frozenset({"globs", "paths", "headers"})

DEPTHS: Final = ("smoke", "standard", "deep")
"""Each depth sends what the depth before it sends, and more."""

FAIL_ON: Final = ("must", "should", "regression")
"""What makes a run fail: a violated MUST, a violated SHOULD too, or a MUST that did not fail in the baseline."""

MAX_WHOLE_NUMBER: Final = 2**53
"""Readers of report.json agree about whole numbers up to here (RFC 8259, 6)."""

ENVIRONMENT_PREFIX: Final = "MESSAGES_CONFORMANCE_"


def variable(name: str) -> str:
    """The environment variable of an option name or alias."""
    return ENVIRONMENT_PREFIX + name.upper().replace("-", "_")


@dataclass(frozen=True)
class Option:
    """One option: its name on the command line without dashes, what it does, its kind, and its limits.

    `field` is the name in `run.Options`, where it differs. `aliases` are older names: they work everywhere but are not
    shown. `choices` are the valid words. `at_least` and `above` are the bounds of a number; a number with a bound is
    finite. `refuses_empty` forbids an empty text. `wrong` is the sentence for a value outside the limits; `{value}` and
    `{choices}` are filled in. `check` returns the sentence for a wrong text. The values of a `secret` option are never
    shown, and no process has them in its arguments.
    """

    name: str
    help: str
    kind: Kind = "text"
    field: str = ""
    belongs_to: Owner = "run"
    aliases: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    at_least: float | None = None
    above: float | None = None
    refuses_empty: bool = False
    wrong: str = ""
    check: Callable[[Any], str] | None = None
    secret: bool = False

    @property
    def flag(self) -> str:
        """The name with its dashes."""
        return f"--{self.name}"

    @property
    def variable(self) -> str:
        """The environment variable that also sets it."""
        return variable(self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """The documented name, then the aliases."""
        return (self.name, *self.aliases)

    @property
    def destination(self) -> str:
        """The name of its field in `run.Options`."""
        return self.field or self.name.replace("-", "_")

    def problem(self, value: Any) -> str:
        """The sentence for a value outside the limits of this option; empty for a valid value.

        The value has the kind of the option already; None means that the option was not set.
        """
        if value is None:
            return ""
        if self.refuses_empty and not value.strip():
            return f"{self.flag} is empty; give it a value, or leave it out"
        if self.kind == "whole number" and abs(value) > MAX_WHOLE_NUMBER:
            return f"{self.flag} is too large; the largest whole number is {MAX_WHOLE_NUMBER:,}"
        if self.check is not None:
            return self.check(value)
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


HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""The name of a header (RFC 9110, 5.6.2)."""

HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""The value of a header (RFC 9110, 5.5)."""

OWN_HEADERS: Final = frozenset(
    {"accept", "anthropic-version", "connection", "content-encoding", "content-length", "content-type", "expect"}
    | {"keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "x-api-key"}
)
"""Headers that the requests themselves or the connection need: another value would make them other requests."""


def parsed_header(text: str) -> tuple[str, str]:
    """The name and the value of a header that is written as NAME:VALUE."""
    name, _, value = text.partition(":")
    return name.strip(), value.strip()


KEY_VARIABLES: Final = ("MESSAGES_API_KEY", "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN")
"""The environment variables that hold a key: ours, and those of the official SDKs."""

VARIABLE_NAME: Final = re.compile(r"[A-Za-z_][0-9A-Za-z_]*")
"""The name of an environment variable (POSIX.1-2017, 8.1), in either case."""

MIN_KEY_CHARS: Final = 16
"""A name of at least this length that has small letters and digits, and is not set, is a key (origin: our own)."""


def _key_variable_problem(name: str) -> str:
    """What is wrong with the variable of the key. The sentence never has its name: it may be the key itself."""
    is_like_a_key = len(name) >= MIN_KEY_CHARS and any(map(str.islower, name)) and any(map(str.isdigit, name))
    if name in os.environ or (VARIABLE_NAME.fullmatch(name) and not is_like_a_key):
        return ""
    return (
        "--api-key-env takes the name of an environment variable, such as MESSAGES_API_KEY, and not the key itself; "
        "no variable has the name that was given"
    )


def _headers_problem(texts: Iterable[str]) -> str:
    """The sentence for the first header that cannot be added; empty when all can. It never shows a value."""
    seen: set[str] = set()
    for number, text in enumerate(texts, 1):
        name, value = parsed_header(text)
        if ":" not in text or not HEADER_NAME.fullmatch(name):
            return f"--header number {number} is not NAME:VALUE, such as 'x-access-token: VALUE'"
        if not value:
            variable = f"MESSAGES_HEADER_{re.sub('[^A-Za-z0-9]', '_', name).upper()}"
            return f"--header {name} has no value; write '{name}: VALUE', or set {variable} for a command of a report"
        if not HEADER_VALUE.fullmatch(value):
            return f"--header {name} has a character that no header can have, such as a line break"
        if name.lower() == "x-api-key":
            return "--header x-api-key would replace the key; set the environment variable MESSAGES_API_KEY instead"
        if name.lower() in OWN_HEADERS:
            return f"--header {name} is set by each request itself; leave it out"
        if name.lower() in seen:
            return f"--header {name} is given twice; write one header with both values, separated by a comma"
        seen.add(name.lower())
    return ""


def _base_path_problem(path: str) -> str:
    if re.fullmatch(r"(/[A-Za-z0-9._~!$&'()*+,;=:@%-]+)+/?", path) and not re.search(r"/\.\.?(/|$)", path):
        return ""
    return f"--base-path is {path[:80]!r}; it is a path that begins with /, such as /anthropic, without a query"


DEFAULT_VENDORS: Final = 2
MAX_VENDORS: Final = 8
"""One model of each of this many other vendors is asked, without and with streaming (our own: enough, and cheap)."""

INCLUDED: Final = ("batches", "files")
"""What --include can name."""


def included(text: str | None) -> frozenset[str]:
    """The words of --include, which commas separate."""
    return frozenset(word.strip() for word in (text or "").split(",") if word.strip())


def _include_problem(text: str) -> str:
    unknown = sorted(included(text) - set(INCLUDED))
    if not unknown and included(text):
        return ""
    named = ", ".join(map(repr, unknown)) or "nothing"
    return f"--include names {named}; valid: {', '.join(INCLUDED)}, separated by commas"


def _vendors_problem(number: int) -> str:
    return "" if 0 <= number <= MAX_VENDORS else f"--vendors is {number}; it is a number from 0 to {MAX_VENDORS}"


@dataclass(frozen=True, kw_only=True)
class Need:
    """One option that needs another one: `option`, when it has the value `value`, needs `needed`; None is any value."""

    option: str
    value: Any
    needed: str
    sentence: str


OPTIONS: Final = (
    Option("target", "the endpoint to judge: http(s)://..., reference:, reference:FAULT or replay:FILE"),
    Option(
        "model",
        "the model in requests (default: that of the profile, else the first of GET /v1/models)",
        refuses_empty=True,
    ),
    Option("profile", "the profile: what the target promises (default: tokmodel)", "name or path"),
    Option(
        "api-key-env",
        "the environment variable that holds the key (default: MESSAGES_API_KEY)",
        refuses_empty=True,
        check=_key_variable_problem,
    ),
    Option(
        "header",
        "header NAME:VALUE for every request, such as one that a gateway requires; the value is never shown; may be "
        "repeated",
        "headers",
        check=_headers_problem,
        secret=True,
    ),
    Option("base-path", "path between the address and /v1/messages, such as /anthropic", check=_base_path_problem),
    Option(
        "ca-bundle",
        "file with the certificates to trust (PEM), instead of the certificates of this machine",
        "path",
        refuses_empty=True,
    ),
    Option(
        "client-cert",
        "file with the certificate that this client shows (PEM), with or without its key",
        "path",
        refuses_empty=True,
    ),
    Option("client-key", "file with the key of --client-cert (PEM, without a passphrase)", "path", refuses_empty=True),
    Option("insecure", "accept any certificate of the target; every report then has a warning", "flag"),
    Option(
        "wait-for-target",
        "seconds to wait until the target answers, for a server that is still starting",
        "number",
        at_least=0,
        wrong="--wait-for-target is {value}; it is a number of seconds, 0 or more",
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
        "situation",
        "send only the requests of this situation (a glob); the names are in the `again` command of a failure and in "
        "report.json; may be repeated",
        "globs",
    ),
    Option(
        "include",
        "also create, read and delete small batches or small files on the target: batches, files, or batches,files",
        check=_include_problem,
    ),
    Option(
        "vendors",
        "number of other vendors; one model of each is asked, from the list of GET /v1beta/models (default: 2)",
        "whole number",
        check=_vendors_problem,
    ),
    Option(
        "last-failed",
        "folder of an earlier report: judge only what failed there, and send only what shows it",
        "path",
        refuses_empty=True,
    ),
    Option(
        "fail-on",
        "must (default), should, or regression (a MUST that did not fail in --baseline)",
        choices=FAIL_ON,
        wrong="unknown value {value} of --fail-on; valid: {choices}",
    ),
    Option("waivers", "TOML file of known failures that are excused until a date", "path", refuses_empty=True),
    Option(
        "baseline",
        "folder of an earlier report: shows what changed; needed by --fail-on regression",
        "path",
        refuses_empty=True,
    ),
    Option(
        "edition",
        "edition of the catalogue, such as 2026.12: requirements added later do not count",
        refuses_empty=True,
    ),
    Option(
        "concurrency",
        "maximum number of requests in flight (default: 16)",
        "whole number",
        at_least=1,
        wrong="--concurrency is {value}; it must be 1 or more",
    ),
    Option(
        "max-requests",
        "maximum number of requests, repetitions included",
        "whole number",
        at_least=1,
        wrong="--max-requests is {value}; it must be 1 or more, or left out for no limit",
    ),
    Option(
        "max-output-tokens",
        "maximum number of output tokens",
        "whole number",
        at_least=1,
        wrong="--max-output-tokens is {value}; it must be 1 or more, or left out for no limit",
    ),
    Option(
        "minutes",
        "minutes after which no more requests are sent",
        "number",
        above=0,
        wrong="--minutes is {value}; it is a number above 0, or left out for no limit",
    ),
    Option(
        "rate",
        "maximum number of requests in a second",
        "number",
        above=0,
        wrong="--rate is {value}; it is a number above 0, or left out for no limit",
    ),
    Option(
        "timeout",
        "seconds to wait for the next byte, and to wait after 429 and 503 for one request (default: 60)",
        "number",
        "timeout_s",
        above=0,
        wrong="--timeout is {value}; it is a number of seconds above 0",
    ),
    Option("seed", "seed of the generated requests (default: 0)", "whole number"),
    Option(
        "generated",
        "number of generated requests; a conversation counts as one (default: depends on --depth)",
        "whole number",
        aliases=("drawn",),
        at_least=0,
        wrong="--generated is {value}; it must be 0 or more, or left out",
    ),
    Option(
        "generate",
        "send only this generated request; its name is in the report, such as requests/0/12",
        aliases=("draw",),
    ),
    Option(
        "max-shrink-requests",
        "number of additional requests that make a failing generated request smaller "
        "(default: 30 for reference: and this machine, else 0)",
        "whole number",
        at_least=0,
        wrong="--max-shrink-requests is {value}; it must be 0 or more, or left out",
    ),
    Option("report", "folder for report.html, report.json, junit.xml and exchanges.jsonl", "path", refuses_empty=True),
    Option("suite", "file or folder of your own tests, which run too", "paths", belongs_to="command line"),
    Option(
        "snapshots",
        "folder with the saved structure of answers; a different structure is reported and fails the run",
        "path",
        refuses_empty=True,
    ),
    Option(
        "snapshot-update",
        "write the structure of the answers to --snapshots",
        "flag",
        "update_snapshots",
        belongs_to="syrupy",
    ),
    Option(
        "max-cost",
        "maximum cost of the run, at the prices of --price-in and --price-out or of the price list",
        "number",
        above=0,
        wrong="--max-cost is {value}; it is an amount of money above 0, or left out for no limit",
    ),
    Option(
        "price-in",
        "price of a million input tokens (default: the list price of the model, if it is known)",
        "number",
        at_least=0,
        wrong="--price-in is {value}; it is the price of a million tokens, 0 or more",
    ),
    Option(
        "price-out",
        "price of a million output tokens (default: the list price of the model, if it is known)",
        "number",
        at_least=0,
        wrong="--price-out is {value}; it is the price of a million tokens, 0 or more",
    ),
    Option(
        "max-failures",
        "stop after this many failed MUST requirements",
        "whole number",
        at_least=1,
        wrong="--max-failures is {value}; it must be 1 or more, or left out for no limit",
    ),
    Option(
        "output",
        "text (default), or json: standard output then has only the JSON of the report",
        choices=OUTPUTS,
        wrong="unknown value {value} of --output; valid: {choices}",
    ),
    Option("quiet", "print only the verdict", "flag"),
    Option(
        "events",
        "file for what happens during the run, as JSON lines: start, request, verdict, end",
        "path",
        refuses_empty=True,
    ),
    Option("open", "open the page of --report in a browser at the end", "flag", belongs_to="command line"),
    Option("config", "file of options (default: the nearest messages-conformance.toml or pyproject.toml)", "path"),
    Option(
        "show-trace", "show every failure with its whole exchange, and the reasons for all that is not verified", "flag"
    ),
)

NEEDS: Final = (
    Need(
        option="client-key",
        value=None,
        needed="client-cert",
        sentence="--client-key needs --client-cert FILE, the certificate that belongs to the key",
    ),
    Need(
        option="fail-on",
        value="regression",
        needed="baseline",
        sentence="--fail-on regression needs --baseline REPORT, the folder of the run to compare with",
    ),
    Need(
        option="open",
        value=True,
        needed="report",
        sentence="--open needs --report FOLDER, which has the page",
    ),
    Need(
        option="snapshot-update",
        value=True,
        needed="snapshots",
        sentence="--snapshot-update needs --snapshots FOLDER, where the shapes of this run are written",
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
    unmet = (need for need in NEEDS if _is_set(need, by_name[need.option]) and by_name[need.needed] is None)
    return next((need.sentence for need in unmet), "")


def _is_set(need: Need, value: Any) -> bool:
    return value is not None if need.value is None else bool(value == need.value)
