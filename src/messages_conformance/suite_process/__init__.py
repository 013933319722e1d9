"""The process that runs the suites for the command line: what its parent gives it, and the command that starts it.

Runs of our own suites alone need no pytest: their arguments begin with OWN_SUITES.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict, dataclass
from typing import Final

NOT_JUDGED: Final = 2
WRONG_USAGE: Final = 4
CODES: Final = (0, 1, NOT_JUDGED, WRONG_USAGE)
"""The exit codes that a verdict can have."""

OWN_SUITES: Final = "--own-suites"
"""The first argument of a run that needs no pytest; options of a run follow it."""


@dataclass(frozen=True, kw_only=True)
class Parent:
    """What the parent gives to the process. The pipes are file descriptors; None where a process inherits none."""

    nonce: str
    process: int
    verdict_pipe: int | None = None
    life_pipe: int | None = None


def command_for(parent: Parent) -> list[str]:
    """The command that starts the process; the arguments of pytest follow it."""
    return [sys.executable, "-m", "messages_conformance.suite_process", json.dumps(asdict(parent))]


def own_options(arguments: list[str]) -> list[str] | None:
    """The options of a run of our own suites alone; None when the arguments are those of pytest."""
    return arguments[1:] if arguments[:1] == [OWN_SUITES] else None
