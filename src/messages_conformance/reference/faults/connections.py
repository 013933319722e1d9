"""Crimes below HTTP: connections that are cut, reset, held open, or never answered."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import replace

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.fault_operations import is_message
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import Ending, HttpResponse, Piece

HUGE_BODY_BYTES = 100 * 1024 * 1024
BLOCK = b"x" * (64 * 1024)


@fault(
    "wire",
    trips={"stream.frame.terminates"},
    at=Stage.RESPONSE,
    seen="impact.json hold_open; defects.json connection-held-open-after-message-stop",
    timing_only=True,
)
def hold_open_after_message_stop(response: HttpResponse) -> HttpResponse:
    """The connection of a stream stays open after message_stop, and nothing more comes."""
    return replace(response, ending="hang") if response.is_stream else response


@fault(
    "wire",
    trips={"stream.frame.terminates"},
    at=Stage.RESPONSE,
    seen="defects.json stream-never-terminates",
    timing_only=True,
)
def ping_for_ever(response: HttpResponse) -> HttpResponse:
    """After message_stop a stream sends pings without end."""
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


@fault(
    "wire",
    trips={"stream.error.no-silent-truncation"},
    at=Stage.RESPONSE,
    seen="impact.json close_mid",
)
def reset_in_stream(response: HttpResponse) -> HttpResponse:
    """The connection is reset in the middle of a stream."""
    return replace(first_half(response), ending="reset") if response.is_stream else response


@fault("wire", trips={"stream.error.no-silent-truncation"}, at=Stage.RESPONSE, seen="impact.json cut_mid")
def hang_up_in_stream(response: HttpResponse) -> HttpResponse:
    """The connection is closed in the middle of a stream, without the last chunk."""
    return replace(first_half(response), ending="cut") if response.is_stream else response


@fault("wire", trips={"stream.frame.terminates"}, at=Stage.RESPONSE, seen="impact.json stall_mid", timing_only=True)
def fall_silent_in_stream(response: HttpResponse) -> HttpResponse:
    """A stream stops in the middle, and the connection stays open."""
    return replace(first_half(response), ending="hang") if response.is_stream else response


@fault("wire", trips={"stream.frame.terminates"}, at=Stage.RESPONSE)
def omit_last_chunk(response: HttpResponse) -> HttpResponse:
    """The connection of a complete stream is closed without the last chunk."""
    return replace(response, ending="cut") if response.is_stream else response


def first_half(response: HttpResponse) -> HttpResponse:
    pieces = tuple(response.pieces)
    return replace(response, pieces=pieces[: len(pieces) // 2])


@fault("wire", trips={"response.object"}, at=Stage.RESPONSE)
def hang_up_in_document(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The connection is closed in the middle of a Message whose full length was declared."""
    if not is_message(response, scene):
        return response
    body = response.body()
    cut = replace(response, pieces=((0.0, body[: len(body) // 2]),), ending="cut")
    return replace(cut, headers=(*cut.headers, ("content-length", str(len(body)))))


@fault(
    "wire",
    trips=set(),
    at=Stage.RESPONSE,
    statement="closed the connection",
    seen="impact.json drop_connection; defects.json gateway-panic-on-marshal",
)
def drop_connection(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The connection is closed instead of an answer to every message."""
    return silent(response, "cut") if scene.request.path == "/v1/messages" else response


@fault("wire", trips=set(), at=Stage.RESPONSE, statement="closed the connection")
def reset_connection(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The connection is reset instead of an answer to every message."""
    return silent(response, "reset") if scene.request.path == "/v1/messages" else response


@fault("wire", trips=set(), at=Stage.RESPONSE, statement="did not begin to answer")
def never_answer(response: HttpResponse) -> HttpResponse:
    """No request is ever answered."""
    return silent(response, "hang")


def silent(response: HttpResponse, ending: Ending) -> HttpResponse:
    return replace(response, framing="raw", pieces=(), ending=ending)


@fault("wire", trips=set(), at=Stage.RESPONSE, statement="does not speak HTTP")
def answer_garbage(response: HttpResponse) -> HttpResponse:
    """Every answer is bytes that are no HTTP."""
    return replace(response, framing="raw", pieces=((0.0, bytes(range(256)) * 4),))


@fault(
    "wire",
    trips={
        "headers.request-id.present",
        "response.object",
        "transport.content-type.json-response",
        "transport.content-type.sse-response",
    },
    at=Stage.RESPONSE,
)
def answer_web_page(response: HttpResponse) -> HttpResponse:
    """Every request is answered with a web page and 200, as by a server for something else."""
    page = b"<!doctype html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"
    return HttpResponse(status=200, headers=(("content-type", "text/html"),), pieces=((0.0, page),))


@fault("wire", trips={"response.object"}, at=Stage.RESPONSE)
def answer_without_measure(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A Message that is not streamed is a string of 100 MB."""
    if not is_message(response, scene):
        return response
    return replace(response, framing="chunked", pieces=huge_body())


def huge_body() -> Iterator[Piece]:
    yield 0.0, b'"'
    for _ in range(HUGE_BODY_BYTES // len(BLOCK)):
        yield 0.0, BLOCK
    yield 0.0, b'"'
