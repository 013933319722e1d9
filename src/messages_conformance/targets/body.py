"""Reads the body of a response: its chunks with their times, and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import re
import zlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final, cast

import httpx

from messages_conformance.exchange import COMPLETE, LEFT, RESET, STALLED, TIMEOUT, TOO_LARGE, Chunk

MAX_RESPONSE_BYTES: Final = 4 * 1024 * 1024
"""Where a body is cut off: far beyond any answer to the few hundred tokens that are asked for, and little to hold for
each request in flight (origin: our own)."""

ONCE_CUT_OFF_BYTES: Final = 1024 * 1024
"""Where bodies are cut off after one was. A run against a target whose every answer is endless has to fit into memory,
and one such answer is proof enough (origin: our own)."""

TOTAL_TIMEOUT_FACTOR: Final = 3
"""An exchange may take this many timeouts in all: an endless stream must end, a slow long one need not (origin: our
own)."""

HELD_OPEN_GRACE_S: Final = 5.0
"""How long a body may stay open after message_stop: a client that waits for its end hangs until then (origin: our
own)."""

REST_OF_STOP_BYTES: Final = 256
"""What may follow the name message_stop in its own event: a server under load may send even that byte by byte."""

LEAVE_BYTES: Final = 1_024
"""A stream is left after its first delta, or after so many bytes without a readable delta (origin: our own)."""

_MESSAGE_STOP = re.compile(rb'(?:^|[\r\n])(?:event: ?message_stop[\r\n]|data: ?\{\s*"type"\s*:\s*"message_stop")')
_TAIL_BYTES = 64
"""The end of a chunk that is searched again with the next one: longer than anything that _MESSAGE_STOP matches."""


@dataclass(kw_only=True)
class SizeLimit:
    """How long a body of one target may be, in bytes."""

    most_bytes: int = MAX_RESPONSE_BYTES


@dataclass(kw_only=True)
class Body:
    """What arrived of a body so far, and how it ended (see exchange.ENDINGS).

    `coding` is its content-encoding, `timeout_s` the longest silence. `leaves` is true when we leave a stream early.
    """

    coding: str
    timeout_s: float
    size_limit: SizeLimit
    leaves: bool = False
    chunks: list[Chunk] = field(default_factory=list)
    ending: str = COMPLETE
    detail: str = ""

    async def read(self, answer: httpx.Response, *, began_s: float, deadline_s: float) -> None:
        """Reads the body to its end, or until a limit ends it. `began_s` and `deadline_s` are times of the loop."""
        stop = _MessageStop(self.coding) if _may_stream(answer) else None
        try:
            async with asyncio.timeout_at(deadline_s) as deadline:
                await self._collect(answer, began_s, stop, deadline)
        except TimeoutError:
            if stop is not None and stop.seen:
                self._end(STALLED, f"still open {HELD_OPEN_GRACE_S:g} s after message_stop")
            else:
                self._end(TIMEOUT, f"still not complete after {TOTAL_TIMEOUT_FACTOR * self.timeout_s:g} s in all")
        except httpx.TimeoutException:
            self._end(STALLED, f"no byte came for {self.timeout_s:g} s")
        except httpx.TransportError as error:
            self._end(RESET, _how_it_broke(error))

    async def _collect(
        self, answer: httpx.Response, began_s: float, stop: _MessageStop | None, deadline: asyncio.Timeout
    ) -> None:
        now = asyncio.get_running_loop().time
        deadline_s = deadline.when() or now()
        size_bytes = 0
        raw = cast("AsyncGenerator[bytes]", answer.aiter_raw())
        async with contextlib.aclosing(raw) as pieces:
            async for data in pieces:
                at_s = now()
                room_bytes = max(0, self.size_limit.most_bytes - size_bytes)
                self.chunks.append(Chunk(at_s=at_s - began_s, data=data[:room_bytes]))
                if len(data) > room_bytes:
                    self._cut_off(size_bytes + room_bytes)
                    return
                size_bytes += len(data)
                if self._is_left(stop, data, size_bytes):
                    self._end(LEFT, f"left after {size_bytes:,} bytes")
                    return
                if stop is not None and stop.ends_with(data):
                    deadline.reschedule(min(deadline_s, at_s + HELD_OPEN_GRACE_S))

    def _cut_off(self, size_bytes: int) -> None:
        self._end(TOO_LARGE, f"cut off after {size_bytes:,} bytes")
        self.size_limit.most_bytes = ONCE_CUT_OFF_BYTES

    def _is_left(self, stop: _MessageStop | None, data: bytes, size_bytes: int) -> bool:
        """Whether we leave the stream after this chunk."""
        return self.leaves and stop is not None and (size_bytes >= LEAVE_BYTES or b"content_block_delta" in data)

    def _end(self, ending: str, detail: str) -> None:
        self.ending, self.detail = ending, detail


class _MessageStop:
    """Detects message_stop in an event stream, whatever the chunking, with one search for each chunk."""

    def __init__(self, coding: str) -> None:
        compressed = coding.strip().lower() in ("gzip", "x-gzip", "deflate")
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32) if compressed else None
        self._tail = b""
        self._bytes_after = 0
        self.seen = False

    def ends_with(self, data: bytes) -> bool:
        """Whether a chunk belongs to message_stop: it holds the name, or it is among the few bytes that follow."""
        if not self.seen:
            return self._search(data)
        self._bytes_after += len(data)
        return self._bytes_after < REST_OF_STOP_BYTES

    def _search(self, data: bytes) -> bool:
        if self._inflater is not None:
            try:
                data = self._inflater.decompress(data)
            except zlib.error:
                self._inflater = None
        text = self._tail + data
        self._tail = text[-_TAIL_BYTES:]
        self.seen = b"message_stop" in text and _MESSAGE_STOP.search(text) is not None
        return self.seen


def _may_stream(answer: httpx.Response) -> bool:
    return "json" not in answer.headers.get("content-type", "")


def _how_it_broke(error: httpx.TransportError) -> str:
    text = str(error)
    if "incomplete" in text or "closed" in text or not text:
        return "the connection was closed before the body was complete"
    return f"the connection broke: {text[:200]}"
