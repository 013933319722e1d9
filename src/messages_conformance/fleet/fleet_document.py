"""fleet.json: the result of a fleet, as schemas/fleet.json describes it; written and read with these types alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from messages_conformance import report
from messages_conformance.input_files import MAX_SAVED_BYTES, InputError, parsed_json, read_bytes, typed
from messages_conformance.report.text import encodable

SCHEMA_ID: Final = "messages-conformance/fleet/1"
FILE_NAME: Final = "fleet.json"

OUTCOMES: Final = {0: "passes", 1: "violations", 2: "not-judged", 4: "wrong-usage"}
"""Exit code of a cell -> its outcome."""

WORST_FIRST: Final = (1, 2, 4, 0)
"""The order in which one of several exit codes is chosen: violations, not judged, wrong usage, no failure."""

Count = Annotated[int, Meta(ge=0, le=2**53)]
Amount = Annotated[float, Meta(ge=0, le=float(2**53))]
ExitCode = Literal[0, 1, 2, 4]


class FleetError(Exception):
    """A fleet.json cannot be read; the message names it and the cure."""


class FleetCell(Struct, frozen=True, kw_only=True):
    """One cell. `report` is the folder of its report, relative to the folder of fleet.json; empty without a report.

    `verdict` is the sentence of its report, or why there is none. `failing` are the requirements that fail it, and
    `warning` the other violated ones. `reused` is true when an earlier report was taken (--skip-done).
    """

    id: Annotated[str, Meta(min_length=1)]
    name: str
    target: str = ""
    model: str = ""
    profile: str = ""
    depth: str = ""
    edition: str = ""
    version: str = ""
    exit_code: ExitCode
    outcome: Literal["passes", "violations", "not-judged", "wrong-usage"]
    verdict: str
    failing: tuple[str, ...] = ()
    warning: tuple[str, ...] = ()
    verified: Count = 0
    not_verified: Count = 0
    requests: Count = 0
    input_tokens: Count = 0
    output_tokens: Count = 0
    money: Amount | None = None
    currency: str = ""
    started_at: str = ""
    elapsed_s: Amount = 0
    report: str = ""
    reused: bool = False
    note: str = ""


class FleetCounts(Struct, frozen=True, kw_only=True):
    """Cells by outcome; `total` is their sum, and `reused` are among them."""

    total: Count
    passes: Count
    violations: Count
    not_judged: Count
    wrong_usage: Count
    reused: Count = 0


class FleetDocument(Struct, frozen=True, kw_only=True):
    """A whole fleet, or one shard of it. `complete` is false when the fleet ended before each cell was run."""

    schema: str = SCHEMA_ID
    version: str
    started_at: str
    ended_at: str
    complete: bool
    shard: str = ""
    exit_code: ExitCode
    counts: FleetCounts
    cells: tuple[FleetCell, ...]


def fleet_of(
    cells: Iterable[FleetCell], *, version: str, started_at: str, ended_at: str, complete: bool, shard: str = ""
) -> FleetDocument:
    """The document of these cells, with their counts and the exit code of all."""
    kept = tuple(cells)
    codes = Counter(cell.exit_code for cell in kept)
    return FleetDocument(
        version=version,
        started_at=started_at,
        ended_at=ended_at,
        complete=complete,
        shard=shard,
        exit_code=exit_code_of(codes),
        counts=FleetCounts(
            total=len(kept),
            passes=codes[0],
            violations=codes[1],
            not_judged=codes[2],
            wrong_usage=codes[4],
            reused=sum(cell.reused for cell in kept),
        ),
        cells=kept,
    )


def exit_code_of(codes: Iterable[int]) -> ExitCode:
    """The exit code of a fleet: 1 if any cell has violations, else 2, else 4, else 0. Without cells, 2."""
    found = set(codes)
    return next((code for code in WORST_FIRST if code in found), 2)


def write(document: FleetDocument, path: Path) -> None:
    """Writes the file, completely or not at all; raises ReportError."""
    value = encodable(msgspec.to_builtins(document))
    text = msgspec.json.format(msgspec.json.encode(value), indent=1).decode() + "\n"
    report.replace(path, text, cure="free space, or name another folder with --report")


def load(path: Path) -> FleetDocument:
    """The document of a file; raises FleetError with the cure."""
    try:
        value = parsed_json(read_bytes(path, limit_bytes=MAX_SAVED_BYTES))
        stated = value.get("schema") if isinstance(value, dict) else None
        if stated != SCHEMA_ID:
            raise InputError(f'it does not begin with "schema": "{SCHEMA_ID}"')
        return typed(value, FleetDocument)
    except InputError as error:
        raise FleetError(
            f"{str(path)!r} cannot be read: {error}; name the folder of `run --all`, or make it again"
        ) from error
