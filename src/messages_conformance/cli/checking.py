"""The command `check`: judges recordings as they are. Nothing is sent."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from messages_conformance.cli.commands import Command
from messages_conformance.cli.parameters import FILE, Parsed, argument, option
from messages_conformance.cli.parsing import wrong_usage
from messages_conformance.cli.settings import SOURCES, configured, effective, open_page, run_options
from messages_conformance.configuration import ConfigurationError
from messages_conformance.options import OPTIONS, problem

if TYPE_CHECKING:
    import click

    from messages_conformance.captures import FieldMap, Reading, SavedRun
    from messages_conformance.session import Session, SessionOptions

USED: Final = (
    "model",
    "profile",
    "only",
    "skip",
    "fail-on",
    "waivers",
    "baseline",
    "edition",
    "report",
    "output",
    "quiet",
    "events",
    "open",
    "config",
    "show-trace",
)
"""The options of a run that a recording can have, too."""

MODELS_SHOWN: Final = 3
IDS_SHOWN: Final = 3


def commands() -> tuple[Command, ...]:
    """Declares `check`."""
    params = [
        argument(
            "files",
            metavar="FILE",
            several=True,
            kind=FILE,
            help="a recording (HAR, VCR cassette, curl -i, event stream, JSON, JSON lines, report folder), a folder, "
            "or -",
        ),
        map_option(),
        *run_options(USED, profile="that of the saved run, else anthropic-2023-06-01"),
    ]
    return (Command("check", _check, params, text=SOURCES),)


def _check(parsed: Parsed) -> int:
    from messages_conformance.captures import CaptureError
    from messages_conformance.session import UsageError

    try:
        file = configured(parsed)
        found = {name: setting.value for name, setting in effective(parsed).items() if name in USED}
        if wrong := problem({option.destination: found.get(option.name) for option in OPTIONS}):
            raise ConfigurationError(wrong)
        maps = [f"--map={row}" for row in parsed.map]
        code = _judged(parsed.files, found, fields_of(parsed.map, file.map), maps=maps)
        if found.get("open"):
            open_page(found["report"])
        return code
    except (ConfigurationError, CaptureError, UsageError) as error:
        return wrong_usage(error)


def map_option() -> click.Option:
    """The option --map: where the parts of an exchange are in a line of a log."""
    return option(
        "--map",
        metavar="FIELD=PATH",
        multiple=True,
        help="where a field is in JSON lines, such as request='$.req.body'; may be repeated",
    )


def fields_of(given: list[str], common: Mapping[str, str]) -> FieldMap | None:
    """The map of the values of --map and of a file; raises CaptureError."""
    from messages_conformance.captures import CaptureError, field_map

    rows = dict(common)
    for row in given:
        name, equals, path = row.partition("=")
        if not equals:
            raise CaptureError(f"--map is {row!r}; write FIELD=PATH, such as request='$.req.body'")
        rows[name.strip()] = path.strip()
    return field_map(rows.items()) if rows else None


def _judged(files: list[str], found: Mapping[str, Any], fields: FieldMap | None, *, maps: list[str]) -> int:
    from messages_conformance.captures import Reading, SavedRun, only_saved_run, read_all
    from messages_conformance.live import EXAMPLE_URL
    from messages_conformance.session import Clock, Session, Source, judge_all

    run = only_saved_run(files) or SavedRun()
    options = session_options(found, run.profile)
    source = Source(
        name=_name(files),
        model=found.get("model") or run.model,
        depth=run.depth,
        base_url=run.base_url or EXAMPLE_URL,
        judged_by=shlex.join(["messages-conformance", "check", *files, *maps, "--profile", options.profile]),
        notes=tuple(_notes_before(run, found)),
    )
    clock = Clock(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)
    session = Session(source, options=options, clock=clock)
    reading = Reading()
    try:
        session.begin()
        session.announce()
        judge_all(session, read_all(files, fields=fields, reading=reading))
        _conclude(session, reading, run)
        return session.finish()
    finally:
        session.close()


def _name(files: list[str]) -> str:
    return f"check {files[0]}" + (f" and {len(files) - 1:,} more" if files[1:] else "")


def session_options(found: Mapping[str, Any], recorded_profile: str = "") -> SessionOptions:
    """The options of a session out of those of a user; a recording may name the profile under which it was made."""
    from messages_conformance.live import DEFAULT_PROFILE
    from messages_conformance.session import SessionOptions

    return SessionOptions(
        profile=found.get("profile") or recorded_profile or DEFAULT_PROFILE,
        only=tuple(found.get("only") or ()),
        skip=tuple(found.get("skip") or ()),
        fail_on=found.get("fail-on") or "must",
        waivers=found.get("waivers"),
        baseline=found.get("baseline"),
        edition=found.get("edition"),
        report=found.get("report"),
        show_trace=bool(found.get("show-trace")),
        output=found.get("output") or "text",
        quiet=bool(found.get("quiet")),
        events=found.get("events"),
    )


def _notes_before(run: SavedRun, found: Mapping[str, Any]) -> Iterator[str]:
    from messages_conformance.live import DEFAULT_PROFILE

    profile = found.get("profile")
    if run.profile and profile and profile != run.profile:
        yield f"recorded under profile {run.profile}, judged under {profile}"
    elif not run.profile and not profile:
        yield f"judged under profile {DEFAULT_PROFILE}; choose another one with --profile"


def _conclude(session: Session, reading: Reading, run: SavedRun) -> None:
    """Adds what was read to the report, and states what is missing."""
    from messages_conformance import report
    from messages_conformance.captures import notes, problems, shortfall
    from messages_conformance.report.text import listed
    from messages_conformance.rules import CATALOGUE, select

    for text in notes(reading):
        session.note(text)
        report.note(session.out, text)
    for text in reading.problems if reading.exchanges else ():
        report.note(session.out, text)
    models = sorted(reading.models)
    if not session.source.model and models:
        more = f" and {len(models) - MODELS_SHOWN} more" if len(models) > MODELS_SHOWN else ""
        session.describe(model=", ".join(models[:MODELS_SHOWN]) + more)
    if text := shortfall(reading):
        session.state(text, kind=report.NOTHING_ASKED)
    elif text := problems(reading):
        session.state(text, kind=report.UNREAD)
    elif unknown := sorted({*filter(select(session.options.only, session.options.skip), run.failed)} - {*CATALOGUE}):
        session.state(
            f"{listed(unknown, IDS_SHOWN)} failed in the saved run and cannot be judged here: it is a rule of a "
            f"suite, for run --suite; --only judges others alone",
            kind=report.UNREAD,
        )
