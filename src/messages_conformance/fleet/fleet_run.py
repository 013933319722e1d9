"""One `run --all`: the cells, their runs and results, and what is printed and written about all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, Final

from messages_conformance import __version__, report
from messages_conformance.configuration import ConfigurationError, Setting
from messages_conformance.fleet import forking
from messages_conformance.fleet.cells import Cell
from messages_conformance.fleet.fleet_document import FILE_NAME, FleetCell, FleetDocument, fleet_of, write
from messages_conformance.fleet.results import (
    NOT_JUDGED,
    WRONG_USAGE,
    Stamp,
    done,
    result_of,
    stamp_of,
    without_report,
)
from messages_conformance.fleet.scheduling import Child, Ended, run_cells, spread
from messages_conformance.fleet.shards import Shard
from messages_conformance.fleet.shared_groups import SharedGroups
from messages_conformance.masking import masked
from messages_conformance.report import ReportError, StandardOutput, prepare
from messages_conformance.report.text import counted, inline

COMPARISON: Final = "comparison"
SUFFIXES: Final = {"markdown": ".md", "html": ".html"}

SHOWN_WHOLE: Final = 8
"""The output of each cell is printed if there are at most this many; else one line for each cell (our own: two
screens)."""

MOST_COMPARED: Final = 12
"""Columns of a comparison that fit on a page (our own); `site` shows more."""

INTERIM_S: Final = 10.0
"""How often fleet.json is written while cells run (our own)."""


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What the command line does for a fleet: the arguments of a run, its process, signals and messages.

    `start` gets the arguments, the file of the output, variables, and whether to fork.
    """

    arguments_of: Callable[[Mapping[str, Setting]], list[str]]
    secrets_of: Callable[[Mapping[str, Setting]], dict[str, str]]
    start: Callable[[list[str], IO[bytes], Mapping[str, str], bool], Child]
    pass_on_signals: Callable[[list[Any], Callable[[], None]], Callable[[], None]]
    signals_blocked: Callable[[], AbstractContextManager[None]]
    complain: Callable[[str], None]


