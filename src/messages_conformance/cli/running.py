"""The commands `run` and `plan`: both start pytest in a subprocess, which prints the result."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from messages_conformance.cli import all_targets
from messages_conformance.cli.child import start
from messages_conformance.cli.invocation import arguments_of, secrets_of
from messages_conformance.cli.parsing import Commands, wrong_usage
from messages_conformance.cli.settings import NAMES, add_options, configured, effective, open_page
from messages_conformance.cli.signals import pass_on_signals, signals_blocked
from messages_conformance.configuration import ConfigurationError


def add(commands: Commands) -> None:
    """Declares `run` and `plan`."""
    run = commands.add_parser("run", help="judge a target", allow_abbrev=False)
    run.set_defaults(command=_run, parser=run)
    run.add_argument("target", metavar="TARGET", nargs="?", help=NAMES)
    run.add_argument("--all", action="store_true", help="judge all targets of the file at once and compare them")
    add_options(run)

    plan = commands.add_parser("plan", help="show what a run would send and what it may cost", allow_abbrev=False)
    plan.set_defaults(command=_plan, parser=plan)
    plan.add_argument("target", metavar="TARGET", nargs="?", help=f"{NAMES}; not needed with --profile")
    add_options(plan)


def _run(parsed: argparse.Namespace) -> int:
    try:
        if parsed.all:
            if parsed.output == "json":
                raise ConfigurationError(
                    "--all has several reports: leave --output json out, and read them in --report"
                )
            return all_targets.run_all(parsed, configured(parsed))
        found = effective(parsed)
        if "target" not in found:
            raise ConfigurationError(f"no TARGET was given; it is {NAMES}")
        code = _started(arguments_of(found), secrets_of(found))
        if "open" in found and found["open"].value:
            open_page(found["report"].value)
        return code
    except ConfigurationError as error:
        return wrong_usage(error)


def _plan(parsed: argparse.Namespace) -> int:
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
