"""`run`: builds one pytest command out of the options and runs it in a subprocess."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from messages_conformance import resources
from messages_conformance.cli.parsing import TARGETS, Commands, Parser, wrong_usage
from messages_conformance.cli.signals import deaf, pass_on_signals
from messages_conformance.options import OPTIONS, SEVERAL


def add(commands: Commands) -> None:
    run = commands.add_parser("run", help="judge a target", allow_abbrev=False)
    run.set_defaults(command=_run, parser=run)
    run.add_argument("target", metavar="TARGET", help=TARGETS)
    add_options(run)

    plan = commands.add_parser(
        "plan", help="what a run would ask and may cost, before anything is sent", allow_abbrev=False
    )
    plan.set_defaults(command=_plan, parser=plan)
    plan.add_argument("target", metavar="TARGET", nargs="?", help=f"{TARGETS}; not needed with --profile")
    add_options(plan)


def add_options(parser: Parser) -> None:
    """Declares every option of a run, except the target."""
    for option in OPTIONS:
        if option.name != "target":
            metavar = "PATH" if option.kind == "paths" else "GLOB"
            several = {"action": "extend", "nargs": "+", "metavar": metavar} if option.kind in SEVERAL else {}
            short = ["-v"] if option.name == "show-trace" else []
            parser.add_argument(*short, option.flag, **{**option.settings, **several})


def _plan(parsed: argparse.Namespace) -> int:
    return _run(parsed, "--plan")


def _run(parsed: argparse.Namespace, *more: str) -> int:
    missing = [path for path in parsed.suite or [] if not os.path.exists(path)]
    if missing:
        return wrong_usage(FileNotFoundError(f"--suite: there is no file or folder {missing[0]!r}"))
    with deaf():
        process = subprocess.Popen([*_command(parsed), *more], env=_environment())
        pass_on_signals(process)
    code = process.wait()
    return 2 if code < 0 or code in (3, 5) else code


def _command(parsed: argparse.Namespace) -> list[str]:
    """The pytest command that runs the suites."""
    suites = resources.path("suites")
    command = [sys.executable, "-m", "pytest", str(suites), *(parsed.suite or [])]
    command += ["-c", str(suites / "pytest.ini"), "--rootdir", os.getcwd(), "--confcutdir", str(suites)]
    command += ["-p", "messages_conformance.plugin", "-p", "no:cacheprovider", "-p", "no:terminal", "-s"]
    if parsed.snapshots is not None or parsed.update_snapshots:
        command += ["-p", "syrupy"]
    return [*command, *([] if parsed.target is None else [f"--target={parsed.target}"]), *_passed_on(parsed)]


def _passed_on(parsed: argparse.Namespace) -> list[str]:
    """The options that were given, one argument each."""
    passed = []
    for option in OPTIONS:
        value: Any = getattr(parsed, option.destination, None)
        if option.name == "target" or option.belongs_to == "command line" or value is None or value is False:
            continue
        values = value if isinstance(value, list) else [value]
        passed += [option.flag] if value is True else [f"{option.flag}={one}" for one in values]
    return passed


def _environment() -> dict[str, str]:
    """Our environment without what would bend the run: other plugins and somebody's pytest options."""
    package = str(Path(__file__).resolve().parents[2])
    kept = {name: value for name, value in os.environ.items() if name not in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")}
    paths = [package, *filter(None, [kept.get("PYTHONPATH")])]
    return {**kept, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": os.pathsep.join(paths)}
