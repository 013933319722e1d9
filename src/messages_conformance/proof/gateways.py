"""The proof of the rules about gateways: all faults and variants of the reference gateway, in each of its modes."""

from __future__ import annotations

import io
import socket
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from rich.console import Console

from messages_conformance.gateway import GatewayOptions, judge_gateway
from messages_conformance.gateway.cases import cases
from messages_conformance.gateway.cases import failures as failure_cases
from messages_conformance.gateway.cases import requests as request_cases
from messages_conformance.reference_gateway import (
    FAULT,
    MODES,
    PASSTHROUGH,
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
from messages_conformance.rules.verdict import FAIL, WARN
from messages_conformance.upstream.script import Dialect

PLAIN: Final = "plain"
DIALECTS: Final[dict[str, Dialect]] = {PASSTHROUGH: "anthropic", TRANSLATES: "openai-chat"}
CLIENT_KEY: Final = "client-key-3f9a71c2e5"
AT_ONCE: Final = 4
"""So many runs at the same time: most of a run is waiting for pauses (our own)."""


@dataclass(frozen=True, kw_only=True)
class GatewaySubject:
    """The reference gateway in one mode, with one change or with none. `wanted` are the requirements to be violated."""

    mode: str
    change: Change | None = None

    @property
    def name(self) -> str:
        """The name of the change, and the mode."""
        return f"{PLAIN if self.change is None else self.change.name} ({self.mode})"

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
    globs = tuple(only)
    return tuple(one for one in every if not globs or any(fnmatchcase(_plain_name(one), glob) for glob in globs))


def _plain_name(subject: GatewaySubject) -> str:
    return subject.name.partition(" ")[0]


def _needs_time(subject: GatewaySubject) -> bool:
    """Whether a change can delay something, or mix clients: others need no pauses and no crowd."""
    change = subject.change
    if change is None or change.kind == VARIANT:
        return True
    crosses = any(name.startswith(("gateway.isolation.", "gateway.stream.")) for name in change.trips)
    return bool(change.flags) or crosses


FEW: Final = frozenset({"text", "call", "system"})
"""Cases that are always sent."""


def _relevant(subject: GatewaySubject) -> Iterator[str]:
    """The names of the cases that a change can affect: those of the way in, of the way back, or of failures."""
    change = subject.change
    assert change is not None
    inwards = {one.name for one in request_cases.cases()}
    refusals = {one.name for one in failure_cases.refusals()}
    asks = bool(change.request or change.sent or change.headers)
    answers = bool(change.message or change.events)
    for one in cases(subject.mode):
        if one.pauses or one.leaves or one.keeps_alive:
            continue
        if one.name in refusals:
            relevant = change.failed is not None
        else:
            relevant = asks if one.name in inwards else answers or (asks and "answer." in str(change.trips))
        if relevant or one.name in FEW or change.reply is not None:
            yield one.name


def try_gateway(subject: GatewaySubject) -> GatewayTrial:
    """Runs the cases against a subject, in this process; the slow ones only where a change can affect them."""
    chosen = () if _needs_time(subject) else tuple(_relevant(subject))
    port = _free_port()
    made = () if subject.change is None else (subject.change,)
    settings = Settings(mode=subject.mode, upstream=f"http://127.0.0.1:{port}", changes=made)
    with served(settings) as url:
        options = GatewayOptions(
            url=url,
            port=port,
            dialect=DIALECTS[subject.mode],
            key=CLIENT_KEY,
            only_cases=chosen,
        )
        code, result = judge_gateway(options, out=Console(file=io.StringIO(), quiet=True))
    return GatewayTrial(
        subject=subject,
        exit_code=code,
        found=dict(_found(result)),
        statement="" if result.statement is None else result.statement.message,
        errors=result.harness_errors,
    )


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


def prove_gateways(only: Iterable[str] = (), *, out: Console | None = None, jobs: int = AT_ONCE) -> int:
    """Tries the subjects, prints what is wrong, and returns 0 when every one is as it has to be, else 1."""
    out = out or console()
    chosen = gateway_subjects(only)
    problems = 0
    with ThreadPoolExecutor(jobs) as pool:
        for trial in pool.map(try_gateway, chosen):
            if trial.complaint:
                problems += 1
                out.print(trial.complaint, soft_wrap=True, markup=False)
    faults = counted(len({one.name for one in chosen if one.kind == FAULT}), "run")
    correct = counted(len({one.name for one in chosen if one.kind == VARIANT}), "run")
    unproved = [] if tuple(only) else requirements_without_fault()
    for name in unproved:
        out.print(f"{name}: no fault of the reference gateway violates it")
    out.print(f"{faults} of faulty gateways, {correct} of correct ones; {problems} not as they have to be")
    return 1 if problems or unproved else 0


def requirements_without_fault() -> tuple[str, ...]:
    """The requirements about gateways that no fault names."""
    named = frozenset[str]().union(*(change.trips for change in changes(FAULT)))
    return tuple(name for name in CATALOGUE if name.startswith("gateway.") and name not in named)
