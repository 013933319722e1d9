"""Limits how much of a response is recorded and judged. A body over a limit is a fact about the target: TOO_LARGE.

Only the beginning of such a body is kept. What needs the rest of it is not verified.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from messages_conformance.exchange.body_chunks import MAX_DECODED_BYTES, Chunk
from messages_conformance.exchange.content_coding import BodyEncoder, can_decode, codings_of
from messages_conformance.exchange.http_response import CUT_OFF_BYTES, MARGIN_BYTES, TOO_LARGE, Response

CUT_OFF_CHUNKS: Final = 1_000
"""How many chunks are kept of a body that was cut off (origin: our own)."""

_EVENT_ENDS: Final = (b"\n\n", b"\r\r", b"\n\r\n")


@dataclass(frozen=True, kw_only=True)
class BodyLimits:
    """How much a body may have: bytes as they arrive, bytes after decoding, events, chunks, and JSON values.

    Each event may have VALUES_OF_AN_EVENT besides the values that any body may have.
    """

    most_bytes: int
    most_decoded_bytes: int
    most_events: int
    most_chunks: int
    most_values: int

    def most_values_with(self, events: int) -> int:
        """How many JSON values a body with a number of events may have."""
        return self.most_values + VALUES_OF_AN_EVENT * events


VALUES_OF_AN_EVENT: Final = 20
"""More than an ordinary event has: a delta has eight (origin: our own)."""

_VALUE_SIGNS: Final = (b",", b"[", b"{")

RECORDED: Final = BodyLimits(
    most_bytes=MAX_DECODED_BYTES,
    most_decoded_bytes=MAX_DECODED_BYTES,
    most_events=250_000,
    most_chunks=500_000,
    most_values=500_000,
)
"""The limits of a body in any recording (origin: our own). The longest answers of a model are within them: 128,000
tokens with one event for each, and 200 bytes for each event."""


def limited(response: Response, limits: BodyLimits = RECORDED) -> Response:
    """The response; the beginning of it, with the ending TOO_LARGE, when its body is over a limit."""
    if response.ending == TOO_LARGE or not (reason := _excess(response, limits)):
        return response
    return replace(response, chunks=beginning(response.chunks), ending=TOO_LARGE, detail=reason)


def beginning(chunks: Iterable[Chunk], *, most_bytes: int = CUT_OFF_BYTES + MARGIN_BYTES) -> tuple[Chunk, ...]:
    """The first bytes of a body, in CUT_OFF_CHUNKS at most."""
    kept: list[Chunk] = []
    for chunk in chunks:
        if most_bytes <= 0 or len(kept) == CUT_OFF_CHUNKS:
            break
        kept.append(Chunk(at_s=chunk.at_s, data=chunk.data[:most_bytes]))
        most_bytes -= len(chunk.data)
    return tuple(kept)


def trimmed(response: Response) -> Response:
    """The response as it is kept: of a body that was cut off, CUT_OFF_BYTES after decoding.

    A compressed body is compressed again, because a few of its bytes may hold megabytes.
    """
    if response.ending != TOO_LARGE or _is_trimmed(response):
        return response
    codings = codings_of(response.coding)
    if response.decoded_chunks is response.chunks or not can_decode(codings):
        return replace(response, chunks=beginning(response.chunks, most_bytes=CUT_OFF_BYTES))
    kept = beginning(response.decoded_chunks, most_bytes=CUT_OFF_BYTES)
    return replace(response, chunks=packed(kept, codings))


def _is_trimmed(response: Response) -> bool:
    sizes = [sum(len(chunk.data) for chunk in chunks) for chunks in (response.chunks, response.decoded_chunks)]
    return max(sizes) <= CUT_OFF_BYTES and len(response.chunks) <= CUT_OFF_CHUNKS


def packed(chunks: tuple[Chunk, ...], codings: tuple[str, ...]) -> tuple[Chunk, ...]:
    """The chunks under these codings, at the same times."""
    encoder = BodyEncoder(codings)
    encoded = [Chunk(at_s=chunk.at_s, data=encoder.encoded(chunk.data)) for chunk in chunks]
    if not encoded:
        return ()
    last = encoded[-1]
    return (*encoded[:-1], Chunk(at_s=last.at_s, data=last.data + encoder.end()))


def ended_events(data: bytes) -> int:
    """How many events these bytes end, or more: blank lines in a row count as events."""
    return sum(map(data.count, _EVENT_ENDS))


def json_values(data: bytes) -> int:
    """How many JSON values are in these bytes, or more: commas and brackets in a text count as values.

    Each takes up to 200 bytes of memory once it is parsed, and as few as three in the body (CPython 3.11).
    """
    return sum(map(data.count, _VALUE_SIGNS))


def _excess(response: Response, limits: BodyLimits) -> str:
    """Which limit the body is over, in words; empty when none."""
    if len(response.chunks) > limits.most_chunks:
        return f"cut off after {limits.most_chunks:,} chunks"
    size_bytes = sum(len(chunk.data) for chunk in response.chunks)
    if size_bytes > limits.most_bytes:
        return f"cut off after {limits.most_bytes:,} bytes"
    if response.is_cut or len(response.body) > limits.most_decoded_bytes:
        return f"cut off after {size_bytes:,} bytes, which decode to more than {limits.most_decoded_bytes:,}"
    # Few bytes hold few events: most bodies need no count.
    if len(response.body) > 2 * limits.most_events and ended_events(response.body) > limits.most_events:
        return f"cut off after {limits.most_events:,} events"
    if len(response.body) > limits.most_values and (
        json_values(response.body) > limits.most_values_with(ended_events(response.body))
    ):
        return f"cut off after {limits.most_values:,} JSON values"
    return ""
