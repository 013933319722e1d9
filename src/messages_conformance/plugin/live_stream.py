"""A stream that an asynchronous test reads event by event while it arrives. It is recorded like every other answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future
from types import TracebackType

from messages_conformance.exchange import Ask, Exchange, StreamEvent
from messages_conformance.wire import Lexer

Submit = Callable[[Ask, Callable[[bytes], bool]], "Future[Exchange]"]
"""Sends an Ask; calls the function with each piece of the stream, until it returns False."""


class LiveStream:
    """The events of one stream: `async with stream("Hi") as events`, then `async for event in events`.

    At the end of the block the stream is left if it has not ended: the connection is closed with the next bytes that
    arrive. Then `exchange` is the recorded exchange, ready for `judge`. Times are those of the event loop, in seconds
    since the request was sent.
    """

    def __init__(self, asked: Ask, submit: Submit) -> None:
        self._asked, self._submit = asked, submit
        self._pieces: asyncio.Queue[tuple[float, bytes] | None] = asyncio.Queue()
        self._lexer = Lexer()
        self._number = 0
        self._left = False
        self._recorded: Exchange | None = None

    @property
    def exchange(self) -> Exchange:
        """The recorded exchange. It exists after the block; raises RuntimeError before."""
        if self._recorded is None:
            raise RuntimeError("the exchange of a stream exists after its `async with` block")
        return self._recorded

    async def __aenter__(self) -> LiveStream:
        self._loop = asyncio.get_running_loop()
        self._began_s = self._loop.time()
        self._sending = self._submit(self._asked, self._take)
        self._sending.add_done_callback(lambda _: self._loop.call_soon_threadsafe(self._pieces.put_nowait, None))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._left = True
        self._recorded = await asyncio.wrap_future(self._sending)

    def _take(self, piece: bytes) -> bool:
        """Takes a piece of the stream; the engine's thread calls it. Returns False when the stream is left."""
        self._loop.call_soon_threadsafe(self._pieces.put_nowait, (self._loop.time() - self._began_s, piece))
        return not self._left

    async def __aiter__(self) -> AsyncIterator[StreamEvent]:
        while (arrived := await self._pieces.get()) is not None:
            at_s, piece = arrived
            for found in self._lexer.feed(piece):
                if found.data is not None or found.names:
                    self._number += 1
                    yield StreamEvent(number=self._number, at_s=at_s, wire=found)
