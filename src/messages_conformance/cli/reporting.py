"""The command `report`: it writes a saved run in another format, or verifies it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from messages_conformance.ci_commands import disarmed, disarmed_xml
from messages_conformance.cli.commands import Command
from messages_conformance.cli.parameters import FILE, FOLDER, Parsed, argument, option
from messages_conformance.cli.parsing import wrong_usage
from messages_conformance.masking import masked

if TYPE_CHECKING:
    from messages_conformance.report import Report

FORMATS: Final = (
    "html",
    "brief",
    "markdown",
    "sarif",
    "junit",
    "github",
    "badge",
    "json",
    "matrix",
    "har",
    "terminal",
    "verdict",
)
"""Only the names: `--help` does not import the modules that write a report."""

HARMLESS: Final[Mapping[str, Callable[[str], str]]] = {
    "github": lambda text: text,
    "html": lambda text: text,
    "brief": lambda text: text,
    "junit": disarmed_xml,
}
"""What keeps a format from being executed in a log, where it is not `disarmed`. The commands for GitHub are meant to be
executed; those and the pages, whose styles look like commands, are written from harmless texts."""

VERIFY: Final = "verify"

STEP_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
"""The variable with the file into which a step of GitHub Actions writes its summary as Markdown."""


def commands() -> tuple[Command, ...]:
    """Declares `report`."""
    output = option("--output", metavar="FILE", kind=FILE, help="write there instead of printing")
    one = [
        argument(
            "words",
            metavar="[verify] DIR",
            several=True,
            kind=FOLDER,
            help="folder that a run with --report wrote; with verify: judge its recording again, and say what differs "
            "from the report",
        ),
        option(
            "--format",
            choices=FORMATS,
            default="terminal",
            metavar="FORM",
            help=f"{', '.join(FORMATS)} (default: terminal)",
        ),
        output,
    ]
    return (Command("report", _report, one),)


def _report(parsed: Parsed) -> int:
    from messages_conformance import report

    if parsed.words[0] == VERIFY and len(parsed.words) == 2:
        return _verify(parsed.words[1])
    if len(parsed.words) > 1:
        return wrong_usage(ValueError(f"report takes one folder, or `report {VERIFY} DIR`"))
    try:
        loaded = report.load(parsed.words[0])
        text = report.FORMATS[parsed.format](loaded)
        write_output(text if parsed.output else HARMLESS.get(parsed.format, disarmed)(text), parsed.output)
        if parsed.format == "github":
            _summarize(loaded)
    except report.ReportError as error:
        return wrong_usage(error)
    return 0


def _verify(folder: str) -> int:
    """Checks a report against its recording; returns 1 when something differs."""
    import time
    from datetime import UTC, datetime

    from messages_conformance.report import ReportError, StandardOutput
    from messages_conformance.report.text import sentence
    from messages_conformance.session import Clock, UsageError, verified

    clock = Clock(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)
    try:
        found = verified(folder, clock=clock)
    except (ReportError, UsageError) as error:
        return wrong_usage(error)
    out = StandardOutput()
    for text in found.notes:
        out.write(f"note: {sentence(text)}\n")
    for text in found.problems:
        out.write(f"DIFFERS: {sentence(text)}\n")
    what = "differs from its recording" if found.problems else "agrees with its recording"
    out.write("note: only report.json is compared; `report DIR --format html` writes the page again\n")
    out.write(f"the report {what}: {found.compared:,} verdicts over {found.exchanges:,} exchanges were judged again\n")
    return int(bool(found.problems))


def write_output(text: str, output: str | None) -> None:
    """Writes the text to the file, or prints it; secrets are masked."""
    if output is None:
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
        sys.stdout.write(masked(text))
    else:
        from messages_conformance.report import replace

        replace(Path(output), text, cure="name another file with --output")


def _summarize(loaded: Report) -> None:
    """Appends the Markdown to the summary of the step, when GitHub Actions runs this command."""
    from messages_conformance.report import FORMATS, ReportError

    place = os.environ.get(STEP_SUMMARY)
    if place:
        try:
            with open(place, "a", encoding="utf-8") as file:
                file.write(masked(FORMATS["markdown"](loaded)))
        except OSError as error:
            raise ReportError(f"{place!r}, the value of {STEP_SUMMARY}, cannot be written: {error}") from error
