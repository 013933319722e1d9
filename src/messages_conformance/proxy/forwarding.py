"""Passes requests on to the upstream, and its responses back, byte for byte and chunk by chunk.

Only headers of one connection are changed (RFC 9110, 7.6.1). If the upstream breaks off, so does the proxy; if the
client leaves, the upstream is left.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from messages_conformance.exchange import COMPLETE, LEFT, RESET
from messages_conformance.live import LiveExchange

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

OF_ONE_CONNECTION: Final = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
)
"""Headers that a proxy does not pass on (RFC 9110, 7.6.1)."""

CONNECT_TIMEOUT_S: Final = 10.0
"""Longest wait for a connection to the upstream (our own). How long an answer may take is the client's decision."""

UNREACHABLE_STATUS: Final = 502
UNSENDABLE_STATUS: Final = 400
SHOWN_CHARACTERS: Final = 80


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How an exchange ended. `failure` says why there is no response; `ending` is one of ENDINGS otherwise."""

    ending: str = COMPLETE
    detail: str = ""
    failure: str = ""


class BrokenUpstream(Exception):
    """The upstream broke off in the middle of a body. The server then closes the connection to the client, too."""


class Unsendable(Exception):
    """A request of the client cannot be passed on."""


class Forwarder:
    """An ASGI application. `took` is called with each exchange that has ended; it must not block."""

    def __init__(
        self,
        upstream: str,
        took: Callable[[LiveExchange, Ended], None],
        *,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._upstream = upstream.rstrip("/")
        self._took = took
        self._began_s = time.monotonic()
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(max_connections=None),
            transport=transport,
            http2=_has_http2() and transport is None,
            follow_redirects=False,
        )

    async def aclose(self) -> None:
        """Closes the connections to the upstream."""
        await self._client.aclose()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Serves one request."""
        if scope["type"] != "http":
            return
        body = await _body(receive)
        if body is None:
            return
        query = scope["query_string"].decode("latin-1")
        path = scope["raw_path"].decode("latin-1") + (f"?{query}" if query else "")
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in OF_ONE_CONNECTION]
        live = LiveExchange(
            method=scope["method"],
            url=path,
            headers=tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers),
            body=body,
            clock_s=time.monotonic,
            start_s=self._began_s,
        )
        try:
            ended = await self._forwarded(self._request(scope["method"], path, headers, body), live, receive, send)
        except Unsendable as error:
            await _refuse(send, str(error), status=UNSENDABLE_STATUS)  # the upstream has no part in it
            return
        self._took(live, ended)
        if ended.ending == RESET:
            raise BrokenUpstream(ended.detail)

    def _request(self, method: str, path: str, headers: list[tuple[bytes, bytes]], body: bytes) -> httpx.Request:
        """The request for the upstream. Raises Unsendable for a target that is no path: it could name another host."""
        if not path.startswith("/"):
            raise Unsendable(f"the request target {path[:SHOWN_CHARACTERS]!r} is no path")
        try:
            return httpx.Request(method, self._upstream + path, headers=self._sent(headers), content=body)
        except (httpx.InvalidURL, ValueError) as error:
            raise Unsendable(f"the request cannot be passed on ({error})") from error

    def _sent(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers for the upstream: with its host, and without a length, which httpx writes."""
        host = httpx.URL(self._upstream).netloc
        return [(b"host", host), *(pair for pair in headers if pair[0].lower() not in (b"host", b"content-length"))]

    async def _forwarded(self, request: httpx.Request, live: LiveExchange, receive: Receive, send: Send) -> Ended:
        """Passes on until the body ends or the client leaves."""
        passing = asyncio.create_task(self._pass_on(request, live, send))
        leaving = asyncio.create_task(_until_disconnect(receive))
        try:
            await asyncio.wait({passing, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if passing.done():
                return passing.result()
            return Ended(ending=LEFT, detail="the client left") if live.status else Ended(failure="the client left")
        finally:
            for task in (passing, leaving):
                task.cancel()
            await asyncio.gather(passing, leaving, return_exceptions=True)

    async def _pass_on(self, request: httpx.Request, live: LiveExchange, send: Send) -> Ended:
        try:
            response = await self._client.send(request, stream=True, auth=None)
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            text = f"the upstream {self._upstream} did not answer ({type(error).__name__}: {error})"
            await _refuse(send, text)
            return Ended(failure=text)
        try:
            headers = [pair for pair in response.headers.raw if pair[0].lower() not in OF_ONE_CONNECTION]
            decoded = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers.raw)
            live.headers(response.status_code, decoded, http_version=response.http_version)
            await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
            async for data in response.aiter_raw():
                live.chunk(data)
                began_s = time.monotonic()
                await send({"type": "http.response.body", "body": data, "more_body": True})
                live.waited(time.monotonic() - began_s)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except httpx.HTTPError as error:
            return Ended(ending=RESET, detail=f"the upstream broke off ({type(error).__name__}: {error})")
        except Exception as error:  # of the server: what the upstream sent cannot be sent in HTTP/1.1
            return Ended(ending=RESET, detail=f"the answer cannot be passed on ({type(error).__name__}: {error})")
        finally:
            with contextlib.suppress(httpx.HTTPError):
                await response.aclose()
        return Ended()


async def _body(receive: Receive) -> bytes | None:
    """The whole body of a request; None when the client leaves before its end."""
    parts = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, text: str, *, status: int = UNREACHABLE_STATUS) -> None:
    """Answers in place of the upstream, in the form of the API, so that clients show the message."""
    error = {"type": "api_error", "message": f"messages-conformance proxy: {text}"}
    body = json.dumps({"type": "error", "error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})


def _has_http2() -> bool:
    try:
        import h2  # noqa: F401
    except ImportError:
        return False
    return True
