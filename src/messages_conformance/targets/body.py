"""Reads the body of a response: its chunks with their times, and how it ended."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Callable, Collection, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, cast

import httpx

from messages_conformance.exchange import (
    COMPLETE,
    LEFT,
    RESET,
    STALLED,
    TIMEOUT,
    TOO_LARGE,
    BodyDecoder,
    BodyLimits,
    Chunk,
    DecodingError,
    beginning,
    can_decode,
    codings_of,
    ended_events,
    json_values,
)

MIB: Final = 1024 * 1024

MAX_RESPONSE_BYTES: Final = 4 * MIB
"""A body is cut off at this size (origin: our own). Any answer to the few hundred tokens that are requested is much
smaller. Memory for one such body in each request in flight is small."""

MAX_DECODED_BYTES: Final = 8 * MIB
"""Where a compressed body is cut off: text compresses well (origin: our own)."""

MAX_EVENTS: Final = 50_000
MAX_CHUNKS: Final = 100_000
"""A body is cut off at this number of events or chunks, because even a short one needs memory (origin: our own). It is
a hundred for each token of the longest answer that is requested."""

ONCE_CUT_OFF_BYTES: Final = 1 * MIB
"""Where bodies are cut off after one was. A run against a target whose every answer is endless has to fit into memory,
and one such answer is proof enough (origin: our own)."""

SMALLER_FROM_BYTES: Final = 128 * MIB
"""How much a run may keep before its limit for each body is ONCE_CUT_OFF_BYTES too (origin: our own)."""

CHUNK_COST_BYTES: Final = 128
"""The memory of a chunk besides its bytes (measured with CPython 3.11)."""

MAX_VALUES: Final = 50_000
"""Where a body is cut off by the number of its JSON values: each takes far more memory than bytes. A list of a thousand
models with their capabilities has 40,000 (origin: our own)."""

VALUE_COST_BYTES: Final = 128
"""The memory of a JSON value that was parsed (measured with CPython 3.11: 60 to 250)."""

TOTAL_TIMEOUT_FACTOR: Final = 3
"""An exchange may take this many timeouts in all: an endless stream must end, a slow long one need not (origin: our
own)."""

HELD_OPEN_GRACE_S: Final = 5.0
"""How long a body may stay open after message_stop: a client that waits for its end hangs until then (origin: our
own)."""

HELD_OPEN_SEEN: Final = 3
"""After this many bodies that were held open, if no more of them ended, the next ones are left after LATER_GRACE_S. A
target that stands still for a moment holds all its streams open at once, and gets the whole time again (our own)."""

LATER_GRACE_S: Final = 0.5
"""How long the later ones may stay open: by then it is known what the target does (origin: our own)."""

STANDSTILL_CHECK_S: Final = 0.25
"""How often a body is looked at again that is open after its grace while the target sends nothing at all (our own)."""

AFTER_STANDSTILL_S: Final = 1.0
"""How long such a body may stay open after the target has sent something again (our own)."""

MAX_STANDSTILL_S: Final = 30.0
"""How long we wait for a target that sends nothing at all: a client waits as long for an answer (our own)."""

REST_OF_STOP_BYTES: Final = 256
"""What may follow the name message_stop in its own event: a server under load may send even that byte by byte."""

LEAVE_BYTES: Final = 1_024
"""A stream is left after its first delta, or after this many bytes without a readable delta (origin: our own)."""

_MESSAGE_STOP = re.compile(rb'(?:^|[\r\n])(?:event: ?message_stop[\r\n]|data: ?\{\s*"type"\s*:\s*"message_stop")')
_TAIL_BYTES = 64
"""The end of a chunk that is searched again with the next one: longer than anything that _MESSAGE_STOP matches."""


@dataclass(kw_only=True)
class SizeLimit:
    """How long a body of one target may be. It becomes shorter when a body was cut off, or when many were long."""

    kept_bytes: int = 0
    has_cut_off: bool = False
    held_open: int = 0
    ended: int = 0
    """How many bodies stayed open after their last event, and how many ended."""
    waiting: int = 0
    """How many requests wait for a part of their answer: a body that is open after message_stop does not."""
    received_at_s: float = 0.0
    """When the target last sent anything: a time of the loop."""

    @property
    def grace_s(self) -> float:
        """How long a body may stay open after its last event."""
        is_usual = self.held_open >= max(HELD_OPEN_SEEN, self.ended)
        return LATER_GRACE_S if is_usual else HELD_OPEN_GRACE_S

    @property
    def limits(self) -> BodyLimits:
        """The limits of the next body."""
        is_small = self.has_cut_off or self.kept_bytes > SMALLER_FROM_BYTES
        part = MAX_RESPONSE_BYTES // ONCE_CUT_OFF_BYTES if is_small else 1
        return BodyLimits(
            most_bytes=MAX_RESPONSE_BYTES // part,
            most_decoded_bytes=MAX_DECODED_BYTES // part,
            most_events=MAX_EVENTS // part,
            most_chunks=MAX_CHUNKS // part,
            most_values=MAX_VALUES // part,
        )

    def keep(self, chunks: Collection[Chunk]) -> None:
        """Counts what is kept of a body."""
        self.kept_bytes += sum(len(chunk.data) for chunk in chunks) + CHUNK_COST_BYTES * len(chunks)
        self.kept_bytes += VALUE_COST_BYTES * sum(json_values(chunk.data) for chunk in chunks)


class BodyMeter:
    """Measures a body while it arrives, against its limits. `excess` says which limit it is over; empty until then.

    `coding` is its content-encoding. Compressed bodies are decoded piece by piece, never as a whole.
    """

    def __init__(self, limits: BodyLimits, *, coding: str) -> None:
        self.excess = ""
        self.size_bytes = 0
        self._limits = limits
        self._decoded_bytes = self._events = self._chunks = self._values = 0
        self._last_byte = b""
        codings = codings_of(coding)
        self._decoder = BodyDecoder(codings) if codings and can_decode(codings) else None

    def is_exceeded_by(self, data: bytes) -> bool:
        """Takes the next bytes; returns True when the body is over a limit."""
        for _ in self.pieces(data):
            pass
        return bool(self.excess)

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Takes the next bytes; yields what they decode to, until the body is over a limit."""
        self.size_bytes += len(data)
        self._chunks += 1
        if self.size_bytes > self._limits.most_bytes:
            self.excess = f"cut off after {self._limits.most_bytes:,} bytes"
        elif self._chunks > self._limits.most_chunks:
            self.excess = f"cut off after {self._limits.most_chunks:,} chunks"
        else:
            yield from self._measured(data)

    def _measured(self, data: bytes) -> Iterator[bytes]:
        for piece in self._decoded(data):
            self._decoded_bytes += len(piece)
            self._events += ended_events(self._last_byte + piece)
            self._values += json_values(piece)
            self._last_byte = piece[-1:]
            if self._decoder is not None and self._decoded_bytes > self._limits.most_decoded_bytes:
                most = self._limits.most_decoded_bytes
                self.excess = f"cut off after {self.size_bytes:,} bytes, which decode to more than {most:,}"
            elif self._events > self._limits.most_events:
                self.excess = f"cut off after {self._limits.most_events:,} events"
            elif self._values > self._limits.most_values_with(self._events):
                self.excess = f"cut off after {self._limits.most_values:,} JSON values"
            if self.excess:
                return
            yield piece

    def _decoded(self, data: bytes) -> Iterator[bytes]:
        if self._decoder is None:
            yield data
            return
        try:
            yield from self._decoder.pieces(data)
        except DecodingError:  # the label is wrong: the bytes are what they are
            self._decoder = None
            yield data


