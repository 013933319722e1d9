"""The commands `run` and `plan`: both start pytest in a subprocess, which prints the result."""

from __future__ import annotations

from collections.abc import Mapping

from messages_conformance.cli import all_targets, fleets
from messages_conformance.cli.child import start
from messages_conformance.cli.commands import Command
from messages_conformance.cli.invocation import arguments_of, secrets_of
from messages_conformance.cli.parameters import WHOLE_NUMBER, Parsed, flag, option
from messages_conformance.cli.parsing import wrong_usage
from messages_conformance.cli.settings import (
    NAMES,
    SOURCES,
    configured,
    effective,
    open_page,
    run_options,
    target_argument,
)
from messages_conformance.cli.signals import pass_on_signals, signals_blocked
from messages_conformance.configuration import ConfigurationError


def commands() -> tuple[Command, ...]:
    """Declares `run` and `plan`."""
    return (
        Command(
            "run",
            _run,
            [
                target_argument(),
                *run_options(),
                flag("--all", group=fleets.GROUP, help="judge all targets of the file and compare them"),
                option(
                    "--jobs",
                    metavar="N",
                    kind=WHOLE_NUMBER,
                    group=fleets.GROUP,
                    help="with --all: runs at the same time (default: the number of cores)",
                ),
                option(
                    "--skip-done",
                    metavar="AGE",
                    group=fleets.GROUP,
                    help="with --all: keep reports of the same run that are younger, such as 12h or 2d",
                ),
                *fleets.selection(),
            ],
            text=SOURCES,
        ),
        Command("plan", _plan, [target_argument(f"{NAMES}; not needed with --profile"), *run_options()], text=SOURCES),
    )


def _run(parsed: Parsed) -> int:
    try:
        if parsed.all:
            if parsed.output == "json":
                raise ConfigurationError(
                    "--all has several reports: leave --output json out, and read them in --report"
                )
            return all_targets.run_all(parsed, configured(parsed))
        for name in ("jobs", "skip_done", "shard", "cell", "cells"):
            if getattr(parsed, name):
                raise ConfigurationError(f"--{name.replace('_', '-')} needs --all, which runs several targets")
        found = effective(parsed)
        if "target" not in found:
            raise ConfigurationError(f"no TARGET was given; it is {NAMES}")
        code = _started(arguments_of(found), secrets_of(found))
        if "open" in found and found["open"].value:
            open_page(found["report"].value)
        return code
    except ConfigurationError as error:
        return wrong_usage(error)


def _plan(parsed: Parsed) -> int:
    try:
        found = effective(parsed)
        return _started([*arguments_of(found), "--plan"], secrets_of(found))
    except ConfigurationError as error:
        return wrong_usage(error)


def _started(arguments: list[str], secrets: Mapping[str, str]) -> int:
    with signals_blocked():
        child = start(arguments, secrets=secrets)
        pass_on_signals([child.process])
    return child.wait()
