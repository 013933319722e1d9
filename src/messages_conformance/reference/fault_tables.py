"""Reads tables of faults: one TOML file for each topic, one row for each fault.

    category = "usage"                       # of all rows that name no other

    [document.edit_json]                     # a stage, and an operation out of fault_operations
    omit_usage = { summary = "A Message has no usage.", drop = ["usage"], trips = ["usage.present"] }

A row that does not fit into one line is a table of its own, `[document.edit_json.omit_usage]`.

A row has `summary` and `trips`. It can have `category`, `seen`, `trips_tokmodel`, `statement`, `undetectable`, `depth`,
`generated` and `timing_only`, as the decorator @fault has. `when` holds the fields of RequestFilter: the fault affects
the requests that it selects. All other keys are arguments of the operation. Every key and every value is checked.
"""

from __future__ import annotations

import inspect
import tomllib
from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, fields
from typing import Any, Final, Literal, get_type_hints

from messages_conformance.reference.changes import Rewrite, Stage, with_context
from messages_conformance.reference.fault_definition import Fault, define
from messages_conformance.reference.fault_operations import OPERATIONS, Build, Operation
from messages_conformance.reference.json_edits import Edit
from messages_conformance.reference.request_filters import RequestFilter
from messages_conformance.reference.table_values import WrongValue, checked

CATEGORY: Final = "category"
WHEN: Final = "when"
TRIPS: Final = "trips"


class FaultTableError(ValueError):
    """A row of a fault table is wrong. The message names the file, the row and what is valid."""


@dataclass(frozen=True, kw_only=True)
class _Common:
    """The keys that rows of all operations have."""

    summary: str
    trips: tuple[str, ...]
    category: str = ""
    seen: str = ""
    trips_tokmodel: tuple[str, ...] | None = None
    statement: str = ""
    undetectable: str = ""
    depth: Literal["smoke", "standard", "deep"] = "standard"
    generated: bool = False
    timing_only: bool = False


COMMON: Final = frozenset(field.name for field in fields(_Common))


def rows(text: str, *, file: str) -> Iterator[Fault]:
    """The faults of one table. FaultTableError, a ValueError, names the file, the row and what is valid."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FaultTableError(f"{file}: {error}") from None
    category = str(table.pop(CATEGORY, ""))
    for stage, operations in table.items():
        if stage not in list(Stage):
            raise FaultTableError(f"{file}: there is no stage {stage!r}; valid: {', '.join(Stage)}")
        for name, group in _table(operations, stage, file).items():
            operation = _operation(name, Stage(stage), file)
            for fault, row in _table(group, f"{stage}.{name}", file).items():
                try:
                    yield _fault(fault, row, category=category, stage=Stage(stage), operation=operation)
                except WrongValue as error:
                    raise FaultTableError(f"{file}: {fault}: {error}") from None


def _table(value: Any, name: str, file: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise FaultTableError(f"{file}: {name} is a table, not {value!r}")
    return value


def _operation(name: str, stage: Stage, file: str) -> Operation:
    valid = sorted(known for known, operation in OPERATIONS.items() if stage in operation.stages)
    if name not in valid:
        raise FaultTableError(f"{file}: no operation {name!r} works at {stage}; valid: {', '.join(valid) or 'none'}")
    return OPERATIONS[name]


def _fault(name: str, row: Any, *, category: str, stage: Stage, operation: Operation) -> Fault:
    if not isinstance(row, dict):
        raise WrongValue(f"a row is a table of keys and values, not {row!r}")
    given = dict(row)
    when = _filter(given.pop(WHEN)) if WHEN in given else None
    common = _Common(**_arguments({key: given.pop(key) for key in COMMON & given.keys()}, _Common))
    if not (common.category or category):
        raise WrongValue("a row without a category, in a file without one")
    if not common.summary.endswith("."):
        raise WrongValue(f"the summary is a sentence, not {common.summary!r}")
    rewrite = with_context(operation.build(**_bound(given, operation.build, common.trips)))
    return define(
        name,
        category=common.category or category,
        at=stage,
        summary=common.summary,
        rewrite=rewrite if when is None else _restricted(rewrite, when),
        trips=common.trips,
        trips_tokmodel=common.trips_tokmodel,
        seen=common.seen,
        statement=common.statement,
        undetectable=common.undetectable,
        depth=common.depth,
        generated=common.generated,
        timing_only=common.timing_only,
    )


def _filter(value: Any) -> RequestFilter:
    if not isinstance(value, dict):
        raise WrongValue(f"{WHEN} is a table of keys and values, not {value!r}")
    return RequestFilter(**_arguments(value, RequestFilter))


def _restricted(rewrite: Rewrite, when: RequestFilter) -> Rewrite:
    """The rewrite for those requests only that a filter selects."""
    return lambda thing, context: rewrite(thing, context) if when.selects(context) else thing


def _bound(given: Mapping[str, Any], build: Build, trips: tuple[str, ...]) -> dict[str, Any]:
    """The arguments of an operation, out of the keys of a row that are not common to all rows."""
    hints = get_type_hints(build)
    own = {name for name in inspect.signature(build).parameters if name != TRIPS and hints[name] is not Edit}
    edited = {name for name, hint in hints.items() if hint is Edit}
    parts = {field.name for field in fields(Edit)} if edited else set()
    _reject_unknown(given, own | parts)
    bound = _arguments({key: value for key, value in given.items() if key in own}, build, ignored=edited | {TRIPS})
    if edited:
        edit = _arguments({key: value for key, value in given.items() if key in parts}, Edit)
        bound |= dict.fromkeys(edited, Edit(**edit))
    return bound | ({TRIPS: trips} if TRIPS in hints else {})


def _arguments(
    given: Mapping[str, Any], function: Callable[..., Any], *, ignored: Set[str] = frozenset()
) -> dict[str, Any]:
    """The values that a function or a dataclass takes, checked against its annotations."""
    hints = get_type_hints(function)
    taken = {name: one for name, one in inspect.signature(function).parameters.items() if name not in ignored}
    _reject_unknown(given, set(taken))
    missing = sorted(name for name, one in taken.items() if one.default is one.empty and name not in given)
    if missing:
        raise WrongValue(f"{missing[0]} is missing")
    return {name: checked(name, value, hints[name]) for name, value in given.items()}


def _reject_unknown(given: Mapping[str, Any], valid: set[str]) -> None:
    unknown = sorted(set(given) - valid)
    if unknown:
        raise WrongValue(f"there is no key {unknown[0]!r} here; valid: {', '.join(sorted(valid))}")
