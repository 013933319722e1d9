"""The register of faults. A module of this folder that declares one is found by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from messages_conformance.reference.changes import Rewrite, Stage, summary_of, with_context
from messages_conformance.reference.faults.tokmodel import for_tokmodel
from messages_conformance.reference.lookup import find, import_modules

BELOW_HTTP: Final = "wire"
"""The category of crimes that a connection commits."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One deviation: what it rewrites, what it breaks, and where it was observed."""

    name: str
    category: str
    trips: frozenset[str]
    """The requirements that the profile anthropic-2023-06-01 finds broken, and no others."""
    trips_tokmodel: frozenset[str]
    """The same for the profile tokmodel."""
    seen: str
    at: Stage
    summary: str
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


_FAULTS: dict[str, Fault] = {}
Function = Callable[..., Any]


def fault(
    category: str,
    *,
    trips: Iterable[str],
    at: Stage,
    seen: str = "",
    trips_tokmodel: Iterable[str] | None = None,
    statement: str = "",
    undetectable: str = "",
    depth: str = "standard",
    generated: bool = False,
    timing_only: bool = False,
) -> Callable[[Function], Function]:
    """Declares a fault: the function's name is the crime, its docstring's first line what happens."""

    def declare(function: Function) -> Function:
        name = function.__name__
        if name in _FAULTS:
            raise TypeError(f"two faults are named {name}")
        _FAULTS[name] = Fault(
            name=name,
            category=category,
            trips=frozenset(trips),
            trips_tokmodel=frozenset(for_tokmodel(trips) if trips_tokmodel is None else trips_tokmodel),
            seen=seen,
            at=at,
            summary=summary_of(function),
            rewrite=with_context(function),
            statement=statement,
            undetectable=undetectable,
            depth=depth,
            generated=generated,
            timing_only=timing_only,
        )
        return function

    return declare


def faults() -> Mapping[str, Fault]:
    """All faults by name, in alphabetical order."""
    import_modules("messages_conformance.reference.faults")
    return MappingProxyType(dict(sorted(_FAULTS.items())))


def find_fault(name: str) -> Fault:
    """The fault of that name; LookupError names near matches."""
    return find("fault", name, faults())
