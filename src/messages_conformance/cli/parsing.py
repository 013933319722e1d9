"""What every command does with wrong usage: one message with its cure, and exit code 4."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

from messages_conformance.options import KEY_VARIABLES

USAGE: Final = 4
"""The exit code of wrong usage. The others: 0 conformant, 1 violations, 2 could not be judged."""

TARGETS: Final = "an address (http://... or https://...), reference:, reference:FAULT, or replay:FILE"

NOT_JUDGED: Final = 2
"""The exit code when nothing could be judged, by an error of our own, too."""


def remember_keys(*variables: str | None) -> None:
    """Masks the keys in the environment in all output of this command, whether it uses them or not.

    A file that it reads may have them. `variables` are others that hold a key.
    """
    for name in filter(None, (*variables, *KEY_VARIABLES)):
        if value := os.environ.get(name, "").strip():
            from messages_conformance.masking import remember_secret

            own = {"placeholder": f"${name}"} if name in KEY_VARIABLES[1:] else {}
            remember_secret(value, **own)


def remember_addresses(words: Iterable[str]) -> None:
    """Masks the passwords and keys in the addresses among these words, and in those of the environment."""
    variables = (value for name, value in os.environ.items() if name.upper().endswith(ADDRESS_VARIABLES))
    if found := [text for text in (*words, *variables) if "://" in text]:
        from messages_conformance.masking import remember_address

        for text in found:
            remember_address(text)


ADDRESS_VARIABLES: Final = ("_PROXY", "_BASE_URL", "_TARGET", "_UPSTREAM")
"""How the names of environment variables with an address end."""


def near(word: str, valid: Iterable[str]) -> str:
    """A suffix for a message that asks for the nearest valid word; empty when no word is near."""
    found = get_close_matches(word, list(valid), n=1)
    return f"; did you mean {found[0]}?" if found else ""


def wrong_usage(error: Exception) -> int:
    """Prints the error and returns the exit code of wrong usage."""
    complain(str(error))
    return USAGE


def complain(message: str) -> None:
    """Prints an error. That nobody reads it changes no exit code."""
    with contextlib.suppress(OSError, ValueError):
        from messages_conformance.masking import masked
        from messages_conformance.report.text import sentence

        print(f"ERROR: {sentence(masked(message))}", file=sys.stderr, flush=True)
