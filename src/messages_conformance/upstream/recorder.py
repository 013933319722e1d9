"""Keeps the exchanges of an upstream while they happen; any thread may read them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from messages_conformance.reference.connection import sized
from messages_conformance.reference.http import HttpRequest, HttpResponse, Piece
from messages_conformance.upstream.record import SentChunk, UpstreamExchange


class Recorder:
    """The records of all exchanges, and the releases of streams that are held."""

    def __init__(self, ended: Callable[[UpstreamExchange], None] | None = None, *, keeps: bool = True) -> None:
        self._changed = threading.Condition()
        self._entries: list[Entry] = []
        self._count = 0
        self._releases: Counter[str] = Counter()
        self._ended = ended
        self._keeps = keeps

    def begin(self, request: HttpRequest, dialect: str) -> Entry:
        """A new entry for a request that has just arrived."""
        with self._changed:
            self._count += 1
            record = UpstreamExchange(
                number=self._count,
                dialect=dialect,
                method=request.method,
                path=request.target,
                headers=request.headers,
                body=request.body,
                raw_body=request.body,
                arrived_s=time.monotonic(),
            )
            entry = Entry(self, record)
            self._entries.append(entry)
            return entry

    def records(self, token: str | None = None) -> tuple[UpstreamExchange, ...]:
        """The exchanges of a token so far, in order of arrival; all of them for None."""
        with self._changed:
            return tuple(entry.snapshot() for entry in self._entries if entry.belongs_to(token))

    def wait_ended(self, token: str | None, count: int, timeout_s: float) -> tuple[UpstreamExchange, ...]:
        """The exchanges of a token, once this number has ended; TimeoutError with what there is if they do not."""

        def ended() -> bool:
            return sum(entry.has_ended for entry in self._entries if entry.belongs_to(token)) >= count

        with self._changed:
            if not self._changed.wait_for(ended, timeout_s):
                found = [entry.snapshot() for entry in self._entries if entry.belongs_to(token)]
                raise TimeoutError(f"{count} exchanges did not end within {timeout_s:g} s; there are {found}")
        return self.records(token)

    def forget(self, token: str | None = None) -> None:
        """Removes the exchanges of a token that have ended, so that a long run needs no memory for them."""
        with self._changed:
            self._entries = [one for one in self._entries if not (one.belongs_to(token) and one.has_ended)]
            for name in [token] if token is not None else list(self._releases):
                self._releases.pop(name, None)

    def release(self, token: str) -> None:
        """Lets the held streams of a token send one more delta."""
        with self._changed:
            self._releases[token.lower()] += 1
            waiting = [entry.wake for entry in self._entries if entry.belongs_to(token) and entry.wake is not None]
        for wake in waiting:
            wake()

    def releases(self, token: str) -> int:
        """How often `release` was called for a token."""
        with self._changed:
            return self._releases[token]

    def change(self, entry: Entry, **changes: Any) -> None:
        """Replaces fields of a record."""
        with self._changed:
            entry.record = replace(entry.record, **changes)
            self._changed.notify_all()

    def append(self, entry: Entry, chunk: SentChunk) -> None:
        """Adds a chunk to a record."""
        with self._changed:
            entry.chunks.append(chunk)

    def finish(self, entry: Entry, ending: str) -> None:
        """Ends a record, once."""
        with self._changed:
            if entry.has_ended:
                return
            now_s = time.monotonic()
            left_s = now_s if ending == "left" else None
            entry.record = replace(entry.record, ending=ending, ended_s=now_s, left_s=left_s)
            self._changed.notify_all()
            snapshot = entry.snapshot()
            if not self._keeps:
                self._entries.remove(entry)
        if self._ended is not None:
            self._ended(snapshot)


@dataclass(eq=False)
class Entry:
    """One exchange while it happens. `wake` is called when a release came; `hold` is what the next piece waits for."""

    recorder: Recorder = field(repr=False)
    record: UpstreamExchange
    chunks: list[SentChunk] = field(default_factory=list)
    wake: Callable[[], None] | None = None
    hold: int = 0
    hold_limit_s: float = 0.0

    @property
    def has_ended(self) -> bool:
        """Whether the answer is complete or broken off."""
        return self.record.ended_s is not None

    def belongs_to(self, token: str | None) -> bool:
        """Whether the exchange has the token; every one belongs to None."""
        return token is None or self.record.token == token.lower()

    def snapshot(self) -> UpstreamExchange:
        """The record as it is now."""
        return replace(self.record, chunks=tuple(self.chunks))

    def note(self, **changes: Any) -> None:
        """Replaces fields of the record."""
        self.recorder.change(self, **changes)

    def finish(self, ending: str) -> None:
        """Ends the record, once."""
        self.recorder.finish(self, ending)

    def released(self) -> bool:
        """Whether the next piece may be sent; always after a release that did not come in time."""
        return bool(self.record.held_out) or self.recorder.releases(self.record.token) >= self.hold

    def recorded(self, response: HttpResponse) -> HttpResponse:
        """The response, with its status and every piece noted when they are sent."""
        response = sized(response)
        return replace(response, pieces=self._pieces(response))

    def _pieces(self, response: HttpResponse) -> Iterator[Piece]:
        self.note(status=response.status, response_headers=response.headers)
        for wait_s, data in response.pieces:
            yield wait_s, data
            if data:
                self.recorder.append(self, SentChunk(at_s=time.monotonic(), data=data))
        if response.ending != "hang":
            self.finish(response.ending)
