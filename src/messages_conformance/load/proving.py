"""`prove --load`: load tests against the faults and variants of the reference endpoint that a crowd shows.

Each subject is served on loopback by this process; Locust runs in another one, as for a user.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from messages_conformance import report
from messages_conformance.load.load_options import KEY_VARIABLE, LoadOptions
from messages_conformance.load.starting import missing_packages, start
from messages_conformance.reference import API_KEY, faults, serve, variants
from messages_conformance.rules.verdict import FAIL, WARN

USERS: Final = 64
SECONDS: Final = 5.0
SILENCE_S: Final = 5.0
KINDS: Final = 10
"""What each load test has (our own: every fault appears within seconds above eight users)."""

FEWER_USERS: Final = {"buffer_streams_under_load": 12, "leak_connections_under_load": 16}
"""Faults that only times show: with 64 users one worker is too busy for reliable times. And connections that
leak: a server may keep two for each user, and with 64 users a busy machine sends too few requests to exceed that."""

MODEL: Final = "anthropic/claude-opus-4-5"
CATEGORY: Final = "load"
ALSO_CORRECT: Final = (
    "plain",
    "another_tokenizer",
    "chatty_model",
    "letter_by_letter",
    "moody_model",
    "moody_service",
    "many_pings",
    "occasionally_overloaded",
    "occasionally_throttled",
    "overloaded_streams",
    "queued_answers",
    "short_ids",
    "weak_model",
    "whimsical_model",
)
"""Correct servers that a load test must not accuse, besides those that differ in a crowd."""


@dataclass(frozen=True, kw_only=True)
class LoadSubject:
    """One server: the plain endpoint, a fault or a variant. `wanted` are the requirements that must fail."""

    kind: str
    name: str
    wanted: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class LoadTrial:
    """What a load test of a subject found."""

    subject: LoadSubject
    exit_code: int
    tripped: frozenset[str]
    elapsed_s: float
    requests: int
    statement: str = ""

    @property
    def holds(self) -> bool:
        """Whether it found what it must. A fault may break more than it names; a correct server breaks nothing."""
        found = self.tripped >= self.subject.wanted if self.subject.wanted else not self.tripped
        return found and not self.statement


def subjects(only: Sequence[str] = ()) -> Iterator[LoadSubject]:
    """Faults under load, correct servers that differ in a crowd, and some of the others."""
    for fault in faults().values():
        if fault.category == CATEGORY and _named(fault.name, only):
            yield LoadSubject(kind="fault", name=fault.name, wanted=fault.trips)
    crowd = [one.name for one in variants().values() if one.name.endswith("_crowd") or one.name == "shows_figures"]
    for name in (*crowd, *ALSO_CORRECT):
        if _named(name, only):
            yield LoadSubject(kind="variant", name=name)


def _named(name: str, only: Sequence[str]) -> bool:
    return not only or any(fnmatchcase(name, glob) for glob in only)


def tried(subject: LoadSubject, *, users: int = USERS, seconds: float = SECONDS) -> LoadTrial:
    """Serves a subject and sends it a load."""
    fault = subject.name if subject.kind == "fault" else None
    variant = subject.name if subject.kind == "variant" and subject.name != "plain" else None
    began_s = time.monotonic()
    users = min(users, FEWER_USERS.get(subject.name, users))
    with tempfile.TemporaryDirectory() as folder, serve(fault=fault, variant=variant) as server:
        options = LoadOptions(
            url=server.base_url,
            model=MODEL,
            seconds=seconds,
            silence_s=SILENCE_S,
            metrics="/metrics",
            kinds=KINDS,
            session={"report": str(Path(folder) / "report"), "quiet": True},
        )
        os.environ[KEY_VARIABLE] = API_KEY
        code = start(options, users=users, spawn_rate=users, quiet=True)
        loaded = report.load(Path(folder) / "report")
    return LoadTrial(
        subject=subject,
        exit_code=code,
        tripped=frozenset(one.requirement for one in loaded.verdicts if one.outcome in (FAIL, WARN) or one.explained),
        elapsed_s=time.monotonic() - began_s,
        requests=server.count,
        statement=loaded.statement.message if loaded.statement is not None else "",
    )


def prove_load(only: Sequence[str] = (), *, users: int = USERS, seconds: float = SECONDS) -> int:
    """Tries all subjects and prints a line for each; returns 1 if one does not hold."""
    if missing := missing_packages():
        print(f"ERROR: {missing}")
        return 4
    wrong = count = 0
    for subject in subjects(only):
        trial = tried(subject, users=users, seconds=seconds)
        count += 1
        wrong += not trial.holds
        sign = "ok   " if trial.holds else "WRONG"
        print(
            f"{sign} {subject.kind} {subject.name} ({trial.elapsed_s:.0f} s, {trial.requests:,} requests)", flush=True
        )
        if not trial.holds:
            print(f"      missing: {', '.join(sorted(subject.wanted - trial.tripped)) or 'nothing'}")
            print(f"      unexpected: {', '.join(sorted(trial.tripped - subject.wanted)) or 'nothing'}")
            print(f"      exit code {trial.exit_code} {trial.statement}", flush=True)
    print(f"{count} load tests with {users} users, {wrong} of them wrong")
    return 1 if wrong or not count else 0
