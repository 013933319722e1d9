"""The argument parser of all commands: wrong usage prints one message with its cure and ends with exit code 4."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypeAlias

from messages_conformance.masking import masked

USAGE: Final = 4
"""The exit code of wrong usage. The others: 0 conformant, 1 violations, 2 could not be judged."""

TARGETS: Final = "an address (http://... or https://...), reference:, reference:FAULT, or replay:FILE"

NOT_JUDGED: Final = 2
"""The exit code when nothing could be judged, by an error of our own, too."""

Commands: TypeAlias = "argparse._SubParsersAction[Any]"  # argparse has no public name for this class


class Parser(argparse.ArgumentParser):
    """A parser that ends wrong usage with our exit code and one message. `commands` are those of the main parser."""

    commands: Mapping[str, Any] = MappingProxyType({})

    def __init__(self, *arguments: Any, **options: Any) -> None:
        options.setdefault("formatter_class", _HelpFormatter)
        super().__init__(*arguments, **{**options, "exit_on_error": False})
        self.register("type", int, _whole_number)
        self.register("type", float, _number)

    def error(self, message: str) -> NoReturn:
        """Ends the process with exit code 4 and the message."""
        self._end(message)

    def refuse(self, error: argparse.ArgumentError) -> NoReturn:
        """Ends the process with exit code 4 and what is wrong with one argument."""
        self._end(f"{error.argument_name}{'' if error.message.startswith('is ') else ':'} {error.message}")

    def refuse_command(self, given: str, valid: Sequence[str]) -> NoReturn:
        """Ends the process with exit code 4 because there is no such command."""
        self._end(f"unknown command {given!r}{near(given, valid)}; valid: {', '.join(valid)}")

    def _end(self, message: str) -> NoReturn:
        complain(message)
        self.exit(USAGE)

    def unknown(self, arguments: Sequence[str]) -> NoReturn:
        """Ends the process with exit code 4 because of unknown arguments."""
        first = arguments[0]
        if not first.startswith("-"):
            self._end(
                f"unexpected {first!r}; an option has one value, so repeat the option for more; `{self.prog} --help` "
                f"shows what is valid"
            )
        name = first.partition("=")[0]
        if name == "--target":
            self._end(f"the target is not an option: write `{self.prog} TARGET`")
        valid = [
            text
            for action in self._actions
            for text in action.option_strings
            if text.startswith("--") and action.help != argparse.SUPPRESS
        ]
        self._end(f"unknown option {name}{near(name, valid)}; valid: {', '.join(valid)}")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Keeps the lines of an example, and gives the options enough room."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


MOST_IN_USAGE: Final = 8
"""A command with more options than this has none of them in its usage line (our own choice: two lines)."""


def short_usage(parser: argparse.ArgumentParser) -> str | None:
    """The usage line of a command with many options; None where argparse writes it."""
    if sum(bool(action.option_strings) for action in parser._actions) <= MOST_IN_USAGE:
        return None
    words = [action.metavar or action.dest for action in parser._actions if not action.option_strings]
    return f"%(prog)s [options] {' '.join(map(str, words))}".rstrip()


def _whole_number(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"is {text!r}; it is a whole number") from None


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"is {text!r}; it is a number") from None


def near(word: str, valid: Sequence[str]) -> str:
    """A suffix for a message that asks for the nearest valid word; empty when no word is near."""
    found = get_close_matches(word, valid, n=1)
    return f"; did you mean {found[0]}?" if found else ""


def wrong_usage(error: Exception) -> int:
    """Prints the error and returns the exit code of wrong usage."""
    complain(str(error))
    return USAGE


def complain(message: str) -> None:
    """Prints an error. That nobody reads it changes no exit code."""
    with contextlib.suppress(OSError, ValueError):
        from messages_conformance.report.text import sentence

        print(f"ERROR: {sentence(masked(message))}", file=sys.stderr, flush=True)
