"""JSON lines: recorded pairs, events of one stream, bare answers, or the lines of a log with a map.

A recorded pair is an object with the objects `request` and `response`. Lines of one `source.repo` and `source.path`
were recorded together; nobody knows that of a line without them, so it is judged alone. A note "no request recorded" or
"no headers recorded" says that this part was invented.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import IO, Any, Final

from messages_conformance.captures.bare import is_event, read_values
from messages_conformance.captures.cassettes import pair_of
from messages_conformance.captures.field_map import FieldMap
from messages_conformance.captures.pair import Damage, Pair

MAX_LINE_BYTES: Final = 256 * 1024 * 1024
"""Longest line that is read into memory (our own: as for an element of a JSON array)."""

NO_REQUEST: Final = "no request recorded"
NO_HEADERS: Final = "no headers recorded"


def read_json_lines(file: IO[bytes], fields: FieldMap | None) -> Iterator[Pair | Damage]:
    """Yields the pairs of all lines. A line that is no JSON object is a Damage, and reading goes on after it."""
    rows = _rows(file)
    first = next(rows, None)
    if first is not None and fields is None and not isinstance(first[1], Damage) and is_event(first[1]):
        yield from read_values(row for _, row in (first, *rows) if not isinstance(row, Damage))
        return
    for number, row in (first, *rows) if first is not None else ():
        if isinstance(row, Damage):
            yield row
        elif fields is not None:
            yield fields.pair(number, row)
        else:
            yield from _recorded(number, row)


def lines_of(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yields (number from 1, line) for each line that is not blank."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES):
        number += 1
        if line.strip():
            yield number, line


def _rows(file: IO[bytes]) -> Iterator[tuple[int, Any]]:
    for number, line in lines_of(file):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            ended = "" if line.endswith(b"\n") else "; was the file cut off?"
            yield number, Damage(message=f"line {number:,} is not JSON ({error}){ended}")
            continue
        yield number, value if isinstance(value, dict) else Damage(message=f"line {number:,} is no JSON object")


def _recorded(number: int, row: Mapping[str, Any]) -> Iterator[Pair | Damage]:
    if not isinstance(row.get("request"), dict) or not isinstance(row.get("response"), dict):
        for one in read_values([row]):
            yield one if isinstance(one, Damage) else replace(one, place=f"line {number}")
        return
    pair = pair_of(number, {"request": _with_url(row["request"]), "response": row["response"]})
    if isinstance(pair, Damage):
        yield pair
        return
    stated = row.get("source")
    source: Mapping[str, Any] = stated if isinstance(stated, dict) else {}
    notes = source.get("notes") or ()
    named = [str(source[key]) for key in ("repo", "path") if source.get(key)] if source.get("path") else []
    together = "/".join(named) or f"line {number}"
    yield replace(
        pair,
        place=f"line {number}",
        url=None if NO_REQUEST in notes else pair.url,
        response_headers=None if NO_HEADERS in notes else pair.response_headers,
        together=together,
    )


def _with_url(request: Mapping[str, Any]) -> Mapping[str, Any]:
    url = request.get("url") or request.get("uri") or request.get("path") or "/v1/messages"
    return {"method": "POST", **request, "url": url, "uri": url}
