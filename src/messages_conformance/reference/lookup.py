"""Importing the modules of a registry, and finding a fault, variant or condition by name."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Mapping
from typing import TypeVar

Named = TypeVar("Named")


def import_modules(package: str) -> None:
    """Imports every module of a package, so that the faults or variants in it are registered."""
    for module in pkgutil.iter_modules(importlib.import_module(package).__path__, package + "."):
        importlib.import_module(module.name)


def find(kind: str, name: str, known: Mapping[str, Named]) -> Named:
    """The registered item with that name. LookupError suggests similar names and the command that lists all."""
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=5, cutoff=0.5)
    near = near or [other for other in sorted(known) if set(name.split("_")) & set(other.split("_"))][:5]
    suggestion = f"Did you mean {', '.join(near)}? " if near else ""
    raise LookupError(
        f"no {kind} is named {name!r}. {suggestion}"
        f"`messages-conformance serve --list` shows all {len(known)} {kind}s by category"
    )
