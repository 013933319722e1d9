"""The scripted upstream on a loopback socket, in a background thread.

with Upstream("openai-chat") as upstream:
    ...  # a gateway that has upstream.base_url as its model server
    (exchange,) = upstream.wait_ended(script.token())
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from types import TracebackType
from typing import Final

from messages_conformance.reference.background import Background
from messages_conformance.reference.connection import READ_BYTES, Connection, Left
from messages_conformance.reference.http import HttpRequest, HttpResponse
from messages_conformance.upstream.record import UpstreamExchange
from messages_conformance.upstream.recorder import Entry, Recorder
from messages_conformance.upstream.script import DIALECTS, Dialect
from messages_conformance.upstream.service import Service

WAIT_S: Final = 10.0
"""How long `wait_ended` waits if nothing else is said (our own)."""


class Upstream:
    """A scripted upstream: a context manager that serves while its block runs, and keeps what it received.

    `ended` is called with each exchange that has ended, in the thread of the server; it must not block. Without `keeps`
    an exchange that has ended is kept no longer.
    Raises OSError when the port is in use, and ValueError for an unknown dialect.
    """

    def __init__(
        self,
        speaks: Dialect,
        *,
        port: int = 0,
        ended: Callable[[UpstreamExchange], None] | None = None,
        keeps: bool = True,
    ) -> None:
        if speaks not in DIALECTS:
            raise ValueError(f"there is no dialect {speaks!r}; valid: {', '.join(DIALECTS)}")
        self._recorder = Recorder(ended, keeps=keeps)
        self._service = Service(speaks, self._recorder)
        self._background = Background(self._serve, port, name="the scripted upstream")
        self._address = ""

    def __enter__(self) -> Upstream:
        try:
            self._address = self._background.start()
        except BaseException:
            self._background.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._background.stop()

    @property
    def base_url(self) -> str:
        """The address without a path, such as http://127.0.0.1:8789."""
        return f"http://{self._address}"

    @property
    def port(self) -> int:
        """The port on 127.0.0.1."""
        return int(self._address.rpartition(":")[2])

    def records(self, token: str | None = None) -> tuple[UpstreamExchange, ...]:
        """The exchanges of a token so far, in order of arrival, also those in progress.

        Without a token: all exchanges. For an empty one: those whose request has none. An answer that its client has
        just read may still be in progress here; `wait_ended` waits for its end.
        """
        return self._recorder.records(token)

    def wait_ended(
        self, token: str | None = None, *, count: int = 1, timeout_s: float = WAIT_S
    ) -> tuple[UpstreamExchange, ...]:
        """The exchanges of a token once this number has ended. Raises TimeoutError."""
        return self._recorder.wait_ended(token, count, timeout_s)

    def release(self, token: str) -> None:
        """Lets a stream with Script.hold send one more delta. Any thread may call it."""
        self._recorder.release(token)

    def forget(self, token: str | None = None) -> None:
        """Removes the exchanges of a token that have ended; without a token, all that have ended."""
        self._recorder.forget(token)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _Connection(self._service, self._background, reader, writer).serve()


class _Connection(Connection):
    """One connection: a client that leaves is noticed at once, also during a silence."""

    def __init__(
        self, service: Service, background: Background, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        super().__init__(service, reader, writer)
        self.service, self.background = service, background
        self.entry: Entry | None = None
        self.leaving: asyncio.Task[None] | None = None

    async def answer(self, request: HttpRequest) -> None:
        self.entry, response = self.service.answer(request)
        self.leaving = asyncio.create_task(self._until_client_leaves())
        try:
            await self.deliver(request, response)
        except (Left, ConnectionError):
            self.entry.finish("left")
            raise
        except asyncio.CancelledError:
            self.entry.finish("stopped")
            raise
        finally:
            self.entry.finish(response.ending)
            self.leaving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.leaving

    async def _until_client_leaves(self) -> None:
        """Ends when the client closes its side. A request that comes early is kept for later."""
        with contextlib.suppress(ConnectionError):
            while data := await self.reader.read(READ_BYTES):
                self.h11.receive_data(data)

    async def pause(self, delay_s: float) -> None:
        if self.entry is None or self.leaving is None:
            return await super().pause(delay_s)
        await asyncio.wait({self.leaving}, timeout=delay_s)
        if self.leaving.done():
            raise Left
        if self.entry.hold and not self.entry.released():
            await self._hold(self.entry, self.leaving)
        return None

    async def _hold(self, entry: Entry, leaving: asyncio.Task[None]) -> None:
        """Waits for the releases of the next piece, until the limit or until the client leaves."""
        woken = asyncio.Event()
        entry.wake = lambda: self.background.call(woken.set)
        until_s = time.monotonic() + entry.hold_limit_s
        try:
            while not entry.released():
                woken.clear()
                waiting = asyncio.create_task(woken.wait())
                await asyncio.wait(
                    {leaving, waiting}, timeout=until_s - time.monotonic(), return_when=asyncio.FIRST_COMPLETED
                )
                waiting.cancel()
                if leaving.done():
                    raise Left
                if time.monotonic() >= until_s:
                    entry.note(held_out=entry.hold)
        finally:
            entry.wake = None

    async def finish(self, response: HttpResponse) -> None:
        if response.ending == "hang" and self.leaving is not None:
            await asyncio.wait({self.leaving})
            raise Left
        await super().finish(response)
