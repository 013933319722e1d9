"""Bare bodies: an event stream, the data of one line by line, one JSON answer, or a JSON array of any of these.

Nothing else is known: not the request, not the status, not the headers. The status is 200 for a message and a stream,
and the documented one for the type of an error.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from messages_conformance.captures.cassettes import headers_of, pair_of
from messages_conformance.captures.conversion import json_bytes
from messages_conformance.captures.pair import Damage, Pair
from messages_conformance.exchange import UNPARSED, parse_json

STATUSES: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "api_error": 500,
    "timeout_error": 504,
    "overloaded_error": 529,
}
"""The status of each documented error type (platform.claude.com/docs/en/api/errors, read 2026-11-22)."""

UNKNOWN_ERROR: Final = 400


def read_stream(data: bytes) -> Iterator[Pair]:
    """Yields the one pair of an event stream."""
    yield Pair(place="the stream", status=200, response_body=data)


def read_document(data: bytes) -> Iterator[Pair | Damage]:
    """Yields the pair of one JSON document."""
    value = parse_json(data)
    if value is UNPARSED:
        yield Damage(message="the file is not JSON to its end; was it cut off? save the whole answer")
        return
    yield from read_values([value])


def read_values(values: Iterable[Any]) -> Iterator[Pair | Damage]:
    """Yields a pair for each JSON value: an answer, a recorded pair, or events in a row that are one stream."""
    events: list[Mapping[str, Any]] = []
    for number, value in enumerate(values, start=1):
        if isinstance(value, dict) and value.get("type") == "message_start" and events:
            yield stream_of(events, f"stream before item {number}")
            events = []
        if is_event(value) or (events and isinstance(value, dict) and value.get("type") == "error"):
            events.append(value)
        else:
            yield _pair(value, number)
    if events:
        yield stream_of(events, "the stream")


def is_event(value: Any) -> bool:
    """Whether a JSON value is the data of an event of a stream."""
    kind = value.get("type") if isinstance(value, dict) else None
    return isinstance(kind, str) and (kind.startswith(("message_", "content_block_")) or kind == "ping")


def stream_of(events: Iterable[Mapping[str, Any]], place: str) -> Pair:
    """The pair of a stream whose events somebody parsed."""
    return Pair(place=place, status=200, response_body=sse(events))


def sse(events: Iterable[Mapping[str, Any]]) -> bytes:
    """Events as server-sent events again."""
    return b"".join(b"event: %s\ndata: %s\n\n" % (str(one.get("type")).encode(), json_bytes(one)) for one in events)


def _pair(value: Any, number: int) -> Pair | Damage:
    if not isinstance(value, dict):
        return Damage(message=f"item {number:,} is no JSON object, so it is no answer")
    if isinstance(value.get("request"), dict) and isinstance(value.get("response"), dict):
        return pair_of(number, value)
    if "scope" in value and "path" in value and "response" in value:
        return _of_nock(value, number)
    return Pair(place=f"item {number}", status=status_of(value), response_body=json.dumps(value).encode())


def status_of(value: Mapping[str, Any]) -> int:
    """The status of a bare answer: 200, or that of the type of its error."""
    error = value.get("error")
    if value.get("type") != "error" and not isinstance(error, dict):
        return 200
    kind = error.get("type") if isinstance(error, dict) else None
    return STATUSES.get(kind, UNKNOWN_ERROR) if isinstance(kind, str) else UNKNOWN_ERROR


def _of_nock(value: Mapping[str, Any], number: int) -> Pair:
    """The pair of one entry of a nock fixture; `rawHeaders` is a flat list of names and values."""
    raw = value.get("rawHeaders")
    flat = raw if isinstance(raw, list) else []
    headers = tuple(zip(map(str, flat[::2]), map(str, flat[1::2]), strict=False)) if flat else headers_of(raw)
    body, response = value.get("body"), value["response"]
    chunks = response if isinstance(response, list) and all(isinstance(one, str) for one in response) else None
    try:
        received = json_bytes(response) if chunks is None else b"".join(bytes.fromhex(chunk) for chunk in chunks)
    except ValueError:
        received = "".join(chunks or ()).encode()
    return Pair(
        place=f"item {number}",
        method=str(value.get("method", "GET")),
        url=str(value["path"]),
        request_headers=headers_of(value.get("reqheaders")),
        request_body=None if body in (None, "") else json_bytes(body),
        status=value.get("status") if isinstance(value.get("status"), int) else None,
        response_headers=headers,
        response_body=received,
        exact_body=chunks is not None,
    )
