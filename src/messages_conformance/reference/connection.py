"""One HTTP/1.1 connection, with h11 and asyncio: requests are read, answered and delivered piece by piece.

An answer can also break the connection below HTTP: see `HttpResponse.framing` and `HttpResponse.ending`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import replace
from http import HTTPStatus
from typing import Protocol

import h11

from messages_conformance.reference.api import MAX_BODY_BYTES
from messages_conformance.reference.http import Header, HttpRequest, HttpResponse

READ_BYTES = 65_536
MAX_HEAD_BYTES = 256 * 1024


class Served(Protocol):
    """What answers the requests of a connection."""

    def handle(self, request: HttpRequest) -> HttpResponse:
        """The response to a request. Never raises for anything that a client can send."""
        ...

    def broken(self, status: int) -> HttpResponse:
        """The response to bytes that are not a whole HTTP request."""
        ...

    def left(self) -> None:
        """Records that a client left before its response was complete."""
        ...


class Gone(Exception):
    """The client left, or the connection is closed on purpose."""


class Left(Gone):
    """The client left before its answer was complete."""


class Connection:
    """One connection: requests are read and answered until either side closes."""

    def __init__(self, served: Served, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.served = served
        self.reader, self.writer = reader, writer
        self.h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        sock = writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def serve(self) -> None:
        with contextlib.suppress(Gone, OSError):
            try:
                while await self.serve_one():
                    self.h11.start_next_cycle()
            except (Left, ConnectionError):
                self.served.left()

    async def serve_one(self) -> bool:
        """Answers one request; returns whether another may follow."""
        request = await self.read_request()
        if request is None:
            return False
        await self.answer(request)
        return self.h11.our_state is h11.DONE and self.h11.their_state is h11.DONE

    async def next_event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            event = self.h11.next_event()
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            if self.h11.they_are_waiting_for_100_continue:
                await self.send(h11.InformationalResponse(status_code=100, headers=[]))
            self.h11.receive_data(await self.reader.read(READ_BYTES))

    async def read_request(self) -> HttpRequest | None:
        try:
            head = await self.next_event()
            if not isinstance(head, h11.Request):
                return None
            return await self.read_body(head)
        except h11.RemoteProtocolError as error:
            if self.h11.our_state in (h11.IDLE, h11.SEND_RESPONSE):
                await self.deliver_unframed(self.served.broken(error.error_status_hint))
            return None

    async def read_body(self, head: h11.Request) -> HttpRequest | None:
        body = bytearray()
        while True:
            event = await self.next_event()
            if isinstance(event, h11.Data):
                # One byte over the limit shows that the body is too large; the rest is read and dropped.
                body += event.data[: max(0, MAX_BODY_BYTES + 1 - len(body))]
            elif isinstance(event, h11.EndOfMessage):
                headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in raw_headers(head))
                return HttpRequest(
                    method=head.method.decode("ascii"),
                    target=head.target.decode("latin-1"),
                    headers=headers,
                    body=bytes(body),
                    http_version=head.http_version.decode("ascii"),
                )
            else:
                return None

    async def answer(self, request: HttpRequest) -> None:
        await self.deliver(request, self.served.handle(request))

    async def deliver(self, request: HttpRequest, response: HttpResponse) -> None:
        if response.delay_s:
            await self.pause(response.delay_s)
        if response.framing in ("raw", "close"):
            await self.deliver_unframed(response)
        else:
            await self.deliver_framed(request, response)

    async def deliver_unframed(self, response: HttpResponse) -> None:
        if response.framing != "raw":
            reason = HTTPStatus(response.status).phrase
            lines = [f"HTTP/1.1 {response.status} {reason}", *(f"{name}: {value}" for name, value in response.headers)]
            await self.write("\r\n".join([*lines, "connection: close", "", ""]).encode("latin-1"))
        await self.write_pieces(response)
        await self.finish(response)
        raise Gone

    async def deliver_framed(self, request: HttpRequest, response: HttpResponse) -> None:
        response = sized(response)
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers]
        if response.framing == "chunked":
            headers.append((b"transfer-encoding", b"chunked"))
        await self.send(h11.Response(status_code=response.status, headers=headers))
        if request.method != "HEAD":
            for delay_s, data in response.pieces:
                await self.pause(delay_s)
                if data:
                    await self.send(h11.Data(data=data))
        if response.ending != "complete":
            await self.finish(response)
            raise Gone
        await self.send(h11.EndOfMessage())

    async def write_pieces(self, response: HttpResponse) -> None:
        for delay_s, data in response.pieces:
            await self.pause(delay_s)
            await self.write(data)

    async def pause(self, delay_s: float) -> None:
        # Sleep even for 0 s: an endless answer must not block other connections or the end of the server.
        await asyncio.sleep(delay_s)

    async def finish(self, response: HttpResponse) -> None:
        if response.ending == "hang":
            while await self.reader.read(READ_BYTES):
                pass
        if response.ending == "reset":
            self.reset()

    def reset(self) -> None:
        sock = self.writer.get_extra_info("socket")
        if sock is not None:
            # With this option the kernel drops unsent data and sends RST.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()

    async def send(self, event: h11.Event) -> None:
        data = self.h11.send(event)
        if data:
            await self.write(data)

    async def write(self, data: bytes) -> None:
        if self.writer.transport.is_closing():
            raise Left
        self.writer.write(data)
        await self.writer.drain()


def raw_headers(head: h11.Request) -> list[tuple[bytes, bytes]]:
    """The headers of a request with their names in the original case."""
    return list(head.headers.raw_items())


def sized(response: HttpResponse) -> HttpResponse:
    """The response with a content-length, if it needs one and has none."""
    if response.framing != "length" or response.header("content-length") is not None:
        return response
    body = response.body()
    length: Header = ("content-length", str(len(body)))
    delay_s = next((delay for delay, _ in response.pieces), 0.0) if isinstance(response.pieces, tuple) else 0.0
    return replace(response, headers=(*response.headers, length), pieces=((delay_s, body),))
