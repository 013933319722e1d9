"""The command `compare`: saved runs side by side, as data, by implementation and model, or only what changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from messages_conformance.ci_commands import disarmed
from messages_conformance.cli.commands import Command
from messages_conformance.cli.parameters import FILE, FOLDER, Parsed, argument, flag, option
from messages_conformance.cli.parsing import wrong_usage
from messages_conformance.cli.reporting import write_output

if TYPE_CHECKING:
    from messages_conformance.fleet.collecting import SavedRun
    from messages_conformance.report import Comparison

FORMATS: Final = ("terminal", "markdown", "html", "json", "csv", "jsonl")
DATA: Final = ("json", "csv", "jsonl")
REPORT: Final = "report.json"


def commands() -> tuple[Command, ...]:
    """Declares `compare`."""
    form = f"{', '.join(FORMATS)} (default: terminal; with --output: markdown)"
    options = [
        argument(
            "folders",
            metavar="REPORT",
            several=True,
            kind=FOLDER,
            help="folder that a run with --report wrote, or that has many of them",
        ),
        option("--name", metavar="NAME", multiple=True, help="name of a run, in the order of the reports"),
        option("--since", metavar="DIR", kind=FOLDER, help="folder of earlier runs: only what changed since then"),
        flag("--pivot", help="implementations by models, with the outcome of each"),
        option("--format", choices=FORMATS, metavar="FORM", help=form),
        option("--output", metavar="FILE", kind=FILE, help="write there instead of printing"),
    ]
    return (Command("compare", _compare, options),)


def _compare(parsed: Parsed) -> int:
    from messages_conformance.fleet.fleet_document import FleetError
    from messages_conformance.report import COMPARISONS, ReportError

    try:
        if parsed.pivot or parsed.since or parsed.format in DATA:
            text, form = _data(parsed), "data"
        else:
            form = parsed.format or ("markdown" if parsed.output else "terminal")
            text = COMPARISONS[form](_side_by_side(parsed))
        write_output(text if parsed.output or form == "html" else disarmed(text), parsed.output)
    except (FleetError, ReportError) as error:
        return wrong_usage(error)
    return 0


def _side_by_side(parsed: Parsed) -> Comparison:
    """The comparison of all reports; a run without one is a row. Raises ReportError when there is none at all."""
    from messages_conformance import report

    names = parsed.name or []
    if names and len(names) != len(parsed.folders):
        raise report.ReportError(f"--name is given {len(names)} times for {len(parsed.folders)} reports")
    loaded, labels, without = [], [], {}
    for place, name in zip(map(Path, parsed.folders), names or [""] * len(parsed.folders), strict=True):
        if _is_report(place):
            loaded.append(report.load(place))
            labels.append(name)
            continue
        for run in _collected([place]):
            if run.folder is None:
                without[name or run.id] = run.reason
            else:
                loaded.append(report.load(run.folder))
                labels.append(run.id)
    if not loaded:
        raise report.ReportError(next(iter(without.values())))
    return report.compare(loaded, labels=labels if all(labels) else (), without=without)


def _is_report(place: Path) -> bool:
    return place.name == REPORT or (place / REPORT).exists()


def _data(parsed: Parsed) -> str:
    """The runs in one of the forms for programs; raises ReportError and FleetError."""
    from messages_conformance.fleet import comparing
    from messages_conformance.report import ReportError

    form = parsed.format or "terminal"
    if form not in comparing.FORMATS or parsed.name:
        what = "--name" if parsed.name else f"--format {form}"
        raise ReportError(
            f"{what} is not possible with --pivot, --since, and data; valid forms: {', '.join(comparing.FORMATS)}"
        )
    runs = _collected(map(Path, parsed.folders))
    if all(run.summary is None for run in runs):
        raise ReportError(runs[0].reason)
    if parsed.pivot:
        return comparing.pivot_text(runs, form)
    before = _collected([Path(parsed.since)]) if parsed.since else None
    if before is not None and all(run.summary is None for run in before):
        raise ReportError(f"--since: {before[0].reason}")
    return comparing.FORMATS[form](runs, comparing.rows(runs, before))


def _collected(places: Iterable[Path]) -> Sequence[SavedRun]:
    from messages_conformance.fleet.collecting import collected

    return collected(places)