LISTENER: Final[ContextVar[Callable[[bytes], bool] | None]] = ContextVar("listener", default=None)
"""Called with each decoded piece of a stream as it arrives, in the task that sends; False leaves the stream."""


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
    _open_end: _OpenEnd | None = None

    async def read(self, answer: httpx.Response, *, began_s: float, deadline_s: float) -> None:
        """Reads the body to its end, or until a limit ends it. `began_s` and `deadline_s` are times of the loop."""
        stop = _MessageStop() if _may_stream(answer) else None
        try:
            async with asyncio.timeout_at(deadline_s) as deadline:
                await self._collect(answer, began_s, stop, deadline)
            if stop is not None and stop.seen:
                self.size_limit.ended += 1
        except TimeoutError:
            if self._open_end is not None:
                self._end(STALLED, f"still open {self.size_limit.grace_s:g} s after message_stop")
                self.size_limit.held_open += 1
            else:
                self._end(TIMEOUT, f"still not complete after {TOTAL_TIMEOUT_FACTOR * self.timeout_s:g} s in all")
        except httpx.TimeoutException:
            self._end(STALLED, f"no byte came for {self.timeout_s:g} s")
        except httpx.TransportError as error:
            self._end(RESET, _how_it_broke(error))
        finally:
            if self._open_end is not None:
                self._open_end.close()
        self.size_limit.keep(self.chunks)

    async def _collect(
        self, answer: httpx.Response, began_s: float, stop: _MessageStop | None, deadline: asyncio.Timeout
    ) -> None:
        now = asyncio.get_running_loop().time
        deadline_s = deadline.when() or now()
        meter = BodyMeter(self.size_limit.limits, coding=self.coding)
        listener = LISTENER.get() if stop is not None and answer.is_success else None
        raw = cast("AsyncGenerator[bytes]", answer.aiter_raw())
        async with contextlib.aclosing(raw) as pieces:
            async for data in pieces:
                self.size_limit.received_at_s = at_s = now()
                self.chunks.append(Chunk(at_s=at_s - began_s, data=data))
                is_end = is_left = False
                for piece in meter.pieces(data):
                    is_left = (listener is not None and not listener(piece)) or is_left
                    is_end = (stop is not None and stop.ends_with(piece)) or is_end
                if meter.excess:
                    self._cut_off(meter.excess)
                    return
                if is_left or self._is_left(stop, data, meter.size_bytes):
                    self._end(LEFT, f"left after {meter.size_bytes:,} bytes")
                    return
                if is_end:
                    self._open_end = self._open_end or _OpenEnd(self.size_limit, deadline)
                    self._open_end.begin(at_s, latest_s=deadline_s)

    def _cut_off(self, excess: str) -> None:
        self._end(TOO_LARGE, excess)
        self.chunks = list(beginning(self.chunks))
        self.size_limit.has_cut_off = True

    def _is_left(self, stop: _MessageStop | None, data: bytes, size_bytes: int) -> bool:
        """Whether we leave the stream after this chunk."""
        return self.leaves and stop is not None and (size_bytes >= LEAVE_BYTES or b"content_block_delta" in data)

    def _end(self, ending: str, detail: str) -> None:
        self.ending, self.detail = ending, detail


