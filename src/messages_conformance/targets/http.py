"""An endpoint reached over HTTP/1.1: sends exactly the request, and records bytes and times as they came.

Nothing is undone and nothing is followed: content codings stay, redirects are answers, cookies are forgotten.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import ssl
import zlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Final, cast
from urllib.request import getproxies

import httpx

from messages_conformance import __version__
from messages_conformance.exchange import (
    COMPLETE,
    KEY_PLACEHOLDER,
    LEAVE_EARLY,
    LEFT,
    RESET,
    SILENT,
    STALLED,
    TIMEOUT,
    TOO_LARGE,
    Chunk,
    Failure,
    Request,
    Response,
)
from messages_conformance.targets.address import Address
from messages_conformance.targets.failures import failure_of, no_answer, not_http
from messages_conformance.targets.raw import RAW_FORMS, send_raw
from messages_conformance.targets.redaction import is_secret, redact, redact_text
from messages_conformance.targets.simulated_time import SimulatedClock
from messages_conformance.targets.target import Unreachable

MAX_RESPONSE_BYTES: Final = 4 * 1024 * 1024
"""Where a body is cut off: far beyond any answer to the few hundred tokens that are asked for, and little to hold for
each request in flight."""

ONCE_CUT_OFF_BYTES: Final = 1024 * 1024
"""Where bodies are cut off after one was: a run against a target whose every answer is endless has to fit into memory,
and one of them is proof enough."""

TOTAL_TIMEOUT_FACTOR: Final = 3
"""An exchange may take this many idle timeouts in all: an endless stream must end, a slow long one need not."""

HELD_OPEN_GRACE_S: Final = 5.0
"""After message_stop the body has to end; a client that waits for the end hangs on one that does not."""

KEEPALIVE_EXPIRY_S: Final = 4.0
"""Idle connections are given up before servers give them up: uvicorn, the commonest one, does after 5 s."""

REST_OF_STOP_BYTES: Final = 256
"""What may follow the name message_stop in its own event: a server under load may send even that byte by byte."""

LEAVE_BYTES: Final = 1_024
"""A stream is left after its first delta, or after so many bytes in which none can be read."""

PROBE_TIMEOUT_S: Final = 2.0
"""How long a peer that never answered is listened to, to say what it speaks instead of HTTP."""

USER_AGENT: Final = f"messages-conformance/{__version__}"
ACCEPT_ENCODING: Final = "gzip, deflate"

_MESSAGE_STOP = re.compile(rb'(?:^|[\r\n])(?:event: ?message_stop[\r\n]|data: ?\{\s*"type"\s*:\s*"message_stop")')
_TAIL_BYTES = 64
_PLACEHOLDER = KEY_PLACEHOLDER.encode()


class HttpTarget:
    """An http or https endpoint. Belongs to the event loop that first sends through it."""

    def __init__(
        self,
        address: Address,
        *,
        key: str | None,
        timeout_s: float,
        name: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name or address.base_url
        self.notes = address.notes + _key_notes(key)
        self.key = key
        self.offline = False
        self.clock: SimulatedClock | None = None
        self._address = address
        self._timeout_s = timeout_s
        self._client = _client(address, timeout_s, transport)
        self._listens = transport is None
        self._has_answered = False
        self._probed: Failure | None = None
        self._probing = asyncio.Lock()
        self._allowance = _Allowance()

    async def send(self, request: Request) -> Response:
        """The recorded response, without the key; raises Unreachable when none came."""
        loop = asyncio.get_running_loop()
        prepared = self._prepared(request)
        began_s = loop.time()
        deadline_s = began_s + TOTAL_TIMEOUT_FACTOR * self._timeout_s
        if request.wire in RAW_FORMS:
            return redact(await self._sent_raw(prepared, request.wire, deadline_s), self.key)
        answer = await self._answered(prepared, deadline_s)
        self._has_answered = True
        headers_at_s = loop.time() - began_s
        body = _Body(
            coding=answer.headers.get("content-encoding", ""),
            timeout_s=self._timeout_s,
            allowance=self._allowance,
            leaves=request.wire == LEAVE_EARLY,
        )
        try:
            await body.read(answer, began_s=began_s, deadline_s=deadline_s)
        finally:
            await answer.aclose()
        response = Response(
            status=answer.status_code,
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.headers.raw),
            chunks=tuple(body.chunks),
            headers_at_s=headers_at_s,
            ended_at_s=loop.time() - began_s,
            ending=body.ending,
            detail=redact_text(body.detail, self.key),
            http_version=answer.http_version,
        )
        return redact(response, self.key)

    async def aclose(self) -> None:
        await self._client.aclose()

    def _prepared(self, request: Request) -> httpx.Request:
        """The request with the real key. Without a key the headers that would carry it are left out."""
        headers = [_encoded(name, value, self.key) for name, value in request.headers]
        sent = [pair for pair in headers if pair is not None]
        names = {name.lower() for name, _ in request.headers}
        if "accept-encoding" not in names:
            sent.append((b"accept-encoding", ACCEPT_ENCODING.encode()))
        if "user-agent" not in names:
            sent.append((b"user-agent", USER_AGENT.encode()))
        return httpx.Request(request.method, self._address.base_url + request.path, headers=sent, content=request.body)

    async def _answered(self, prepared: httpx.Request, deadline_s: float) -> httpx.Response:
        try:
            async with asyncio.timeout_at(deadline_s):
                return await self._client.send(prepared, stream=True, auth=None)
        except TimeoutError:
            failure = no_answer(self._address, TOTAL_TIMEOUT_FACTOR * self._timeout_s)
        except httpx.LocalProtocolError as error:
            # Ours, not the target's: what was asked for cannot be written as HTTP.
            raise ValueError(redact_text(f"this request cannot be sent: {error}", self.key)) from None
        except httpx.TransportError as error:
            failure = failure_of(error, address=self._address, timeout_s=self._timeout_s)
        failure = await self._diagnosed(failure)
        raise Unreachable(Failure(kind=failure.kind, message=redact_text(failure.message, self.key)))

    async def _sent_raw(self, prepared: httpx.Request, form: str, deadline_s: float) -> Response:
        """The answer to a request in a form that httpx does not write."""
        if not self._listens or (getproxies() and not self._address.loopback):
            raise _silence(f"a request in the form {form} needs a connection of its own to the target")
        tls = httpx.create_ssl_context() if self._address.secure else None
        try:
            async with asyncio.timeout_at(deadline_s):
                response = await send_raw(
                    prepared, form=form, tls=tls, timeout_s=self._timeout_s, most_bytes=self._allowance.most_bytes
                )
        except (TimeoutError, httpx.TransportError) as error:
            failure = failure_of(error, address=self._address, timeout_s=self._timeout_s)
            raise Unreachable(Failure(kind=failure.kind, message=redact_text(failure.message, self.key))) from None
        if response is None:
            raise _silence("the target gave no answer to a body that was cut off, which it may")
        return response

    async def _diagnosed(self, failure: Failure) -> Failure:
        """A better reason, where a peer that never spoke HTTP says something else when it is listened to."""
        if self._has_answered or failure.kind not in ("disconnected", "timeout") or "speak HTTP" in failure.message:
            return failure
        async with self._probing:  # one probe for all who fail
            if self._probed is None:
                said = await self._overhear()
                foreign = bool(said) and not said.startswith(b"HTTP/")
                self._probed = not_http(said, self._address) if foreign else failure
            return self._probed if "speak HTTP" in self._probed.message else failure

    async def _overhear(self) -> bytes:
        """The first bytes that the peer says to a bare request, empty when there are none."""
        if not self._listens or self._address.secure or (getproxies() and not self._address.loopback):
            return b""
        said = b""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(self._address.host, self._address.port)
                try:
                    writer.write(b"GET / HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n")
                    said = await reader.read(_TAIL_BYTES)
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        return said


def _silence(message: str) -> Unreachable:
    return Unreachable(Failure(kind=SILENT, message=message), final=True)


@dataclass(kw_only=True)
class _Allowance:
    """How long a body of this target may be."""

    most_bytes: int = MAX_RESPONSE_BYTES


@dataclass(kw_only=True)
class _Body:
    """What came of a body so far, and how it ended."""

    coding: str
    timeout_s: float
    allowance: _Allowance
    leaves: bool = False
    chunks: list[Chunk] = field(default_factory=list)
    ending: str = COMPLETE
    detail: str = ""

    async def read(self, answer: httpx.Response, *, began_s: float, deadline_s: float) -> None:
        watch = _StopWatch(self.coding) if _may_stream(answer) else None
        try:
            async with asyncio.timeout_at(deadline_s) as patience:
                await self._collect(answer, began_s, watch, patience)
        except TimeoutError:
            held = watch is not None and watch.seen
            total = f"still not complete after {TOTAL_TIMEOUT_FACTOR * self.timeout_s:g} s in all"
            if held:
                self._end(STALLED, f"still open {HELD_OPEN_GRACE_S:g} s after message_stop")
            else:
                self._end(TIMEOUT, total)
        except httpx.TimeoutException:
            self._end(STALLED, f"no byte came for {self.timeout_s:g} s")
        except httpx.TransportError as error:
            self._end(RESET, _broken(error))

    async def _collect(
        self, answer: httpx.Response, began_s: float, watch: _StopWatch | None, patience: asyncio.Timeout
    ) -> None:
        now = asyncio.get_running_loop().time
        deadline_s = patience.when() or now()
        held = 0
        raw = cast("AsyncGenerator[bytes]", answer.aiter_raw())
        async with contextlib.aclosing(raw) as pieces:
            async for data in pieces:
                at_s = now()
                room = max(0, self.allowance.most_bytes - held)
                if len(data) > room:
                    self.chunks.append(Chunk(at_s=at_s - began_s, data=data[:room]))
                    self._end(TOO_LARGE, f"cut off after {held + room:,} bytes")
                    self.allowance.most_bytes = ONCE_CUT_OFF_BYTES
                    return
                held += len(data)
                self.chunks.append(Chunk(at_s=at_s - began_s, data=data))
                if self.leaves and watch is not None and (held >= LEAVE_BYTES or b"content_block_delta" in data):
                    self._end(LEFT, f"left after {held:,} bytes")
                    return
                if watch is not None and watch.ends_with(data):
                    patience.reschedule(min(deadline_s, at_s + HELD_OPEN_GRACE_S))

    def _end(self, ending: str, detail: str) -> None:
        self.ending, self.detail = ending, detail


class _StopWatch:
    """Notices message_stop in an event stream, whatever the chunking, at the cost of one search a chunk."""

    def __init__(self, coding: str) -> None:
        packed = coding.strip().lower() in ("gzip", "x-gzip", "deflate")
        self._inflater = zlib.decompressobj(zlib.MAX_WBITS | 32) if packed else None
        self._tail = b""
        self._rest_bytes = 0
        self.seen = False

    def ends_with(self, data: bytes) -> bool:
        """Whether a chunk is part of message_stop: the one that names it, or one of the few bytes that follow it."""
        if not self.seen:
            return self.feed(data)
        self._rest_bytes += len(data)
        return self._rest_bytes < REST_OF_STOP_BYTES

    def feed(self, data: bytes) -> bool:
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


def _broken(error: httpx.TransportError) -> str:
    text = str(error)
    if "incomplete" in text or "closed" in text or not text:
        return "the connection was closed before the body was complete"
    return f"the connection broke: {text[:200]}"


def _encoded(name: str, value: str, key: str | None) -> tuple[bytes, bytes] | None:
    held = KEY_PLACEHOLDER in value
    if held and key is None:
        return None
    return name.encode(), _header_bytes(value).replace(_PLACEHOLDER, (key or "").encode() if held else _PLACEHOLDER)


def _header_bytes(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


def _key_notes(key: str | None) -> tuple[str, ...]:
    if key is None or is_secret(key):
        return ()
    return ("the key reads like an ordinary word, so nothing is masked and echoes of it are not looked for",)


def _client(address: Address, timeout_s: float, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    # A proxy named in the environment cannot reach this machine's loopback. Certificates are only read where needed.
    verify: ssl.SSLContext | bool = httpx.create_ssl_context() if address.secure or not address.loopback else False
    return httpx.AsyncClient(
        transport=transport,
        verify=verify,
        trust_env=not address.loopback,
        timeout=httpx.Timeout(timeout_s, pool=None),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEPALIVE_EXPIRY_S),
    )
