"""The argument parser of all commands: wrong usage prints one message with its cure and ends with exit code 4."""

from __future__ import annotations

import argparse
import contextlib
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final, NoReturn, TypeAlias

from messages_conformance.masking import masked

USAGE: Final = 4
"""The exit code of wrong usage. The others: 0 conformant, 1 violations, 2 could not be judged."""

TARGETS: Final = "an address (http://... or https://...), reference:, reference:FAULT, or replay:FILE"

NOT_JUDGED: Final = 2
"""The exit code when nothing could be judged, by an error of our own, too."""

Commands: TypeAlias = "argparse._SubParsersAction[Any]"  # argparse has no public name for this class


class Parser(argparse.ArgumentParser):
    """A parser that ends wrong usage with our exit code and one message."""

    def error(self, message: str) -> NoReturn:
        """Ends the process with exit code 4 and the message, extended by the valid values."""
        self._end(self._extended(message))

    def _end(self, message: str) -> NoReturn:
        complain(message)
        self.exit(USAGE)

    def _extended(self, message: str) -> str:
        """The message of argparse, extended by the valid values."""
        if "required: TARGET" in message:
            what = f"no TARGET was given; it is {TARGETS}"
            return f"{what}; put it before --only and --skip"
        if "required: COMMAND" in message:
            return f"no command was given; valid: {', '.join(self._commands())}"
        command = re.fullmatch(r"argument COMMAND: invalid choice: '(.*)' \(.*\)", message)
        if command is not None:
            valid = self._commands()
            return f"unknown command {command[1]!r}{near(command[1], valid)}; valid: {', '.join(valid)}"
        kind = re.fullmatch(r"argument (.*): invalid (int|float) value: (.*)", message)
        if kind is not None:
            return f"{kind[1]} is {kind[3]}; it is a {'whole number' if kind[2] == 'int' else 'number'}"
        return message

    def _commands(self) -> list[str]:
        return [name for action in self._actions for name in action.choices or () if action.metavar == "COMMAND"]

    def unknown(self, arguments: Sequence[str]) -> NoReturn:
        """Ends the process with exit code 4 because of unknown arguments."""
        first = arguments[0]
        if not first.startswith("-"):
            self._end(f"unexpected {first!r}; `{self.prog} --help` shows what is valid")
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
