"""Bodies as exchanges.jsonl stores them: in base64, large ones compressed; of what stays large, only the beginning.

What a reader misses is said: such an exchange becomes one without an answer, and its failure names the sizes.
"""

from __future__ import annotations

import base64
import binascii
import zlib
from typing import Any, Final, Literal

from messages_conformance.exchange.http_response import CUT_OFF_BYTES, Response
from messages_conformance.exchange.size_limits import beginning
from messages_conformance.input_files import InputError

PACKED_FROM_BYTES: Final = 64 * 1024
"""Larger bodies are compressed: most exchanges have a hundredth of this, and stay readable (origin: our own)."""

MOST_STORED_BYTES: Final = 1024 * 1024
"""Of a body that has more after compression, CUT_OFF_BYTES are kept. A text of 128,000 tokens, streamed, has less
(origin: our own)."""

MOST_UNPACKED_BYTES: Final = 64 * 1024 * 1024
"""A stored body is unpacked up to this size, twice the largest one that is recorded (origin: our own)."""

ZLIB: Final = "zlib"
Coding = Literal["", "zlib"]
Fields = dict[str, Any]


def packed_body(body: bytes, *, may_cut: bool = True) -> Fields:
    """The keys of a record for a body: `body_base64`, with `body_coding` or `body_cut_from` if it is large."""
    if len(body) <= PACKED_FROM_BYTES:
        return {"body_base64": _text(body)}
    packed = zlib.compress(body, level=1)
    if len(packed) > MOST_STORED_BYTES and may_cut:
        return {"body_base64": _text(body[:CUT_OFF_BYTES]), "body_cut_from": len(body)}
    return {"body_base64": _text(packed), "body_coding": ZLIB}


def unpacked_body(text: str, coding: Coding, place: str) -> bytes:
    """The body; raises InputError with the place."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError(f"{place}: it is not base64 ({error})") from error
    return _unpacked(data, place) if coding == ZLIB else data


def packed_chunks(response: Response, *, may_cut: bool = True) -> Fields:
    """The keys of a record for the chunks of a response: `chunks` with the data, or `sizes` beside one packed body."""
    size_bytes = sum(len(chunk.data) for chunk in response.chunks)
    if size_bytes <= PACKED_FROM_BYTES:
        return {"chunks": [[chunk.at_s, _text(chunk.data)] for chunk in response.chunks]}
    fields = packed_body(b"".join(chunk.data for chunk in response.chunks), may_cut=may_cut)
    if "body_cut_from" in fields:
        kept = beginning(response.chunks, most_bytes=CUT_OFF_BYTES)
        return {"chunks": [[chunk.at_s, _text(chunk.data)] for chunk in kept], "body_cut_from": size_bytes}
    return {"chunks": [[chunk.at_s, ""] for chunk in response.chunks], "sizes": _sizes(response), **fields}


def cut_note(request_bytes: int | None, response_bytes: int | None) -> str:
    """What a recording misses of an exchange, in words; empty when nothing."""
    parts = (("request", request_bytes), ("answer", response_bytes))
    missing = [f"the {name}'s {size:,} bytes" for name, size in parts if size is not None]
    return f"the recording has only the first {CUT_OFF_BYTES:,} of {' and of '.join(missing)}" if missing else ""


def _sizes(response: Response) -> list[int]:
    return [len(chunk.data) for chunk in response.chunks]


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _unpacked(data: bytes, place: str) -> bytes:
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(data, MOST_UNPACKED_BYTES)
    except zlib.error as error:
        raise InputError(f"{place} is not compressed as its coding says: {error}") from None
    if not unpacker.eof:
        raise InputError(f"{place} ends early, or decodes to more than {MOST_UNPACKED_BYTES:,} bytes")
    return body
