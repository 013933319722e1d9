"""Finds the saved runs in folders: those that a fleet.json lists, with its cells without a report, and any others."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from messages_conformance.fleet.fleet_document import FleetCell, FleetError, load
from messages_conformance.report import ReportError
from messages_conformance.report.summarized import Summary, summarized

REPORT: Final = "report.json"
FLEET: Final = re.compile(r"fleet(-\d+-of-\d+)?\.json")
"""The names of the files of a fleet: one for all cells, or one for each shard."""


@dataclass(frozen=True, kw_only=True)
class SavedRun:
    """One run. `id` is unique among the collected runs; `name` is its target, or its first folder.

    Without a `summary`, `reason` says why, and `exit_code` is 2 or 4.
    """

    id: str
    name: str
    model: str
    profile: str
    depth: str
    exit_code: int
    summary: Summary | None = None
    folder: Path | None = None
    reason: str = ""

    @property
    def verdict(self) -> str:
        """The verdict in one sentence."""
        return self.reason if self.summary is None else self.summary.verdict_sentence


def collected(places: Iterable[Path]) -> tuple[SavedRun, ...]:
    """The runs in these folders and files, in the order of their names. A folder without any is a run without a report.

    Raises FleetError for a fleet.json that cannot be read.
    """
    found: dict[str, SavedRun] = {}
    for place in places:
        for run in _in_place(place):
            name = _unique(run.id, found)
            found[name] = run if name == run.id else replace(run, id=name)
    return tuple(found.values())


def _in_place(place: Path) -> Iterator[SavedRun]:
    if place.is_file() and FLEET.fullmatch(place.name):
        yield from _of_fleet(place)
        return
    folder = place.parent if place.name == REPORT else place
    fleets, reports = _files_in(folder)
    listed: set[Path] = set()
    for file in fleets:
        for run in _of_fleet(file):
            listed |= {run.folder} if run.folder is not None else set()
            yield run
    others = [path.parent for path in reports if path.parent.absolute() not in listed]
    for each in others:
        yield _of_report(each, folder)
    if not fleets and not reports:
        yield SavedRun(
            id=folder.name or str(folder),
            name=folder.name or str(folder),
            model="",
            profile="",
            depth="",
            exit_code=2,
            reason=_why_none(folder),
        )


def _files_in(folder: Path) -> tuple[list[Path], list[Path]]:
    """The files of fleets and the reports below a folder. Files deeper down with the same name may be of others."""
    fleets: list[Path] = []
    reports: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders.sort()
        own = sorted(name for name in names if FLEET.fullmatch(name))
        files = [Path(place, name) for name in own]
        fleets += files if Path(place) == folder else [file for file in files if _is_fleet(file)]
        reports += [Path(place, REPORT)] if REPORT in names else []
    return fleets, reports


def _of_fleet(file: Path) -> Iterator[SavedRun]:
    for cell in load(file).cells:
        folder = file.parent / cell.report if cell.report else None
        yield _of_cell(cell, folder)


def _of_cell(cell: FleetCell, folder: Path | None) -> SavedRun:
    summary, reason, code = None, cell.verdict, cell.exit_code
    if folder is not None:
        try:
            summary = summarized(folder)
        except ReportError as error:
            reason, code = str(error), 2
    return SavedRun(
        id=cell.id,
        name=cell.name,
        model=cell.model,
        profile=cell.profile,
        depth=cell.depth,
        exit_code=code,
        summary=summary,
        folder=None if summary is None or folder is None else folder.absolute(),
        reason="" if summary is not None else reason,
    )


def _of_report(folder: Path, root: Path) -> SavedRun:
    relative = folder.relative_to(root)
    parts = relative.parts or (folder.absolute().name,)
    identity, name = "/".join(parts), parts[0]
    try:
        found = summarized(folder)
    except ReportError as error:
        return SavedRun(id=identity, name=name, model="", profile="", depth="", exit_code=2, reason=str(error))
    return SavedRun(
        id=identity,
        name=name,
        model=found.run.model,
        profile=found.run.profile,
        depth=found.run.depth,
        exit_code=found.exit_code,
        summary=found,
        folder=folder.absolute(),
    )


def _unique(name: str, used: Mapping[str, SavedRun]) -> str:
    number, found = 2, name
    while found in used:
        found, number = f"{name} ({number})", number + 1
    return found


def _why_none(folder: Path) -> str:
    try:
        summarized(folder)
    except ReportError as error:
        return str(error)
    return f"{str(folder)!r} has no report"


def _is_fleet(file: Path) -> bool:
    try:
        load(file)
    except FleetError:
        return False
    return True
