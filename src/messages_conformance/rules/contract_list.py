"""The whole contract in one list: what is judged, what is tolerated, and what no rule can see."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from messages_conformance.contract import Profile, profile, profile_names
from messages_conformance.rules.catalogue import CATALOGUE, Requirement
from messages_conformance.rules.excluded import EXCLUDED, Exclusion
from messages_conformance.rules.tolerances import TOLERANCES, Tolerance

JUDGED: Final = "judged"
TOLERATED: Final = "tolerated"
EXCLUDED_KIND: Final = "excluded"
KINDS: Final = (JUDGED, TOLERATED, EXCLUDED_KIND)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One requirement as it is shown. `how` says how it is provoked, proved, or why it is not judged."""

    id: str
    kind: str
    level: str
    sentence: str
    source: str
    profiles: tuple[str, ...]
    how: str
    families: frozenset[str]
    api_version: str | None = None
    model_dependent: bool = False
    needs: frozenset[str] = frozenset()


def listed(*own: Profile) -> tuple[Listed, ...]:
    """Every requirement of every kind, by id, with the profiles of ours and of the user's `own` that have it."""
    profiles = tuple({one.name: one for one in (*map(profile, profile_names()), *own)}.values())
    rows = [_judged(row, profiles) for row in CATALOGUE.values()]
    rows += [_tolerated(row, profiles) for row in TOLERANCES.values()]
    rows += [_out(row, profiles) for row in EXCLUDED.values()]
    return tuple(sorted(rows, key=lambda row: row.id))


Profiles = Iterable[Profile]


def _judged(row: Requirement, profiles: Profiles) -> Listed:
    return Listed(
        id=row.id,
        kind=JUDGED,
        level=row.level,
        sentence=row.sentence,
        source=row.source,
        profiles=tuple(one.name for one in profiles if not row.inapplicable(one)),
        how=row.provoked or "Judged on every exchange of a run where it applies.",
        families=row.families,
        api_version=row.api_version,
        model_dependent=row.model_dependent,
        needs=row.needs,
    )


def _tolerated(row: Tolerance, profiles: Profiles) -> Listed:
    return Listed(
        id=row.id,
        kind=TOLERATED,
        level=row.level,
        sentence=row.sentence,
        source=row.source,
        profiles=_of(row.families, row.id, profiles),
        how=f"Never held against a target; proved by the variants {', '.join(row.variants)}.",
        families=row.families,
    )


def _out(row: Exclusion, profiles: Profiles) -> Listed:
    return Listed(
        id=row.id,
        kind=EXCLUDED_KIND,
        level=row.level,
        sentence=row.sentence,
        source=row.source,
        profiles=_of(row.families, row.id, profiles),
        how=row.reason,
        families=row.families,
    )


def _of(families: frozenset[str], requirement: str, profiles: Profiles) -> tuple[str, ...]:
    """The profiles of these families; one that asks for a few requirements only has the others in none."""
    return tuple(one.name for one in profiles if one.family in families and one.asks_for(requirement))
