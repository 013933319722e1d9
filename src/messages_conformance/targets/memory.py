"""The reference endpoint without a socket: requests are handed over as values, answers come back as a socket would.

What lies above the socket is the same as for any endpoint: this is a transport under the HttpTarget, which prepares
requests and records bytes, times and endings as always. An answer that leaves HTTP itself cannot be carried here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import httpx

from messages_conformance.reference.api import MAX_BODY_BYTES, Endpoint
from messages_conformance.reference.http import HttpRequest, HttpResponse
from messages_conformance.reference.server import sized

LATENCY_S: Final = 0.001
"""The time from a request to the first byte of its answer, at least: requests that are sent together overlap, as over a
network (origin: our own; about what a loopback socket takes)."""

PIECES_A_TURN: Final = 64
"""After so many pieces the other exchanges have their turn: an answer may be endless."""

CUT_SHORT: Final = "peer closed connection without sending complete message body (incomplete read)"
"""As h11 words it for a connection that is closed before the end of a body."""


class MemoryTransport(httpx.AsyncBaseTransport):
    """Carries httpx requests to an endpoint in this process."""

    def __init__(self, served: Endpoint) -> None:
        self._served = served

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The answer's head, with its body to come; raises what httpx raises over a socket."""
        answer = self._served.handle(_received(request))
        if answer.framing == "raw":
            raise ValueError("this answer is no HTTP and needs a socket: leave transport=memory out")
        idle_s = request.extensions["timeout"]["read"]
        await _wait(max(LATENCY_S, answer.delay_s), idle_s)
        headers = _headers(answer := sized(answer))
        return httpx.Response(
            answer.status,
            headers=headers,
            stream=_Body(answer, idle_s=idle_s, empty=request.method == "HEAD"),
            extensions={"http_version": b"HTTP/1.1"},
        )


def _received(request: httpx.Request) -> HttpRequest:
    return HttpRequest(
        method=request.method,
        target=request.url.raw_path.decode("ascii"),
        headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw),
        body=request.content[: MAX_BODY_BYTES + 1],
    )


def _headers(answer: HttpResponse) -> list[tuple[bytes, bytes]]:
    if answer.framing == "chunked":
        # As h11 writes it: chunks have no length beside them.
        answer = answer.without_header("content-length").with_header("Transfer-Encoding", "chunked")
    headers = [(name.encode("latin-1"), value.strip().encode("latin-1")) for name, value in answer.headers]
    if answer.framing == "close":
        headers.append((b"connection", b"close"))
    return headers


class _Body(httpx.AsyncByteStream):
    """The pieces of an answer, each after its wait, and the ending that follows them."""

    def __init__(self, answer: HttpResponse, *, idle_s: float, empty: bool) -> None:
        self._answer = answer
        self._idle_s = idle_s
        self._empty = empty

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._empty:
            return
        left = self._declared()
        for number, (delay_s, data) in enumerate(self._answer.pieces):
            if delay_s or number % PIECES_A_TURN == 0:
                await _wait(delay_s, self._idle_s)
            if left is not None and len(data) > left:
                break  # no server library lets more out than was declared
            left = None if left is None else left - len(data)
            if data:
                yield data
        if left != 0:
            await self._end(complete=left is None)

    def _declared(self) -> int | None:
        """The length that the head declares; None where the body's end is marked otherwise."""
        return int(self._answer.header("content-length") or 0) if self._answer.framing == "length" else None

    async def _end(self, *, complete: bool) -> None:
        """What follows the last piece of a body whose length has not ended it."""
        match self._answer.ending:
            case "hang":
                await _wait(float("inf"), self._idle_s)
            case "reset":
                raise httpx.ReadError("")
            case "cut" if self._answer.framing == "chunked":
                raise httpx.RemoteProtocolError(CUT_SHORT)
        if not complete:
            raise httpx.RemoteProtocolError(CUT_SHORT)


async def _wait(delay_s: float, idle_s: float) -> None:
    """Waits as long as a reader with that patience would."""
    await asyncio.sleep(min(delay_s, idle_s))
    if delay_s > idle_s:
        raise httpx.ReadTimeout("")
