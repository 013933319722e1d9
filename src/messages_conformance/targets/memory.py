"""The reference endpoint without a socket: an httpx transport that calls it, and returns its answer as a socket would.

HttpTarget uses it in place of a network: it prepares requests and records bytes, times and endings as always. Delays
and silence are waits of the event loop, which the engine runs in simulated time. An answer that is not HTTP needs a
socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Final

import httpx

from messages_conformance.reference.api import MAX_BODY_BYTES, Endpoint
from messages_conformance.reference.connection import sized
from messages_conformance.reference.http import HttpRequest, HttpResponse

LATENCY_S: Final = 0.001
"""The least time from a request to the first byte of its answer, so that requests that are sent together overlap, as
over a network (origin: our own; a loopback socket takes about as long)."""

PIECES_PER_TURN: Final = 64
"""After this many pieces the other tasks run: an answer may be endless."""

CUT_SHORT: Final = "peer closed connection without sending complete message body (incomplete read)"
"""The text of h11 for a connection that is closed before the end of a body."""


class MemoryTransport(httpx.AsyncBaseTransport):
    """Passes httpx requests to an endpoint in this process."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """The head of the answer, with its body to come. Raises what httpx raises over a socket.

        Raises ValueError for an answer that is not HTTP.
        """
        answer = self._endpoint.handle(_received(request))
        if answer.framing == "raw":
            raise ValueError("this answer is no HTTP and needs a socket: leave transport=memory out")
        timeout_s = request.extensions["timeout"]["read"]
        await _wait(max(LATENCY_S, answer.delay_s), timeout_s)
        answer = sized(answer)
        return httpx.Response(
            answer.status,
            headers=_headers(answer),
            stream=_Body(answer, timeout_s=timeout_s, empty=request.method == "HEAD"),
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
        # As h11 writes it: a chunked body has no content-length.
        answer = answer.without_header("content-length").with_header("Transfer-Encoding", "chunked")
    headers = [(name.encode("latin-1"), value.strip().encode("latin-1")) for name, value in answer.headers]
    if answer.framing == "close":
        headers.append((b"connection", b"close"))
    return headers


class _Body(httpx.AsyncByteStream):
    """The pieces of an answer, each after its delay, and the ending that follows them."""

    def __init__(self, answer: HttpResponse, *, timeout_s: float, empty: bool) -> None:
        self._answer = answer
        self._timeout_s = timeout_s
        self._empty = empty

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._empty:
            return
        left_bytes = self._declared_bytes()
        for number, (delay_s, data) in enumerate(self._answer.pieces):
            if delay_s or number % PIECES_PER_TURN == 0:
                await _wait(delay_s, self._timeout_s)
            if left_bytes is not None and len(data) > left_bytes:
                break  # no server library sends more than was declared
            left_bytes = None if left_bytes is None else left_bytes - len(data)
            if data:
                yield data
        if left_bytes != 0:
            await self._end(complete=left_bytes is None)

    def _declared_bytes(self) -> int | None:
        """The content-length of the head; None where the end of the body is marked in another way."""
        return int(self._answer.header("content-length") or 0) if self._answer.framing == "length" else None

    async def _end(self, *, complete: bool) -> None:
        """Ends a body that its length has not ended. `complete`: all of it was sent."""
        match self._answer.ending:
            case "hang":
                await _wait(float("inf"), self._timeout_s)
            case "reset":
                raise httpx.ReadError("")
            case "cut" if self._answer.framing == "chunked":
                raise httpx.RemoteProtocolError(CUT_SHORT)
        if not complete:
            raise httpx.RemoteProtocolError(CUT_SHORT)


async def _wait(delay_s: float, timeout_s: float) -> None:
    """Waits for a delay, or for the timeout of the reader when that ends earlier."""
    await asyncio.sleep(min(delay_s, timeout_s))
    if delay_s > timeout_s:
        raise httpx.ReadTimeout("")
