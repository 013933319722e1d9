"""What the scripted upstream received and answered: one frozen record for each request."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass, field
from typing import Any, Final

Header = tuple[str, str]

CREDENTIALS: Final = frozenset({"authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie"})
"""Headers whose values are replaced by a digest in a file: the key itself is in no file."""

DIGEST_DIGITS: Final = 16
"""The digits of a digest: enough that two keys never have the same (our own)."""


@dataclass(frozen=True, kw_only=True)
class SentChunk:
    """One write of a response body, and the monotonic time after it."""

    at_s: float
    data: bytes


@dataclass(frozen=True, kw_only=True)
class UpstreamExchange:
    """One request to the upstream, and its answer as far as it was sent. All times are of `time.monotonic`."""

    number: int
    """From 1, in the order of arrival."""
    dialect: str
    token: str = ""
    """The token of the script in lower case; empty for a request without one."""
    method: str = "POST"
    path: str = "/"
    """With the query string, as it arrived."""
    headers: tuple[Header, ...] = ()
    """The headers of the request in their order and spelling, keys included."""
    body: Any = None
    """The JSON value of the body; the bytes of a body that is not JSON."""
    raw_body: bytes = field(default=b"", repr=False)
    arrived_s: float = 0.0
    """When the request was complete."""
    status: int | None = None
    """None until the status line is sent."""
    response_headers: tuple[Header, ...] = ()
    chunks: tuple[SentChunk, ...] = ()
    ended_s: float | None = None
    """When the answer was complete or broken off, by either side; None while it is in progress."""
    left_s: float | None = None
    """When the client left before the answer was complete; None if it did not."""
    ending: str = ""
    """`complete`; `cut` or `reset` as the script says; `left` by the client; `stopped` with the server; empty while in
    progress."""
    held_out: int = 0
    """With Script.hold: the number of the delta whose release did not come in time; 0 if all came."""
    refused: str = ""
    """Why the request was refused, if it violates the dialect or its token cannot be read."""

    @property
    def response_body(self) -> bytes:
        """All bytes of the response body that were sent."""
        return b"".join(chunk.data for chunk in self.chunks)

    def header_values(self, name: str) -> tuple[str, ...]:
        """Every value of a request header, in order. The case of the name is ignored."""
        return tuple(value for key, value in self.headers if key.lower() == name.lower())


def as_json(exchange: UpstreamExchange) -> dict[str, Any]:
    """The exchange as a JSON object, a line of `--record`. Times are seconds after the arrival; keys are digests."""

    def after(at_s: float | None) -> float | None:
        return None if at_s is None else round(at_s - exchange.arrived_s, 6)

    return {
        "number": exchange.number,
        "dialect": exchange.dialect,
        "token": exchange.token,
        "method": exchange.method,
        "path": exchange.path,
        "headers": [[name, _safe(name, value)] for name, value in exchange.headers],
        "body": None if isinstance(exchange.body, bytes) else exchange.body,
        "raw_body": base64.b64encode(exchange.raw_body).decode("ascii"),
        "refused": exchange.refused,
        "status": exchange.status,
        "response_headers": [list(pair) for pair in exchange.response_headers],
        "chunks": [[after(chunk.at_s), base64.b64encode(chunk.data).decode("ascii")] for chunk in exchange.chunks],
        "ending": exchange.ending,
        "ended_s": after(exchange.ended_s),
        "left_s": after(exchange.left_s),
        "held_out": exchange.held_out,
    }


def _safe(name: str, value: str) -> str:
    if name.lower() not in CREDENTIALS:
        return value
    scheme, space, secret = value.rpartition(" ")
    digest = hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()[:DIGEST_DIGITS]
    return f"{scheme}{space}sha256:{digest}"
