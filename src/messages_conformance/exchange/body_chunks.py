"""A response body as it arrived, chunk by chunk, and the decoding of its content coding."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from messages_conformance.exchange.content_coding import (
    GZIP_MAGIC,
    BodyDecoder,
    DecodingError,
    can_decode,
    codings_of,
    is_zlib,
)
from messages_conformance.exchange.strict_json import UNPARSED, parse_json

MAX_DECODED_BYTES: Final = 32 * 1024 * 1024
"""A recorded body is decoded up to this size, because a few kilobytes of gzip can decode to gigabytes (origin: our
own). No answer in the Messages format is nearly as large."""

JUDGED_CODINGS: Final = frozenset({"gzip", "deflate"})
"""The codings that every client reads, and that a live run asks for. A body in any other one is judged as it is."""

ALL_CODINGS: Final = JUDGED_CODINGS | {"br", "zstd"}
"""The codings that can be removed, br and zstd if their libraries are installed."""

_TEXT_STARTS: Final = (b"event:", b"data:")


@dataclass(frozen=True, kw_only=True, slots=True)
class Chunk:
    """Bytes of a body that arrived together, and when, in seconds since the request began to be sent."""

    at_s: float
    data: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class DecodedBody:
    """The chunks without gzip and deflate, at the same times; as they arrived under every other coding.

    `failed`: the body does not have the coding of its label. `cut`: it decodes to more than the limit.
    """

    chunks: tuple[Chunk, ...]
    failed: bool = False
    cut: bool = False


def unread_codings(label: str) -> bool:
    """Whether a body with this label is judged as it arrived, although it is encoded."""
    return not JUDGED_CODINGS.issuperset(codings_of(label))


def decoded(
    chunks: tuple[Chunk, ...], label: str, *, most_bytes: int, known: Collection[str] = JUDGED_CODINGS
) -> DecodedBody:
    """The body decoded up to `most_bytes`; as it arrived when it has a coding that is not among the `known` ones.

    `label` is the value of its Content-Encoding.
    """
    codings = codings_of(label)
    if not codings or any(coding not in known for coding in codings) or not can_decode(codings):
        return DecodedBody(chunks=chunks)
    kept: list[Chunk] = []
    decoder, room_bytes = BodyDecoder(codings), most_bytes
    for number, chunk in enumerate(chunks):
        try:
            data, is_whole = _up_to(decoder.pieces(chunk.data), room_bytes)
        except DecodingError:
            # The body is not compressed, whatever its label says: it stays as it arrived. If it looked compressed in
            # its first chunk, the decoder has consumed bytes that are part of the body.
            rest = chunks[number:] if room_bytes < most_bytes else chunks
            return DecodedBody(chunks=(*kept, *rest) if room_bytes < most_bytes else rest, failed=True)
        room_bytes -= len(data)
        kept.append(Chunk(at_s=chunk.at_s, data=data))
        if not is_whole:
            return DecodedBody(chunks=tuple(kept), cut=True)
    return DecodedBody(chunks=tuple(kept))


def _up_to(pieces: Iterator[bytes], most_bytes: int) -> tuple[bytes, bool]:
    """The pieces in one, cut at a size, and whether that is all of them."""
    parts, room_bytes = [], most_bytes
    for piece in pieces:
        parts.append(piece[:room_bytes])
        if len(piece) > room_bytes:
            return b"".join(parts), False
        room_bytes -= len(piece)
    return b"".join(parts), True


def is_mislabelled(chunks: tuple[Chunk, ...], label: str, body: DecodedBody) -> bool:
    """Whether the body does not have the content coding that its header names, so that no client can read it."""
    codings = codings_of(label)
    if body.failed:
        return True
    if codings == ("gzip",):
        head = _head(chunks, len(GZIP_MAGIC))
        return bool(head) and not GZIP_MAGIC.startswith(head)
    # Plain text may decode as raw deflate for a few bytes; and nothing here decodes br and zstd.
    is_unproved = codings in (("br",), ("zstd",)) or (codings == ("deflate",) and not is_zlib(_head(chunks, 2)))
    return is_unproved and _reads_as_text(chunks)


def _reads_as_text(chunks: tuple[Chunk, ...]) -> bool:
    raw = b"".join(chunk.data for chunk in chunks)
    return raw.startswith(_TEXT_STARTS) or (raw[:1].isascii() and parse_json(raw) is not UNPARSED)


def _head(chunks: tuple[Chunk, ...], size: int) -> bytes:
    """The first `size` bytes of a body, or fewer when there are no more."""
    head = b""
    for chunk in chunks:
        head += chunk.data[: size - len(head)]
        if len(head) == size:
            break
    return head
