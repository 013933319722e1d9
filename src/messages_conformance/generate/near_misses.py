"""Near misses: valid requests with exactly one mistake, at a known place and for a known reason.

The contract alone decides how a target has to answer. A change names the requirement of the probe table that its
request falls under. Where that requirement applies in the profile, the request must be refused, and is judged like the
rows of the table. Every other near miss may also be answered. A gateway may accept more than the schema says (contract
section 8), and servers differ about numbers in strings and similar values. Such a near miss must not cause a 5xx or an
error with a success status. A refusal must have an error envelope.
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
"""The requirement of a near miss that may be accepted."""

RULES: Final = ("rule", "rule", "rule")
"""Rules between fields are generated three times as often as any other kind: servers forget them most."""


@dataclass(frozen=True, kw_only=True, eq=False)
class NearMiss:
    """A valid body, its change, and the row of the probe table that demands a refusal (None: it may be answered)."""

    base: Mapping[str, Any]
    change: Change
    row: Probe | None

    @property
    def body(self) -> Json:
        """The changed body."""
        return changed(self.base, self.change)


def breaks(change: Change, body: Mapping[str, Any], *, api_version: str) -> bool:
    """Whether the change makes the body invalid: by the schema, or by a rule between fields."""
    after = changed(body, change)
    whole = after if change.pointer == ("model",) else {"model": "m", **after}
    return not valid("request", whole, api_version=api_version) or next(breaches(after), None) is not None


def answers_for(requirement: str, profile: Profile) -> Probe | None:
    """The row of the probe table that demands a refusal under a profile; None where there is none."""
    row = probes().get(requirement)
    if row is None or row.expect != REFUSED or not row.needs <= profile.offers:
        return None
    if (row.families and profile.family not in row.families) or row.api_version not in (None, profile.api_version):
        return None
    return row


def possible(body: Mapping[str, Any], profile: Profile) -> list[tuple[Change, Probe | None]]:
    """Every change that may be made to a body under a profile, with its row of the probe table."""
    found: list[tuple[Change, Probe | None]] = []
    for change in shape_changes(body):
        field = change.pointer[0]
        # A field that the profile does not promise is not sent in an invalid form either.
        if field not in FIELD_NEEDS or FIELD_NEEDS[str(field)] in profile.offers:
            found.append((change, answers_for(refined(change, body, profile), profile)))
    found += [(change, row) for change in rule_changes(body) if (row := answers_for(change.requirement, profile))]
    return found


@st.composite
def near_misses(draw: Callable[[SearchStrategy[Any]], Any], profile: Profile) -> NearMiss:
    """A strategy for near misses of small requests, mostly of requests that every model answers."""
    lacking = frozenset() if chance(draw, 20) else profile.depends_on_model
    base = draw(requests(profile, size=SMALL, without=lacking))
    changes = possible(base, profile)
    kinds = sorted({change.kind for change, _ in changes})
    kind = draw(st.sampled_from([*kinds, *(RULES if "rule" in kinds else ())]))
    of_kind = [(change, row) for change, row in changes if change.kind == kind]
    # Half of them must be refused. The other half may be answered, and reaches code that few requests reach.
    must = not chance(draw, 50)
    candidates = [pair for pair in of_kind if (pair[1] is not None) == must] or of_kind
    first = draw(st.integers(0, len(candidates) - 1))
    ordered = [*candidates[first:], *candidates[:first], *changes]
    change, row = next(pair for pair in ordered if breaks(pair[0], base, api_version=profile.body_version))
    return NearMiss(base=base, change=change, row=row)
