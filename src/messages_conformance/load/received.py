"""Sends one request over HTTP/1.1 and reads its answer piece by piece, within limits, with the standard library.

Under Locust, gevent makes these sockets cooperative; without it they block, which tests use.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from messages_conformance.exchange import COMPLETE, RESET, STALLED, TIMEOUT, TOO_LARGE
from messages_conformance.targets.body import BodyMeter, SizeLimit
from messages_conformance.targets.failures import certificate_problem

READ_BYTES: Final = 65_536
CONNECT_S: Final = 30.0
"""How long a connection may take to be made (our own; a busy server has a queue of them)."""

MOST_ANSWER_S: Final = 600.0
"""How long one answer may take in all: the time after which the official SDKs give up."""


@dataclass(kw_only=True)
class Received:
    """One answer as it came, or why none came. Times are in seconds since the request began to be sent.

    `failure` is a kind of Failure with its message; empty when there is a response.
    """

    began_s: float
    status: int = 0
    headers: tuple[tuple[str, str], ...] = ()
    chunks: list[tuple[float, bytes]] = field(default_factory=list)
    headers_at_s: float = 0.0
    ended_at_s: float = 0.0
    ending: str = COMPLETE
    detail: str = ""
    failure: tuple[str, str] = ("", "")

    @property
    def size_bytes(self) -> int:
        """The bytes of the body."""
        return sum(len(data) for _, data in self.chunks)

    @property
    def first_byte_s(self) -> float:
        """When the first byte of the body came, or else the headers."""
        return self.chunks[0][0] if self.chunks else self.headers_at_s


class Line:
    """One connection to a target, opened again when it was closed. `heard` is called whenever bytes come."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        secure: bool,
        heard: Callable[[], None],
        size_limit: SizeLimit | None = None,
    ) -> None:
        self._host, self._port, self._secure = host, port, secure
        self._heard = heard
        self._size_limit = size_limit or SizeLimit()
        self._connection: http.client.HTTPConnection | None = None
        self._used = False
        self.given_up = ""
        """Why nothing more is waited for; empty while it is."""

    def close(self) -> None:
        """Closes the connection; the next request opens another one."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._used = None, False

    def give_up(self, why: str) -> None:
        """Ends the wait of whoever reads from the connection."""
        self.given_up = why
        sock = getattr(self._connection, "sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def send_within(
        self, limit_s: float, method: str, path: str, headers: list[tuple[str, str]], body: bytes
    ) -> Received:
        """The same as `send`, for a request that nobody watches: the whole exchange may take `limit_s`."""
        timer = threading.Timer(limit_s, self.give_up, [f"no whole answer came within {limit_s:g} s"])
        timer.daemon = True
        timer.start()
        try:
            return self.send(method, path, headers, body)
        finally:
            timer.cancel()

    def send(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Received:
        """The answer to a request. A kept connection that the server had closed is replaced once."""
        self.given_up = ""
        reused = self._used
        received = self._sent(method, path, headers, body)
        if reused and received.failure[0] == "disconnected" and not self.given_up:
            return self._sent(method, path, headers, body)
        return received

    def _sent(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> Received:
        received = Received(began_s=time.monotonic())
        try:
            response = self._begun(method, path, headers, body)
        except (OSError, ValueError, http.client.HTTPException) as error:
            self.close()
            received.failure = self._failure(error)
            received.ended_at_s = time.monotonic() - received.began_s
            return received
        self._heard()
        received.status, received.headers = response.status, tuple(response.getheaders())
        received.headers_at_s = time.monotonic() - received.began_s
        self._read(response, received)
        self._used = True
        if response.will_close or received.ending != COMPLETE:
            self.close()
        return received

    def _begun(self, method: str, path: str, headers: list[tuple[str, str]], body: bytes) -> http.client.HTTPResponse:
        if self._connection is None:
            self._connection = self._opened()
        connection = self._connection
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if body:
            connection.putheader("content-length", str(len(body)))
        connection.endheaders(body or None)
        return connection.getresponse()

    def _opened(self) -> http.client.HTTPConnection:
        if self._secure:
            made: http.client.HTTPConnection = http.client.HTTPSConnection(
                self._host, self._port, timeout=CONNECT_S, context=ssl.create_default_context()
            )
        else:
            made = http.client.HTTPConnection(self._host, self._port, timeout=CONNECT_S)
        made.connect()
        made.sock.settimeout(None)
        return made

    def _read(self, response: http.client.HTTPResponse, received: Received) -> None:
        meter = BodyMeter(self._size_limit.limits, coding=response.getheader("content-encoding") or "")
        try:
            while data := response.read1(READ_BYTES):
                self._heard()
                at_s = time.monotonic() - received.began_s
                received.chunks.append((at_s, data))
                if meter.is_exceeded_by(data):
                    received.ending, received.detail = TOO_LARGE, meter.excess
                    self._size_limit.has_cut_off = True
                    break
                if at_s > MOST_ANSWER_S:
                    received.ending = TIMEOUT
                    received.detail = f"still not complete after {MOST_ANSWER_S:g} s in all"
                    break
            else:
                if response.length and not response.chunked:
                    raise http.client.IncompleteRead(b"", response.length)
        except (OSError, ValueError, http.client.HTTPException) as error:
            received.ending, received.detail = RESET, f"the connection broke in the body ({_words(error)})"
        if self.given_up:
            received.ending, received.detail = STALLED, self.given_up
        received.ended_at_s = time.monotonic() - received.began_s

    def _failure(self, error: Exception) -> tuple[str, str]:
        if self.given_up:
            return "timeout", self.given_up
        if isinstance(error, ConnectionRefusedError):
            return "refused", "the connection was refused"
        if isinstance(error, TimeoutError):
            return "timeout", f"no connection within {CONNECT_S:g} s"
        if isinstance(error, socket.gaierror):
            return "dns", f"the host has no address ({_words(error)})"
        if isinstance(error, ssl.SSLCertVerificationError):
            return "tls", f"the target {certificate_problem(error)}"
        if isinstance(error, ssl.SSLError):
            return "tls", _words(error)
        return "disconnected", f"the connection ended without an answer ({_words(error)})"


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__
