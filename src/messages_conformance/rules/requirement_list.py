"""All requirements of the contract in one list: judged, tolerated and excluded."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from messages_conformance.contract import Profile, gateway_profile_names, profile, profile_names
from messages_conformance.rules.catalogue import CATALOGUE, Requirement
from messages_conformance.rules.not_judged import Exclusion, Tolerance, exclusions, tolerances

JUDGED: Final = "judged"
TOLERATED: Final = "tolerated"
EXCLUDED: Final = "excluded"
KINDS: Final = (JUDGED, TOLERATED, EXCLUDED)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One requirement, as `list` shows it. `how` says how it is provoked or proved, or why it is not judged.

    `harm` is empty for a requirement that is not judged.
    """

    id: str
    kind: str
    level: str
    harm: str
    sentence: str
    source: str
    profiles: tuple[str, ...]
    how: str
    families: frozenset[str]
    api_version: str | None = None
    model_dependent: bool = False
    needs: frozenset[str] = frozenset()


def listed(*own: Profile) -> tuple[Listed, ...]:
    """Every requirement of every kind, sorted by id, with the profiles, built-in and `own`, that ask for it."""
    profiles = tuple(
        {one.name: one for one in (*map(profile, (*profile_names(), *gateway_profile_names())), *own)}.values()
    )
    rows = [_judged(row, profiles) for row in CATALOGUE.values()]
    rows += [_tolerated(row, profiles) for row in tolerances().values()]
    rows += [_excluded(row, profiles) for row in exclusions().values()]
    return tuple(sorted(rows, key=lambda row: row.id))


Profiles = Iterable[Profile]


def _judged(row: Requirement, profiles: Profiles) -> Listed:
    return Listed(
        id=row.id,
        kind=JUDGED,
        level=row.level,
        harm=row.harm,
        sentence=row.sentence,
        source=row.source,
        profiles=tuple(one.name for one in profiles if not row.inapplicable(one)),
        how=row.provoked or "Judged on every exchange where it applies.",
        families=row.families,
        api_version=row.api_version,
        model_dependent=row.model_dependent,
        needs=row.needs,
    )


def _tolerated(row: Tolerance, profiles: Profiles) -> Listed:
    how = f"Both behaviours are correct; proved by the variants {', '.join(row.variants)}."
    return _not_judged(row, profiles, kind=TOLERATED, how=how)


def _excluded(row: Exclusion, profiles: Profiles) -> Listed:
    return _not_judged(row, profiles, kind=EXCLUDED, how=row.reason)


def _not_judged(row: Tolerance | Exclusion, profiles: Profiles, *, kind: str, how: str) -> Listed:
    return Listed(
        id=row.id,
        kind=kind,
        level=row.level,
        harm="",
        sentence=row.sentence,
        source=row.source,
        profiles=_of(row.families, row.id, profiles),
        how=how,
        families=row.families,
    )


def _of(families: frozenset[str], requirement: str, profiles: Profiles) -> tuple[str, ...]:
    """The names of the profiles of these families that ask for the requirement."""
    return tuple(one.name for one in profiles if one.family in families and one.includes(requirement))
