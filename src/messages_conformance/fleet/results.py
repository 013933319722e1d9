"""The result of one cell: out of its report, or out of what its process left."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from messages_conformance import __version__, report
from messages_conformance.configuration import ConfigurationError
from messages_conformance.fleet.cells import Cell
from messages_conformance.fleet.fleet_document import OUTCOMES, FleetCell
from messages_conformance.report.summarized import Summary, summarized
from messages_conformance.report.text import sentence

NOT_JUDGED: Final = 2
WRONG_USAGE: Final = 4

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
DEFAULTS: Final = {"profile": "tokmodel", "depth": "standard"}
"""The values of `run.Options`, which needs the engine; a test compares them."""

MOST_AGE_S: Final = 10 * 366 * 86400
"""The largest age of --skip-done (our own)."""


def age_of(text: str) -> timedelta:
    """The age that `12h` or `2d` names; raises ConfigurationError."""
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)([smhdw])", text.strip(), re.ASCII)
    seconds = float(found[1]) * UNITS[found[2]] if found else 0
    if found is None or seconds > MOST_AGE_S:
        raise ConfigurationError(f"--skip-done is {text[:40]!r}; write an age, such as 45m, 12h or 2d")
    return timedelta(seconds=seconds)


@dataclass(frozen=True, kw_only=True)
class Stamp:
    """What distinguishes a report.json that a run wrote from an older one in the same folder."""

    inode: int
    changed_ns: int


def stamp_of(cell: Cell) -> Stamp | None:
    """The stamp of the report in the folder of the cell; None without one."""
    if cell.folder is None:
        return None
    try:
        found = (cell.folder / "report.json").stat()
    except (OSError, ValueError):
        return None
    return Stamp(inode=found.st_ino, changed_ns=found.st_mtime_ns)


def done(cell: Cell, base: Path, *, age: timedelta, now: datetime) -> FleetCell | None:
    """The result of an earlier run of the same cell that is young enough; None when the cell has to run.

    The same are target, model, profile, depth and edition, and what --only and --skip select. Only a run that was
    judged is done.
    """
    if cell.problem or cell.folder is None or stamp_of(cell) is None:
        return None
    try:
        found = summarized(cell.folder)
        started = datetime.fromisoformat(found.run.started_at)
    except (report.ReportError, ValueError):
        return None
    started = started if started.tzinfo else started.replace(tzinfo=UTC)
    judged = found.complete and found.exit_code in (0, 1)
    if not judged or not timedelta(0) <= now - started <= age or not _is_of(found, cell):
        return None
    return _of_summary(cell, found, base, code=found.exit_code, elapsed_s=found.spent.elapsed_s, reused=True)


def _is_of(found: Summary, cell: Cell) -> bool:
    """Whether a report is one of this cell. Without an edition, the catalogue of this version is the edition."""
    run = found.run
    model, edition, profile = cell.value("model"), cell.value("edition"), cell.value("profile")
    return (
        same_target(run.target, str(cell.value("target")))
        and (model is None or run.model == model)
        and run.profile == _profile_name(profile)
        and run.depth == (cell.value("depth") or DEFAULTS["depth"])
        and (run.edition == edition if edition is not None else run.version == __version__)
        and (list(run.only), list(run.skip)) == (cell.value("only") or [], cell.value("skip") or [])
    )


def same_target(one: str, other: str) -> bool:
    """Whether two addresses name the same target: a slash at the end, and a password, do not matter."""
    return _plain(one) == _plain(other)


def _plain(address: str) -> str:
    return re.sub(r"//[^/@]*@", "//", address.strip()).rstrip("/")


def _profile_name(profile: str | None) -> str:
    name = profile or DEFAULTS["profile"]
    return Path(name).stem if name.endswith(".toml") else name


def result_of(cell: Cell, base: Path, *, code: int, before: Stamp | None, output: str, elapsed_s: float) -> FleetCell:
    """The result of a cell whose process has ended with this code. `before` is the stamp of an older report."""
    after = stamp_of(cell)
    found: Summary | None = None
    if code != WRONG_USAGE and after is not None and after != before and cell.folder is not None:
        try:
            found = summarized(cell.folder)
        except report.ReportError as error:
            output = str(error)
    if found is None:
        return without_report(cell, _reason(output, code), code=code, elapsed_s=elapsed_s)
    return _of_summary(cell, found, base, code=code, elapsed_s=elapsed_s)


def without_report(cell: Cell, reason: str, *, code: int, elapsed_s: float = 0.0) -> FleetCell:
    """The row of a cell that has no report, with the reason. An exit code of 0 or 1 needs a report."""
    code = code if code in (NOT_JUDGED, WRONG_USAGE) else NOT_JUDGED
    return FleetCell(
        id=cell.id,
        name=cell.name,
        target=_shown_target(cell),
        model=str(cell.value("model") or ""),
        profile=_profile_name(cell.value("profile")),
        depth=str(cell.value("depth") or DEFAULTS["depth"]),
        edition=str(cell.value("edition") or ""),
        version=__version__,
        exit_code=code,  # type: ignore[arg-type]
        outcome=OUTCOMES[code],  # type: ignore[arg-type]
        verdict=sentence(reason),
        elapsed_s=round(elapsed_s, 3),
        note=cell.note,
    )


def _shown_target(cell: Cell) -> str:
    return re.sub(r"//[^/@]*@", "//", str(cell.value("target") or ""))


def _of_summary(
    cell: Cell, found: Summary, base: Path, *, code: int, elapsed_s: float, reused: bool = False
) -> FleetCell:
    failing = tuple(row.id for row in found.failing)
    assert cell.folder is not None
    return FleetCell(
        id=cell.id,
        name=cell.name,
        target=found.run.target,
        model=found.run.model,
        profile=found.run.profile,
        depth=found.run.depth,
        edition=found.run.edition,
        version=found.run.version,
        exit_code=code,  # type: ignore[arg-type]
        outcome=OUTCOMES[code],  # type: ignore[arg-type]
        verdict=found.verdict_sentence,
        failing=failing if code else (),
        warning=tuple(row.id for row in found.deviating if not code or row.id not in failing),
        verified=found.verified,
        not_verified=found.not_verified,
        requests=found.spent.requests,
        input_tokens=found.spent.input_tokens,
        output_tokens=found.spent.output_tokens,
        money=found.spent.money,
        currency=found.spent.currency,
        started_at=found.run.started_at,
        elapsed_s=round(elapsed_s, 3),
        report=_relative(cell.folder, base),
        reused=reused,
        note=cell.note,
    )


def _relative(folder: Path, base: Path) -> str:
    try:
        return folder.absolute().relative_to(base.absolute()).as_posix()
    except ValueError:
        return folder.absolute().as_posix()


def _reason(output: str, code: int) -> str:
    """Why a run has no report: the last line of its output that says something."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    if errors:
        return errors[-1]
    return f"it has no report (exit code {code}){f'; its output ends with: {lines[-1]}' if lines else ''}"
