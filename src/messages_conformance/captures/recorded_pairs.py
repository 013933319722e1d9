"""JSON lines with one request and its response each, both as text, plain or compressed with gzip.

    {"source": {"repo": ..., "path": ..., "form": ..., "notes": [...]},
     "request": {"method": "POST", "path": "/v1/messages", "headers": [[name, value], ...], "body": "..."},
     "response": {"status": 200, "headers": [[name, value], ...], "body": "..."}}

Lines of one `source.repo` and `source.path` were recorded together and make one capture; a line without `source` is a
capture of its own. Bodies are decoded text, so times, chunk borders and raw bytes are not in such a file, and nobody
knows what the sender expected. A note "no request recorded" or "no headers recorded" says that this part was invented.
"""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from messages_conformance.captures.capture import Capture, CaptureError, is_of_the_api
from messages_conformance.captures.scrubbing import lacks_of_headers
from messages_conformance.exchange import COMPLETE, EITHER, Chunk, Exchange, RecordingPart, Request, Response
from messages_conformance.input_files import MAX_SAVED_BYTES, InputError, parsed_json, read_bytes

ALWAYS_MISSING: Final = frozenset(
    {RecordingPart.TIMES, RecordingPart.CHUNK_BORDERS, RecordingPart.RAW_BODY, RecordingPart.PROBES}
)
INVENTED: Final = {
    "no request recorded": RecordingPart.REQUEST,
    "no headers recorded": RecordingPart.RESPONSE_HEADERS,
}
ENCODED: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers that describe the bytes on the wire. They contradict a decoded body, so they are left out."""

GZIP_MAGIC: Final = b"\x1f\x8b"


def read_pairs(path: Path) -> Iterator[Capture]:
    """Yields the captures of a file in the order of their first lines; raises CaptureError for any other file."""
    groups: dict[tuple[str, ...], list[Mapping[str, Any]]] = {}
    for number, row in _rows(path):
        groups.setdefault(_key(number, row), []).append(row)
    for key, rows in groups.items():
        yield _capture("/".join(key), path, rows)


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        data = read_bytes(path, limit_bytes=MAX_SAVED_BYTES)
        lines = (_decompressed(data) if data.startswith(GZIP_MAGIC) else data).split(b"\n")
    except (OSError, EOFError, zlib.error, InputError) as error:
        raise CaptureError(
            f"cannot read {str(path)!r}: {error}; name a file of recorded pairs, one JSON object a line"
        ) from None
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield number, _row(path, number, line)


def _decompressed(data: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as file:
        plain = file.read(MAX_SAVED_BYTES + 1)
    if len(plain) > MAX_SAVED_BYTES:
        raise InputError("it has more than a gigabyte when it is decompressed")
    return plain


def _row(path: Path, number: int, line: bytes) -> Mapping[str, Any]:
    try:
        row = parsed_json(line)
    except InputError as error:
        raise CaptureError(f"{str(path)!r}, line {number}: {error}") from None
    if not isinstance(row, dict) or not all(isinstance(row.get(part), dict) for part in ("request", "response")):
        raise CaptureError(
            f"{str(path)!r}, line {number}: an object with the objects request and response was expected"
        )
    return row


def _key(number: int, row: Mapping[str, Any]) -> tuple[str, ...]:
    source = row.get("source")
    if isinstance(source, dict) and source.get("path"):
        return str(source.get("repo", "")), str(source["path"])
    return (f"line {number}",)


def _capture(name: str, path: Path, rows: Iterable[Mapping[str, Any]]) -> Capture:
    rows = tuple(rows)
    source = rows[0].get("source") or {}
    try:
        read = tuple(_exchange(number, row) for number, row in enumerate(rows, start=1))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CaptureError(f"{str(path)!r}, {name}: not a recorded pair ({type(error).__name__}: {error})") from None
    exchanges = tuple(exchange for exchange in read if is_of_the_api(exchange.request))
    origin = {key: str(value) for key, value in source.items() if isinstance(value, str | int)}
    return Capture(name=name, exchanges=exchanges, skipped=len(read) - len(exchanges), origin=origin)


def _exchange(number: int, row: Mapping[str, Any]) -> Exchange:
    sent, received = row["request"], row["response"]
    notes = (row.get("source") or {}).get("notes", ())
    headers = tuple((str(name), str(value)) for name, value in received["headers"])
    return Exchange(
        number=number,
        expect=EITHER,
        request=Request(
            method=str(sent["method"]),
            path=str(sent["path"]),
            headers=tuple((str(name), str(value)) for name, value in sent["headers"]),
            body=(sent.get("body") or "").encode(),
        ),
        response=Response(
            status=int(received["status"]),
            headers=tuple(pair for pair in headers if pair[0].lower() not in ENCODED),
            chunks=(Chunk(at_s=0.0, data=(received.get("body") or "").encode()),),
            headers_at_s=0.0,
            ended_at_s=0.0,
            ending=COMPLETE,
        ),
        lacks=ALWAYS_MISSING | lacks_of_headers(headers) | {INVENTED[note] for note in notes if note in INVENTED},
    )