class _OpenEnd:
    """Leaves a body that stays open after message_stop, unless the whole target stands still.

    A blocked event loop ends no body and answers nobody else. While other requests wait and nothing arrives for any of
    them, the open body shows nothing.
    """

    def __init__(self, size_limit: SizeLimit, deadline: asyncio.Timeout) -> None:
        self._size_limit = size_limit
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._check: asyncio.TimerHandle | None = None
        self._due_s = self._latest_s = 0.0
        size_limit.waiting -= 1

    def begin(self, stopped_at_s: float, *, latest_s: float) -> None:
        """The last bytes of message_stop came at `stopped_at_s`; the body is left at `latest_s` at the latest."""
        self._due_s = stopped_at_s + self._size_limit.grace_s
        self._latest_s = min(latest_s, stopped_at_s + MAX_STANDSTILL_S)
        self._deadline.reschedule(latest_s)
        self._check_at(min(latest_s, self._due_s))

    def close(self) -> None:
        """The body has ended, or was left."""
        self._size_limit.waiting += 1
        if self._check is not None:
            self._check.cancel()

    def _check_at(self, at_s: float) -> None:
        if self._check is not None:
            self._check.cancel()
        self._check = self._loop.call_at(at_s, self._leave_if_alive)

    def _leave_if_alive(self) -> None:
        now_s, received_at_s = self._loop.time(), self._size_limit.received_at_s
        is_silent = received_at_s < self._due_s - self._size_limit.grace_s / 2
        if now_s < self._latest_s and self._size_limit.waiting and is_silent:
            self._check_at(now_s + STANDSTILL_CHECK_S)
        elif now_s < self._latest_s and now_s > self._due_s + STANDSTILL_CHECK_S / 2 and self._due_s > 0:
            self._due_s = 0.0  # it stood still, and has just sent something
            self._check_at(now_s + AFTER_STANDSTILL_S)
        else:
            self._deadline.reschedule(now_s)


class _MessageStop:
    """Detects message_stop in a decoded event stream, whatever the chunking, with one search for each piece."""

    def __init__(self) -> None:
        self._tail = b""
        self._bytes_after = 0
        self.seen = False

    def ends_with(self, data: bytes) -> bool:
        """Whether a piece belongs to message_stop: it holds the name, or it is among the few bytes that follow."""
        if not self.seen:
            return self._search(data)
        self._bytes_after += len(data)
        return self._bytes_after < REST_OF_STOP_BYTES

    def _search(self, data: bytes) -> bool:
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
