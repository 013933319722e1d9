"""One generated request: it can be sent, sent again by name, and made smaller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from messages_conformance.contract import Profile
from messages_conformance.contract.probes import Probe
from messages_conformance.exchange import ACCEPTED, EITHER, REFUSED, Ask, Origin
from messages_conformance.generate.asks import PLAIN_PROBE
from messages_conformance.generate.changes import Change, changed
from messages_conformance.generate.features import capabilities, doubts
from messages_conformance.generate.near_misses import NO_5XX, breaks, possible
from messages_conformance.generate.semantics import is_valid
from messages_conformance.generate.shrinking import smaller


@dataclass(frozen=True, kw_only=True, eq=False)
class GeneratedRequest:
    """A valid body without a model, its change (None for a valid request), and the row of the probe table for that."""

    origin: Origin
    profile: Profile
    base: Mapping[str, Any]
    change: Change | None = None
    row: Probe | None = None

    @property
    def body(self) -> Mapping[str, Any]:
        """The body to send, without a model."""
        return self.base if self.change is None else changed(self.base, self.change)

    def ask(self, *, copy: int = 0) -> Ask:
        """The request as an Ask. `copy` distinguishes the repetitions of a request."""
        dependent = sorted(capabilities(self.base) & self.profile.depends_on_model)
        situation = f"generated.{self.origin.set_name}.{self.origin.number}"
        if self.change is None:
            return Ask(
                situation=situation,
                body=self.base,
                probe=PLAIN_PROBE,
                expect=EITHER if dependent or doubts(self.base, self.profile) else ACCEPTED,
                capability=dependent[0] if len(dependent) == 1 else None,
                origin=self.origin,
                copy=copy,
            )
        own = None if self.row is None else self.row.capability
        return Ask(
            situation=situation,
            body=self.body,
            fill_model=self.change.pointer != ("model",),
            probe=NO_5XX if self.row is None else self.row.requirement,
            expect=EITHER if self.row is None else REFUSED,
            statuses=() if self.row is None else self.row.statuses,
            capability=own or (dependent[0] if dependent else None),
            origin=replace(self.origin, pointer=self.change.at, reason=self.change.reason),
            copy=copy,
        )

    def smaller(self) -> Iterator[GeneratedRequest]:
        """Smaller requests: valid where this one is valid, else with the same mistake."""
        version = self.profile.body_version
        for base in smaller(self.base):
            if not is_valid(base, api_version=version):
                continue
            shrunk = replace(self, base=base, origin=replace(self.origin, shrunk=True))
            if self.change is None:
                yield shrunk
                continue
            like = self._like(base, self.change)
            if like is not None and breaks(like, base, api_version=version):
                yield replace(shrunk, change=like)

    def _like(self, base: Mapping[str, Any], change: Change) -> Change | None:
        """The same change for a smaller body; None where the body has no such place."""
        for found, row in possible(base, self.profile):
            same = (found.kind, found.reason, row) == (change.kind, change.reason, self.row)
            if same and _kind_of_place(found) == _kind_of_place(change):
                return found
        return None


def _kind_of_place(change: Change) -> tuple[str, ...]:
    """The place without the numbers of items, which change when items are removed."""
    return tuple("*" if isinstance(step, int) else step for step in change.pointer)
