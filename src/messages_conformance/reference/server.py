"""The reference endpoint on a loopback socket, in a background thread, with a log of what it received."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from messages_conformance.reference.api import Endpoint, Settings
from messages_conformance.reference.background import Background
from messages_conformance.reference.changes import Change
from messages_conformance.reference.connection import Connection
from messages_conformance.reference.http import HttpRequest


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
    log = Log()

    async def serve_connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        log.connections += 1
        await _LoggedConnection(served, log, reader, writer).serve()

    background = Background(serve_connection, port, name="the reference endpoint")
    try:
        yield Server(base_url=f"http://{background.start()}", api_key=served.settings.api_key, log=log)
    finally:
        background.stop()


class _LoggedConnection(Connection):
    def __init__(self, served: Endpoint, log: Log, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(served, reader, writer)
        self.log = log

    async def answer(self, request: HttpRequest) -> None:
        self.log.begin(request)
        try:
            await super().answer(request)
        finally:
            self.log.end()
