"""The list of all faults and variants by category, as `serve --list` shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from messages_conformance.reference.faults import faults
from messages_conformance.reference.variants import variants

FAULT: Final = "fault"
VARIANT: Final = "variant"


@dataclass(frozen=True, kw_only=True)
class ListedChange:
    """One fault or variant. A fault `breaks` requirements; a variant `conforms` to profiles."""

    kind: str
    category: str
    name: str
    summary: str
    seen: str = ""
    breaks: tuple[str, ...] = ()
    conforms: tuple[str, ...] = ()


def listed_changes() -> tuple[ListedChange, ...]:
    """All faults, then all variants, sorted by category and name."""
    return tuple(sorted(_all(), key=lambda change: (change.kind, change.category, change.name)))


def _all() -> Iterator[ListedChange]:
    for fault in faults().values():
        yield ListedChange(
            kind=FAULT,
            category=fault.category,
            name=fault.name,
            summary=fault.summary,
            seen=fault.seen,
            breaks=tuple(sorted(fault.trips)),
        )
    for variant in variants().values():
        yield ListedChange(
            kind=VARIANT,
            category=variant.category,
            name=variant.name,
            summary=variant.summary,
            conforms=tuple(sorted(variant.conforms)),
        )
