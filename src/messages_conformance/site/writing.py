"""Writes a site into a folder, and removes the pages of the site that was there before."""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from messages_conformance import report
from messages_conformance.fleet.cells import slug
from messages_conformance.fleet.collecting import SavedRun
from messages_conformance.history.standing import Night, Standing
from messages_conformance.input_files import MAX_SAVED_BYTES, InputError, parsed_json, read_bytes, typed
from messages_conformance.report.text import encodable, json_text
from messages_conformance.site import badges, model
from messages_conformance.site.history_page import history_page
from messages_conformance.site.layout import PAGES, Frame, Page
from messages_conformance.site.model import Site
from messages_conformance.site.overview import overview, target_page
from messages_conformance.site.pivots import clients_page, features_page, requirement_page, requirements_page
from messages_conformance.site.run_page import run_page

MANIFEST: Final = "site.json"
SCHEMA_ID: Final = "messages-conformance/site/1"
CURE: Final = "free space, or name another folder with --output"


class SiteError(Exception):
    """A site cannot be written; the message names the folder and the cure."""


@dataclass(frozen=True, kw_only=True)
class Time:
    """What a history adds to a site."""

    nights: tuple[Night, ...] = ()
    standings: tuple[Standing, ...] = ()


def write(runs: Sequence[SavedRun], folder: Path, *, title: str, time: Time, with_reports: bool = True) -> int:
    """Writes the site; returns the number of its pages. Raises SiteError and ReportError.

    `with_reports` copies the page of each run beside it.
    """
    before = _manifest(folder)
    report.prepare(folder, option="--output")
    site = Site(runs=tuple(runs))
    written: list[str] = []
    pages = 0
    names = tuple(name for name in PAGES if name != "history.html" or time.nights)
    frame = Frame(title=title, pages=names)
    for page in _pages(site, title, time, with_reports):
        _put(folder, page.path, frame.html(page), written)
        pages += 1
    for name, text in _data(site):
        _put(folder, name, text, written)
    if with_reports:
        for run in site.runs:
            written += _copied(run, folder)
    manifest = {"schema": SCHEMA_ID, "title": title, "files": written, "runs": [_row(run) for run in site.runs]}
    _put(folder, MANIFEST, json_text(encodable(manifest)), written)
    for name in before - set(written):
        (folder / name).unlink(missing_ok=True)
    return pages


def _manifest(folder: Path) -> set[str]:
    """The files of the site that is in the folder; raises SiteError for a folder with other files."""
    if not folder.is_dir() or not any(folder.iterdir()):
        return set()
    try:
        value = parsed_json(read_bytes(folder / MANIFEST, limit_bytes=MAX_SAVED_BYTES))
        if not isinstance(value, dict) or value.get("schema") != SCHEMA_ID:
            raise InputError("it is of another program")
        names = typed(value.get("files"), list[str])
    except InputError as error:
        raise SiteError(
            f"{str(folder)!r} has files that are no site ({MANIFEST}: {error}); name an empty folder with --output"
        ) from error
    return {name for name in names if not Path(name).is_absolute() and ".." not in Path(name).parts}


def _pages(site: Site, title: str, time: Time, with_reports: bool) -> Iterator[Page]:
    now = datetime.now(UTC).isoformat(timespec="minutes")
    versions = sorted({run.summary.run.version for run in site.runs if run.summary is not None})
    yield overview(site, title=title, made_at=now, versions=", ".join(versions))
    yield requirements_page(site)
    yield features_page(site)
    yield clients_page(site)
    if time.nights:
        yield history_page(time.nights, time.standings)
    for name, runs in site.targets.items():
        yield target_page(name, runs)
    for row in model.requirements(site.runs):
        yield requirement_page(row)
    by_cell: dict[str, list[Standing]] = defaultdict(list)
    for standing in time.standings:
        by_cell[standing.cell].append(standing)
    for run in site.runs:
        has_report = with_reports and run.folder is not None and (run.folder / "report.html").is_file()
        yield run_page(run, standings=by_cell[run.id], has_report=has_report)


def _data(site: Site) -> Iterator[tuple[str, str]]:
    """The badges."""
    for run in site.runs:
        yield f"badges/{slug(run.id)}.svg", badges.to_svg(run)
        yield f"badges/{slug(run.id)}.json", json_text(badges.to_json(run))


def _row(run: SavedRun) -> dict[str, Any]:
    summary = run.summary
    return {
        "id": run.id,
        "name": run.name,
        "model": run.model,
        "profile": run.profile,
        "depth": run.depth,
        "exit_code": run.exit_code,
        "verdict": run.verdict,
        "failing": [row.id for row in summary.failing] if summary is not None and run.exit_code else [],
        "page": model.run_path(run),
    }


def _put(folder: Path, name: str, text: str, written: list[str]) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    report.replace(path, text, cure=CURE)
    written.append(name)


def _copied(run: SavedRun, folder: Path) -> Iterator[str]:
    if run.folder is not None and (run.folder / "report.html").is_file():
        name = f"runs/{slug(run.id)}.report.html"
        try:
            shutil.copyfile(run.folder / "report.html", folder / name)
        except OSError as error:
            raise SiteError(f"{name} could not be written: {error.strerror}; {CURE}") from error
        yield name
