"""Near misses: valid requests with exactly one thing wrong, at a place and for a reason that are known.

What a target has to do about one is decided by the contract alone. A change names the requirement of the probe table
that its request falls under; where that requirement holds for the profile, the request is expected to be refused, and
judged like the rows of that table. Every other near miss may be answered too (a gateway may accept more than the
schema says, contract section 8; numbers in strings and the like are contested): all that is asked of it is that it
meets no 5xx, no error under a success status, and an error envelope if it is refused.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from messages_conformance.contract import Profile, valid
from messages_conformance.contract.probes import Probe, probes
from messages_conformance.exchange import REFUSED
from messages_conformance.generate.changes import Change, Json, changed
from messages_conformance.generate.requests import FIELD_NEEDS, SMALL, chance, requests
from messages_conformance.generate.rule_changes import rule_changes
from messages_conformance.generate.semantics import breaches
from messages_conformance.generate.shape_changes import refined, shape_changes

NO_5XX: Final = "errors.no-5xx-on-bad-input"
"""The requirement that answers for a near miss that may be accepted."""

RULES: Final = ("rule", "rule", "rule")
"""Rules between fields are three kinds' worth: they are what servers forget."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NearMiss:
    """A valid body, what is done to it, and the row by which that has to be refused (None: it may be answered)."""

    base: Mapping[str, Any]
    change: Change
    row: Probe | None

    @property
    def body(self) -> Json:
        return changed(self.base, self.change)

    @property
    def fills_model(self) -> bool:
        """Whether the run's model belongs into it; not where the model is what is missing."""
        return self.change.pointer != ("model",) or self.change.kind != "delete"


def breaks(change: Change, body: Mapping[str, Any], *, api_version: str) -> bool:
    """Whether the change makes the body invalid: by the schema, or by a rule between fields."""
    after = changed(body, change)
    whole = after if change.pointer == ("model",) else {"model": "m", **after}
    return not valid("request", whole, api_version=api_version) or next(breaches(after), None) is not None


def answers_for(requirement: str, profile: Profile) -> Probe | None:
    """The row of the probe table by which a request has to be refused under a profile; None where none does."""
    row = probes().get(requirement)
    if row is None or row.expect != REFUSED or not row.needs <= profile.offers:
        return None
    if (row.families and profile.family not in row.families) or row.api_version not in (None, profile.api_version):
        return None
    return row


def possible(body: Mapping[str, Any], profile: Profile) -> list[tuple[Change, Probe | None]]:
    """Every change that may be made to a body under a profile, with the row that answers for it."""
    found: list[tuple[Change, Probe | None]] = []
    for change in shape_changes(body):
        field = change.pointer[0]
        # A field that the profile does not promise is not sent in a wrong form either.
        if field not in FIELD_NEEDS or FIELD_NEEDS[str(field)] in profile.offers:
            found.append((change, answers_for(refined(change, body, profile), profile)))
    found += [(change, row) for change in rule_changes(body) if (row := answers_for(change.requirement, profile))]
    return found


@st.composite
def near_misses(draw: Callable[[SearchStrategy[Any]], Any], profile: Profile) -> NearMiss:
    """A near miss of a small request, mostly of one that every model would answer."""
    lacking = frozenset() if chance(draw, 20) else profile.depends_on_model
    base = draw(requests(profile, size=SMALL, without=lacking))
    changes = possible(base, profile)
    kinds = sorted({change.kind for change, _ in changes})
    kind = draw(st.sampled_from([*kinds, *(RULES if "rule" in kinds else ())]))
    of_kind = [(change, row) for change, row in changes if change.kind == kind]
    # What must be refused says more when it is answered, what may be answered meets more that was never tried.
    must = not chance(draw, 50)
    candidates = [pair for pair in of_kind if (pair[1] is not None) == must] or of_kind
    first = draw(st.integers(0, len(candidates) - 1))
    ordered = [*candidates[first:], *candidates[:first], *changes]
    change, row = next(pair for pair in ordered if breaks(pair[0], base, api_version=profile.body_version))
    return NearMiss(base=base, change=change, row=row)
