"""Finding a change by name, with help for the name that is almost right."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

Named = TypeVar("Named")


def find(kind: str, name: str, known: Mapping[str, Named]) -> Named:
    """The registered item of that name. LookupError offers near names and says how to see all."""
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=5, cutoff=0.5)
    near = near or [other for other in sorted(known) if set(name.split("_")) & set(other.split("_"))][:5]
    offer = f"Did you mean {', '.join(near)}? " if near else ""
    raise LookupError(
        f"no {kind} is named {name!r}. {offer}"
        f"`messages-conformance serve --list` shows all {len(known)} {kind}s by category"
    )
