"""HTTP/1.1 for the reference gateway: a server on loopback in a thread of its own, and requests to the upstream.

Each connection has only one request. So the end of a connection has one meaning: the client has left, or the upstream
has ended its answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final
from urllib.parse import urlsplit

import h11

from messages_conformance.reference.background import Background

READ_BYTES: Final = 65_536

Headers = tuple[tuple[str, str], ...]


class UpstreamError(Exception):
    """The upstream cannot be reached, or it broke its answer off. The message names no address."""


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """A request of a client. `target` includes the query."""

    method: str
    target: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """The first value of a header; empty when absent."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class Reply:
    """Sends one response: `whole`, or `begin` and `send` as often as needed, then `end`."""

    def __init__(self, connection: h11.Connection, writer: asyncio.StreamWriter) -> None:
        self._connection = connection
        self._writer = writer
        self.begun = False
        self.ignores_leaving = False
        """Whether a client that has left is no reason to end. Only a fault sets it."""

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Sends a response with a content-length."""
        await self._head(status, (*headers, ("content-length", str(len(body)))))
        await self._write(h11.Data(data=body))
        await self._write(h11.EndOfMessage())

    async def begin(self, status: int, headers: Headers) -> None:
        """Sends the head of a chunked response."""
        await self._head(status, (*headers, ("transfer-encoding", "chunked")))

    async def send(self, data: bytes) -> None:
        """Sends bytes of the body at once."""
        if data:
            await self._write(h11.Data(data=data))

    async def end(self) -> None:
        """Ends a chunked response."""
        await self._write(h11.EndOfMessage())

    async def _head(self, status: int, headers: Headers) -> None:
        self.begun = True
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._write(h11.Response(status_code=status, headers=[*raw, (b"connection", b"close")]))

    async def _write(self, event: h11.Event) -> None:
        if self._writer.transport.is_closing():
            if self.ignores_leaving:
                return
            raise ConnectionResetError
        try:
            self._writer.write(self._connection.send(event) or b"")
            await self._writer.drain()
        except ConnectionError:
            if not self.ignores_leaving:
                raise


Handler = Callable[[HttpRequest, Reply], Awaitable[None]]


@contextlib.contextmanager
def served(handler: Handler, *, port: int = 0) -> Iterator[str]:
    """Serves on loopback in a background thread until the block ends; gives the base URL. OSError: port in use."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _serve_one(handler, reader, writer)

    background = Background(serve, port, name="the reference gateway")
    try:
        yield f"http://{background.start()}"
    finally:
        background.stop()


async def _serve_one(handler: Handler, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    connection = h11.Connection(h11.SERVER)
    try:
        with contextlib.suppress(h11.RemoteProtocolError):
            request = await _read_request(connection, reader, writer)
            if request is not None:
                await _until_left(handler(request, Reply(connection, writer)), reader)
    except (OSError, h11.LocalProtocolError):
        pass


async def _until_left(answer: Awaitable[None], reader: asyncio.StreamReader) -> None:
    """Answers until the answer is complete or the client has left; then the answer is cancelled, and its upstream."""
    answering = asyncio.ensure_future(answer)
    leaving = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (answering, leaving):
            task.cancel() if not task.done() else None
        await asyncio.gather(answering, leaving, return_exceptions=True)


async def _read_request(
    connection: h11.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> HttpRequest | None:
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                writer.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            connection.receive_data(await reader.read(READ_BYTES))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return HttpRequest(
                method=head.method.decode(),
                target=head.target.decode("latin-1"),
                headers=_decoded(head.headers),
                body=bytes(body),
            )
        else:
            return None


def _decoded(headers: h11._headers.Headers) -> Headers:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers)


@dataclass(frozen=True, kw_only=True)
class UpstreamAnswer:
    """The head of the upstream's answer, and its body piece by piece as it arrives."""

    status: int
    headers: Headers
    pieces: AsyncIterator[bytes]

    def header(self, name: str) -> str:
        """The first value of a header; empty when absent."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    async def body(self) -> bytes:
        """The whole body. Raises UpstreamError when it is cut."""
        return b"".join([piece async for piece in self.pieces])


@contextlib.asynccontextmanager
async def posted(
    url: str, headers: Headers, body: bytes, *, silence_limit_s: float | None = None, decodes: bool = True
) -> AsyncIterator[UpstreamAnswer]:
    """Posts a body to the upstream; the connection is closed when the block ends.

    Raises UpstreamError, also when the upstream is silent for `silence_limit_s`.
    """
    parts = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
    except OSError as error:
        raise UpstreamError("the upstream cannot be reached") from error
    connection = h11.Connection(h11.CLIENT)
    read = partial(_next, connection, reader, silence_limit_s)
    try:
        fixed = (("host", parts.netloc), ("connection", "close"), ("content-length", str(len(body))))
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in (*fixed, *headers)]
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        for event in (h11.Request(method="POST", target=target, headers=raw), h11.Data(data=body), h11.EndOfMessage()):
            writer.write(connection.send(event) or b"")
        head = await read()
        while isinstance(head, h11.InformationalResponse):
            head = await read()
        if not isinstance(head, h11.Response):
            raise UpstreamError("the upstream closed the connection without an answer")
        headers_of_answer = _decoded(head.headers)
        pieces = _pieces(read)
        if decodes and ("content-encoding", "gzip") in headers_of_answer:
            pieces = _unpacked(pieces)
        yield UpstreamAnswer(status=head.status_code, headers=headers_of_answer, pieces=pieces)
    finally:
        writer.close()
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()


async def _unpacked(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of a body without its gzip."""
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    async for piece in pieces:
        if data := unpacking.decompress(piece):
            yield data


async def _pieces(read: Callable[[], Awaitable[object]]) -> AsyncIterator[bytes]:
    while True:
        event = await read()
        if isinstance(event, h11.Data):
            yield bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            return
        else:
            raise UpstreamError("the upstream closed the connection in the middle of its answer")


async def _next(connection: h11.Connection, reader: asyncio.StreamReader, limit_s: float | None) -> object:
    try:
        while (event := connection.next_event()) is h11.NEED_DATA:
            connection.receive_data(await asyncio.wait_for(reader.read(READ_BYTES), limit_s))
    except TimeoutError as error:
        raise UpstreamError("the upstream is silent") from error
    except (OSError, h11.RemoteProtocolError) as error:
        raise UpstreamError("the upstream closed the connection in the middle of its answer") from error
    return event
