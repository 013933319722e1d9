"""A fault of the reference endpoint as data, whether it was declared by a function or by a row of a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from messages_conformance.reference.changes import Rewrite, Stage
from messages_conformance.reference.tokmodel_trips import for_tokmodel

BELOW_HTTP: Final = "wire"
"""The category of the faults of a connection."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One deviation: what it rewrites, which requirements it breaks, and where it was observed."""

    name: str
    category: str
    trips: frozenset[str]
    """The requirements that the profile anthropic-2023-06-01 finds broken, and no others."""
    trips_tokmodel: frozenset[str]
    """The same for the profile tokmodel."""
    seen: str
    """Sources in which the deviation was observed, separated by semicolons."""
    at: Stage
    summary: str
    """What the server does wrong, as one sentence."""
    rewrite: Rewrite = field(repr=False)
    also: Mapping[Stage, Rewrite] = field(default_factory=dict, repr=False)
    statement: str = ""
    """Part of the statement with which a run ends when the fault leaves nothing to judge."""
    undetectable: str = ""
    """Why no run can distinguish the fault from what a correct server may do."""
    depth: str = "standard"
    """The least depth at which a run provokes what the fault breaks."""
    generated: bool = False
    """Whether only generated requests provoke the fault."""
    timing_only: bool = False
    """Whether a fault of the connection consists of silence or of a body without end, which memory can simulate."""

    @property
    def needs_socket(self) -> bool:
        """Whether the fault changes the connection itself, which only a socket has."""
        return self.category == BELOW_HTTP and not self.timing_only


def define(
    name: str,
    *,
    category: str,
    at: Stage,
    summary: str,
    rewrite: Rewrite,
    trips: Iterable[str],
    trips_tokmodel: Iterable[str] | None = None,
    seen: str = "",
    statement: str = "",
    undetectable: str = "",
    depth: str = "standard",
    generated: bool = False,
    timing_only: bool = False,
    also: Mapping[Stage, Rewrite] | None = None,
) -> Fault:
    """A fault. Without `trips_tokmodel`, it breaks in the profile tokmodel what that profile promises of `trips`."""
    return Fault(
        name=name,
        category=category,
        trips=frozenset(trips),
        trips_tokmodel=frozenset(for_tokmodel(trips) if trips_tokmodel is None else trips_tokmodel),
        seen=seen,
        at=at,
        summary=summary,
        rewrite=rewrite,
        statement=statement,
        undetectable=undetectable,
        depth=depth,
        generated=generated,
        timing_only=timing_only,
        also=also or {},
    )
