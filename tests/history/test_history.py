"""The history: an append-only store, since when what fails, what flaps, and its exports."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from messages_conformance.fleet.collecting import SavedRun, collected
from messages_conformance.history import output
from messages_conformance.history.standing import nights, standings
from messages_conformance.history.store import HistoryError, PastRun, add, opened, past_runs

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"


@pytest.fixture
def runs() -> tuple[SavedRun, ...]:
    return collected([PUBLISHED / "aimock-1.43.0", PUBLISHED / "reference"])


def test_a_run_is_added_once_and_read_as_it_was(tmp_path: Path, runs: Sequence[SavedRun]) -> None:
    with opened(tmp_path / "h.sqlite", make=True) as store:
        assert add(store, runs, release="v1") == (2, 0)
        assert add(store, runs, release="v2") == (0, 2)
    with opened(tmp_path / "h.sqlite") as store:
        first, second = past_runs(store)
    assert (first.cell, first.release, first.exit_code) == ("aimock-1.43.0", "v1", 1)
    summary = runs[0].summary
    assert summary is not None
    assert {name for name, outcome in first.outcomes.items() if outcome == "fail"} == {
        row.id for row in summary.failing
    }
    assert second.exit_code == 0


def test_a_night_without_a_change_adds_one_row(tmp_path: Path, runs: Sequence[SavedRun]) -> None:
    from dataclasses import replace

    from msgspec import structs

    summary = runs[0].summary
    assert summary is not None
    later = replace(
        runs[0], summary=structs.replace(summary, run=structs.replace(summary.run, started_at="2027-01-01T00:00:00"))
    )
    with opened(tmp_path / "h.sqlite", make=True) as store:
        add(store, [runs[0]])
        before = store.execute("SELECT count(*) FROM verdicts").fetchone()
        assert add(store, [later]) == (1, 0)
        assert store.execute("SELECT count(*) FROM verdicts").fetchone() == before
        assert store.execute("SELECT count(*) FROM outcomes").fetchone()[0] == 2 * before[0]


@pytest.mark.parametrize("table", ["runs", "results", "verdicts"])
def test_nothing_is_changed_or_deleted(tmp_path: Path, runs: Sequence[SavedRun], table: str) -> None:
    with opened(tmp_path / "h.sqlite", make=True) as store:
        add(store, runs)
        column = "requirement" if table == "verdicts" else "digest"
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {column} = 'x'"):
            with pytest.raises(sqlite3.IntegrityError, match="only added to"):
                store.execute(statement)


@pytest.mark.parametrize("content", [b"", b"no database", b"SQLite format 3\x00" + bytes(100)])
def test_another_file_is_no_history(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "h.sqlite").write_bytes(content)
    with pytest.raises(HistoryError, match=r"h\.sqlite"), opened(tmp_path / "h.sqlite") as store:
        list(past_runs(store))


def test_the_database_of_another_program_is_not_touched(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "h.sqlite") as other:
        other.execute("CREATE TABLE runs (id)")
    with pytest.raises(HistoryError, match="another program"), opened(tmp_path / "h.sqlite", make=True):
        pass


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_history_is_named_with_its_cure(tmp_path: Path, runs: Sequence[SavedRun], seed: int) -> None:
    path = tmp_path / "h.sqlite"
    with opened(path, make=True) as store:
        add(store, runs)
    data, random = bytearray(path.read_bytes()), Random(seed)
    for _ in range(50):
        data[random.randrange(100, 2000)] = random.randrange(128, 256)  # the definitions of the tables stand there
    path.write_bytes(data)
    with pytest.raises(HistoryError, match="restore it, or name another file"), opened(path) as store:
        past_runs(store)


def test_a_history_that_is_missing_names_the_cure(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match="history add"), opened(tmp_path / "none.sqlite"):
        pass


# -- since when -----------------------------------------------------------------------------------------------------


def past(outcomes: str, *, cell: str = "a") -> list[PastRun]:
    """One run a day: f fails, p passes, w warns, - is not verified."""
    words = {"f": "fail", "p": "pass", "w": "warn", "-": "not-verified"}
    return [
        PastRun(
            cell=cell,
            name=cell,
            model="m",
            profile="p",
            depth="smoke",
            started_at=f"2026-11-{day:02}T03:00:00+00:00",
            version="1",
            release=f"r{day}",
            exit_code=1 if letter == "f" else 0,
            verdict="",
            outcomes={"x": words[letter]},
        )
        for day, letter in enumerate(outcomes, start=1)
    ]


@pytest.mark.parametrize(
    ("outcomes", "since", "before", "runs", "violated", "flapping"),
    [
        ("ppff", "r3", "r2", 2, True, False),
        ("ff", "r1", "", 2, True, False),
        ("ffp", "r3", "r2", 1, False, False),
        ("p-f-f", "r3", "r1", 2, True, False),
        ("ppw", "r3", "r2", 1, True, False),
        ("pfpf", "r4", "r3", 1, True, True),
        ("fpfp", "r4", "r3", 1, False, True),
        ("pfpf" + "f" * 10, "r4", "r3", 11, True, False),
    ],
)
def test_since_when_and_flapping(
    outcomes: str, since: str, before: str, runs: int, violated: bool, flapping: bool
) -> None:
    [row] = standings(past(outcomes))
    assert (row.since_release, row.before_release, row.runs) == (since, before, runs)
    assert (row.is_violated, row.is_flapping) == (violated, flapping)


def test_what_never_failed_has_no_row() -> None:
    assert not list(standings(past("pp-")))


def test_cells_are_apart_and_counted_by_day() -> None:
    found = past("pf", cell="a") + past("ff", cell="b")
    assert [row.cell for row in standings(found)] == ["a", "b"]
    assert [(night.day, night.passes, night.violations) for night in nights(found)] == [
        ("2026-11-01", 1, 1),
        ("2026-11-02", 0, 2),
    ]
    twice = [*past("f"), past("p")[0]]
    assert [(night.passes, night.violations) for night in nights(twice)] == [(1, 0)]


def test_the_text_names_release_and_flapping() -> None:
    text = output.to_text(
        [*standings(past("pf")), *standings(past("pfpf", cell="b")), *standings(past("fp", cell="c"))]
    )
    assert "a  x  fail since 2026-11-02T03:00 (release r2), 1 run; held last 2026-11-01T03:00 (release r1)" in text
    assert text.index("FAILS (1)") < text.index("FLAPS (1)") < text.index("HOLDS AGAIN (1)")
    assert "3 changes" in text


# -- exports --------------------------------------------------------------------------------------------------------


def test_csv_and_lines_have_every_outcome(tmp_path: Path) -> None:
    found = past("pf", cell="=cmd()")
    output.write_csv(found, tmp_path / "a.csv")
    output.write_lines(found, tmp_path / "a.jsonl")
    with (tmp_path / "a.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["cell"], row["outcome"]) for row in rows] == [("'=cmd()", "pass"), ("'=cmd()", "fail")]
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text().splitlines()]
    assert [row["outcome"] for row in lines] == ["pass", "fail"]


def test_parquet_has_every_outcome(tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    output.write_parquet(past("pf"), tmp_path / "a.parquet")
    assert parquet.read_table(tmp_path / "a.parquet").column("outcome").to_pylist() == ["pass", "fail"]
