"""Where the parts of an exchange are in a line of somebody's log: `request = "$.req.body"`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.captures.bare import is_event, sse, status_of
from messages_conformance.captures.cassettes import headers_of
from messages_conformance.captures.conversion import json_bytes
from messages_conformance.captures.errors import CaptureError
from messages_conformance.captures.pair import Damage, Pair

FIELDS: Final = ("request", "response", "status", "url", "method", "request_headers", "response_headers", "capture")
"""What a map can name: the two bodies, the parts around them, and the name of what was recorded together."""

_STEP: Final = re.compile(r"\.([A-Za-z0-9_-]+)|\[(\d+)\]|\['([^']+)'\]|\[\"([^\"]+)\"\]")


@dataclass(frozen=True, kw_only=True)
class FieldMap:
    """The path of each field, as keys and indexes. Made with `field_map`."""

    paths: Mapping[str, tuple[str | int, ...]]

    def pair(self, number: int, row: Any) -> Pair | Damage:
        """The pair of line `number`."""
        found = {name: _at(row, path) for name, path in self.paths.items()}
        response = found.get("response")
        if response is None and "status" not in found:
            where = ", ".join(f"{name} = {shown(path)}" for name, path in self.paths.items())
            return Damage(message=f"line {number:,} has no response where the map says ({where}); correct the map")
        request, url, status = found.get("request"), found.get("url"), found.get("status")
        known = {name: headers_of(found[name]) for name in ("request_headers", "response_headers") if found.get(name)}
        return Pair(
            place=f"line {number}",
            method=str(found.get("method") or "POST"),
            url=str(url) if url else None if request is None else "/v1/messages",
            request_headers=known.get("request_headers"),
            request_body=None if request is None else json_bytes(request),
            status=_status(status, response),
            response_headers=known.get("response_headers"),
            response_body=None if response is None else _body(response),
            together=str(found.get("capture") or ""),
        )


def field_map(rows: Iterable[tuple[str, str]]) -> FieldMap:
    """The map of (field, path) rows such as ("request", "$.req.body"); raises CaptureError for one that is wrong."""
    paths = {}
    for name, path in rows:
        if name not in FIELDS:
            raise CaptureError(f"a map has no field {name!r}; valid: {', '.join(FIELDS)}")
        steps = tuple(_STEP.finditer(path, 1)) if path.startswith("$") else ()
        if "".join(step[0] for step in steps) != path[1:] or not steps:
            raise CaptureError(f"{path!r} is no path into a line; write it like $.req.body or $.items[0]['x y']")
        paths[name] = tuple(int(step[2]) if step[2] else step[1] or step[3] or step[4] for step in steps)
    if "response" not in paths:
        raise CaptureError("a map needs the field response, such as --map response='$.resp.body'")
    return FieldMap(paths=paths)


def shown(path: Iterable[str | int]) -> str:
    """A path as a user writes it."""
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)


def _at(value: Any, path: Iterable[str | int]) -> Any:
    for step in path:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value


def _body(value: Any) -> bytes:
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value) and is_event(value[0]):
        return sse(value)
    return json_bytes(value)


def _status(value: Any, response: Any) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and value[:3].isdecimal():
        return int(value[:3])
    return status_of(response) if isinstance(response, dict) else 200 if response is not None else None
