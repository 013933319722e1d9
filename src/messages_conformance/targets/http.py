"""An endpoint over HTTP/1.1: sends exactly the request, and records the bytes of the response and their times.

Content codings are not decoded, redirects are not followed, cookies are not kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Final

import httpx

from messages_conformance import __version__
from messages_conformance.exchange import KEY_PLACEHOLDER, LEAVE_EARLY, SILENT, Failure, Request, Response, trimmed
from messages_conformance.masking import is_secret, masked_response, masked_text
from messages_conformance.targets.address import Address
from messages_conformance.targets.body import TOTAL_TIMEOUT_FACTOR, Body, SizeLimit
from messages_conformance.targets.connection import Connection
from messages_conformance.targets.failures import failure_of, no_answer, not_http
from messages_conformance.targets.proxies import proxy_of
from messages_conformance.targets.raw import RAW_FORMS, send_raw
from messages_conformance.targets.simulated_time import SimulatedClock
from messages_conformance.targets.stages import Stages, failing_stage, stages_until
from messages_conformance.targets.target import TargetError, Unreachable

KEEPALIVE_EXPIRY_S: Final = 4.0
"""Idle connections are closed before servers close them: uvicorn, the most common one, does after 5 s."""

PROBE_TIMEOUT_S: Final = 2.0
"""How long we wait for the first bytes of a peer that does not speak HTTP (origin: our own)."""

PROBE_BYTES: Final = 64
"""How much of them we read: enough to recognise a protocol."""

USER_AGENT: Final = f"messages-conformance/{__version__}"
"""The user-agent that is sent unless the request has its own."""

ACCEPT_ENCODING: Final = "gzip, deflate"
"""The accept-encoding that is sent unless the request has its own."""

INSECURE: Final = (
    "--insecure: the certificate of the target was not verified, so anybody on the way can read the key and answer in "
    "its place"
)
"""The warning in each report of such a run."""

_PLACEHOLDER = KEY_PLACEHOLDER.encode()


class HttpTarget:
    """An http or https endpoint. Belongs to the event loop that first sends through it.

    `timeout_s` limits the wait for the next byte. `name` is the name in reports, `base_url` by default. `transport`
    replaces the network. `connection` has the added headers and the certificates.
    """

    def __init__(
        self,
        address: Address,
        *,
        key: str | None,
        timeout_s: float,
        name: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        connection: Connection = Connection(),  # noqa: B008 (frozen)
    ) -> None:
        self.name = name or address.base_url
        self._connection = connection
        self.notes = (*address.notes, *_key_notes(key), *_proxy_notes(address))
        self.warning = INSECURE if connection.insecure and address.secure else ""
        self.key = key
        self.offline = False
        self.clock: SimulatedClock | None = None
        self._address = address
        self._timeout_s = timeout_s
        self._tls = connection.tls() if _needs_certificates(address) else None
        self._client = _opened_client(address, timeout_s, transport, self._tls)
        self._has_network = transport is None
        self._has_answered = False
        self._diagnosis: Failure | None = None
        self._diagnosing = asyncio.Lock()
        self._size_limit = SizeLimit()

    async def send(self, request: Request) -> Response:
        """The recorded response, without the key. Raises Unreachable when none came.

        Raises ValueError for a request that cannot be written as HTTP, which is our own error.
        """
        self._size_limit.waiting += 1
        try:
            return await self._response(request)
        finally:
            self._size_limit.waiting -= 1

    async def _response(self, request: Request) -> Response:
        loop = asyncio.get_running_loop()
        prepared = self._prepared(request)
        began_s = loop.time()
        deadline_s = began_s + TOTAL_TIMEOUT_FACTOR * self._timeout_s
        if request.wire in RAW_FORMS:
            return self._kept(await self._send_raw(prepared, request.wire, deadline_s))
        answer = await self._send_prepared(prepared, deadline_s)
        self._has_answered = True
        self._size_limit.received_at_s = loop.time()
        headers_at_s = self._size_limit.received_at_s - began_s
        body = Body(
            coding=",".join(answer.headers.get_list("content-encoding")),
            timeout_s=self._timeout_s,
            size_limit=self._size_limit,
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
            detail=masked_text(body.detail, self.key),
            http_version=answer.http_version,
        )
        return self._kept(response)

    def _kept(self, response: Response) -> Response:
        """The response as it is recorded: without the key, and without the rest of a body that was cut off."""
        response = masked_response(response, self.key)
        for secret, placeholder in self._connection.secrets:
            response = masked_response(response, secret, placeholder=placeholder)
        return trimmed(response)

    @property
    def proxy(self) -> str:
        """The proxy that requests go through, in words and without a password; empty without one."""
        return proxy_of(self._address)

    async def failing_stage(self) -> Stages:
        """The stages of a connection that fails now, each tried alone."""
        return stages_until(self._address, await failing_stage(self._address, self._tls))

    def stages_until(self, failed: str) -> Stages:
        """The stages when everything before `failed` worked, because an answer came."""
        return stages_until(self._address, failed)

    async def aclose(self) -> None:
        """Closes all connections. May be called again."""
        await self._client.aclose()

    def _prepared(self, request: Request) -> httpx.Request:
        """The request with the real key. Without a key the headers that would hold it are left out."""
        values = self._connection.values
        headers = [_encoded(name, values.get(value, value), self.key) for name, value in request.headers]
        sent = [pair for pair in headers if pair is not None]
        names = {name.lower() for name, _ in request.headers}
        if "accept-encoding" not in names:
            sent.append((b"accept-encoding", ACCEPT_ENCODING.encode()))
        if "user-agent" not in names:
            sent.append((b"user-agent", USER_AGENT.encode()))
        return httpx.Request(request.method, self._address.base_url + request.path, headers=sent, content=request.body)

    async def _send_prepared(self, prepared: httpx.Request, deadline_s: float) -> httpx.Response:
        """Sends the request by httpx; returns at the end of the response's headers."""
        try:
            async with asyncio.timeout_at(deadline_s):
                return await self._client.send(prepared, stream=True, auth=None)
        except TimeoutError:
            failure = no_answer(self._address, TOTAL_TIMEOUT_FACTOR * self._timeout_s)
        except httpx.LocalProtocolError as error:
            # Our own error, not the target's: the request cannot be written as HTTP.
            raise ValueError(masked_text(f"this request cannot be sent: {error}", self.key)) from None
        except httpx.TransportError as error:
            failure = failure_of(error, address=self._address, timeout_s=self._timeout_s)
        except ssl.SSLError as error:  # an alert after the handshake, such as for a missing certificate of ours
            failed = httpx.ConnectError(str(error))
            failure = failure_of(failed, address=self._address, timeout_s=self._timeout_s)
        raise self._unreachable(await self._diagnosed(failure))

    async def _send_raw(self, prepared: httpx.Request, form: str, deadline_s: float) -> Response:
        """Sends the request in a form that httpx does not write."""
        if not self._connects_directly():
            raise _excused(f"a request in the form {form} needs a connection of its own to the target")
        tls = self._tls if self._address.secure else None
        try:
            async with asyncio.timeout_at(deadline_s):
                response = await send_raw(
                    prepared, form=form, tls=tls, timeout_s=self._timeout_s, limits=self._size_limit.limits
                )
        except (TimeoutError, httpx.TransportError) as error:
            failure = failure_of(error, address=self._address, timeout_s=self._timeout_s)
            raise self._unreachable(failure) from None
        if response is None:
            raise _excused("the target gave no answer to a body that was cut off, which it may")
        return response

    def _connects_directly(self) -> bool:
        """Whether we can open a connection to the target ourselves: over a network, and not through a proxy."""
        return self._has_network and not proxy_of(self._address)

    def _unreachable(self, failure: Failure) -> Unreachable:
        return Unreachable(Failure(kind=failure.kind, message=masked_text(failure.message, self.key)))

    async def _diagnosed(self, failure: Failure) -> Failure:
        """A better reason for a failure, where the first bytes of the peer show that it does not speak HTTP."""
        if self._has_answered or failure.kind not in ("disconnected", "timeout") or "speak HTTP" in failure.message:
            return failure
        async with self._diagnosing:  # one diagnosis for all requests that fail
            if self._diagnosis is None:
                data = await self._first_bytes()
                is_foreign = bool(data) and not data.startswith(b"HTTP/")
                self._diagnosis = not_http(data, self._address) if is_foreign else failure
            return self._diagnosis if "speak HTTP" in self._diagnosis.message else failure

    async def _first_bytes(self) -> bytes:
        """The first bytes that the peer sends after a bare request; empty when there are none."""
        if self._address.secure or not self._connects_directly():
            return b""
        data = b""
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                reader, writer = await asyncio.open_connection(self._address.host, self._address.port)
                try:
                    writer.write(b"GET / HTTP/1.1\r\nhost: probe\r\nconnection: close\r\n\r\n")
                    data = await reader.read(PROBE_BYTES)
                finally:
                    writer.close()
                    with contextlib.suppress(OSError):
                        await writer.wait_closed()
        return data


