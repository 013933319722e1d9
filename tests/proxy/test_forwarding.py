"""The forwarder passes requests and answers on unchanged, and records how each exchange ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from messages_conformance.exchange import COMPLETE, LEFT
from messages_conformance.live import LiveExchange
from messages_conformance.proxy import Ended, Forwarder
from messages_conformance.proxy.forwarding import BrokenUpstream

BODY = b'{"model":"m","max_tokens":5,"messages":[]}'
SCOPE = {
    "type": "http",
    "method": "POST",
    "raw_path": b"/base/v1/messages",
    "query_string": b"beta=true",
    "headers": [
        (b"Host", b"127.0.0.1:1"),
        (b"X-Api-Key", b"sk-secret-0123456789"),
        (b"Connection", b"keep-alive"),
        (b"Accept-Encoding", b"gzip"),
        (b"Content-Length", str(len(BODY)).encode()),
    ],
}


class Pieces(httpx.AsyncByteStream):
    """A body in pieces; an exception is raised, and None waits for ever."""

    def __init__(self, *pieces: bytes | Exception | None) -> None:
        self.pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            if piece is None:
                await asyncio.Event().wait()
            elif isinstance(piece, Exception):
                raise piece
            else:
                yield piece


def upstream(*pieces: bytes | Exception | None, headers: Any = ()) -> Callable[[httpx.Request], httpx.Response]:
    return lambda request: httpx.Response(200, headers=list(headers), stream=Pieces(*pieces))


def served(
    answer: Callable[[httpx.Request], httpx.Response], *, leaves_after: int | None = None
) -> tuple[list[Any], list[tuple[LiveExchange, Ended]], list[httpx.Request]]:
    """What the client received, what was recorded, and what the upstream received."""
    sent: list[Any] = []
    took: list[tuple[LiveExchange, Ended]] = []
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return answer(request)

    async def run() -> None:
        left = asyncio.Event()
        incoming = [{"type": "http.request", "body": BODY, "more_body": False}]

        async def receive() -> Any:
            if incoming:
                return incoming.pop(0)
            await left.wait()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)
            if leaves_after is not None and len(sent) > leaves_after:
                left.set()

        forwarder = Forwarder(
            "https://up.example/prefix/",
            lambda live, ended: took.append((live, ended)),
            transport=httpx.MockTransport(handle),
        )
        try:
            await forwarder(SCOPE, receive, send)
        finally:
            await forwarder.aclose()

    asyncio.run(run())
    return sent, took, requests


def test_a_request_and_its_chunks_pass_unchanged() -> None:
    headers = [("Content-Type", "text/event-stream"), ("content-encoding", "gzip"), ("X-A", "1"), ("x-a", "2")]
    sent, took, (request,) = served(upstream(b"\x1f\x8b one", b"two", headers=headers))
    assert str(request.url) == "https://up.example/prefix/base/v1/messages?beta=true"
    assert request.content == BODY
    assert [pair for pair in request.headers.raw if pair[0] != b"Content-Length"] == [
        (b"host", b"up.example"),
        (b"X-Api-Key", b"sk-secret-0123456789"),
        (b"Accept-Encoding", b"gzip"),
    ]
    assert sent[0]["headers"] == [(name.encode(), value.encode()) for name, value in headers]
    assert [message["body"] for message in sent[1:]] == [b"\x1f\x8b one", b"two", b""]
    ((live, ended),) = took
    assert ended == Ended(ending=COMPLETE)
    exchange = live.finished(number=1)
    assert exchange.response is not None
    assert [chunk.data for chunk in exchange.response.chunks] == [b"\x1f\x8b one", b"two"]
    assert "sk-secret" not in repr(exchange.request.headers)
    assert exchange.request.path == "/v1/messages?beta=true"


def test_an_upstream_that_breaks_off_breaks_the_connection_to_the_client() -> None:
    with pytest.raises(BrokenUpstream, match="broke off"):
        served(upstream(b"one", httpx.ReadError("reset")))


def test_a_client_that_leaves_is_recorded_as_such() -> None:
    _, ((_, ended),), _ = served(upstream(b"one", None), leaves_after=1)
    assert (ended.ending, ended.failure) == (LEFT, "")
    _, ((_, ended),), _ = served(upstream(b"one", None), leaves_after=0)
    assert ended.ending == LEFT


def test_an_upstream_that_cannot_be_reached_is_answered_in_its_place() -> None:
    def unreachable(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    sent, ((live, ended),), _ = served(unreachable)
    assert sent[0]["status"] == 502
    assert b"the upstream https://up.example/prefix did not answer" in sent[1]["body"]
    exchange = live.failed("disconnected", ended.failure, number=1)
    assert exchange.response is None
