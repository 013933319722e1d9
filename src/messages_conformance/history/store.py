"""The store: one SQLite file to which runs are only added.

1. `runs` has one row for each run. `results` has one row for each different set of verdicts: a night in which nothing
   changed adds one row. `verdicts` has the outcomes of a set, `outcomes` is the view of everything.
2. Triggers refuse every change and every deletion.
3. A run that is there already is not added again: its digest is unique.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from messages_conformance.fleet.collecting import SavedRun
from messages_conformance.masking import masked
from messages_conformance.report.summarized import Summary
from messages_conformance.report.text import encodable
from messages_conformance.rules.verdict import NOT_APPLICABLE

APPLICATION: Final = 0x4D434853
"""The number that marks our files (PRAGMA application_id)."""

VERSION: Final = 1
BUSY_S: Final = 30.0
"""How long a command waits for another one that writes (our own; to add a night takes a few seconds)."""

SCHEMA: Final = """
CREATE TABLE results (id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE);
CREATE TABLE verdicts (
  result INTEGER NOT NULL REFERENCES results (id), requirement TEXT NOT NULL, level TEXT NOT NULL,
  outcome TEXT NOT NULL, PRIMARY KEY (result, requirement)
) WITHOUT ROWID;
CREATE TABLE runs (
  id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, added_at TEXT NOT NULL, started_at TEXT NOT NULL,
  cell TEXT NOT NULL, name TEXT NOT NULL, target TEXT NOT NULL, model TEXT NOT NULL, profile TEXT NOT NULL,
  depth TEXT NOT NULL, edition TEXT NOT NULL, version TEXT NOT NULL, release TEXT NOT NULL,
  exit_code INTEGER NOT NULL, verdict TEXT NOT NULL, requests INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
  result INTEGER NOT NULL REFERENCES results (id)
);
CREATE INDEX runs_by_cell ON runs (cell, started_at);
CREATE VIEW outcomes AS
  SELECT runs.cell, runs.started_at, runs.release, runs.version, runs.model, runs.profile, runs.depth,
         verdicts.requirement, verdicts.level, verdicts.outcome
  FROM runs JOIN verdicts ON verdicts.result = runs.result;
