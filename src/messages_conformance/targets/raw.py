"""Sends requests that no HTTP client library sends: HTTP/1.0, a body held back by Expect, a body that is cut off.

Each has a connection of its own, which is closed afterwards. h11 reads the response, as it does for httpx.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from typing import Final

import h11
import httpx

from messages_conformance.exchange import (
    COMPLETE,
    CUT_BODY,
    EXPECT_CONTINUE,
    HTTP_1_0,
    RESET,
    STALLED,
    TOO_LARGE,
    BodyLimits,
    Chunk,
    Response,
    beginning,
)
from messages_conformance.targets.body import BodyMeter

RAW_FORMS: Final = frozenset({HTTP_1_0, EXPECT_CONTINUE, CUT_BODY})
"""The wire forms that this module sends."""

EXPECT_TIMEOUT_S: Final = 1.0
"""How long we wait for 100 before we send the body anyway (curl waits as long; RFC 9110, 10.1.1)."""

CUT_TIMEOUT_S: Final = 5.0
"""How long we wait for the answer to a cut body: a server may also wait for the rest, or hang up (origin: our own)."""

READ_BYTES: Final = 65_536
"""How much is read at once."""


async def send_raw(
    request: httpx.Request, *, form: str, tls: ssl.SSLContext | None, timeout_s: float, limits: BodyLimits
) -> Response | None:
    """The response to one request in a wire form; None where a cut body gets none. Raises what httpx raises."""
    began_s = asyncio.get_running_loop().time()
    read_timeout_s = min(timeout_s, CUT_TIMEOUT_S) if form == CUT_BODY else timeout_s
    async with _connected(request, tls, timeout_s) as (reader, writer):
        connection = _Connection(reader, writer, began_s=began_s, read_timeout_s=read_timeout_s, limits=limits)
        try:
            await connection.send(request, form)
            return await connection.response()
        except (httpx.TransportError, OSError) as error:
            if form == CUT_BODY:
                return None
            if isinstance(error, httpx.TransportError):
                raise
            raise httpx.ReadError(str(error)) from error


@contextlib.asynccontextmanager
async def _connected(
    request: httpx.Request, tls: ssl.SSLContext | None, timeout_s: float
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    port = request.url.port or (443 if tls else 80)
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(request.url.host, port, ssl=tls)
    except TimeoutError as error:
        raise httpx.ConnectTimeout("") from error
    except OSError as error:
        raise httpx.ConnectError(str(error)) from error
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class _Connection:
    """One request and its response over one connection. `limits` are those of the body."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        *,
        began_s: float,
        read_timeout_s: float,
        limits: BodyLimits,
    ) -> None:
        self._reader, self._writer = reader, writer
        self._began_s, self._read_timeout_s, self._limits = began_s, read_timeout_s, limits
        self._h11 = h11.Connection(h11.CLIENT)

    async def send(self, request: httpx.Request, form: str) -> None:
        head = h11.Request(method=request.method, target=request.url.raw_path, headers=request.headers.raw)
        data = self._h11.send(head) or b""
        if form == HTTP_1_0:
            data = data.replace(b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", 1)
        await self._write(data)
        if form == EXPECT_CONTINUE and not await self._may_send_body():
            return
        await self._write(self._h11.send(h11.Data(data=request.content)) or b"")
        if form != CUT_BODY:
            self._h11.send(h11.EndOfMessage())
        elif self._writer.can_write_eof():
            self._writer.write_eof()

    async def response(self) -> Response:
        head = await self._next_event()
        while isinstance(head, h11.InformationalResponse):
            head = await self._next_event()
        if not isinstance(head, h11.Response):
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        headers_at_s = self._elapsed_s()
        coding = b",".join(value for name, value in head.headers if name == b"content-encoding").decode("latin-1")
        chunks, ending, detail = await self._body(BodyMeter(self._limits, coding=coding))
        return Response(
            status=head.status_code,
            headers=tuple((name.decode("latin-1"), text.decode("latin-1")) for name, text in head.headers.raw_items()),
            chunks=tuple(chunks),
            headers_at_s=headers_at_s,
            ended_at_s=self._elapsed_s(),
            ending=ending,
            detail=detail,
            http_version=f"HTTP/{head.http_version.decode('ascii')}",
        )

    def _elapsed_s(self) -> float:
        return asyncio.get_running_loop().time() - self._began_s

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def _may_send_body(self) -> bool:
        """Whether to send the body: after 100, or when nothing came for long enough."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EXPECT_TIMEOUT_S):
                data = await self._reader.read(READ_BYTES)
                self._h11.receive_data(data)
                return data.startswith(b"HTTP/1.1 100")
        return True

    async def _body(self, meter: BodyMeter) -> tuple[list[Chunk], str, str]:
        """The chunks of the body, how it ended, and the details of that."""
        chunks: list[Chunk] = []
        try:
            while isinstance(event := await self._next_event(), h11.Data):
                chunks.append(Chunk(at_s=self._elapsed_s(), data=bytes(event.data)))
                if meter.is_exceeded_by(chunks[-1].data):
                    return list(beginning(chunks)), TOO_LARGE, meter.excess
        except httpx.ReadTimeout:
            return chunks, STALLED, f"no byte came for {self._read_timeout_s:g} s"
        except (httpx.TransportError, OSError):
            return chunks, RESET, "the connection was closed before the body was complete"
        return chunks, COMPLETE, ""

    async def _next_event(self) -> h11.Event | type[h11.PAUSED]:
        while True:
            try:
                event = self._h11.next_event()
            except h11.RemoteProtocolError as error:
                raise httpx.RemoteProtocolError(str(error)) from error
            if event is not h11.NEED_DATA:
                return event  # type: ignore[return-value]
            try:
                async with asyncio.timeout(self._read_timeout_s):
                    data = await self._reader.read(READ_BYTES)
            except TimeoutError as error:
                raise httpx.ReadTimeout("") from error
            self._h11.receive_data(data)
