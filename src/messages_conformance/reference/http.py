"""HTTP requests and responses as plain values, which need no socket."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import parse_qs, unquote, urlsplit

Header = tuple[str, str]
Piece = tuple[float, bytes]
"""The seconds to wait, and then the bytes to send. A transport decides whether it waits or only simulates the time."""

Framing = Literal["length", "chunked", "close", "raw"]
"""How the end of the body is marked. `raw`: the pieces are the whole response, without a status line of ours."""

Ending = Literal["complete", "cut", "reset", "hang"]
"""What follows the last piece: the marked end, a closed connection, a TCP reset, or an open connection without data."""


@dataclass(frozen=True, kw_only=True)
class HttpRequest:
    """A request as it arrived: header names in their original case, the body in bytes."""

    method: str
    target: str
    headers: tuple[Header, ...] = ()
    body: bytes = field(default=b"", repr=False)
    http_version: str = "1.1"

    @property
    def path(self) -> str:
        """The path still percent-encoded, without query string and trailing slash."""
        return urlsplit(self.target).path.rstrip("/") or "/"

    @property
    def segments(self) -> tuple[str, ...]:
        """The decoded path segments; an encoded slash stays inside its segment."""
        return tuple(unquote(segment) for segment in self.path.split("/")[1:])

    @property
    def query(self) -> dict[str, list[str]]:
        """The parameters of the query string, with empty ones."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    def header_values(self, name: str) -> tuple[str, ...]:
        """Every value of a header, in order. The case of the name is ignored."""
        return tuple(value for key, value in self.headers if key.lower() == name.lower())

    def header(self, name: str) -> str | None:
        """The first value of a header; None if there is none. The case of the name is ignored."""
        values = self.header_values(name)
        return values[0] if values else None


@dataclass(frozen=True, kw_only=True)
class HttpResponse:
    """A response to send. `pieces` may be lazy and endless, and is read once."""

    status: int
    headers: tuple[Header, ...] = ()
    pieces: Iterable[Piece] = ()
    framing: Framing = "length"
    ending: Ending = "complete"
    delay_s: float = 0.0
    """The wait before the status line, in seconds; like the waits of `pieces`, it is only data."""

    @property
    def media_type(self) -> str:
        """The media type in lower case, without parameters."""
        return (self.header("content-type") or "").partition(";")[0].strip().lower()

    @property
    def is_stream(self) -> bool:
        """Whether the body is a stream of server-sent events."""
        return self.media_type == "text/event-stream"

    def header(self, name: str) -> str | None:
        """The first value of a header; None if there is none. The case of the name is ignored."""
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def with_header(self, name: str, value: str) -> HttpResponse:
        """The response with one value for a header."""
        return replace(self, headers=(*self.without_header(name).headers, (name, value)))

    def without_header(self, name: str) -> HttpResponse:
        """The response without a header."""
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0].lower() != name.lower()))

    def with_body(self, body: bytes) -> HttpResponse:
        """The response with another body in one piece, and without its content-length."""
        return replace(self.without_header("content-length"), pieces=((0.0, body),))

    def with_pieces(self, pieces: Iterable[Piece]) -> HttpResponse:
        """The response with another body in these pieces, and without its content-length."""
        return replace(self.without_header("content-length"), pieces=pieces)

    def body(self) -> bytes:
        """All pieces joined. Never call it on an endless response."""
        return b"".join(data for _, data in self.pieces)
