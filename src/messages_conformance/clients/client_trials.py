"""Somebody's own client against the reference endpoint: plain, with faults, and with correct variants.

The plain endpoint is first, and it runs twice. If a client fails there, nothing else is tried. What differs between the
two outputs is not compared later. A variant that breaks the client is tried again before it counts.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from messages_conformance import resources
from messages_conformance.clients.processes import Ran, run_program
from messages_conformance.clients.watched_changes import WatchedChange, watched_fault, watched_variant
from messages_conformance.reference import Endpoint, Settings, find_fault, find_variant, serve_endpoint
from messages_conformance.rules.catalogue import CATALOGUE, LEAKS, LOSES, MISBILLS

FAULT: Final = "fault"
VARIANT: Final = "variant"

WORKS: Final = "works"
BROKEN: Final = "breaks"
DETECTED: Final = "detects"
SURVIVED: Final = "survives"
SWALLOWED: Final = "swallows"
HANGS: Final = "hangs"
NOT_EXERCISED: Final = "not exercised"
TIME_LIMIT_S: Final = 60.0
"""Longest run of a client by default (our own: the retries of the official SDKs end earlier)."""

CONTROLS: Final = 2
"""Runs against the plain endpoint: what differs between them is no effect of a change."""

SILENT_HARMS: Final = {
    LEAKS: "the answer has what belongs to another caller",
    LOSES: "a part of the answer is lost or wrong",
    MISBILLS: "the usage is wrong",
}
"""Harms of an answer that looks whole: a client that ends as always has not noticed."""

MODELS_SERVED: Final = ("claude*", "anthropic/claude*")
"""Patterns of models that are served besides those of the reference endpoint: a client asks for the model it uses."""

UNSTEADY: Final = re.compile(
    r"\b(?:msg|toolu|req|srvtoolu)_\w+|\b\d+(?:\.\d+)?\s?(?:ms|s|sec|seconds)\b|\b0x[0-9a-f]+\b"
    r"|\b\d{4}-\d\d-\d\d\b|\b\d\d:\d\d(?::\d\d)?(?:\.\d+)?|127\.0\.0\.1:\d+"
)
"""Identifiers, durations, addresses and times, which differ in every run."""


class ControlFailed(Exception):
    """The client fails against the plain endpoint, so nothing can be said of it."""


@dataclass(frozen=True, kw_only=True)
class TrialOptions:
    """The command, what to try, and the limits. Without names the defaults are tried."""

    command: tuple[str, ...]
    faults: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    time_limit_s: float = TIME_LIMIT_S


@dataclass(frozen=True, kw_only=True)
class ClientTrial:
    """One run of the client. `shown` of its `requests` got an answer that the change made different."""

    kind: str
    name: str
    summary: str
    outcome: str
    detail: str
    exit_code: int | None
    requests: int
    shown: int
    output: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class ClientTrials:
    """All runs of a client; `control` is the first one against the plain endpoint."""

    command: tuple[str, ...]
    control_requests: int
    trials: tuple[ClientTrial, ...]

    def of(self, kind: str, *outcomes: str) -> tuple[ClientTrial, ...]:
        """The trials of a kind, with one of the outcomes if any is named."""
        return tuple(
            trial for trial in self.trials if trial.kind == kind and (not outcomes or trial.outcome in outcomes)
        )

    @property
    def broken(self) -> tuple[ClientTrial, ...]:
        """The correct variants that break the client: its bugs."""
        return self.of(VARIANT, BROKEN)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """One run: how the client ended, the number of its requests, and those on which the change had an effect."""

    ran: Ran
    requests: int
    shown: int = 0

    @property
    def failed(self) -> bool:
        return self.ran.code != 0


def try_client(options: TrialOptions, took: Callable[[ClientTrial], None] = lambda trial: None) -> ClientTrials:
    """Runs the client against everything, variants first; `took` gets each trial when it has ended.

    Raises ControlFailed, LookupError for an unknown name, and OSError for a command that cannot be started.
    """
    chosen = _chosen(options)
    controls = [_run(options, None) for _ in range(CONTROLS)]
    for control in controls:
        _must_work(control, options)
    expected = Expected(tuple(control.ran for control in controls))
    trials = []
    for kind, name in chosen:
        trial = _variant(options, name) if kind == VARIANT else _fault(options, name, expected)
        took(trial)
        trials.append(trial)
    return ClientTrials(command=options.command, control_requests=controls[0].requests, trials=tuple(trials))


def _chosen(options: TrialOptions) -> tuple[tuple[str, str], ...]:
    """(kind, name) of everything to try; raises LookupError for a name that does not exist."""
    everything = not options.faults and not options.variants
    faults = default_faults() if everything else options.faults
    variants = default_variants() if everything else options.variants
    for name in faults:
        find_fault(name)
    for name in variants:
        find_variant(name)
    return (*((VARIANT, name) for name in variants), *((FAULT, name) for name in faults))


@cache
def _defaults() -> Mapping[str, tuple[str, ...]]:
    rows = tomllib.loads(resources.text("clients/field_changes.toml"))
    return {name: tuple(row) for name, row in rows.items()}


def default_faults() -> tuple[str, ...]:
    """The faults that are tried by default: each was seen at an endpoint in the field."""
    return _defaults()["faults"]


def default_variants() -> tuple[str, ...]:
    """The correct variants that are tried by default."""
    return _defaults()["variants"]


def _must_work(control: _Seen, options: TrialOptions) -> None:
    if control.ran.code is None:
        raise ControlFailed(f"the command did not end within {options.time_limit_s:g} s{_last_line(control.ran)}")
    if control.failed:
        raise ControlFailed(f"the command ended with exit code {control.ran.code}{_last_line(control.ran)}")
    if not control.requests:
        raise ControlFailed("the command sent no request to ANTHROPIC_BASE_URL")


def _run(options: TrialOptions, change: WatchedChange | None) -> _Seen:
    served = Endpoint(
        settings=Settings(also_served=(*MODELS_SERVED, *options.models)), changes=(change,) if change else ()
    )
    with serve_endpoint(served) as server:
        places = {"{base_url}": server.base_url, "{api_key}": server.api_key}
        command = [_filled(word, places) for word in options.command]
        ran = run_program(command, env=_environment(server.base_url, server.api_key), limit_s=options.time_limit_s)
        return _Seen(ran=ran, requests=server.count, shown=len(change.requests) if change else 0)


def _filled(word: str, places: Mapping[str, str]) -> str:
    for name, value in places.items():
        word = word.replace(name, value)
    return word


def _environment(base_url: str, key: str) -> dict[str, str]:
    """Ours, with the address and the key of the endpoint, and without a token of the user or a proxy before it."""
    kept = {name: value for name, value in os.environ.items() if name != "ANTHROPIC_AUTH_TOKEN"}
    direct = ",".join(filter(None, (kept.get("NO_PROXY", kept.get("no_proxy", "")), "127.0.0.1")))
    return {**kept, "ANTHROPIC_BASE_URL": base_url, "ANTHROPIC_API_KEY": key, "NO_PROXY": direct, "no_proxy": direct}


# -- outcomes --------------------------------------------------------------------------------------------------------


def _variant(options: TrialOptions, name: str) -> ClientTrial:
    seen = _run(options, watched_variant(name))
    detail = ""
    if seen.failed:
        again = _run(options, watched_variant(name))
        if not again.failed:
            seen, detail = again, "failed once, and not when it was tried again"
    if seen.failed:
        outcome = BROKEN
        detail = _end(seen.ran, options)
    else:
        outcome = WORKS if seen.shown else NOT_EXERCISED
    return _trial(VARIANT, name, find_variant(name).summary, seen, outcome, detail)


def _fault(options: TrialOptions, name: str, expected: Expected) -> ClientTrial:
    seen = _run(options, watched_fault(name))
    outcome, detail = _outcome(name, seen, expected, options)
    return _trial(FAULT, name, find_fault(name).summary, seen, outcome, detail)


def _outcome(name: str, seen: _Seen, expected: Expected, options: TrialOptions) -> tuple[str, str]:
    if not seen.shown:
        return NOT_EXERCISED, "" if not seen.failed else f"and yet: {_end(seen.ran, options)}"
    if seen.ran.code is None:
        return HANGS, _end(seen.ran, options)
    if seen.failed:
        return DETECTED, _end(seen.ran, options)
    if not expected.same(seen.ran):
        return SWALLOWED, "exit code 0, and the output differs"
    if harm := _silent_harm(name):
        return SWALLOWED, f"exit code 0 and the same output, though {harm}"
    return SURVIVED, "exit code 0 and the same output"


def _silent_harm(fault: str) -> str:
    """What the fault does to an answer that looks whole, in words; empty if it does nothing of this kind."""
    rows = (CATALOGUE.get(requirement) for requirement in find_fault(fault).trips)
    harms = {row.harm for row in rows if row is not None}
    return next((words for harm, words in SILENT_HARMS.items() if harm in harms), "")


def _trial(kind: str, name: str, summary: str, seen: _Seen, outcome: str, detail: str) -> ClientTrial:
    return ClientTrial(
        kind=kind,
        name=name,
        summary=summary,
        outcome=outcome,
        detail=detail,
        exit_code=seen.ran.code,
        requests=seen.requests,
        shown=seen.shown,
        output=seen.ran.text,
    )


def _end(ran: Ran, options: TrialOptions) -> str:
    how = f"killed after {options.time_limit_s:g} s" if ran.code is None else f"exit code {ran.code}"
    return how + _last_line(ran)


def _last_line(ran: Ran) -> str:
    lines = [line.strip() for line in ran.text.splitlines() if line.strip()]
    return f": {lines[-1]}" if lines else ""


@dataclass(frozen=True)
class Expected:
    """The outputs of the plain endpoint. Lines that differ between them are compared with nothing."""

    controls: tuple[Ran, ...]

    def same(self, ran: Ran) -> bool:
        """Whether an output is as those of the plain endpoint."""
        wanted = [list(_steady(control)) for control in self.controls]
        found = list(_steady(ran))
        if len({len(lines) for lines in wanted}) > 1:
            return True  # the client never prints the same: nothing can be compared
        if len(found) != len(wanted[0]):
            return False
        lines = zip(*wanted, found, strict=True)
        return all(line[-1] == line[0] for line in lines if len(set(line[:-1])) == 1)


def _steady(ran: Ran) -> Iterator[str]:
    for line in ran.text.splitlines():
        yield UNSTEADY.sub("…", line.rstrip())
