"""The command line: each module has one command or a few related ones; `run` starts pytest in a subprocess.

Each module has `commands()`, which declares the arguments of its commands and the functions that execute them. Only the
module of the command in use is imported.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import Any, Final

import click

from messages_conformance.cli.command_list import NAME
from messages_conformance.cli.commands import Commands
from messages_conformance.cli.parsing import NOT_JUDGED, USAGE, complain, remember_addresses
from messages_conformance.cli.usage_errors import sentence_for

COMPLETION: Final = "_MESSAGES_CONFORMANCE_COMPLETE"
"""The variable by which a shell asks for completions."""

DISK_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""Errors of a write that the user can fix by freeing space."""

WRONG_FILE: Final = frozenset(
    {
        *(errno.ENOENT, errno.EACCES, errno.EPERM, errno.EROFS, errno.EEXIST, errno.ENOTDIR, errno.EISDIR),
        *(errno.ELOOP, errno.ENAMETOOLONG, errno.ENXIO, errno.EINVAL),
    }
)
"""Errors of a file or folder that the user can fix by naming another one."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit code."""
    open_standard_streams()
    if not _has_folder():
        complain("the current folder does not exist any more; change to another one")
        return USAGE
    words = list(sys.argv[1:] if arguments is None else arguments)
    if any("\0" in word for word in words):
        complain("an argument has a null character; no file and no name has one")
        return USAGE
    if sys.flags.optimize > 1:
        print(
            "ERROR: Python runs with -OO, which removes the texts that this program needs; leave it out",
            file=sys.stderr,
        )
        return USAGE
    remember_addresses(words)
    try:
        code = _executed(words)
        sys.stdout.flush()
    except click.exceptions.Exit as end:  # after --help and --version
        return end.exit_code
    except click.ClickException as error:
        complain(sentence_for(error))
        return USAGE
    except KeyboardInterrupt:
        return NOT_JUDGED
    except BrokenPipeError:
        # The reader of the pipe, such as `head`, ended early: this is no error.
        _drop_output()
        return 0
    except OSError as error:
        return _failed(error, words)
    except Exception as error:  # Python would end with 1, which means violations
        return _internal(error)
    return code


def _executed(words: list[str]) -> int:
    """The exit code of the command in these words. Without words it is not 0: a script that loses its arguments must
    not look green."""
    group = all_commands()
    if asked := os.environ.get(COMPLETION):
        from click.shell_completion import shell_complete

        return shell_complete(group, {}, NAME, COMPLETION, asked)
    with group.make_context(NAME, words) as context:
        if not words:
            click.echo(context.get_help())
            return USAGE
        code: int = group.invoke(context)
        return code


def all_commands() -> Commands:
    """The group of all commands, with its own options."""
    version = click.Option(
        ["--version"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=_show_version,
        help="show the version and exit",
    )
    return Commands([version])


def _show_version(context: click.Context, option: click.Parameter, value: Any) -> None:
    if value and not context.resilient_parsing:
        from messages_conformance import __version__

        click.echo(__version__)
        context.exit()


def _failed(error: OSError, words: Sequence[str]) -> int:
    """The exit code after an error of the system: a full disk, a file that the user named, or our own mistake."""
    if error.errno in DISK_FULL:
        _drop_output()
        complain(f"the output cannot be written: {error.strerror}; free space, or write elsewhere")
        return NOT_JUDGED
    if error.errno in WRONG_FILE and _is_named(error.filename, words):
        from messages_conformance.report.text import inline

        complain(f"{inline(os.fsdecode(error.filename), 80)!r} cannot be used ({error.strerror}); name another one")
        return USAGE
    return _internal(error)


def _is_named(path: Any, words: Sequence[str]) -> bool:
    """Whether the path, or a folder above it, is in the words of the user."""
    if not isinstance(path, (str, bytes)):
        return False
    named = {os.path.abspath(word.partition("=")[2] if word.startswith("-") else word) for word in words if word}
    whole = os.path.abspath(os.fsdecode(path))
    return any(whole == one or whole.startswith(one.rstrip(os.sep) + os.sep) for one in named)


def _internal(error: Exception) -> int:
    from messages_conformance.internal_errors import report_internal_error

    report_internal_error(error)
    return NOT_JUDGED


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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # a locale without a character, such as C, is no error
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
