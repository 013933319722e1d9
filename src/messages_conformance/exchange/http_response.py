"""A response byte by byte, and the server-sent events in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from messages_conformance.exchange import body_chunks
from messages_conformance.exchange.body_chunks import Chunk, DecodedBody, decoded, is_mislabelled
from messages_conformance.exchange.header_lookup import first_values
from messages_conformance.exchange.once_property import once_property
from messages_conformance.exchange.strict_json import UNPARSED, parse_json
from messages_conformance.wire import BOM, Framing, Lexer, WireEvent

COMPLETE: Final = "complete"
RESET: Final = "reset"
STALLED: Final = "stalled"
TIMEOUT: Final = "timeout"
TOO_LARGE: Final = "too-large"
LEFT: Final = "left"
ENDINGS: Final = (COMPLETE, RESET, STALLED, TIMEOUT, TOO_LARGE, LEFT)
"""How a body ended: it is complete; the connection broke before its end; no byte came for too long; bytes came, but no
end within our time limit; we stopped at our size limit; we closed the connection on purpose."""

CUT_OFF_BYTES: Final = 64 * 1024
"""How much is kept of a body that was cut off: enough to see what it is (origin: our own)."""

MARGIN_BYTES: Final = 4 * 1024
"""How much more is searched for the key, so that no half of a key is at the end of what is kept (origin: our own)."""

_STREAM_STARTS: Final = (b"event:", b"data:", b":", b"id:", b"retry:")
"""How the first line of an event stream starts (WHATWG HTML, 9.2.5)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class StreamEvent:
    """One server-sent event of a response. Events are numbered from 1 in the order in which they arrive.

    `at_s` is when the chunk arrived that completes the event, in seconds since the request began to be sent.
    """

    number: int
    at_s: float
    wire: WireEvent

    @once_property
    def data(self) -> Any:
        """The JSON value of the data, or UNPARSED."""
        return UNPARSED if self.wire.data is None else parse_json(self.wire.data)

    @once_property
    def fields(self) -> Mapping[str, Any]:
        """The data when it is a JSON object, else an empty mapping."""
        return self.data if isinstance(self.data, dict) else {}

    @property
    def name(self) -> str | None:
        """The value of the `event:` line; None without one."""
        return self.wire.name

    @once_property
    def type(self) -> str | None:
        """The event's type: the `type` in its data, else its name."""
        stated = self.fields.get("type")
        return stated if isinstance(stated, str) else self.wire.name


@dataclass(frozen=True, kw_only=True, eq=False)
class Response:
    """A response as it arrived. `ending` is one of ENDINGS; `detail` describes one that is not COMPLETE.

    Times are in seconds since the request began to be sent. `chunks` are the bytes before content decoding.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    chunks: tuple[Chunk, ...]
    headers_at_s: float
    ended_at_s: float
    ending: str = COMPLETE
    detail: str = ""
    http_version: str = "HTTP/1.1"

    def header(self, name: str) -> str | None:
        """The first value under a header name, in any case; None when absent."""
        return self._header_values.get(name.lower())

    @cached_property
    def _header_values(self) -> Mapping[str, str]:
        return first_values(self.headers)

    @property
    def media_type(self) -> str:
        """The media type in lower case without parameters; empty when absent."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def coding(self) -> str:
        """All values of Content-Encoding, separated by commas."""
        return ",".join(value for name, value in self.headers if name.lower() == "content-encoding")

    @property
    def most_decoded_bytes(self) -> int:
        """How much of the body is decoded at most."""
        return CUT_OFF_BYTES + MARGIN_BYTES if self.ending == TOO_LARGE else body_chunks.MAX_DECODED_BYTES

    @cached_property
    def _decoded(self) -> DecodedBody:
        return decoded(self.chunks, self.coding, most_bytes=self.most_decoded_bytes)

    @property
    def decoded_chunks(self) -> tuple[Chunk, ...]:
        """The chunks with gzip and deflate removed, up to MAX_DECODED_BYTES; unchanged for every other coding."""
        return self._decoded.chunks

    @property
    def is_cut(self) -> bool:
        """True when the body decodes to more than MAX_DECODED_BYTES."""
        return self._decoded.cut

    @cached_property
    def mislabelled(self) -> bool:
        """True when Content-Encoding names a coding that the body does not have, so that no client can read it."""
        return is_mislabelled(self.chunks, self.coding, self._decoded)

    @cached_property
    def body(self) -> bytes:
        """The whole body, decoded."""
        return b"".join(chunk.data for chunk in self.decoded_chunks)

    @cached_property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 become U+FFFD."""
        return self.body.decode("utf-8", "replace")

    @cached_property
    def json(self) -> Any:
        """The JSON value of the body, or UNPARSED."""
        return parse_json(self.body)

    @property
    def fields(self) -> Mapping[str, Any]:
        """The JSON body when it is an object, else an empty mapping."""
        return self.json if isinstance(self.json, dict) else {}

    @cached_property
    def is_event_stream(self) -> bool:
        """True when the body reads as server-sent events, whatever its media type is."""
        if self.json is not UNPARSED:
            return False
        if self.media_type == "text/event-stream":
            return not _reads_as_markup(self.body)
        return self.body.removeprefix(BOM).lstrip()[:16].startswith(_STREAM_STARTS)

    def release(self) -> None:
        """Forgets what was derived from the bytes. It is derived again, and not kept, when it is asked for."""
        for name in ("body", "text", "_decoded", "_lexed"):
            self.__dict__.pop(name, None)
        self.__dict__["is_released"] = True

    @property
    def is_released(self) -> bool:
        """Whether `release` was called."""
        return "is_released" in self.__dict__

    @property
    def _lexed(self) -> tuple[tuple[StreamEvent, ...], Framing]:
        kept: tuple[tuple[StreamEvent, ...], Framing] | None = self.__dict__.get("_lexed")
        if kept is None:
            kept = self._events_and_framing()
            if not self.is_released:
                self.__dict__["_lexed"] = kept
        return kept

    def _events_and_framing(self) -> tuple[tuple[StreamEvent, ...], Framing]:
        lexer = Lexer()
        events: list[StreamEvent] = []
        for chunk in self.decoded_chunks:
            for wire in lexer.feed(chunk.data):
                events.append(StreamEvent(number=len(events) + 1, at_s=chunk.at_s, wire=wire))
        for wire in lexer.close():
            events.append(StreamEvent(number=len(events) + 1, at_s=self.ended_at_s, wire=wire))
        return tuple(events), lexer.framing

    @property
    def events(self) -> tuple[StreamEvent, ...]:
        """All events of the stream, including those without data and an unfinished last one."""
        return self._lexed[0]

    @property
    def framing(self) -> Framing:
        """Facts about the lines of the whole stream."""
        return self._lexed[1]


def _reads_as_markup(body: bytes) -> bool:
    """Whether the body is an HTML page, such as a proxy sends in place of the stream."""
    return body.lstrip()[:1] == b"<"
