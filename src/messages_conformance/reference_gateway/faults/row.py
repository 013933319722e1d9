"""A row of a table of faults: its name, what it does, what it violates, and its edits."""

from __future__ import annotations

from typing import Any

from messages_conformance.reference_gateway.changes import Change, add


def fault(name: str, summary: str, *trips: str, **edits: Any) -> None:
    """Registers a fault. `trips` are requirement ids without `gateway.`."""
    add(Change(name=name, summary=summary, trips=frozenset(f"gateway.{one}" for one in trips), **edits))
