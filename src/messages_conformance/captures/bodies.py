"""A recorded response body as it can be judged: with the content coding that it really has.

Recorders store a body before or after they remove its content coding, and many keep the old headers in both cases. The
bytes decide. A body that has the coding of its header stays as it is. If the body has another coding, the headers that
describe the bytes on the wire are removed, because they are wrong.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Final

from messages_conformance.captures.pair import Headers
from messages_conformance.exchange import GZIP_MAGIC

ON_THE_WIRE: Final = frozenset({"content-encoding", "content-length", "transfer-encoding"})
"""Headers that describe the bytes on the wire. They contradict a decoded body."""

ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
"""The first bytes of a zstd frame (RFC 8878, 3.1.1)."""

_TEXT_STARTS: Final = b'{[":edir<'
"""The first byte of JSON, of a line of an event stream (event, data, id, retry, a comment), or of markup."""


@dataclass(frozen=True, kw_only=True)
class ReadBody:
    """A body with headers that are true of it.

    `exact`: the bytes are known to be those that the target sent. `unreadable`: why nobody here can decode it.
    """

    data: bytes
    headers: Headers
    exact: bool
    unreadable: str = ""


def read_body(data: bytes, headers: Headers, *, exact: bool) -> ReadBody:
    """The body as it can be judged. `exact` says whether the recorder kept the bytes that it received."""
    coding = header_of(headers, "content-encoding").strip().lower()
    length = header_of(headers, "content-length").strip()
    proven = exact or length == str(len(data))
    if coding in ("", "identity"):
        return ReadBody(data=data, headers=headers if proven else without_wire_headers(headers), exact=proven)
    if coding in ("gzip", "x-gzip", "deflate") and has_coding(data, coding):
        return ReadBody(data=data, headers=headers, exact=proven)
    if data[:1].lower() in {bytes([byte]) for byte in _TEXT_STARTS} or not data.strip():
        return ReadBody(data=data, headers=without_wire_headers(headers), exact=False)
    return ReadBody(
        data=data,
        headers=headers,
        exact=False,
        unreadable=f"its body is compressed with {coding}; record it decoded, or with gzip",
    )


def has_coding(data: bytes, coding: str) -> bool:
    """Whether the bytes can be decoded with gzip or deflate."""
    if coding in ("gzip", "x-gzip"):
        return data.startswith(GZIP_MAGIC)
    for bits in (zlib.MAX_WBITS, -zlib.MAX_WBITS):
        try:
            if zlib.decompressobj(bits).decompress(data, 1):
                return True
        except zlib.error:
            continue
    return False


def without_wire_headers(headers: Headers) -> Headers:
    """The headers without those that describe the bytes on the wire."""
    return tuple(pair for pair in headers if pair[0].lower() not in ON_THE_WIRE)


def header_of(headers: Headers, name: str) -> str:
    """The first value under a name in lower case; empty when absent."""
    return next((value for key, value in headers if key.lower() == name), "")
