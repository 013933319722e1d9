"""The proof of the rules about gateways: all faults and variants of the reference gateway, in each of its modes."""

from __future__ import annotations

import io
import os
import socket
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from multiprocessing import get_context
from typing import Final

from rich.console import Console

from messages_conformance.gateway import GatewayOptions, judge_gateway
from messages_conformance.proof.gateway_cases import relevant_cases
from messages_conformance.proof.responses_changes import RESPONSES_TOO
from messages_conformance.reference_gateway import (
    FAULT,
    MODES,
    PASSTHROUGH,
    PING_AFTER_S,
    RESPONSES,
    TRANSLATES,
    VARIANT,
    Change,
    Settings,
    changes,
    served,
)
from messages_conformance.report import Report, console
from messages_conformance.report.text import counted
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.verdict import ERROR, FAIL, WARN
from messages_conformance.upstream.script import Dialect

PLAIN: Final = "plain"
DIALECTS: Final[dict[str, Dialect]] = {
    PASSTHROUGH: "anthropic",
    TRANSLATES: "openai-chat",
    RESPONSES: "openai-responses",
}
CLIENT_KEY: Final = "client-key-3f9a71c2e5"
PACE: Final = 0.1
"""The long silence has this part of its length, and the gateway pings sooner by the same factor (our own)."""

AT_ONCE: Final = 4
"""One process makes this many runs at the same time, because a run mostly waits for pauses (our own)."""

FEW: Final = 9
"""Fewer subjects are tried in this process: another one takes a second to start (our own)."""

GROUP: Final = 12
"""A process tries this many subjects before it gets more (our own)."""

JOBS: Final = min(os.cpu_count() or 1, 8)
"""The number of processes: a run has a gateway, its upstream and its clients, all in Python (our own)."""


@dataclass(frozen=True, kw_only=True)
class GatewaySubject:
    """The reference gateway in one mode, with one change or with none. `wanted` are the requirements to be violated."""

    mode: str
    change: Change | None = None
    speaks: str = TRANSLATES

    @property
    def name(self) -> str:
        """The name of the change, and the mode."""
        mode = RESPONSES if self.speaks == RESPONSES else self.mode
        return f"{PLAIN if self.change is None else self.change.name} ({mode})"

    @property
    def kind(self) -> str:
        """A fault, or a variant, which the plain gateway is too."""
        return VARIANT if self.change is None else self.change.kind

    @property
    def wanted(self) -> frozenset[str]:
        """The requirements that the fault names and that the profile of the mode has."""
        if self.change is None or self.kind == VARIANT:
            return frozenset()
        family = f"gateway-{self.mode}"
        return frozenset(name for name in self.change.trips if family in CATALOGUE[name].families)


@dataclass(frozen=True, kw_only=True)
class GatewayTrial:
    """What a run against a subject found: violated requirements with their first finding, and what went wrong."""

    subject: GatewaySubject
    exit_code: int
    found: dict[str, str]
    statement: str
    errors: tuple[str, ...]

    @property
    def tripped(self) -> frozenset[str]:
        """The requirements that were violated."""
        return frozenset(self.found)

    @property
    def complaint(self) -> str:
        """What is wrong with the trial; empty when it found exactly what it had to."""
        if self.errors or self.statement:
            return f"{self.subject.name}: {self.statement or self.errors[0]}"
        missed, more = self.subject.wanted - self.tripped, self.tripped - self.subject.wanted
        parts = [f"misses {', '.join(sorted(missed))}"] if missed else []
        parts += [f"also finds {name} ({self.found[name]})" for name in sorted(more)]
        return f"{self.subject.name}: {'; '.join(parts)}" if parts else ""


def gateway_subjects(only: Iterable[str] = ()) -> tuple[GatewaySubject, ...]:
    """The plain gateway, every variant and every fault, each in its modes; with globs, only those names."""
    every = [GatewaySubject(mode=mode) for mode in MODES]
    every += [
        GatewaySubject(mode=mode, change=change)
        for kind in (VARIANT, FAULT)
        for change in changes(kind)
        for mode in change.modes
    ]
    every += [
        replace(one, speaks=RESPONSES)
        for one in every
        if one.mode == TRANSLATES and (one.change is None or one.change.name in RESPONSES_TOO)
    ]
    globs = tuple(only)
    return tuple(one for one in every if not globs or any(fnmatchcase(_plain_name(one), glob) for glob in globs))


