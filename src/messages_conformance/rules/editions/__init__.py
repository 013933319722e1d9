"""Editions: the catalogue as it was at a release, so that what a later release adds turns nobody's green run red.

Each released edition is a file beside this one, `LEVEL id` a line, which never changes again. Until its release an
edition is open: whatever is in the catalogue belongs to it, and adding a requirement takes no step here. At a release
`python -m messages_conformance.rules.editions` freezes it, and OPEN becomes the name of the next.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from types import MappingProxyType
from typing import Final

from messages_conformance import resources
from messages_conformance.rules.catalogue import Requirement, is_ours

OPEN: str | None = "2026.11"
"""The edition that is being written; None when there is none, as in a release."""

_FOLDER: Final = "rules/editions"
_SUFFIX: Final = ".txt"


class EditionError(LookupError):
    """No edition has this name; the message lists those that there are."""


def editions() -> tuple[str, ...]:
    """The names of all editions, the oldest first; the last one holds when nobody names one."""
    frozen = tuple(name.removesuffix(_SUFFIX) for name in resources.names(_FOLDER, _SUFFIX))
    return frozen if OPEN is None or OPEN in frozen else (*frozen, OPEN)


def checked(name: str | None) -> str:
    """The edition of that name, or the latest; an EditionError with the valid ones otherwise."""
    known = editions()
    if name is None:
        return known[-1]
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise EditionError(f"unknown edition {name!r}{hint}; valid: {', '.join(known)}")
    return name


@cache
def frozen(name: str) -> Mapping[str, str] | None:
    """The level of each requirement of an edition; None while it is open and holds whatever there is."""
    if f"{name}{_SUFFIX}" not in resources.names(_FOLDER, _SUFFIX):
        return None
    lines = resources.text(f"{_FOLDER}/{name}{_SUFFIX}").splitlines()
    pairs = (line.split() for line in lines if line and not line.startswith("#"))
    return MappingProxyType({requirement: level for level, requirement in pairs})


def of_edition(catalogue: Mapping[str, Requirement], levels: Mapping[str, str] | None) -> Mapping[str, Requirement]:
    """The catalogue with the levels that an edition gave to its requirements."""
    if levels is None:
        return catalogue
    return MappingProxyType({name: replace(row, level=levels.get(name, row.level)) for name, row in catalogue.items()})


def added_after(catalogue: Mapping[str, Requirement], levels: Mapping[str, str] | None) -> frozenset[str]:
    """The requirements that an edition does not have. A user's own rules belong to none and always count."""
    return frozenset(name for name in catalogue if levels is not None and name not in levels and is_ours(name))


def listing(catalogue: Mapping[str, Requirement]) -> str:
    """An edition's file for the catalogue as it is."""
    rows = "".join(f"{row.level} {name}\n" for name, row in sorted(catalogue.items()) if is_ours(name))
    return f"# The requirements of this edition and their levels. It is released, and never changes again.\n{rows}"
