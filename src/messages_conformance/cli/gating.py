"""The commands `waive` and `diff`: waivers for a saved run, and the changes between two saved runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from messages_conformance.ci_commands import disarmed
from messages_conformance.cli.commands import Command
from messages_conformance.cli.parameters import FILE, FOLDER, WHOLE_NUMBER, Parsed, argument, flag, option
from messages_conformance.cli.parsing import wrong_usage
from messages_conformance.masking import masked
from messages_conformance.options import OUTPUTS

if TYPE_CHECKING:
    from messages_conformance.report import Report

FILE_NAME: Final = "waivers.toml"
DAYS: Final = 90
"""Days until a new waiver expires: enough to fix a server, and few enough not to be forgotten (our own choice)."""

MOST_DAYS: Final = 3_650
"""A waiver for more than ten years is a mistake (our own choice)."""

DIFFERENCES: Final = ("text", "markdown", "json")
"""Only the names: `--help` does not import the modules that write them."""


def commands() -> tuple[Command, ...]:
    """Declares `waive` and `diff`."""
    waive = [
        argument("report", metavar="REPORT", kind=FOLDER, help="folder that a run with --report wrote"),
        option("--output", metavar="FILE", kind=FILE, default=FILE_NAME, help=f"a new file (default: {FILE_NAME})"),
        option("--days", kind=WHOLE_NUMBER, default=DAYS, help=f"days until they expire (default: {DAYS})"),
        flag("--warnings", help="also write waivers for warnings"),
        option(
            "--format",
            choices=OUTPUTS,
            default="text",
            metavar="FORM",
            help="what is printed: text (default) or json",
        ),
    ]
    diff = [
        argument("old", metavar="OLD", kind=FOLDER, help="folder that the earlier run with --report wrote"),
        argument("new", metavar="NEW", kind=FOLDER, help="folder that the later run with --report wrote"),
        option(
            "--format",
            choices=DIFFERENCES,
            default="text",
            metavar="FORM",
            help="text (default), markdown or json",
        ),
    ]
    return (Command("waive", _waive, waive), Command("diff", _diff, diff))


def _waive(parsed: Parsed) -> int:
    from messages_conformance import gate, report
    from messages_conformance.report.text import json_text

    place = Path(parsed.output)
    if place.exists():
        return wrong_usage(FileExistsError(f"{parsed.output!r} already exists; name a new file with --output"))
    if not 1 <= parsed.days <= MOST_DAYS:
        return wrong_usage(ValueError(f"--days is {parsed.days}; it must be a number from 1 to {MOST_DAYS:,}"))
    try:
        saved = report.load(parsed.report)
        found = [*report.failures(saved), *(report.warnings(saved) if parsed.warnings else ())]
        if not found:
            print('{"waivers": []}' if parsed.format == "json" else "nothing failed, so there is nothing to waive")
            return 0
        rows = [(v.requirement, _sentence(saved, v.requirement)) for v in found]
        expires = (datetime.now(UTC) + timedelta(days=parsed.days)).date()
        text = gate.waivers_toml(rows, expires=expires, model=saved.run.model, profile=saved.run.profile)
        report.replace(place, text, cure="name another file with --output")
    except report.ReportError as error:
        return wrong_usage(error)
    if parsed.format == "json":
        document = {"file": str(place), "expires": expires.isoformat(), "waivers": [row[0] for row in rows]}
        report.StandardOutput().write(json_text(document))
        return 0
    what = "1 waiver" if len(rows) == 1 else f"{len(rows):,} waivers"
    print(f"{place}: {what} until {expires}; fill in each reason and owner, then run with --waivers {place}")
    return 0


def _sentence(saved: Report, requirement: str) -> str:
    from messages_conformance.report.text import sentence

    row = saved.catalogue.get(requirement)
    return sentence(row.sentence if row is not None else requirement)


def _diff(parsed: Parsed) -> int:
    from messages_conformance import report
    from messages_conformance.report.run_difference import DIFFERENCES as WRITERS
    from messages_conformance.report.run_difference import run_difference

    try:
        found = run_difference(report.load(parsed.old), report.load(parsed.new))
    except report.ReportError as error:
        return wrong_usage(error)
    text = masked(WRITERS[parsed.format](found))
    # A closed pipe must not change the exit code.
    report.StandardOutput().write(text if parsed.format == "json" else disarmed(text))
    return int(found.is_worse)
