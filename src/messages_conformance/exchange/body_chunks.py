"""A response body as it arrived, chunk by chunk, and the decoding of its content coding."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_DECODED_BYTES: Final = 64 * 1024 * 1024
"""A compressed body is decoded up to this size: a few kilobytes of gzip can decode to gigabytes (origin: our own; no
answer in the Messages format is nearly as large)."""

GZIP_MAGIC: Final = b"\x1f\x8b"
"""The first bytes of a gzip body (RFC 1952)."""

_GZIP: Final = ("gzip", "x-gzip")
_DECODED: Final = (*_GZIP, "deflate")
"""The content codings that are decoded; a body in any other one stays as it is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Bytes of a body that arrived together, and when, in seconds since the request began to be sent."""

    at_s: float
    data: bytes


def decoded(chunks: tuple[Chunk, ...], coding: str) -> tuple[Chunk, ...]:
    """The chunks with gzip or deflate removed, at the same times; unchanged for every other coding."""
    return tuple(_inflated(chunks, coding)) if coding in _DECODED else chunks


def is_mislabelled(chunks: tuple[Chunk, ...], coding: str, *, is_json: bool) -> bool:
    """Whether the body does not have the content coding that its header names, so that no client can read it."""
    if coding in ("br", "zstd"):
        return is_json or _head(chunks, len(b"event:")).startswith((b"event:", b"data:"))
    head = _head(chunks, len(GZIP_MAGIC))
    return coding in _GZIP and bool(head) and not GZIP_MAGIC.startswith(head)


def _inflated(chunks: tuple[Chunk, ...], coding: str) -> Iterator[Chunk]:
    # "deflate" means zlib in RFC 9110, and raw deflate in some servers: the first bytes show which.
    raw = coding == "deflate" and not _is_zlib(_head(chunks, 2))
    inflater = zlib.decompressobj(-zlib.MAX_WBITS if raw else zlib.MAX_WBITS | 32)
    remaining = MAX_DECODED_BYTES
    for number, chunk in enumerate(chunks):
        try:
            data = inflater.decompress(chunk.data, remaining)
        except zlib.error:
            # The body is not compressed, whatever its label says: it stays as it arrived. If it looked compressed in
            # its first chunk, the inflater has consumed bytes that are part of the body.
            yield from chunks if remaining == MAX_DECODED_BYTES else chunks[number:]
            return
        remaining -= len(data)
        yield Chunk(at_s=chunk.at_s, data=data)
        if not remaining:  # zlib takes 0 for "no limit"
            return


def _head(chunks: tuple[Chunk, ...], size: int) -> bytes:
    """The first `size` bytes of a body, or fewer when there are no more."""
    return b"".join(chunk.data[:size] for chunk in chunks)[:size]


def _is_zlib(head: bytes) -> bool:
    """Whether the two bytes are a zlib header (RFC 1950, 2.2): method 8, and a checksum that divides by 31."""
    return len(head) >= 2 and head[0] & 0x0F == 8 and (head[0] << 8 | head[1]) % 31 == 0