def _plain_name(subject: GatewaySubject) -> str:
    return subject.name.partition(" ")[0]


def try_gateway(subject: GatewaySubject) -> GatewayTrial:
    """Runs the cases that a change can affect against a subject, in this process."""
    port = _free_port()
    made = () if subject.change is None else (subject.change,)
    after_s = PACE * PING_AFTER_S / 3 if subject.mode == TRANSLATES else PING_AFTER_S
    settings = Settings(
        mode=subject.mode,
        speaks=subject.speaks,
        upstream=f"http://127.0.0.1:{port}",
        changes=made,
        ping_after_s=after_s,
    )
    with served(settings) as url:
        options = GatewayOptions(
            url=url,
            port=port,
            dialect=DIALECTS[RESPONSES if subject.speaks == RESPONSES else subject.mode],
            key=CLIENT_KEY,
            pace=PACE,
            silence_limit_s=1.0 if "gateway.error.silence" in subject.wanted else None,
            only_cases=relevant_cases(subject.change, subject.mode),
        )
        code, result = judge_gateway(options, out=Console(file=io.StringIO(), quiet=True))
    return GatewayTrial(
        subject=subject,
        exit_code=code,
        found=dict(_found(result)),
        statement="" if result.statement is None else result.statement.message,
        errors=(*result.harness_errors, *_rule_errors(result)),
    )


def _rule_errors(result: Report) -> Iterator[str]:
    """What went wrong in rules: our own errors."""
    return (f"{verdict.requirement}: {verdict.reason}" for verdict in result.verdicts if verdict.outcome == ERROR)


def _found(result: Report) -> Iterator[tuple[str, str]]:
    for verdict in result.verdicts:
        findings = (*verdict.findings, *verdict.explained)
        if verdict.outcome in (FAIL, WARN) or verdict.explained:
            first = findings[0]
            case = result.exchanges[first.exchange].situations if first.exchange in result.exchanges else ()
            yield verdict.requirement, f"{', '.join(case)}: {first.found[:160]}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def prove_gateways(only: Iterable[str] = (), *, out: Console | None = None, jobs: int = JOBS) -> int:
    """Tries the subjects, prints what is wrong, and returns 0 when every one is as it has to be, else 1.

    `jobs` is the number of processes; in each, AT_ONCE runs wait for their pauses at the same time.
    """
    out = out or console()
    chosen = gateway_subjects(only)
    problems = 0
    for complaint in _complaints(chosen, jobs=jobs):
        if complaint:
            problems += 1
            out.print(complaint, soft_wrap=True, markup=False)
    faults = counted(len({one.name for one in chosen if one.kind == FAULT}), "run")
    correct = counted(len({one.name for one in chosen if one.kind == VARIANT}), "run")
    unproved = [] if tuple(only) else requirements_without_fault()
    for name in unproved:
        out.print(f"{name}: no fault of the reference gateway violates it")
    out.print(f"{faults} of faulty gateways, {correct} of correct ones; {problems} not as they have to be")
    return 1 if problems or unproved else 0


def _complaints(chosen: Sequence[GatewaySubject], *, jobs: int) -> Iterator[str]:
    """What is wrong with each subject, in order."""
    if len(chosen) < FEW:
        yield from _tried([one.name for one in chosen])
        return
    groups = [[one.name for one in chosen[at : at + GROUP]] for at in range(0, len(chosen), GROUP)]
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        for complaints in pool.map(_tried, groups):
            yield from complaints


def _tried(names: Sequence[str]) -> list[str]:
    """What is wrong with each of these subjects; the changes have functions, which no process can pass to another."""
    known = {one.name: one for one in gateway_subjects()}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [trial.complaint for trial in pool.map(try_gateway, [known[name] for name in names])]


def requirements_without_fault() -> tuple[str, ...]:
    """The requirements about gateways that no fault names."""
    named = frozenset[str]().union(*(change.trips for change in changes(FAULT)))
    return tuple(name for name in CATALOGUE if name.startswith("gateway.") and name not in named)
