"""Which cells of a file a command runs or prints: all, some by name, those of a list, one shard."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from messages_conformance import axes, configuration
from messages_conformance.configuration import Configuration, ConfigurationError
from messages_conformance.fleet.cells import Cell, ListModels, expanded, planned_cell
from messages_conformance.fleet.shards import Shard
from messages_conformance.input_files import MAX_SAVED_BYTES, InputError, parsed_json, read_bytes, typed


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which cells are meant. `patterns` are ids or globs; `list_file` is what `targets --format json` printed."""

    patterns: tuple[str, ...] = ()
    list_file: str | None = None
    shard: Shard | None = None


def selected(
    found: Configuration,
    given: Mapping[str, Any],
    environment: Mapping[str, str],
    *,
    base: Path,
    list_models: ListModels,
    selection: Selection,
) -> tuple[Cell, ...]:
    """The cells of the file that are selected; raises ConfigurationError when there is none."""
    if not found.targets and not found.problems:
        raise ConfigurationError(
            f"--all needs targets: add tables such as [targets.staging] with target = ... to {configuration.FILE_NAME}"
        )
    if selection.list_file is None:
        cells = expanded(found, given, environment, base=base, list_models=list_models)
    else:
        rows = _rows(selection.list_file)
        cells = tuple(planned_cell(row, found, given, environment, base=base) for row in rows)
    if selection.patterns:
        cells = _matching(cells, selection.patterns)
    return cells if selection.shard is None else selection.shard.of(cells)


def _matching(cells: Sequence[Cell], patterns: Sequence[str]) -> tuple[Cell, ...]:
    for pattern in patterns:
        if not any(_matches(cell, pattern) for cell in cells):
            shown = ", ".join(cell.id for cell in cells[:10])
            raise ConfigurationError(f"--cell: no cell matches {pattern[:80]!r}; the first cells are {shown}")
    return tuple(cell for cell in cells if any(_matches(cell, pattern) for pattern in patterns))


def _matches(cell: Cell, pattern: str) -> bool:
    return cell.id == pattern or fnmatchcase(cell.id, pattern)


def _rows(file: str) -> list[dict[str, str]]:
    """The rows of a list of cells; raises ConfigurationError."""
    try:
        value = parsed_json(read_bytes(Path(file), limit_bytes=MAX_SAVED_BYTES))
        rows = typed(value, list[dict[str, Any]])
        return [typed({key: row[key] for key in _KEYS if row.get(key)}, dict[str, str]) for row in rows if _named(row)]
    except InputError as error:
        raise ConfigurationError(
            f"--cells: {file!r} is no list of cells: {error}; make it with `targets --format json`"
        ) from error


_KEYS = ("id", "name", *axes.OF.values(), *(f"{option}_axis" for option in axes.OF.values()))


def _named(row: Mapping[str, Any]) -> bool:
    if not isinstance(row.get("name"), str):
        raise InputError("each row has a name")
    return True


def row_of(cell: Cell) -> dict[str, Any]:
    """The row of a cell for other programs: its id, its values, and its arguments of `run`."""
    values = {option: cell.value(option) for option in axes.OF.values()}
    varied = [option for option in axes.OF.values() if option in cell.varied]
    row: dict[str, Any] = {"id": cell.id, "name": cell.name}
    row |= {option: value or "" for option, value in values.items()}
    row |= {f"{option}_axis": "yes" for option in varied}
    row["report"] = "" if cell.folder is None else str(cell.folder)
    row["arguments"] = [
        cell.name,
        *(f"--{option}={cell.value(option)}" for option in varied),
        *([] if cell.folder is None else [f"--report={cell.folder}"]),
    ]
    row["problem"], row["note"] = cell.problem, cell.note
    return row
