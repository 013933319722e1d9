"""Connections are cut, held open or misused below HTTP. Faults that need no code are rows of connections.toml."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import is_message
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse, Piece

HUGE_BODY_BYTES = 100 * 1024 * 1024
BLOCK = b"x" * (64 * 1024)


@fault(
    "wire",
    trips={"stream.frame.terminates"},
    at=Stage.RESPONSE,
    seen="defects.json stream-never-terminates",
    timing_only=True,
)
def ping_for_ever(response: HttpResponse) -> HttpResponse:
    """A stream sends pings without end after message_stop."""
    if not response.is_stream:
        return response
    ping: Piece = (0.02, b'event: ping\ndata: {"type":"ping"}\n\n')
    return replace(response, pieces=itertools.chain(response.pieces, itertools.repeat(ping)))


@fault(
    "wire",
    trips={"stream.frame.terminates"},
    at=Stage.RESPONSE,
    seen="defects.json stream-never-terminates",
    timing_only=True,
)
def stream_for_ever(response: HttpResponse) -> HttpResponse:
    """A stream repeats its deltas without end."""
    if not response.is_stream:
        return response
    pieces = tuple(response.pieces)
    deltas = [piece for piece in pieces if re.search(rb'block_delta.*"index": ?0\b', piece[1])] or list(pieces[1:2])
    first = pieces.index(deltas[0])
    endless = itertools.cycle((max(delay_s, 0.005), data) for delay_s, data in deltas)
    return replace(response, pieces=itertools.chain(pieces[:first], endless))


@fault("wire", trips={"response.object"}, at=Stage.RESPONSE)
def hang_up_in_document(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """The connection is closed in the middle of a Message with a declared length."""
    if not is_message(response, context):
        return response
    body = response.body()
    cut = replace(response, pieces=((0.0, body[: len(body) // 2]),), ending="cut")
    return replace(cut, headers=(*cut.headers, ("content-length", str(len(body)))))


@fault("wire", trips=set(), at=Stage.RESPONSE, statement="does not speak HTTP")
def answer_garbage(response: HttpResponse) -> HttpResponse:
    """Every answer is bytes that are not HTTP."""
    return replace(response, framing="raw", pieces=((0.0, bytes(range(256)) * 4),))


@fault("wire", trips=set(), at=Stage.RESPONSE, statement="and a web page to POST /v1/messages")
def answer_web_page(response: HttpResponse) -> HttpResponse:
    """Every request gets a web page and 200."""
    page = b"<!doctype html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"
    return HttpResponse(status=200, headers=(("content-type", "text/html"),), pieces=((0.0, page),))


@fault("wire", trips={"response.object"}, at=Stage.RESPONSE)
def answer_without_measure(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A Message that is not streamed is a string of 100 MB."""
    if not is_message(response, context):
        return response
    return replace(response, framing="chunked", pieces=huge_body())


def huge_body() -> Iterator[Piece]:
    """The pieces of a JSON string of HUGE_BODY_BYTES."""
    yield 0.0, b'"'
    for _ in range(HUGE_BODY_BYTES // len(BLOCK)):
        yield 0.0, BLOCK
    yield 0.0, b'"'
