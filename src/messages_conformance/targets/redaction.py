"""Removes the key from every response before it is recorded; KEY_PLACEHOLDER shows where it was.

Bytes without the key stay exactly as they came. Where the key was, chunk boundaries and times stay, a compressed body
is compressed again, and a content-length that was true stays true.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from itertools import accumulate
from typing import Final

from messages_conformance.exchange import KEY_PLACEHOLDER, Chunk, Response

MIN_SECRET_CHARS: Final = 6
"""Shorter keys are for servers that need no key ("x", "EMPTY"). Replacing them would destroy the evidence (origin: our
own)."""

MIN_WORD_SECRET_CHARS: Final = 16
"""A shorter key of letters alone ("secret", "anything") is a word that a model may write (origin: our own)."""


def is_secret(key: str | None) -> bool:
    """Whether a key differs from ordinary text, so that a response that contains it leaks it."""
    if key is None or len(key) < MIN_SECRET_CHARS:
        return False
    return len(key) >= MIN_WORD_SECRET_CHARS or not key.isalpha()


def redact(response: Response, key: str | None) -> Response:
    """The response with KEY_PLACEHOLDER for the key in headers and body, across chunks too."""
    if key is None or not is_secret(key):
        return response
    response = _redact_headers(response, key)
    forms = _forms(key)
    if _holds(response.chunks, forms):
        return _with_chunks(response, _replaced(response.chunks, forms))
    if response.header("content-encoding") and _holds(response.decoded_chunks, forms):
        return _with_chunks(response, _compressed(_replaced(response.decoded_chunks, forms), response))
    return response


def redact_text(text: str, key: str | None) -> str:
    """The text with KEY_PLACEHOLDER for the key; for messages that quote a library or a server."""
    return text.replace(key, KEY_PLACEHOLDER) if key and is_secret(key) else text


def _forms(key: str) -> tuple[bytes, ...]:
    """The key as it is, and as it is written in a JSON string."""
    return tuple({key.encode(), json.dumps(key)[1:-1].encode()})


def _redact_headers(response: Response, key: str) -> Response:
    if not any(key in name or key in value for name, value in response.headers):
        return response
    cleaned = tuple((redact_text(name, key), redact_text(value, key)) for name, value in response.headers)
    return replace(response, headers=cleaned)


def _holds(chunks: tuple[Chunk, ...], forms: tuple[bytes, ...]) -> bool:
    body = chunks[0].data if len(chunks) == 1 else b"".join(chunk.data for chunk in chunks)
    return any(form in body for form in forms)


def _replaced(chunks: tuple[Chunk, ...], forms: tuple[bytes, ...]) -> tuple[Chunk, ...]:
    """Replaces the key, which may span several chunks. The placeholder is where the first byte of the key was."""
    for form in forms:
        chunks = _without(chunks, form)
    return chunks


def _without(chunks: tuple[Chunk, ...], form: bytes) -> tuple[Chunk, ...]:
    body = b"".join(chunk.data for chunk in chunks)
    starts = tuple(_occurrences(body, form))
    if not starts:
        return chunks
    ends = tuple(accumulate(len(chunk.data) for chunk in chunks))
    pieces = []
    for chunk, end in zip(chunks, ends, strict=True):
        data = _piece(body, end - len(chunk.data), end, starts, len(form))
        pieces.append(Chunk(at_s=chunk.at_s, data=data))
    return tuple(pieces)


def _occurrences(body: bytes, form: bytes) -> Iterator[int]:
    at = body.find(form)
    while at >= 0:
        yield at
        at = body.find(form, at + len(form))


def _piece(body: bytes, begin: int, end: int, starts: tuple[int, ...], length: int) -> bytes:
    """The bytes from begin to end with the placeholder for each occurrence that starts in them."""
    kept, at = [], begin
    for start in starts:
        if start >= end or start + length <= begin:
            continue
        kept.append(body[at : max(start, at)])
        if start >= begin:
            kept.append(KEY_PLACEHOLDER.encode())
        at = min(start + length, end)
    kept.append(body[at:end])
    return b"".join(kept)


def _compressed(chunks: tuple[Chunk, ...], response: Response) -> tuple[Chunk, ...]:
    gzip = "gzip" in (response.header("content-encoding") or "").lower()
    packer = zlib.compressobj(wbits=zlib.MAX_WBITS | 16 if gzip else zlib.MAX_WBITS)
    packed = [
        Chunk(at_s=chunk.at_s, data=packer.compress(chunk.data) + packer.flush(zlib.Z_SYNC_FLUSH)) for chunk in chunks
    ]
    last = packed[-1]
    packed[-1] = Chunk(at_s=last.at_s, data=last.data + packer.flush())
    return tuple(packed)


def _with_chunks(response: Response, chunks: tuple[Chunk, ...]) -> Response:
    before, after = (sum(len(chunk.data) for chunk in side) for side in (response.chunks, chunks))
    headers = tuple(
        (name, str(after) if name.lower() == "content-length" and value == str(before) else value)
        for name, value in response.headers
    )
    return replace(response, headers=headers, chunks=chunks)
