"""The history for a terminal, and as JSON, CSV, JSON lines or Parquet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from messages_conformance.history.standing import Standing
from messages_conformance.history.store import HistoryError, PastRun
from messages_conformance.masking import masked
from messages_conformance.report.csv_text import csv_cell
from messages_conformance.report.text import counted, inline, json_text

COLUMNS: Final = (
    *("cell", "started_at", "release", "version", "model", "profile", "depth", "exit_code"),
    *("requirement", "outcome"),
)


def to_text(found: Sequence[Standing]) -> str:
    """What fails and since when, what flaps, and what was repaired, by cell."""
    parts = [
        ("FAILS", [row for row in found if row.is_violated and not row.is_flapping]),
        ("FLAPS", [row for row in found if row.is_flapping]),
        ("HOLDS AGAIN", [row for row in found if not row.is_violated and not row.is_flapping]),
    ]
    lines = []
    for title, rows in parts:
        if rows:
            lines += ["", f"{title} ({len(rows):,})", *(f"  {_line(row)}" for row in rows)]
    return "\n".join(lines[1:] or ["nothing was ever violated"]) + "\n"


def _line(row: Standing) -> str:
    release = f" (release {inline(row.since_release)})" if row.since_release else ""
    text = f"{inline(row.cell)}  {inline(row.requirement)}  {row.outcome} since {inline(row.since[:16])}{release}"
    if row.is_flapping:
        return f"{text}; {row.changes} changes in its last runs"
    last = "it never held" if row.is_violated else "it always held"
    if row.before:
        release = f" (release {inline(row.before_release)})" if row.before_release else ""
        last = f"{'held' if row.is_violated else 'failed'} last {inline(row.before[:16])}{release}"
    return f"{text}, {counted(row.runs, 'run')}; {last}"


def to_json(found: Sequence[Standing]) -> str:
    """The same as a list of objects."""
    return json_text([{**asdict(row), "flapping": row.is_flapping} for row in found])


def to_csv(found: Sequence[Standing]) -> str:
    """The same as CSV."""
    out = io.StringIO()
    rows = [{**asdict(row), "flapping": row.is_flapping} for row in found]
    writer = csv.DictWriter(out, fieldnames=list(rows[0]) if rows else ["cell"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: csv_cell(value) for key, value in row.items()} for row in rows)
    return out.getvalue()


def flat(runs: Iterable[PastRun]) -> Iterator[dict[str, Any]]:
    """Each outcome of each run as one row."""
    for run in runs:
        shared = {name: _masked(getattr(run, name)) for name in COLUMNS[:-2]}
        for requirement, outcome in run.outcomes.items():
            yield {**shared, "requirement": requirement, "outcome": outcome}


def _masked(value: Any) -> Any:
    return masked(value) if isinstance(value, str) else value


def write_lines(runs: Iterable[PastRun], path: Path) -> None:
    """Writes all outcomes as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for row in flat(runs):
            file.write(json.dumps(row, ensure_ascii=True) + "\n")


def write_csv(runs: Iterable[PastRun], path: Path) -> None:
    """Writes all outcomes as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({key: csv_cell(value) for key, value in row.items()} for row in flat(runs))


BATCH_ROWS: Final = 100_000
"""Rows of one group of a Parquet file: what a writer holds in memory (our own)."""


def write_parquet(runs: Iterable[PastRun], path: Path) -> None:
    """Writes all outcomes as Parquet; raises HistoryError without the extra `parquet`."""
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise HistoryError("Parquet needs pyarrow: pip install 'messages-conformance[parquet]'") from error
    kinds = [(name, pyarrow.int64() if name == "exit_code" else pyarrow.string()) for name in COLUMNS]
    schema = pyarrow.schema(kinds)
    with pyarrow.parquet.ParquetWriter(path, schema) as writer:
        batch: list[dict[str, Any]] = []
        for row in flat(runs):
            batch.append(row)
            if len(batch) == BATCH_ROWS:
                writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))
                batch = []
        writer.write_table(pyarrow.Table.from_pylist(batch, schema=schema))


EXPORTS: Final = {"csv": write_csv, "jsonl": write_lines, "parquet": write_parquet}
