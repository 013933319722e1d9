"""Recordings of this program: an exchanges.jsonl, with the report.json beside it if there is one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from messages_conformance.captures.json_lines import lines_of
from messages_conformance.captures.pair import Damage
from messages_conformance.exchange import Exchange, from_record
from messages_conformance.report import recording

REPORT: Final = "report.json"
RECORDING: Final = recording.FILE_NAME


@dataclass(frozen=True, kw_only=True)
class SavedRun:
    """What report.json says about a run. `base_url` is empty if the target was no address.

    `judged` are the numbers of the exchanges that were judged; None: all. `failed` are the requirements that fail.
    """

    model: str = ""
    profile: str = ""
    depth: str = "standard"
    base_url: str = ""
    judged: frozenset[int] | None = None
    failed: tuple[str, ...] = ()


def about(folder: Path | None) -> SavedRun:
    """What the report.json in a folder says; an empty SavedRun without one, or for another file of that name."""
    try:
        document = json.loads((folder / REPORT).read_bytes()) if folder is not None else {}
        run, rows = document["run"], document["exchanges"]
        return SavedRun(
            model=str(run["model"]),
            profile=str(run["profile"]),
            depth=str(run["depth"]),
            base_url=str(run.get("base_url") or _address(str(run["target"]))),
            judged=frozenset(int(row["number"]) for row in rows),
            failed=tuple(str(row["id"]) for row in document["requirements"] if row["verdict"] == "fail"),
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return SavedRun()


def _address(target: str) -> str:
    return target if target.startswith(("http://", "https://")) else ""


def is_record(value: Any) -> bool:
    """Whether a JSON value is a line of our own recordings."""
    request = value.get("request") if isinstance(value, dict) else None
    return isinstance(request, dict) and "body_base64" in request


def _reason(error: Exception) -> str:
    """Why a line cannot be read, in words of its author."""
    match error:
        case UnicodeDecodeError():
            return f"byte {error.start + 1:,} is not UTF-8"
        case json.JSONDecodeError():
            return f"it is not JSON ({error.msg}, at character {error.pos + 1:,})"
        case KeyError():
            return f"it has no {error}"
        case RecursionError():
            return "it is nested too deeply"
    return str(error)


def read_records(file: IO[bytes], run: SavedRun) -> Iterator[Exchange | Damage]:
    """Yields the exchanges of a recording that were judged; those that only helped to judge others are left out.

    An interrupted run leaves half a line at the end of its file; it is ignored.
    """
    for number, line in lines_of(file):
        try:
            exchange = from_record(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if line.endswith(b"\n"):
                yield Damage(message=f"line {number:,} is no exchange of a recording: {_reason(error)}")
            continue
        if run.judged is None or exchange.capture or exchange.number in run.judged:
            yield exchange
