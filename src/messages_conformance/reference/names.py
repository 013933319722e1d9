"""Everything that the reference endpoint can be, by category, for people who choose by name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from messages_conformance.reference.faults import faults
from messages_conformance.reference.variants import variants

FAULT: Final = "fault"
VARIANT: Final = "variant"


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One fault or variant. `breaks` are requirements, `conforms` profiles; the other of the two is empty."""

    kind: str
    category: str
    name: str
    summary: str
    seen: str = ""
    breaks: tuple[str, ...] = ()
    conforms: tuple[str, ...] = ()


def listed() -> tuple[Listed, ...]:
    """All faults, then all variants, each by category and name."""
    return tuple(sorted(_all(), key=lambda one: (one.kind, one.category, one.name)))


def _all() -> Iterator[Listed]:
    for fault in faults().values():
        yield Listed(
            kind=FAULT,
            category=fault.category,
            name=fault.name,
            summary=fault.summary,
            seen=fault.seen,
            breaks=tuple(sorted(fault.trips)),
        )
    for variant in variants().values():
        yield Listed(
            kind=VARIANT,
            category=variant.category,
            name=variant.name,
            summary=variant.summary,
            conforms=tuple(sorted(variant.conforms)),
        )
