"""An upstream that speaks HTTP/2 and ends its connection with GOAWAY: what it broke is one broken answer."""

from __future__ import annotations

import asyncio
import contextlib
import io
from typing import Any

import httpx
import pytest

from messages_conformance.exchange import COMPLETE, RESET
from messages_conformance.proxy import Ended, Forwarder
from messages_conformance.proxy.forwarding import BrokenUpstream

h2_connection = pytest.importorskip("h2.connection", reason="HTTP/2 needs the package h2")
h2_config = pytest.importorskip("h2.config")
h2_events = pytest.importorskip("h2.events")

BODY = b'{"model":"m","max_tokens":5,"messages":[]}'
HEAD = [(":status", "200"), ("content-type", "application/json")]
INTERNAL_ERROR = 2


class Upstream:
    """Answers one request for each connection, and then sends GOAWAY: after the answer, or in its middle."""

    def __init__(self, *, in_the_middle: bool) -> None:
        self.in_the_middle = in_the_middle
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = h2_connection.H2Connection(h2_config.H2Configuration(client_side=False))
        connection.initiate_connection()
        writer.write(connection.data_to_send())
        while data := await reader.read(65_536):
            for event in connection.receive_data(data):
                if isinstance(event, h2_events.StreamEnded):
                    self._answer(connection, event.stream_id)
            writer.write(connection.data_to_send())
            if connection.state_machine.state.name == "CLOSED":
                break
        writer.close()

    def _answer(self, connection: Any, stream: int) -> None:
        connection.send_headers(stream, HEAD)
        connection.send_data(stream, b'{"type":', end_stream=False)
        if self.in_the_middle:
            connection.close_connection(error_code=INTERNAL_ERROR, last_stream_id=stream)
            return
        connection.send_data(stream, b'"message"}', end_stream=True)
        connection.close_connection(last_stream_id=stream)


def passed(upstream: Upstream, *, requests: int) -> tuple[list[Ended], list[bytes]]:
    """How each of the requests ended, one after the other, and the body that the client got of each."""
    took: list[Ended] = []
    bodies: list[bytes] = []

    async def one(forwarder: Forwarder) -> None:
        asked, got = asyncio.Event(), io.BytesIO()

        async def receive() -> Any:
            if asked.is_set():
                await asyncio.Event().wait()
            asked.set()
            return {"type": "http.request", "body": BODY, "more_body": False}

        async def send(message: Any) -> None:
            got.write(message.get("body", b""))

        scope = {"type": "http", "method": "POST", "raw_path": b"/v1/messages", "query_string": b"", "headers": []}
        with contextlib.suppress(BrokenUpstream):  # the server that calls it closes the connection to the client then
            await forwarder(scope, receive, send)
        bodies.append(got.getvalue())

    async def run() -> None:
        server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        transport = httpx.AsyncHTTPTransport(http1=False, http2=True)
        forwarder = Forwarder(f"http://127.0.0.1:{port}", lambda live, ended: took.append(ended), transport=transport)
        try:
            for _ in range(requests):
                await one(forwarder)
        finally:
            await forwarder.aclose()
            server.close()

    asyncio.run(run())
    return took, bodies


def test_a_goaway_after_an_answer_costs_a_new_connection_alone() -> None:
    upstream = Upstream(in_the_middle=False)
    took, bodies = passed(upstream, requests=3)
    assert [(ended.ending, ended.failure) for ended in took] == [(COMPLETE, "")] * 3
    assert bodies == [b'{"type":"message"}'] * 3
    assert upstream.connections == 3


def test_a_goaway_in_the_middle_of_an_answer_is_a_broken_answer() -> None:
    upstream = Upstream(in_the_middle=True)
    took, bodies = passed(upstream, requests=2)
    assert [(ended.ending, ended.failure) for ended in took] == [(RESET, "")] * 2
    assert bodies == [b'{"type":'] * 2
    assert upstream.connections == 2
