"""`run --all`: runs all cells of the file, a few at the same time, and writes fleet.json and a comparison."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from messages_conformance.cli.child import start
from messages_conformance.cli.invocation import arguments_of, secrets_of
from messages_conformance.cli.parameters import Parsed
from messages_conformance.cli.parsing import complain
from messages_conformance.cli.settings import given
from messages_conformance.cli.signals import pass_on_signals, signals_blocked
from messages_conformance.configuration import Configuration, ConfigurationError, Setting
from messages_conformance.fleet.cells import Cell
from messages_conformance.fleet.shards import Shard, ShardError, shard_of

FOLDER: Final = "reports"
"""The default folder of the reports; the comparison needs them."""

RESERVED: Final = "comparison"
"""The files of the comparison begin so."""


def base_of(parsed: Parsed, found: Configuration) -> Path:
    """The folder of all reports of a fleet."""
    return Path(parsed.report or found.common.get("report") or FOLDER)


def cells_of(parsed: Parsed, found: Configuration) -> tuple[Cell, ...]:
    """The cells that the arguments select; raises ConfigurationError."""
    from messages_conformance.fleet.selection import Selection, selected

    base = base_of(parsed, found)
    cells = selected(
        found,
        given(parsed),
        os.environ,
        base=base,
        list_models=_listed,
        selection=Selection(patterns=tuple(parsed.cell or ()), list_file=parsed.cells, shard=_shard(parsed)),
    )
    reserved = [cell.name for cell in cells if cell.name.startswith(RESERVED)]
    if reserved:
        raise ConfigurationError(f"a target named {reserved[0]!r} would overwrite the comparison; rename it")
    return cells


def _shard(parsed: Parsed) -> Shard | None:
    try:
        return None if parsed.shard is None else shard_of(parsed.shard, os.environ)
    except ShardError as error:
        raise ConfigurationError(str(error)) from error


def _listed(options: Mapping[str, Setting]) -> tuple[str, ...]:
    """The models that a target lists; raises ConfigurationError."""
    from messages_conformance.options import OPTIONS, problem
    from messages_conformance.run import Options, UsageError, listed_models

    values: dict[str, Any] = {
        option.destination: tuple(value) if isinstance(value := options[option.name].value, list) else value
        for option in OPTIONS
        if option.name in options and option.belongs_to == "run"
    }
    if wrong := problem(values):
        raise ConfigurationError(wrong)
    try:
        return listed_models(Options(**values))
    except UsageError as error:
        raise ConfigurationError(str(error)) from error


def run_all(parsed: Parsed, found: Configuration) -> int:
    """Runs the selected cells, prints each as it ends, writes fleet.json and a comparison; returns the exit code.

    Raises ConfigurationError when the options cannot be used.
    """
    if parsed.target is not None:
        raise ConfigurationError(f"--all runs every target of the file: leave {parsed.target!r} or --all out")
    from messages_conformance.fleet.fleet_run import FleetRun, Tools
    from messages_conformance.fleet.results import age_of

    age = None if parsed.skip_done is None else age_of(parsed.skip_done)
    jobs = parsed.jobs if parsed.jobs is not None else os.cpu_count() or 1
    if jobs < 1:
        raise ConfigurationError(f"--jobs is {jobs}; it must be 1 or more")
    tools = Tools(
        arguments_of=arguments_of,
        secrets_of=secrets_of,
        start=lambda arguments, output, secrets, forked: start(
            arguments, output=output, secrets=secrets, forked=forked
        ),
        pass_on_signals=lambda processes, received: pass_on_signals(processes, received_one=received),
        signals_blocked=signals_blocked,
        complain=complain,
    )
    fleet = FleetRun(cells_of(parsed, found), base=base_of(parsed, found), shard=_shard(parsed), tools=tools)
    if age is not None:
        fleet.take_done(age)
    fleet.run(jobs)
    return fleet.finish()
