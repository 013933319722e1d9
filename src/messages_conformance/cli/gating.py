"""The commands `waive` and `diff`: waivers for a saved run, and the changes between two saved runs."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from messages_conformance.cli.parsing import Commands, wrong_usage

if TYPE_CHECKING:
    from messages_conformance.gate import Difference
    from messages_conformance.report import Report

FILE_NAME: Final = "waivers.toml"
DAYS: Final = 90
"""Days until a new waiver expires: enough to fix a server, and few enough not to be forgotten (our own choice)."""

MOST_DAYS: Final = 3_650
"""A waiver for more than ten years is a mistake (our own choice)."""

GROUPS: Final = {
    "newly_failing": "NEWLY FAILING",
    "newly_warning": "NEWLY WARNING",
    "fixed": "FIXED",
    "newly_verified": "NEWLY VERIFIED",
    "no_longer_verified": "NO LONGER VERIFIED",
    "unknown_before": "FAILING, NOT JUDGED BEFORE",
}


def add(commands: Commands) -> None:
    """Declares `waive` and `diff`."""
    waive = commands.add_parser("waive", help="write waivers for the failures of a saved run", allow_abbrev=False)
    waive.set_defaults(command=_waive, parser=waive)
    waive.add_argument("report", metavar="REPORT", help="folder that a run with --report wrote")
    waive.add_argument("--output", metavar="FILE", default=FILE_NAME, help=f"a new file (default: {FILE_NAME})")
    waive.add_argument("--days", type=int, default=DAYS, help=f"days until they expire (default: {DAYS})")
    waive.add_argument("--warnings", action="store_true", help="also write waivers for warnings")

    diff = commands.add_parser("diff", help="show the changes between two saved runs", allow_abbrev=False)
    diff.set_defaults(command=_diff, parser=diff)
    diff.add_argument("old", metavar="OLD", help="folder that the earlier run with --report wrote")
    diff.add_argument("new", metavar="NEW", help="folder that the later run with --report wrote")


def _waive(parsed: argparse.Namespace) -> int:
    from messages_conformance import gate, report

    place = Path(parsed.output)
    if place.exists():
        return wrong_usage(FileExistsError(f"{parsed.output!r} already exists; name a new file with --output"))
    if not 1 <= parsed.days <= MOST_DAYS:
        return wrong_usage(ValueError(f"--days is {parsed.days}; it must be a number from 1 to {MOST_DAYS:,}"))
    try:
        saved = report.load(parsed.report)
        found = [*report.failures(saved), *(report.warnings(saved) if parsed.warnings else ())]
        if not found:
            print("nothing failed, so there is nothing to waive")
            return 0
        rows = [(v.requirement, _sentence(saved, v.requirement)) for v in found]
        expires = (datetime.now(UTC) + timedelta(days=parsed.days)).date()
        text = gate.waivers_toml(rows, expires=expires, model=saved.run.model, profile=saved.run.profile)
        report.replace(place, text, cure="name another file with --output")
    except report.ReportError as error:
        return wrong_usage(error)
    what = "1 waiver" if len(rows) == 1 else f"{len(rows):,} waivers"
    print(f"{place}: {what} until {expires}; fill in each reason and owner, then run with --waivers {place}")
    return 0


def _sentence(saved: Report, requirement: str) -> str:
    from messages_conformance.report.text import sentence

    row = saved.catalogue.get(requirement)
    return sentence(row.sentence if row is not None else requirement)


def _diff(parsed: argparse.Namespace) -> int:
    from messages_conformance import gate, report

    try:
        old, new = report.load(parsed.old), report.load(parsed.new)
    except report.ReportError as error:
        return wrong_usage(error)
    changes = gate.difference(*({v.requirement: v.outcome for v in each.verdicts} for each in (old, new)))
    out = report.StandardOutput()  # a closed pipe must not change the exit code
    for line in _lines(old, new, changes):
        out.write(f"{line}\n")
    return int(bool(changes.newly_failing))


def _lines(old: Report, new: Report, changes: Difference) -> Iterator[str]:
    from messages_conformance.report.text import inline, sentence

    for name in ("target", "model", "profile", "depth"):
        before, after = getattr(old.run, name), getattr(new.run, name)
        if before != after:
            yield f"note: {name} {sentence(before)} before, {sentence(after)} now"
    for name, title in GROUPS.items():
        ids = getattr(changes, name)
        if ids:
            yield f"{title} ({len(ids):,})"
            yield from (f"  {inline(each)}  {_sentence(new if each in new.catalogue else old, each)}" for each in ids)
    if changes == type(changes)():
        yield "nothing changed"
