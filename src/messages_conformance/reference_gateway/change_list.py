"""All faults and variants of the reference gateway, by name."""

from __future__ import annotations

from difflib import get_close_matches

from messages_conformance.reference_gateway import faults, freedoms, variants
from messages_conformance.reference_gateway.changes import Change, registered


def changes(kind: str) -> tuple[Change, ...]:
    """All faults or all variants."""
    faults.load()
    variants.load()
    freedoms.load()
    return registered(kind)


def find(kind: str, name: str) -> Change:
    """The change of that name; LookupError suggests similar names."""
    known = {change.name: change for change in changes(kind)}
    if name not in known:
        near = ", ".join(get_close_matches(name, known, n=3)) or "see `serve --gateway passthrough --list`"
        raise LookupError(f"the reference gateway has no {kind} {name!r}; similar: {near}")
    return known[name]