class FleetRun:
    """The cells of one `run --all`, and their results so far."""

    def __init__(self, cells: Sequence[Cell], *, base: Path, shard: Shard | None, tools: Tools) -> None:
        try:
            prepare(base)
        except ReportError as error:
            raise ConfigurationError(str(error)) from error
        self._cells = {cell.id: cell for cell in cells}
        self._base = base
        self._shard = shard
        self._tools = tools
        self._out = StandardOutput()  # a closed pipe must not change the exit code
        self._results: dict[str, FleetCell] = {}
        self._outputs: dict[str, str] = {}
        self._before: dict[str, Stamp | None] = {}
        self._started_at = datetime.now(UTC)
        self._interrupted = False
        self._printed = 0
        self._written_s = time.monotonic()
        self._arguments: dict[str, list[str]] = {}

    # -- before the runs ---------------------------------------------------------------------------------------------

    def take_done(self, age: timedelta) -> None:
        """Takes the results of earlier runs that are young enough."""
        for cell in self._cells.values():
            if (found := done(cell, self._base, age=age, now=self._started_at)) is not None:
                self._results[cell.id] = found

    def _planned(self) -> list[Cell]:
        """The cells that have to run. A wrong option of one does not keep the others from being judged."""
        planned = []
        for cell in self._cells.values():
            if cell.id in self._results:
                continue
            problem = cell.problem
            if not problem:
                try:
                    self._arguments[cell.id] = self._tools.arguments_of(cell.options)
                except ConfigurationError as error:
                    problem = masked(str(error))
            if problem:
                self._results[cell.id] = without_report(cell, problem, code=WRONG_USAGE)
                self._outputs[cell.id] = f"ERROR: {problem}\n"
            else:
                self._before[cell.id] = stamp_of(cell)
                planned.append(cell)
        return planned

    # -- the runs ----------------------------------------------------------------------------------------------------

    def run(self, jobs: int) -> None:
        """Runs the cells that have no result yet."""
        planned = self._planned()
        self._announce(planned)
        for row in self._results.values():
            self._print_row(row)
        if not planned:
            return
        processes: list[Any] = []
        can_fork = forking.can_fork()
        if can_fork:
            forking.prepare()
        with ExitStack() as stack:
            groups = stack.enter_context(SharedGroups(jobs=jobs))

            def begin(cell: Cell, output: IO[bytes], worker: int) -> Child:
                variables = {**self._tools.secrets_of(cell.options), **groups.variables(cell, worker)}
                child = self._tools.start(self._arguments[cell.id], output, variables, can_fork)
                processes.append(child.process)
                return child

            stack.callback(self._tools.pass_on_signals(processes, self._interrupt))
            run_cells(
                spread(planned),
                jobs=jobs,
                start=begin,
                ended=self._ended,
                freed=groups.free,
                stopped=lambda: self._interrupted,
                blocked=self._tools.signals_blocked,
            )

    def _interrupt(self) -> None:
        self._interrupted = True

    def _announce(self, planned: Sequence[Cell]) -> None:
        names = ", ".join(cell.id for cell in planned[:SHOWN_WHOLE])
        more = f", and {len(planned) - SHOWN_WHOLE:,} more" if len(planned) > SHOWN_WHOLE else ""
        kept = sum(row.reused for row in self._results.values())
        reused = f"; {kept:,} have a report that is young enough" if kept else ""
        self._out.write(
            f"judging {counted(len(planned), 'cell')}: {names}{more}{reused}\n"
            if planned
            else f"nothing to run{reused}\n"
        )
        for cell in self._cells.values():
            if cell.note:
                self._out.write(f"note: {cell.name}: {cell.note}\n")
        self._out.flush()

    def _ended(self, ended: Ended) -> None:
        cell = ended.cell
        row = result_of(
            cell,
            self._base,
            code=ended.code,
            before=self._before[cell.id],
            output=ended.output,
            elapsed_s=ended.elapsed_s,
        )
        self._results[cell.id] = row
        if len(self._cells) <= SHOWN_WHOLE:
            self._outputs[cell.id] = ended.output
        self._print_row(row)
        if time.monotonic() - self._written_s > INTERIM_S:
            self._write()

    def _print_row(self, row: FleetCell) -> None:
        self._printed += 1
        number = f"[{self._printed:,}/{len(self._cells):,}]"
        again = " (earlier report)" if row.reused else f" ({row.elapsed_s:.1f} s)" if row.elapsed_s else ""
        self._out.write(f"{number} {row.outcome:<11} {inline(row.id)}: {inline(row.verdict, 200)}{again}\n")
        self._out.flush()

    # -- the end -----------------------------------------------------------------------------------------------------

    def finish(self) -> int:
        """Writes fleet.json and the comparison, prints the end, and returns the exit code of all cells."""
        if len(self._cells) <= SHOWN_WHOLE:
            for name in self._cells:
                if name in self._outputs:
                    self._out.write(f"\n== {name} ==\n\n{self._outputs[name]}")
        document = self._write()
        if self._shard is None and len(self._cells) <= MOST_COMPARED:  # shards may share a folder
            self._compare()
        counts = document.counts
        self._out.write(
            f"\n{counted(counts.total, 'cell')}: {counts.passes:,} pass, {counts.violations:,} with violations, "
            f"{counts.not_judged:,} not judged, {counts.wrong_usage:,} misconfigured; {self._path()}\n"
        )
        return document.exit_code

    def _path(self) -> Path:
        shard = self._shard
        return self._base / (FILE_NAME if shard is None else f"fleet-{shard.index}-of-{shard.total}.json")

    def _write(self) -> FleetDocument:
        self._written_s = time.monotonic()
        why = "it was not run, because the fleet was interrupted" if self._interrupted else "it has not ended yet"
        rows = [
            self._results.get(name) or without_report(cell, why, code=NOT_JUDGED) for name, cell in self._cells.items()
        ]
        document = fleet_of(
            rows,
            version=__version__,
            started_at=self._started_at.isoformat(timespec="seconds"),
            ended_at=datetime.now(UTC).isoformat(timespec="seconds"),
            complete=len(self._results) == len(self._cells),
            shard=str(self._shard or ""),
        )
        try:
            write(document, self._path())
        except report.ReportError as error:
            self._tools.complain(str(error))
        return document

    def _compare(self) -> None:
        """Writes the comparison of all reports that exist, names the cells without one, and prints its place."""
        folders = {name: self._base / row.report for name, row in self._results.items() if row.report}
        if not folders:
            return
        without = {
            name: self._results[name].verdict for name in self._cells if name in self._results and name not in folders
        }
        try:
            made = report.compare(
                [report.load(one) for one in folders.values()], labels=tuple(folders), without=without
            )
            for form, suffix in SUFFIXES.items():
                path = self._base / f"{COMPARISON}{suffix}"
                report.replace(path, report.COMPARISONS[form](made), cure="name another folder")
        except report.ReportError as error:
            self._tools.complain(str(error))
            return
        self._out.write(f"\ncomparison: {self._base / COMPARISON}.html, {self._base / COMPARISON}.md\n")
