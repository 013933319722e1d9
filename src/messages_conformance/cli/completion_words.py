"""The words that a shell can complete: targets, profiles, requirements, faults and variants.

Each function takes the beginning of a word and gives the words that may continue it. It imports what it reads when it
is called, because a command that is not completed needs none of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

REFERENCE: Final = "reference:"
TARGETS: Final = ("http://", "https://", REFERENCE, "replay:")


def targets(incomplete: str) -> Iterable[str]:
    """The targets of the file that applies here, then the beginnings of addresses; after `reference:`, its faults."""
    from messages_conformance import configuration

    if incomplete.startswith(REFERENCE):
        return [REFERENCE, *(f"{REFERENCE}{name}" for name in faults("")), f"{REFERENCE}variant="]

    try:
        found = configuration.read(Path.cwd(), configuration.file_of({}, os.environ))
    except configuration.ConfigurationError:
        return TARGETS
    return (*found.targets, *TARGETS)


def profiles(incomplete: str) -> Iterable[str]:
    """The profiles of this package."""
    from messages_conformance import contract

    return contract.profile_names()


def requirements(incomplete: str) -> Iterable[str]:
    """The ids of all requirements that are judged."""
    from messages_conformance.rules import CATALOGUE

    return sorted(CATALOGUE)


def faults(incomplete: str) -> Iterable[str]:
    """The faults of the reference endpoint."""
    return _changes("fault")


def variants(incomplete: str) -> Iterable[str]:
    """The correct variants of the reference endpoint."""
    return _changes("variant")


def changes(incomplete: str) -> Iterable[str]:
    """The faults and variants of the reference endpoint."""
    return _changes("fault", "variant")


def _changes(*kinds: str) -> Iterable[str]:
    from messages_conformance.reference.change_list import listed_changes

    return [row.name for row in listed_changes() if row.kind in kinds]


def clients(incomplete: str) -> Iterable[str]:
    """The clients that this package can drive."""
    from messages_conformance.clients.known_clients import known_clients

    return known_clients()


def dialects(incomplete: str) -> Iterable[str]:
    """The APIs that the scripted upstream speaks."""
    from messages_conformance.upstream import DIALECTS

    return DIALECTS


def depths(incomplete: str) -> Iterable[str]:
    """The depths of a run."""
    from messages_conformance.options import DEPTHS

    return DEPTHS
