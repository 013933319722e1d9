"""HAR 1.2, as browsers, mitmproxy, Charles, Playwright and Polly write it: one pair for each entry.

A body is text or base64. Polly keeps a body that has a content coding as a JSON list of base64 chunks.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final

from messages_conformance.captures.conversion import NO_RESPONSE
from messages_conformance.captures.json_items import JsonCut, JsonReader
from messages_conformance.captures.pair import Damage, Headers, Pair
from messages_conformance.exchange import COMPLETE, LEFT, UNPARSED, parse_json

TAIL_BYTES: Final = 500
"""The last event of a stream is in the last bytes of this number (our own: it has 50, and some proxies add metrics)."""

_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2})+")


def read_har(file: IO[bytes], folder: Path | None) -> Iterator[Pair | Damage]:
    """Yields the pairs of a HAR. `folder` is where the HAR is: some recorders keep bodies in files beside it."""
    reader, number = JsonReader(file), 0
    try:
        for number, entry in enumerate(reader.elements("log", "entries"), start=1):
            yield _pair(number, entry, folder)
    except JsonCut as cut:
        yield Damage(
            message=f"the HAR cannot be read after entry {number:,} (byte {cut.offset:,}: {cut}); was it cut off? "
            "export it again"
        )


def _pair(number: int, entry: Any, folder: Path | None) -> Pair | Damage:
    place = f"entry {number}"
    request, response = _object(entry, "request"), _object(entry, "response")
    if request is None or response is None or not isinstance(request.get("url"), str):
        return Damage(message=f"entry {number:,} is no HAR entry: it has no request with a url, or no response")
    content = _object(response, "content") or {}
    posted = _object(request, "postData")
    body, exact = _body(content, folder)
    return Pair(
        place=place,
        method=str(request.get("method", "GET")),
        url=request["url"],
        request_headers=_headers(request),
        request_body=None if posted is None else _posted(posted, folder),
        status=_whole_number(response.get("status")),
        response_headers=_headers(response),
        response_body=body,
        exact_body=exact,
        all_headers="_id" not in entry,  # Polly gives each entry an _id; its users reduce headers
        ending=LEFT if _is_unfinished(entry, response, content, body) else COMPLETE,
        lost=NO_RESPONSE if response.get("_error") and not body else "",
        http_version=str(response.get("httpVersion") or "HTTP/1.1"),
    )


def _object(value: Any, key: str) -> Mapping[str, Any] | None:
    found = value.get(key) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else None


def _whole_number(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _headers(message: Mapping[str, Any]) -> Headers:
    """The headers without the pseudo-headers of HTTP/2. Some recorders join repeated headers with a line break."""
    rows = message.get("headers")
    pairs = [(row.get("name"), row.get("value")) for row in rows if isinstance(row, dict)] if rows else []
    return tuple((str(name), str(value)) for name, value in pairs if name and not str(name).startswith(":"))


def _posted(posted: Mapping[str, Any], folder: Path | None) -> bytes | None:
    text = posted.get("text")
    if not isinstance(text, str):
        return _beside(posted, folder)
    if posted.get("encoding") == "base64" or posted.get("_encoding") == "base64":
        return _decoded(text) or text.encode()
    return text.encode("utf-8", "surrogatepass")


def _body(content: Mapping[str, Any], folder: Path | None) -> tuple[bytes | None, bool]:
    """The body, and whether it is exact; None when it was not recorded."""
    text = content.get("text")
    if not isinstance(text, str):
        beside = _beside(content, folder)
        return beside, beside is not None
    if text.startswith("[") and (chunks := _chunks(text, content)) is not None:
        return chunks, True
    if content.get("encoding") == "base64":
        decoded = _decoded(text)
        return (text.encode(), False) if decoded is None else (decoded, True)
    return text.encode("utf-8", "surrogatepass"), False


def _chunks(text: str, content: Mapping[str, Any]) -> bytes | None:
    """The chunks of Polly's list, joined: in base64, or in hex in its older releases; None for any other text."""
    if not (content.get("encoding") == "base64" or content.get("_isBinary")):
        return None
    try:
        chunks = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(chunks, list) or not all(isinstance(chunk, str) for chunk in chunks):
        return None
    if all(_HEX.fullmatch(chunk) for chunk in chunks):
        return b"".join(bytes.fromhex(chunk) for chunk in chunks)
    decoded = [_decoded(chunk) for chunk in chunks]
    return None if None in decoded else b"".join(chunk or b"" for chunk in decoded)


def _decoded(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        return None


def _beside(content: Mapping[str, Any], folder: Path | None) -> bytes | None:
    """The body in a file beside the HAR (Playwright's `_file`), never outside of its folder."""
    name = content.get("_file")
    if not isinstance(name, str) or folder is None or Path(name).name != name:
        return None
    try:
        return (folder / name).read_bytes()
    except OSError:
        return None


def _is_unfinished(entry: Mapping[str, Any], response: Mapping[str, Any], content: Any, body: bytes | None) -> bool:
    """Whether the recorder did not see or keep the end of the body: the client left, or only a part was kept."""
    if response.get("_error") or entry.get("_error") or entry.get("_failureText") or response.get("_failureText"):
        return True
    size = _whole_number(content.get("size"))
    cut = body is not None and size is not None and size > len(body) > 0 and "encoding" not in content
    return cut and body is not None and not _looks_whole(body)


def _looks_whole(body: bytes) -> bool:
    """Whether a body has its end. A size beside it may count other bytes, such as those of another charset."""
    return parse_json(body) is not UNPARSED or b"message_stop" in body[-TAIL_BYTES:]
