"""Many runs as data: each verdict as a row, implementations by models, and what changed since earlier runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from messages_conformance.fleet.collecting import SavedRun
from messages_conformance.report.csv_text import csv_cell
from messages_conformance.report.summarized import SummaryRow
from messages_conformance.report.text import encodable, inline, json_text
from messages_conformance.rules.verdict import FAIL, WARN

SCHEMA_ID: Final = "messages-conformance/comparison/1"
ABSENT: Final = "not in this run"
NO_REPORT: Final = "no report"
WORDS: Final = {0: "passes", 1: "violations", 2: "not judged", 4: "misconfigured"}

RUN_KEYS: Final = ("run", "name", "model", "profile", "depth")
ROW_KEYS: Final = (*RUN_KEYS, "exit_code", "requirement", "level", "harm", "outcome", "before")


def rows(runs: Sequence[SavedRun], before: Sequence[SavedRun] | None = None) -> Iterator[dict[str, Any]]:
    """One row for each requirement that a run violates; with `before`, only those whose outcome changed.

    A run without a report is one row, whose outcome is `no report`. A run that has no earlier one is compared with
    nothing: everything that it violates is new.
    """
    earlier = None if before is None else Earlier(before)
    for run in runs:
        old = {} if earlier is None else earlier.outcomes_of(run)
        if run.summary is None:
            if earlier is None or not earlier.is_without_report(run):
                yield {**_about(run), **_verdict(None, NO_REPORT, "")}
            continue
        for row in run.summary.requirements:
            was = old.get(row.id, ABSENT)
            if (earlier is None and row.verdict in (FAIL, WARN)) or (
                earlier is not None and _is_change(was, row.verdict)
            ):
                yield {**_about(run), **_verdict(row, row.verdict, "" if earlier is None else was)}


def _is_change(was: str, now: str) -> bool:
    """Whether a violation came, went or changed. That something was verified for the first time is no change."""
    return was != now and (was in (FAIL, WARN) or now in (FAIL, WARN))


def _about(run: SavedRun) -> dict[str, Any]:
    return {
        "run": run.id,
        "name": run.name,
        "model": run.model,
        "profile": run.profile,
        "depth": run.depth,
        "exit_code": run.exit_code,
    }


def _verdict(row: SummaryRow | None, outcome: str, before: str) -> dict[str, str]:
    named = {"requirement": "", "level": "", "harm": ""}
    if row is not None:
        named = {"requirement": row.id, "level": row.level, "harm": row.harm}
    return {**named, "outcome": outcome, "before": before}


class Earlier:
    """Earlier runs: found by id, else by implementation, model, profile and depth."""

    def __init__(self, runs: Iterable[SavedRun]) -> None:
        self._by_id: dict[str, SavedRun] = {}
        self._by_values: dict[tuple[str, ...], SavedRun] = {}
        for run in runs:
            self._by_id[run.id] = run
            self._by_values[_values(run)] = run

    def of(self, run: SavedRun) -> SavedRun | None:
        """The earlier run of the same cell."""
        return self._by_id.get(run.id) or self._by_values.get(_values(run))

    def outcomes_of(self, run: SavedRun) -> Mapping[str, str]:
        """Its outcomes by requirement."""
        found = self.of(run)
        rows = found.summary.requirements if found is not None and found.summary is not None else ()
        return {row.id: row.verdict for row in rows}

    def is_without_report(self, run: SavedRun) -> bool:
        """Whether the earlier run had no report either."""
        found = self.of(run)
        return found is not None and found.summary is None


def _values(run: SavedRun) -> tuple[str, ...]:
    return run.name, run.model, run.profile, run.depth


def pivot(runs: Sequence[SavedRun]) -> tuple[tuple[str, ...], dict[str, dict[str, str]]]:
    """Implementations by models: the models, and by implementation the outcome with each model.

    Several runs of one implementation with one model (profiles, depths) have the worst outcome of all.
    """
    models = tuple(dict.fromkeys(run.model for run in runs))
    found: dict[str, dict[str, SavedRun]] = {}
    for run in runs:
        cells = found.setdefault(run.name, {})
        if run.model not in cells or _rank(run) < _rank(cells[run.model]):
            cells[run.model] = run
    return models, {name: {model: _outcome(run) for model, run in cells.items()} for name, cells in found.items()}


def _rank(run: SavedRun) -> tuple[int, int]:
    """The worst first: violations, not judged, misconfigured, passes."""
    return (1, 2, 4, 0).index(run.exit_code), -_failing(run)


def _failing(run: SavedRun) -> int:
    return len(run.summary.failing) if run.summary is not None else 0


def _outcome(run: SavedRun) -> str:
    return f"{_failing(run)} fail" if run.exit_code == 1 and _failing(run) else WORDS[run.exit_code]


# -- output ---------------------------------------------------------------------------------------------------------


def to_json(runs: Sequence[SavedRun], found: Iterable[Mapping[str, Any]]) -> str:
    """Runs and rows as one JSON document."""
    about = [{**_about(run), "verdict": run.verdict} for run in runs]
    return json_text(encodable({"schema": SCHEMA_ID, "runs": about, "rows": list(found)}))


def to_lines(runs: Sequence[SavedRun], found: Iterable[Mapping[str, Any]]) -> str:
    """Rows as JSON lines."""
    return "".join(json.dumps(row, ensure_ascii=True) + "\n" for row in found)


def to_csv(runs: Sequence[SavedRun], found: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV."""
    return _csv(ROW_KEYS, found)


def to_text(runs: Sequence[SavedRun], found: Iterable[Mapping[str, Any]]) -> str:
    """Rows for a terminal."""
    lines = []
    for row in found:
        what = f"{row['requirement']}  " if row["requirement"] else ""
        was = f"{row['before']} -> " if row["before"] else ""
        lines.append(f"{inline(row['run'])}  {inline(what)}{was}{row['outcome']}")
    return "\n".join(lines or ["nothing changed"]) + "\n"


FORMATS: Final[Mapping[str, Callable[[Sequence[SavedRun], Iterable[Mapping[str, Any]]], str]]] = {
    "json": to_json,
    "jsonl": to_lines,
    "csv": to_csv,
    "terminal": to_text,
}


def pivot_text(runs: Sequence[SavedRun], form: str) -> str:
    """The pivot in one of the formats."""
    models, table = pivot(runs)
    if form == "json":
        return json_text(encodable({"schema": SCHEMA_ID, "models": models, "implementations": table}))
    if form == "jsonl":
        return "".join(json.dumps({"name": name, "models": cells}) + "\n" for name, cells in table.items())
    if form == "csv":
        return _csv(("name", *models), ({"name": name, **cells} for name, cells in table.items()))
    lines = [["", *map(inline, models)]]
    lines += [[inline(name), *(cells.get(model, "-") for model in models)] for name, cells in table.items()]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip() + "\n"
        for line in lines
    )


def _csv(keys: Sequence[str], found: Iterable[Mapping[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([csv_cell(key) for key in keys])
    writer.writerows([csv_cell(row.get(key, "")) for key in keys] for row in found)
    return out.getvalue()
