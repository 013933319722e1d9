"""`run` and `plan`: one pytest command in a subprocess, which prints what there is to say."""

from __future__ import annotations

import argparse
import subprocess

from messages_conformance.cli import all_targets
from messages_conformance.cli.invocation import command, environment, outcome
from messages_conformance.cli.parsing import Commands, wrong_usage
from messages_conformance.cli.settings import NAMES, add_options, configured, effective
from messages_conformance.cli.signals import deaf, pass_on_signals
from messages_conformance.configuration import ConfigurationError


def add(commands: Commands) -> None:
    run = commands.add_parser("run", help="judge a target", allow_abbrev=False)
    run.set_defaults(command=_run, parser=run)
    run.add_argument("target", metavar="TARGET", nargs="?", help=NAMES)
    run.add_argument("--all", action="store_true", help="judge every target of the file, side by side, and compare")
    add_options(run)

    plan = commands.add_parser("plan", help="what a run would ask, and what that may cost", allow_abbrev=False)
    plan.set_defaults(command=_plan, parser=plan)
    plan.add_argument("target", metavar="TARGET", nargs="?", help=f"{NAMES}; not needed with --profile")
    add_options(plan)


def _run(parsed: argparse.Namespace) -> int:
    try:
        if parsed.all:
            return all_targets.run_all(parsed, configured(parsed))
        found = effective(parsed)
        if "target" not in found:
            raise ConfigurationError(f"no TARGET was given, and none is taken by default; it is {NAMES}{MISPLACED}")
        return _started(command(found))
    except ConfigurationError as error:
        return wrong_usage(error)


MISPLACED = "; it stands before --only and --skip"
"""What takes several values takes a target that follows it, too."""


def _plan(parsed: argparse.Namespace) -> int:
    try:
        return _started([*command(effective(parsed)), "--plan"])
    except ConfigurationError as error:
        return wrong_usage(error)


def _started(arguments: list[str]) -> int:
    with deaf():
        process = subprocess.Popen(arguments, env=environment())
        pass_on_signals([process])
    return outcome(process.wait())
