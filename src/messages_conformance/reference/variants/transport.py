"""How the bytes of an answer arrive: pieces, framing, connections and compression."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import replace
from typing import Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.http import HttpRequest, HttpResponse
from messages_conformance.reference.variant_registry import variant

SMALL_PIECES_BYTES: Final = 4_000
"""How many bytes are sent in small pieces. Larger pieces follow, so that a long answer stays fast."""

REST_PIECE_BYTES: Final = 501


@variant(at=Stage.RESPONSE)
def single_bytes(response: HttpResponse) -> HttpResponse:
    """A stream arrives byte by byte."""
    return split_bytes(response, 1) if response.is_stream else response


@variant(at=Stage.RESPONSE)
def odd_chunks(response: HttpResponse) -> HttpResponse:
    """A stream arrives in pieces of seven bytes, which split events, lines and characters."""
    return split_bytes(response, 7) if response.is_stream else response


def split_bytes(response: HttpResponse, size: int) -> HttpResponse:
    """The response with its body in pieces of `size` bytes."""
    body = response.body()
    start, rest = body[:SMALL_PIECES_BYTES], body[SMALL_PIECES_BYTES:]
    pieces = [start[at : at + size] for at in range(0, len(start), size)]
    pieces += [rest[at : at + REST_PIECE_BYTES] for at in range(0, len(rest), REST_PIECE_BYTES)]
    return response.with_pieces(tuple((0.0, piece) for piece in pieces))


@variant(at=Stage.RESPONSE)
def joined_events(response: HttpResponse) -> HttpResponse:
    """Several events arrive in one piece."""
    if not response.is_stream:
        return response
    pieces = tuple(response.pieces)
    groups = [pieces[at : at + 3] for at in range(0, len(pieces), 3)]
    joined = ((sum(delay for delay, _ in group), b"".join(data for _, data in group)) for group in groups)
    return response.with_pieces(tuple(joined))


@variant(at=Stage.RESPONSE, needs_socket=True)
def close_delimited(response: HttpResponse) -> HttpResponse:
    """The body ends when the connection closes."""
    return replace(response, framing="close")


@variant(at=Stage.RESPONSE, needs_socket=True)
def chunked_documents(response: HttpResponse) -> HttpResponse:
    """A JSON document arrives in chunks, without a content length."""
    return response if response.is_stream else replace(split_bytes(response, 40), framing="chunked")


@variant(at=Stage.RESPONSE, needs_socket=True)
def no_keep_alive(response: HttpResponse) -> HttpResponse:
    """Every connection serves one request."""
    return response.with_header("connection", "close")


@variant(at=Stage.RESPONSE)
def compressed_documents(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """JSON is compressed with gzip if the client accepts it."""
    if response.is_stream or not accepts_gzip(context.request):
        return response
    compressed = response.with_body(gzip.compress(response.body(), mtime=0))
    return compressed.with_header("content-encoding", "gzip").with_header("vary", "accept-encoding")


@variant(at=Stage.RESPONSE)
def compressed_streams(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A stream is compressed with gzip, and flushed after each event, if the client accepts it."""
    if not response.is_stream or not accepts_gzip(context.request):
        return response
    compressor = zlib.compressobj(wbits=31)
    pieces = [
        (delay_s, compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)) for delay_s, data in response.pieces
    ]
    compressed = response.with_pieces((*pieces, (0.0, compressor.flush())))
    return compressed.with_header("content-encoding", "gzip")


def accepts_gzip(request: HttpRequest) -> bool:
    """Whether the client accepts gzip."""
    return "gzip" in (request.header("accept-encoding") or "")
