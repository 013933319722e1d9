"""The commands that read saved runs: `report` lays one out anew, `compare` lays several side by side."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from messages_conformance.cli.parsing import Commands, wrong_usage

if TYPE_CHECKING:
    from messages_conformance.report import Report

FORMATS: Final = ("html", "markdown", "sarif", "junit", "github", "badge", "json", "terminal", "verdict")
COMPARISONS: Final = ("markdown", "html")
"""The names alone: `--help` needs none of the modules that lay a report out."""

STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
"""Where GitHub Actions takes the Markdown of a step's summary."""


def add(commands: Commands) -> None:
    one = commands.add_parser("report", help="lay out a saved run anew", allow_abbrev=False)
    one.set_defaults(command=_report, parser=one)
    one.add_argument("folder", metavar="DIR", help="what a run with --report wrote")
    one.add_argument("--format", choices=FORMATS, default="terminal")
    one.add_argument("--output", metavar="FILE", help="write there instead of printing")

    several = commands.add_parser("compare", help="saved runs side by side: who fails what", allow_abbrev=False)
    several.set_defaults(command=_compare, parser=several)
    several.add_argument("folders", metavar="REPORT", nargs="+", help="folders that runs with --report wrote")
    several.add_argument("--format", choices=COMPARISONS, default="markdown")
    several.add_argument("--output", metavar="FILE", help="write there instead of printing")


def _report(parsed: argparse.Namespace) -> int:
    from messages_conformance import report

    try:
        made = report.load(parsed.folder)
        _deliver(report.FORMATS[parsed.format](made), parsed.output)
        if parsed.format == "github":
            _summarize(made)
    except report.ReportError as error:
        return wrong_usage(error)
    return 0


def _compare(parsed: argparse.Namespace) -> int:
    from messages_conformance import report

    try:
        made = report.compare([report.load(folder) for folder in parsed.folders])
        _deliver(report.COMPARISONS[parsed.format](made), parsed.output)
    except report.ReportError as error:
        return wrong_usage(error)
    return 0


def _deliver(text: str, output: str | None) -> None:
    if output is None:
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
        sys.stdout.write(text)
    else:
        from messages_conformance.report import replace

        replace(Path(output), text, cure="name another file with --output")


def _summarize(made: Report) -> None:
    """Adds the Markdown to the step's summary, where there is one."""
    from messages_conformance.report import FORMATS, ReportError

    place = os.environ.get(STEP_SUMMARY)
    if place:
        try:
            with open(place, "a", encoding="utf-8") as file:
                file.write(FORMATS["markdown"](made))
        except OSError as error:
            raise ReportError(f"{place!r}, which {STEP_SUMMARY} names, cannot be written: {error}") from error