def _excused(message: str) -> Unreachable:
    """No response came, and the form of the request excuses that."""
    return Unreachable(Failure(kind=SILENT, message=message))


def _encoded(name: str, value: str, key: str | None) -> tuple[bytes, bytes] | None:
    """A header with the key in place of the placeholder; None where there is no key for it."""
    needs_key = KEY_PLACEHOLDER in value
    if needs_key and key is None:
        return None
    encoded = _header_bytes(value)
    return name.encode(), encoded.replace(_PLACEHOLDER, (key or "").encode()) if needs_key else encoded


def _header_bytes(value: str) -> bytes:
    try:
        return value.encode("latin-1")
    except UnicodeEncodeError:
        return value.encode("utf-8", "surrogatepass")


def _key_notes(key: str | None) -> tuple[str, ...]:
    if key is None or is_secret(key):
        return ()
    return ("the key is an ordinary word: it is not masked in reports, and the answers are not searched for it",)


def _proxy_notes(address: Address) -> tuple[str, ...]:
    proxy = proxy_of(address)
    return (f"requests go through {proxy}",) if proxy else ()


def _needs_certificates(address: Address) -> bool:
    """Whether certificates are read: for https, also that of a proxy. Reading them takes time."""
    return address.secure or not address.loopback


def _opened_client(
    address: Address, timeout_s: float, transport: httpx.AsyncBaseTransport | None, tls: ssl.SSLContext | None
) -> httpx.AsyncClient:
    """The client; raises TargetError when the environment names a proxy that cannot be used."""
    try:
        return _client(address, timeout_s, transport, tls)
    except (ImportError, ValueError, httpx.InvalidURL) as error:
        proxy = proxy_of(address) or "a proxy of the environment"
        raise TargetError(f"{proxy} cannot be used ({error}); write http://HOST:PORT, or unset it") from None


def _client(
    address: Address, timeout_s: float, transport: httpx.AsyncBaseTransport | None, tls: ssl.SSLContext | None
) -> httpx.AsyncClient:
    # A proxy of the environment cannot reach the loopback of this machine.
    return httpx.AsyncClient(
        transport=transport,
        verify=False if tls is None else tls,
        trust_env=not address.loopback,
        timeout=httpx.Timeout(timeout_s, pool=None),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEPALIVE_EXPIRY_S),
    )
