"""Editions: the catalogue at the time of a release, so that requirements added later do not fail an existing gate.

Each released edition is a file beside this one, with a line `LEVEL id` for each requirement, and never changes. Until
its release, an edition is open: every requirement of the catalogue belongs to it, so a new one needs no change here. At
a release, `python -m messages_conformance.rules.editions` writes the file, and OPEN becomes the name of the next one.
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

OPEN: str | None = "2026.12"
"""The name of the open edition; None if there is none, as in a release."""

_FOLDER: Final = "rules/editions"
_SUFFIX: Final = ".txt"


class EditionError(LookupError):
    """No edition has this name; the message lists the valid names."""


def editions() -> tuple[str, ...]:
    """The names of all editions, the oldest first; the last one is the default."""
    frozen = tuple(name.removesuffix(_SUFFIX) for name in resources.names(_FOLDER, _SUFFIX))
    return frozen if OPEN is None or OPEN in frozen else (*frozen, OPEN)


def checked(name: str | None) -> str:
    """The name of the edition, or of the latest one for None; raises EditionError with the valid names."""
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
    """The level of each requirement of an edition; None while it is open."""
    if f"{name}{_SUFFIX}" not in resources.names(_FOLDER, _SUFFIX):
        return None
    lines = resources.text(f"{_FOLDER}/{name}{_SUFFIX}").splitlines()
    pairs = (line.split() for line in lines if line and not line.startswith("#"))
    return MappingProxyType({requirement: level for level, requirement in pairs})


def of_edition(catalogue: Mapping[str, Requirement], levels: Mapping[str, str] | None) -> Mapping[str, Requirement]:
    """The catalogue with the levels of an edition; unchanged for None."""
    if levels is None:
        return catalogue
    return MappingProxyType({name: replace(row, level=levels.get(name, row.level)) for name, row in catalogue.items()})


def added_after(catalogue: Mapping[str, Requirement], levels: Mapping[str, str] | None) -> frozenset[str]:
    """The requirements that an edition does not have. Rules of the user belong to no edition and always count."""
    return frozenset(name for name in catalogue if levels is not None and name not in levels and is_ours(name))


def listing(catalogue: Mapping[str, Requirement]) -> str:
    """The text of the file of an edition with the catalogue of today."""
    rows = "".join(f"{row.level} {name}\n" for name, row in sorted(catalogue.items()) if is_ours(name))
    return f"# The requirements of this edition and their levels. It is released, and never changes again.\n{rows}"
