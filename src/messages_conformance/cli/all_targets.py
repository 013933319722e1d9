"""`run --all`: runs all targets of the file at the same time, with one report for each and a comparison of all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from messages_conformance import configuration
from messages_conformance.cli.child import start
from messages_conformance.cli.invocation import arguments_of, secrets_of
from messages_conformance.cli.parameters import Parsed
from messages_conformance.cli.parsing import USAGE, complain
from messages_conformance.cli.settings import given
from messages_conformance.cli.signals import pass_on_signals, signals_blocked
from messages_conformance.configuration import Configuration, ConfigurationError, Setting
from messages_conformance.masking import masked

FOLDER: Final = "reports"
"""The default folder of the reports; the comparison needs them."""

COMPARISON: Final = "comparison"
SUFFIXES: Final = {"markdown": ".md", "html": ".html"}

WORST_FIRST: Final = (1, 2, 4, 0)
"""The order in which one of several exit codes is chosen: violations, not judged, wrong usage, conformant."""


def run_all(parsed: Parsed, found: Configuration) -> int:
    """Runs all targets of the file, prints the runs in the order of the file and compares them; returns the exit code.

    Raises ConfigurationError when the options cannot be used.
    """
    if parsed.target is not None:
        raise ConfigurationError(f"--all runs every target of the file: leave {parsed.target!r} or --all out")
    if not found.targets and not found.problems:
        raise ConfigurationError(
            f"--all needs targets: add tables such as [targets.staging] with target = ... to {configuration.FILE_NAME}"
        )
    base = Path(parsed.report or found.common.get("report") or FOLDER)
    reserved = [name for name in found.targets if name.startswith(COMPARISON)]
    if reserved:
        raise ConfigurationError(f"a target named {reserved[0]!r} would overwrite the comparison; rename it")
    cells = {name: _planned(name, parsed, found, base) for name in (*found.targets, *found.problems)}
    _run_cells(cells)
    _compare(cells, base)
    return next(code for code in WORST_FIRST if code in {cell.code for cell in cells.values()})


@dataclass(kw_only=True)
class Cell:
    """One target: the arguments of its run and its report folder, or why it cannot be run; at its end, its code."""

    arguments: list[str] = field(default_factory=list)
    secrets: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    problem: str = ""
    code: int = USAGE


def _planned(name: str, parsed: Parsed, found: Configuration, base: Path) -> Cell:
    """The run of one target. A wrong option of one target does not keep the others from being judged."""
    if name in found.problems:
        return Cell(problem=found.problems[name])
    try:
        options = _settings(name, parsed, found, base)
        return Cell(arguments=arguments_of(options), secrets=secrets_of(options), folder=Path(options["report"].value))
    except ConfigurationError as error:
        return Cell(problem=masked(str(error)))


def _settings(name: str, parsed: Parsed, found: Configuration, base: Path) -> dict[str, Setting]:
    """The options of one target, with its own report folder."""
    options = configuration.settings({**given(parsed), "target": name}, found, os.environ)
    if "report" not in found.targets[name]:
        options["report"] = Setting(value=str(base / name), origin="default")
    return options


def _run_cells(cells: Mapping[str, Cell]) -> None:
    """Runs all targets at the same time, and prints their outputs in order when all have ended."""
    from messages_conformance.report import StandardOutput

    running = {name: cell for name, cell in cells.items() if not cell.problem}
    with ExitStack() as files, signals_blocked():
        outputs = {name: files.enter_context(tempfile.TemporaryFile()) for name in running}
        children = {
            name: start(cell.arguments, output=outputs[name], secrets=cell.secrets) for name, cell in running.items()
        }
        out = StandardOutput()  # a closed pipe must not change the exit code
        out.write(f"judging {len(children)} targets: {', '.join(children)}\n")
        out.flush()
        restore = pass_on_signals([child.process for child in children.values()])
        for name, child in children.items():
            running[name].code = child.wait()
        restore()
        for name, cell in cells.items():
            if name in outputs:
                outputs[name].seek(0)
                text = outputs[name].read().decode("utf-8", "replace")
            else:
                text = f"ERROR: {cell.problem}\n"
            out.write(f"\n== {name} ==\n\n{text}")


def _compare(cells: Mapping[str, Cell], base: Path) -> None:
    """Writes the comparison of all reports that exist, names the targets without one, and prints its place."""
    from messages_conformance import report

    folders = {name: cell.folder for name, cell in cells.items() if cell.folder is not None and cell.code != USAGE}
    reports = {name: folder for name, folder in folders.items() if (folder / "report.json").is_file()}
    if not reports:
        return
    without = {name: _why(cell) for name, cell in cells.items() if name not in reports}
    try:
        loaded = [report.load(folder) for folder in reports.values()]
        made = report.compare(loaded, labels=tuple(reports), without=without)
        for form, suffix in SUFFIXES.items():
            report.replace(base / f"{COMPARISON}{suffix}", report.COMPARISONS[form](made), cure="name another folder")
    except report.ReportError as error:
        complain(str(error))
        return
    report.StandardOutput().write(f"\ncomparison: {base / COMPARISON}.html, {base / COMPARISON}.md\n")


def _why(cell: Cell) -> str:
    return cell.problem or f"it has no report; its output says why (exit code {cell.code})"
