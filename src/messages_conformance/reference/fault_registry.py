"""The register of faults: functions under @fault and rows of tables, both in the folder `faults`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from messages_conformance import resources
from messages_conformance.reference import fault_tables
from messages_conformance.reference.changes import Rewrite, Stage, summary_of, with_context
from messages_conformance.reference.fault_definition import Fault, define
from messages_conformance.reference.lookup import find, import_modules

PACKAGE: Final = "messages_conformance.reference.faults"
FOLDER: Final = "reference/faults"
"""The folder of the tables, as resources names it."""

_DECLARED: dict[str, Fault] = {}
"""The faults that functions declare."""

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
    also: Mapping[Stage, Rewrite] | None = None,
) -> Callable[[Function], Function]:
    """Declares a fault. Its name is the function's, its summary the first line of the docstring.

    The function takes what the stage rewrites and, if it has a second parameter, the context of the exchange.
    """

    def declare(function: Function) -> Function:
        if function.__name__ in _DECLARED:
            raise TypeError(f"two faults are named {function.__name__}")
        _DECLARED[function.__name__] = define(
            function.__name__,
            category=category,
            at=at,
            summary=summary_of(function),
            rewrite=with_context(function),
            trips=trips,
            trips_tokmodel=trips_tokmodel,
            seen=seen,
            statement=statement,
            undetectable=undetectable,
            depth=depth,
            generated=generated,
            timing_only=timing_only,
            also=also,
        )
        return function

    return declare


@cache
def faults() -> Mapping[str, Fault]:
    """All faults by name, in alphabetical order.

    Raises TypeError where two faults have one name, and FaultTableError for a row that is wrong.
    """
    import_modules(PACKAGE)
    known = dict(_DECLARED)
    for file in resources.names(FOLDER, ".toml"):
        for row in fault_tables.rows(resources.text(f"{FOLDER}/{file}"), file=file):
            if row.name in known:
                raise TypeError(f"two faults are named {row.name}, one of them in {file}")
            known[row.name] = row
    return MappingProxyType(dict(sorted(known.items())))


def find_fault(name: str) -> Fault:
    """The fault of that name; LookupError suggests similar names."""
    return find("fault", name, faults())
