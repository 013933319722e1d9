"""The reference endpoint on a loopback socket: HTTP/1.1 with h11 and asyncio, in a background thread.

Faults can also break the connection below HTTP: see `HttpResponse.framing` and `HttpResponse.ending`.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http import HTTPStatus

import h11

from messages_conformance.reference.api import MAX_BODY_BYTES, Endpoint, Settings
from messages_conformance.reference.changes import Change
from messages_conformance.reference.http import Header, HttpRequest, HttpResponse

HOST = "127.0.0.1"
READ_BYTES = 65_536
MAX_HEAD_BYTES = 256 * 1024
STARTUP_TIMEOUT_S = 10.0
TURNS_TO_ACCEPT = 8
"""Turns of the event loop after which every accepted connection has its task (asyncio takes three or four)."""


@dataclass(frozen=True, kw_only=True)
class Received:
    """One request in the log, and the monotonic time at which it was complete."""

    request: HttpRequest
    at_s: float


@dataclass(kw_only=True)
class Log:
    """The requests and connections of a server. The server's thread writes it; any thread may read it."""

    received: list[Received] = field(default_factory=list)
    connections: int = 0
    in_flight: int = 0
    peak_concurrency: int = 0

    def begin(self, request: HttpRequest) -> None:
        """Records a request whose answer is in progress."""
        self.in_flight += 1
        self.peak_concurrency = max(self.peak_concurrency, self.in_flight)
        self.received.append(Received(request=request, at_s=time.monotonic()))

    def end(self) -> None:
        """Records that an answer is complete."""
        self.in_flight -= 1


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server: its address, its key and its log."""

    base_url: str
    api_key: str
    log: Log = field(repr=False)

    @property
    def requests(self) -> tuple[Received, ...]:
        """All requests so far, in the order in which they were complete."""
        return tuple(self.log.received)

    @property
    def count(self) -> int:
        """The number of requests so far."""
        return len(self.log.received)

    @property
    def peak_concurrency(self) -> int:
        """The most answers in progress at the same time."""
        return self.log.peak_concurrency


def endpoint(
    *,
    fault: str | None = None,
    variant: str | None = None,
    settings: Settings | None = None,
    now_s: Callable[[], float] = time.monotonic,
) -> Endpoint:
    """The endpoint with faults (names joined by commas) and at most one variant; LookupError suggests similar names."""
    from messages_conformance.reference.conditions import find_fault
    from messages_conformance.reference.variants import find_variant

    changes: list[Change] = []
    if fault is not None:
        changes += map(find_fault, fault.split(","))
    if variant is not None:
        changes.append(find_variant(variant))
    return Endpoint(settings=settings or Settings(), changes=tuple(changes), now_s=now_s)


@contextlib.contextmanager
def serve(
    *, port: int = 0, fault: str | None = None, variant: str | None = None, settings: Settings | None = None
) -> Iterator[Server]:
    """A server in a background thread, until the `with` block ends. Port 0 takes a free port."""
    with serve_endpoint(endpoint(fault=fault, variant=variant, settings=settings), port=port) as server:
        yield server


@contextlib.contextmanager
def serve_endpoint(served: Endpoint, *, port: int = 0) -> Iterator[Server]:
    """The same for an endpoint that the caller made."""
    background = _Background(served, port)
    try:
        yield background.start()
    finally:
        background.stop()


class _Background:
    """An event loop in its own thread. `stop` returns when every socket is closed."""

    def __init__(self, served: Endpoint, port: int) -> None:
        self._served = served
        self._port = port
        self._thread = threading.Thread(target=self._run, name="reference-endpoint", daemon=True)
        self._ready = threading.Event()
        self._server: Server | None = None
        self._error: BaseException | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> Server:
        self._thread.start()
        if not self._ready.wait(STARTUP_TIMEOUT_S) or self._server is None:
            raise self._error or RuntimeError("the reference endpoint did not start")
        return self._server

    def stop(self) -> None:
        if self._loop is not None and self._stopping is not None:
            # The loop may have ended already.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except BaseException as error:  # `start` raises it in the caller's thread
            self._error = error
        finally:
            self._ready.set()

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()

        def ready(server: Server) -> None:
            self._server = server
            self._ready.set()

        await _run(self._served, self._port, ready, self._stopping)


async def _run(served: Endpoint, port: int, ready: Callable[[Server], None], stop: asyncio.Event) -> None:
    log = Log()
    tasks: set[asyncio.Task[None]] = set()

    async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        log.connections += 1
        try:
            await _Connection(served, log, reader, writer).serve()
        except asyncio.CancelledError:
            # The server is stopping; this is no error.
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(serve_connection(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        # A task that is cancelled before it starts runs no `finally`: this closes its connection.
        task.add_done_callback(lambda _: writer.close())

    listener = await asyncio.start_server(connected, HOST, port, backlog=512)
    address = listener.sockets[0].getsockname()
    try:
        ready(Server(base_url=f"http://{HOST}:{address[1]}", api_key=served.settings.api_key, log=log))
        await stop.wait()
    finally:
        await _stop_accepting(listener)
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)
        await listener.wait_closed()


async def _stop_accepting(listener: asyncio.Server) -> None:
    """Closes the listener once every accepted connection has its task.

    asyncio fails on a connection that it has accepted just before the listener is closed, and leaves its socket open.
    """
    with contextlib.suppress(NotImplementedError):  # not on Windows
        for sock in listener.sockets:
            asyncio.get_running_loop().remove_reader(sock)
    for _ in range(TURNS_TO_ACCEPT):
        await asyncio.sleep(0)
    listener.close()


class _Gone(Exception):
    """The client left, or the connection is closed on purpose."""


class _Left(_Gone):
    """The client left before its answer was complete."""


class _Connection:
    """One connection: requests are read, answered and logged until either side closes."""

    def __init__(
        self,
        served: Endpoint,
        log: Log,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self.served, self.log = served, log
        self.reader, self.writer = reader, writer
        self.h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=MAX_HEAD_BYTES)
        sock = writer.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def serve(self) -> None:
        with contextlib.suppress(_Gone, OSError):
            try:
                while await self.serve_one():
                    self.h11.start_next_cycle()
            except (_Left, ConnectionError):
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
        self.log.begin(request)
        try:
            await self.deliver(request, self.served.handle(request))
        finally:
            self.log.end()

    async def deliver(self, request: HttpRequest, response: HttpResponse) -> None:
        if response.delay_s:
            await asyncio.sleep(response.delay_s)
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
        raise _Gone

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
            raise _Gone
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
            raise _Left
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
