"""The command line: each module has one command or a few related ones; `run` starts pytest in a subprocess.

Each module has `add(commands)`, which declares the arguments of its commands and the functions that execute them.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from typing import Final

from messages_conformance import __version__
from messages_conformance.cli import (
    checking,
    driving_clients,
    explaining,
    gateways,
    gating,
    judging_clients,
    proving,
    proxying,
    reporting,
    requirements,
    running,
    serving,
    settings,
    upstreaming,
)
from messages_conformance.cli.examples import epilog
from messages_conformance.cli.parsing import NOT_JUDGED, USAGE, Parser, complain, short_usage
from messages_conformance.internal_errors import report_internal_error

COMMANDS = (
    running,
    checking,
    proxying,
    judging_clients,
    driving_clients,
    gateways,
    settings,
    reporting,
    gating,
    requirements,
    explaining,
    serving,
    upstreaming,
    proving,
)
"""The modules of the commands, in the order of `--help`."""

TAKE_A_COMMAND: Final = (["proxy"], ["judge-client"])
"""The commands with a command of the user after `--`."""

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of a write that the user can fix by freeing space."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    open_standard_streams()
    if not _has_folder():
        complain("the current folder does not exist any more; change to another one")
        return USAGE
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        after = given[given.index("--") + 1 :] if given[:1] in TAKE_A_COMMAND and "--" in given else []
        parser = _parser()
        if wrong := _wrong_command(parser, given):
            return wrong
        try:
            parsed, unknown = parser.parse_known_args(given[: len(given) - len(after) - 1] if after else given)
        except argparse.ArgumentError as error:
            parser.refuse(error)
        parsed.after = after  # the command that `proxy` or `judge-client` runs; its options are not ours
        if unknown:
            parsed.parser.unknown(unknown)
        code: int = parsed.command(parsed)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return NOT_JUDGED
    except BrokenPipeError:
        # The reader of the pipe, such as `head`, ended early: this is no error.
        _drop_output()
        return 0
    except OSError as error:
        if error.errno not in DISK_FULL:
            report_internal_error(error)
            return NOT_JUDGED
        _drop_output()
        complain(f"the output cannot be written: {error.strerror}; free space, or write elsewhere")
        return NOT_JUDGED
    except Exception as error:  # Python would end with 1, which means violations
        report_internal_error(error)
        return NOT_JUDGED
    return code


def _wrong_command(parser: Parser, given: Sequence[str]) -> int:
    """The exit code of arguments without a command, after the help or a message about them; 0 when there is one."""
    if not given:
        # Not 0: a script that loses its arguments must not look green.
        parser.print_help()
        return USAGE
    if not given[0].startswith("-") and given[0] not in parser.commands:
        parser.refuse_command(given[0], list(parser.commands))
    if given[0].startswith("-") and given[0] not in ("-h", "--help", "--version"):
        parser.error(f"{given[0]!r} is no command; the command comes first; valid: {', '.join(parser.commands)}")
    return 0


def _has_folder() -> bool:
    try:
        return bool(os.getcwd())
    except OSError:
        return False


def open_standard_streams() -> None:
    """Opens the standard streams that are closed (`>&-`): another file would get their number, and our output."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number, which is this one
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, mode, encoding="utf-8", closefd=False))


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _parser() -> Parser:
    parser = Parser(prog="messages-conformance", description="Judges Messages API endpoints.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands", parser_class=Parser)
    for module in COMMANDS:
        module.add(commands)
    parser.commands = commands.choices
    # argparse has no public place for the help of a command.
    for action in commands._choices_actions:
        command = commands.choices[action.dest]
        command.description = f"{(action.help or '').capitalize()}."
        command.epilog = epilog(action.dest, command.epilog)
        command.usage = short_usage(command)
    return parser
