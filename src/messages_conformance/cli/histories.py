"""The commands `history` and `site`: runs over time, and many runs as a static site."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from messages_conformance.cli.commands import Command
from messages_conformance.cli.parameters import FILE, FOLDER, Parsed, argument, flag, option
from messages_conformance.cli.parsing import wrong_usage

STORE: Final = "history.sqlite"
TITLE: Final = "Messages API conformance"
ACTIONS: Final = ("add", "show", "export")
FORMS: Final = ("text", "json", "csv", "jsonl", "parquet")


def commands() -> tuple[Command, ...]:
    """Declares `history` and `site`."""
    history = [
        argument("words", metavar="add|show|export [FOLDER...]", several=True, kind=FOLDER, help=_HISTORY),
        option("--store", metavar="FILE", kind=FILE, default=STORE, help=f"the file of the history (default: {STORE})"),
        option("--release", metavar="TEXT", help="with add: the release of the targets that was judged"),
        option("--cell", metavar="GLOB", help="with show and export: only cells with this id"),
        option("--requirement", metavar="GLOB", help="with show: only these requirements"),
        option("--since", metavar="DATE", help="with show: only what changed since then, such as 2026-11-30"),
        option("--format", choices=FORMS, metavar="FORM", help=f"{', '.join(FORMS)} (default: text, or csv)"),
        option("--output", metavar="FILE", kind=FILE, help="write there; needed by export"),
    ]
    site = [
        argument("folders", metavar="FOLDER", several=True, kind=FOLDER, help="folder with reports, or of `run --all`"),
        option("--output", metavar="DIR", kind=FOLDER, default="site", help="folder of the site (default: site)"),
        option("--history", metavar="FILE", kind=FILE, help="the file of `history add`: shows since when what fails"),
        option("--title", metavar="TEXT", default=TITLE, help=f"the title of the site (default: {TITLE})"),
        flag("--no-reports", help="leave the report of each run out: many reports need much space"),
    ]
    return (Command("history", _history, history), Command("site", _site, site))


_HISTORY: Final = "add: add the runs in these folders; show: since when what fails; export: every outcome of every run"


def _history(parsed: Parsed) -> int:
    from messages_conformance.fleet.fleet_document import FleetError
    from messages_conformance.history.store import HistoryError
    from messages_conformance.report import ReportError

    words = list(parsed.words)
    action = words.pop(0) if words else ""
    run = {"add": _add, "show": _show, "export": _export}.get(action)
    if run is None:
        return wrong_usage(ValueError(f"history is {action[:40]!r}; valid: {', '.join(ACTIONS)}"))
    if (action == "add") != bool(words):
        what = "needs at least one folder with reports" if action == "add" else f"takes no folder: leave {words} out"
        return wrong_usage(ValueError(f"history {action} {what}"))
    try:
        return run(parsed, [Path(word) for word in words])
    except (HistoryError, FleetError, ReportError) as error:
        return wrong_usage(error)


def _add(parsed: Parsed, folders: list[Path]) -> int:
    from messages_conformance.fleet.collecting import collected
    from messages_conformance.history.store import add, opened
    from messages_conformance.report import StandardOutput

    runs = collected(folders)
    with opened(Path(parsed.store), make=True) as store:
        added, known = add(store, runs, release=parsed.release or "")
    without = sum(run.summary is None for run in runs)
    text = f"{added:,} runs added, {known:,} were there already, {without:,} have no report; {parsed.store}\n"
    StandardOutput().write(text)
    return 0 if added or known else 2


def _show(parsed: Parsed, folders: list[Path]) -> int:
    from messages_conformance.history import output
    from messages_conformance.history.standing import standings
    from messages_conformance.history.store import opened, past_runs

    forms = {"text": output.to_text, "json": output.to_json, "csv": output.to_csv}
    form = parsed.format or "text"
    if form not in forms:
        return wrong_usage(ValueError(f"history show has no form {form}; valid: {', '.join(forms)}"))
    with opened(Path(parsed.store)) as store:
        runs = (run for run in past_runs(store) if fnmatchcase(run.cell, parsed.cell or "*"))
        found = [
            row
            for row in standings(runs)
            if fnmatchcase(row.requirement, parsed.requirement or "*") and row.since >= (parsed.since or "")
        ]
    _print(forms[form](found), parsed.output)
    return 0


def _export(parsed: Parsed, folders: list[Path]) -> int:
    from messages_conformance.history.output import EXPORTS
    from messages_conformance.history.store import HistoryError, opened, past_runs

    form = parsed.format or "csv"
    if form not in EXPORTS or not parsed.output:
        return wrong_usage(ValueError(f"history export needs --output FILE and --format {', '.join(EXPORTS)}"))
    with opened(Path(parsed.store)) as store:
        runs = (run for run in past_runs(store) if fnmatchcase(run.cell, parsed.cell or "*"))
        try:
            EXPORTS[form](runs, Path(parsed.output))
        except OSError as error:
            raise HistoryError(f"{parsed.output!r} cannot be written: {error.strerror}; name another file") from error
    return 0


def _print(text: str, output: str | None) -> None:
    from messages_conformance.ci_commands import disarmed
    from messages_conformance.report import StandardOutput, replace

    if output is None:
        StandardOutput().write(disarmed(text))
    else:
        replace(Path(output), text, cure="name another file with --output")


def _site(parsed: Parsed) -> int:
    from messages_conformance.fleet.collecting import collected
    from messages_conformance.fleet.fleet_document import FleetError
    from messages_conformance.history.standing import nights, standings
    from messages_conformance.history.store import HistoryError, opened, past_runs
    from messages_conformance.report import ReportError, StandardOutput
    from messages_conformance.site.writing import SiteError, Time, write

    if not parsed.folders:
        return wrong_usage(ValueError("site needs at least one folder with reports"))
    try:
        time = Time()
        if parsed.history:
            with opened(Path(parsed.history)) as store:
                past = list(past_runs(store))
            time = Time(nights=nights(past), standings=tuple(standings(past)))
        runs = collected(Path(folder) for folder in parsed.folders)
        if all(run.summary is None for run in runs):
            raise SiteError(f"there is no report to show: {runs[0].reason}" if runs else "there is no report to show")
        number = write(runs, Path(parsed.output), title=parsed.title, time=time, with_reports=not parsed.no_reports)
    except (FleetError, HistoryError, ReportError, SiteError) as error:
        return wrong_usage(error)
    StandardOutput().write(f"{number:,} pages about {len(runs):,} runs: {Path(parsed.output, 'index.html')}\n")
    return 0