"""

TABLES: Final = ("results", "verdicts", "runs")


class HistoryError(Exception):
    """A store cannot be read or written; the message names it and the cure."""


@dataclass(frozen=True, kw_only=True)
class PastRun:
    """One run of the store, with the outcomes of its requirements; not applicable ones are left out."""

    cell: str
    name: str
    model: str
    profile: str
    depth: str
    started_at: str
    version: str
    release: str
    exit_code: int
    verdict: str
    outcomes: Mapping[str, str]


@contextlib.contextmanager
def opened(path: Path, *, make: bool = False) -> Iterator[sqlite3.Connection]:
    """The store in a file, which `make` creates; raises HistoryError for any other file."""
    if not make and not path.is_file():
        raise HistoryError(f"there is no history {str(path)!r}; make it with `history add FOLDER --store {path}`")
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)) as store:
            _check(store, path, make=make)
            yield store
    except (sqlite3.Error, UnicodeDecodeError) as error:
        reason = "a name in it is not UTF-8" if isinstance(error, UnicodeDecodeError) else error
        raise HistoryError(
            f"the history {str(path)!r} cannot be used: {reason}; restore it, or name another file"
        ) from error


def _check(store: sqlite3.Connection, path: Path, *, make: bool) -> None:
    store.execute("BEGIN IMMEDIATE" if make else "BEGIN")
    is_empty = not store.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if is_empty and make:
        for statement in SCHEMA.split(";\n"):
            if statement.strip():
                store.execute(statement)
        for table in TABLES:
            for action in ("UPDATE", "DELETE"):
                store.execute(
                    f"CREATE TRIGGER {table}_{action.lower()} BEFORE {action} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'the history is only added to'); END"
                )
        store.execute(f"PRAGMA application_id = {APPLICATION}")
        store.execute(f"PRAGMA user_version = {VERSION}")
    store.execute("COMMIT")
    marks = tuple(store.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    if marks[0] != APPLICATION:
        raise HistoryError(f"{str(path)!r} is a database of another program; name another file with --store")
    if marks[1] != VERSION:
        raise HistoryError(f"{str(path)!r} was written by a newer version; update messages-conformance to use it")


def add(store: sqlite3.Connection, runs: Iterable[SavedRun], *, release: str = "") -> tuple[int, int]:
    """Adds the runs that have a report; returns how many were added and how many were there already."""
    added = known = 0
    now = datetime.now(UTC).isoformat(timespec="seconds")
    store.execute("BEGIN IMMEDIATE")
    try:
        for run in runs:
            if run.summary is not None:
                if _add_run(store, run, run.summary, release=release, now=now):
                    added += 1
                else:
                    known += 1
        store.execute("COMMIT")
    except BaseException:
        store.execute("ROLLBACK")
        raise
    return added, known


def _add_run(store: sqlite3.Connection, run: SavedRun, summary: Summary, *, release: str, now: str) -> bool:
    rows = sorted((row.id, row.level, row.verdict) for row in summary.requirements if row.verdict != NOT_APPLICABLE)
    result_digest = _digest(rows)
    what = summary.run
    digest = _digest([run.id, what.started_at, what.target, what.model, what.profile, what.depth, result_digest])
    if store.execute("SELECT 1 FROM runs WHERE digest = ?", (digest,)).fetchone():
        return False
    values = _kept(
        (
            *(digest, now, what.started_at, run.id, run.name, what.target, what.model, what.profile, what.depth),
            *(what.edition, what.version, release, summary.exit_code, summary.verdict_sentence),
            *(summary.spent.requests, summary.spent.output_tokens, _result(store, result_digest, rows)),
        )
    )
    store.execute(
        "INSERT INTO runs (digest, added_at, started_at, cell, name, target, model, profile, depth, edition, version, "
        f"release, exit_code, verdict, requests, output_tokens, result) VALUES ({', '.join('?' * len(values))})",
        values,
    )
    return True


def _result(store: sqlite3.Connection, digest: str, rows: Sequence[tuple[str, str, str]]) -> int:
    """The number of the set of verdicts, which is added when it is new."""
    found = store.execute("SELECT id FROM results WHERE digest = ?", (digest,)).fetchone()
    if found:
        return int(found[0])
    number = store.execute("INSERT INTO results (digest) VALUES (?)", (digest,)).lastrowid
    assert number is not None
    store.executemany(
        "INSERT INTO verdicts (result, requirement, level, outcome) VALUES (?, ?, ?, ?)",
        [(number, *_kept(row)) for row in rows],
    )
    return number


def _kept(values: Iterable[Any]) -> tuple[Any, ...]:
    """The values of a row as they are stored: without secrets, and in UTF-8."""
    return tuple(masked(encodable(value)) if isinstance(value, str) else value for value in values)


def _digest(value: object) -> str:
    return sha256(json.dumps(value, ensure_ascii=True).encode()).hexdigest()


def past_runs(store: sqlite3.Connection) -> Iterator[PastRun]:
    """All runs, ordered by cell and time. Runs with equal verdicts share one mapping."""
    sets: dict[int, dict[str, str]] = {}
    for result, requirement, outcome in store.execute("SELECT result, requirement, outcome FROM verdicts"):
        sets.setdefault(result, {})[requirement] = outcome
    columns = "cell, name, model, profile, depth, started_at, version, release, exit_code, verdict"
    for *values, result in store.execute(f"SELECT {columns}, result FROM runs ORDER BY cell, started_at, id"):
        named = dict(zip(columns.split(", "), values, strict=True))
        yield PastRun(**named, outcomes=sets.get(result, {}))
