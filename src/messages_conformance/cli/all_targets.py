"""`run --all`: runs all targets of the file at the same time, with one report for each and a comparison of all."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Final

from messages_conformance import configuration
from messages_conformance.cli.invocation import command, environment, exit_code_of
from messages_conformance.cli.settings import given
from messages_conformance.cli.signals import pass_on_signals, signals_blocked
from messages_conformance.configuration import Configuration, ConfigurationError, Setting

FOLDER: Final = "reports"
"""The default folder of the reports; the comparison needs them."""

COMPARISON: Final = "comparison"
SUFFIXES: Final = {"markdown": ".md", "html": ".html"}

WORST_FIRST: Final = (4, 1, 2, 0)
"""The order in which one of several exit codes is chosen: wrong usage, violations, not judged, conformant."""


def run_all(parsed: argparse.Namespace, found: Configuration) -> int:
    """Runs all targets of the file, prints the runs in the order of the file and compares them; returns the exit code.

    Raises ConfigurationError when the options cannot be used.
    """
    if parsed.target is not None:
        raise ConfigurationError(f"--all runs every target of the file: leave {parsed.target!r} or --all out")
    if not found.targets:
        raise ConfigurationError(
            f"--all needs targets: add tables such as [targets.staging] with target = ... to {configuration.FILE_NAME}"
        )
    base = Path(parsed.report or found.common.get("report") or FOLDER)
    reserved = [name for name in found.targets if name.startswith(COMPARISON)]
    if reserved:
        raise ConfigurationError(f"a target named {reserved[0]!r} would overwrite the comparison; rename it")
    planned = {name: _settings(name, parsed, found, base) for name in found.targets}
    codes = _run_commands({name: command(options) for name, options in planned.items()})
    _compare({name: Path(options["report"].value) for name, options in planned.items()}, base)
    return next(code for code in WORST_FIRST if code in codes)


def _settings(name: str, parsed: argparse.Namespace, found: Configuration, base: Path) -> dict[str, Setting]:
    """The options of one target, with its own report folder."""
    options = configuration.settings({**given(parsed), "target": name}, found, os.environ)
    if "report" not in found.targets[name]:
        options["report"] = Setting(value=str(base / name), origin="default")
    return options


def _run_commands(commands: dict[str, list[str]]) -> set[int]:
    """Runs all commands at the same time, prints their outputs when all have ended, and returns their exit codes."""
    from messages_conformance.report import StandardOutput

    with ExitStack() as files, signals_blocked():
        outputs = {name: files.enter_context(tempfile.TemporaryFile()) for name in commands}
        processes = {name: _started(arguments, outputs[name]) for name, arguments in commands.items()}
        out = StandardOutput()  # a closed pipe must not change the exit code
        out.write(f"judging {len(commands)} targets: {', '.join(commands)}\n")
        out.flush()
        restore = pass_on_signals(list(processes.values()))
        codes = {name: exit_code_of(process.wait()) for name, process in processes.items()}
        restore()
        for name, output in outputs.items():
            output.seek(0)
            out.write(f"\n== {name} ==\n\n{output.read().decode('utf-8', 'replace')}")
    return set(codes.values())


def _started(arguments: list[str], output: IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(arguments, env=environment(), stdout=output, stderr=subprocess.STDOUT)


def _compare(folders: dict[str, Path], base: Path) -> None:
    """Writes the comparison of all reports that exist, and prints its place."""
    from messages_conformance import report

    reports = {name: folder for name, folder in folders.items() if (folder / "report.json").is_file()}
    if not reports:
        return
    try:
        made = report.compare([report.load(folder) for folder in reports.values()], labels=tuple(reports))
        for form, suffix in SUFFIXES.items():
            report.replace(base / f"{COMPARISON}{suffix}", report.COMPARISONS[form](made), cure="name another folder")
    except report.ReportError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return
    report.StandardOutput().write(f"\ncomparison: {base / COMPARISON}.html, {base / COMPARISON}.md\n")
