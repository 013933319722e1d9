"""A transport for httpx clients that judges what they receive; it works with httpx and with httpx2.

    transport = JudgingTransport()
    client = anthropic.Anthropic(http_client=httpx2.Client(transport=transport))
    ...
    transport.assert_conforms()

The bytes pass unchanged. An exchange is judged when its body was read to the end, or was closed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

import httpx

from messages_conformance.exchange import COMPLETE, LEFT, RESET, RecordingPart
from messages_conformance.live import DEFAULT_PROFILE, LiveExchange, Observer

if TYPE_CHECKING:
    from messages_conformance.exchange import Exchange
    from messages_conformance.report import Report

LACKS: Final = frozenset({RecordingPart.TIMES})
"""A client reads a body when it likes, so the times of chunks are those of the client."""

MAX_TEXT_FAILURES: Final = 5
"""A failing assertion shows this many failures in full, the worst first (our own)."""


class NotConformant(AssertionError):
    """The endpoint violates requirements; the message is the text of each failure, as in every report."""


class JudgingTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Wraps a transport of httpx or httpx2, for synchronous and asynchronous clients.

    Without `wrapped` it uses the default transport of the library of the client. `profile` is a built-in name or the
    path of a TOML file. Only requests to /v1/messages are judged, behind any base path. Raises `UsageError` for an
    unknown profile or a glob that matches nothing. The client that closes it closes the wrapped one.
    """

    def __init__(
        self,
        wrapped: Any = None,
        *,
        profile: str = DEFAULT_PROFILE,
        only: tuple[str, ...] = (),
        skip: tuple[str, ...] = (),
        fail_on: str = "must",
    ) -> None:
        from messages_conformance.session import SessionOptions

        self._wrapped = wrapped
        options = SessionOptions(profile=profile, only=only, skip=skip, fail_on=fail_on)
        self._observer = Observer("JudgingTransport", options)

    # -- what was judged ---------------------------------------------------------------------------------------------

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The exchanges that were judged so far."""
        return self._observer.session.recorded

    @property
    def report(self) -> Report:
        """The report as of now, for any of `report.FORMATS`."""
        return self._observer.report()

    def failures(self) -> tuple[str, ...]:
        """The text of each failure so far, the worst first."""
        return self._observer.failures()

    def assert_conforms(self) -> None:
        """Raises NotConformant if a requirement fails so far."""
        found = self.failures()
        if found:
            more = f"\n\nand {len(found) - MAX_TEXT_FAILURES:,} more" if len(found) > MAX_TEXT_FAILURES else ""
            raise NotConformant("\n\n".join(found[:MAX_TEXT_FAILURES]) + more)

    # -- the transport -----------------------------------------------------------------------------------------------

    def handle_request(self, request: Any) -> Any:
        """Sends the request with the wrapped transport."""
        if self._wrapped is None:
            self._wrapped = _library(request).HTTPTransport()
        live = self._began(request, request.read())
        try:
            response = self._wrapped.handle_request(request)
        except Exception as error:
            self._failed(live, error)
            raise
        if self._was_read(live, response):
            return response
        response.stream = _sync_stream(_library(response))(response.stream, live, self._ended)
        return response

    async def handle_async_request(self, request: Any) -> Any:
        """Sends the request with the wrapped transport."""
        if self._wrapped is None:
            self._wrapped = _library(request).AsyncHTTPTransport()
        live = self._began(request, await request.aread())
        try:
            response = await self._wrapped.handle_async_request(request)
        except Exception as error:
            self._failed(live, error)
            raise
        if self._was_read(live, response):
            return response
        response.stream = _async_stream(_library(response))(response.stream, live, self._ended)
        return response

    def close(self) -> None:
        """Closes the wrapped transport. What was judged remains."""
        if self._wrapped is not None and hasattr(self._wrapped, "close"):
            self._wrapped.close()

    async def aclose(self) -> None:
        """Closes the wrapped transport. What was judged remains."""
        if self._wrapped is not None and hasattr(self._wrapped, "aclose"):
            await self._wrapped.aclose()

    def _began(self, request: Any, body: bytes) -> LiveExchange:
        return LiveExchange(
            method=request.method,
            url=str(request.url),
            headers=_decoded(request.headers),
            body=body,
            clock_s=time.monotonic,
        )

    def _was_read(self, live: LiveExchange, response: Any) -> bool:
        """Takes the head. Returns True if the body is in memory already, as that of a mock is; then all is taken."""
        _head(live, response)
        if not response.is_closed:
            return False
        for data in response.stream:
            live.chunk(data)
        self._ended(live, COMPLETE, "")
        return True

    def _failed(self, live: LiveExchange, error: Exception) -> None:
        if live.judged:
            text = f"{type(error).__name__}: {error}"
            self._observer.took(lambda number: live.failed("disconnected", text, number=number))

    def _ended(self, live: LiveExchange, ending: str, detail: str) -> None:
        if live.judged:
            self._observer.took(lambda number: live.finished(number=number, ending=ending, detail=detail, lacks=LACKS))


def _library(message: Any) -> ModuleType:
    """httpx or httpx2: the library whose request or response this is."""
    return sys.modules[type(message).__module__.partition(".")[0]]


def _decoded(headers: Any) -> tuple[tuple[str, str], ...]:
    return tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.raw)


def _head(live: LiveExchange, response: Any) -> None:
    version = response.extensions.get("http_version", b"HTTP/1.1")
    text = version.decode("ascii", "replace") if isinstance(version, bytes) else str(version)
    live.headers(response.status_code, _decoded(response.headers), http_version=text)


def _ending(error: Exception) -> str:
    """How a body ended. A time limit of the client is no fault of the server."""
    return LEFT if "Timeout" in type(error).__name__ else RESET


_Ended = Callable[[LiveExchange, str, str], None]


class _Tee:
    """What both kinds of stream share: each exchange ends once."""

    def __init__(self, stream: Any, live: LiveExchange, ended: _Ended) -> None:
        self._stream, self._live, self._report = stream, live, ended
        self._open = True

    def _end(self, ending: str, detail: str = "") -> None:
        if self._open:
            self._open = False
            self._report(self._live, ending, detail)


@cache
def _sync_stream(library: ModuleType) -> Any:
    """A stream class of this library that passes a body on and records it."""

    class Stream(_Tee, library.SyncByteStream):  # type: ignore[misc, name-defined]
        def __iter__(self) -> Iterator[bytes]:
            try:
                for data in self._stream:
                    self._live.chunk(data)
                    yield data
            except GeneratorExit:
                self._end(LEFT, "the client left")
                raise
            except Exception as error:
                self._end(_ending(error), f"{type(error).__name__}: {error}")
                raise
            self._end(COMPLETE)

        def close(self) -> None:
            self._stream.close()
            self._end(LEFT, "the client closed the response before its end")

    return Stream


@cache
def _async_stream(library: ModuleType) -> Any:
    """A stream class of this library that passes a body on and records it."""

    class Stream(_Tee, library.AsyncByteStream):  # type: ignore[misc, name-defined]
        async def __aiter__(self) -> AsyncIterator[bytes]:
            try:
                async for data in self._stream:
                    self._live.chunk(data)
                    yield data
            except GeneratorExit:
                self._end(LEFT, "the client left")
                raise
            except Exception as error:
                self._end(_ending(error), f"{type(error).__name__}: {error}")
                raise
            self._end(COMPLETE)

        async def aclose(self) -> None:
            await self._stream.aclose()
            self._end(LEFT, "the client closed the response before its end")

    return Stream
