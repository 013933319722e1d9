"""One exchange that is recorded while it happens: by a transport in a client, a proxy, or a middleware of a gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from messages_conformance.captures.conversion import NOT_OF_THE_API
from messages_conformance.captures.credentials import without_credentials, without_keys
from messages_conformance.captures.pair import Headers
from messages_conformance.captures.routes import base_url, messages_path
from messages_conformance.exchange import (
    COMPLETE,
    LEFT,
    MAX_DECODED_BYTES,
    TOO_LARGE,
    Chunk,
    Exchange,
    Failure,
    RecordingPart,
    Request,
    Response,
)

END_CHUNKS: Final = 8
END_BYTES: Final = 500
"""The last event of a stream is within this many of the last chunks and bytes (our own: it has 50, and some proxies add
metrics)."""


class LiveExchange:
    """Takes the parts of one exchange as they come. `clock_s` returns seconds that never go back.

    The order of calls is: the constructor when the request is sent, `headers`, `chunk` for each, then `finished`, or
    `failed` when no response came.
    """

    def __init__(
        self,
        *,
        method: str,
        url: str,
        headers: Headers,
        body: bytes,
        clock_s: Callable[[], float],
        start_s: float = 0.0,
    ) -> None:
        self._clock_s = clock_s
        self._began_s = clock_s()
        self._start_s = start_s or self._began_s
        self._sent_headers = headers
        path = messages_path(url)
        self.judged = path is not None and method.upper() not in NOT_OF_THE_API
        self.request = Request(
            method=method.upper(),
            path=path or url,
            headers=without_credentials(headers),
            body=body,
            base_url=base_url(url),
        )
        self.status = 0
        self.first_byte_s: float | None = None
        self.lag_s = 0.0
        self._headers: Headers = ()
        self._headers_at_s = 0.0
        self._http_version = "HTTP/1.1"
        self._chunks: list[Chunk] = []
        self._size_bytes = 0

    @property
    def elapsed_s(self) -> float:
        """Seconds since the request began to be sent."""
        return self._clock_s() - self._began_s

    def headers(self, status: int, headers: Headers, *, http_version: str = "HTTP/1.1") -> None:
        """The head of the response has come."""
        self.status, self._headers, self._http_version = status, headers, http_version
        self._headers_at_s = self.elapsed_s

    def chunk(self, data: bytes) -> None:
        """Bytes of the body have come. Those after MAX_DECODED_BYTES are counted and not kept."""
        if self.first_byte_s is None:
            self.first_byte_s = self.elapsed_s
        self._size_bytes += len(data)
        if self.judged and self._size_bytes <= MAX_DECODED_BYTES:
            self._chunks.append(Chunk(at_s=self.elapsed_s, data=data))

    def waited(self, seconds: float) -> None:
        """The delay of our own side or of the reader: times are not more exact than this."""
        self.lag_s = max(self.lag_s, seconds)

    def finished(
        self,
        *,
        number: int,
        ending: str = COMPLETE,
        detail: str = "",
        capture: str = "",
        lacks: frozenset[RecordingPart] = frozenset(),
    ) -> Exchange:
        """The exchange; `ending` is one of ENDINGS, and `lacks` is what the source lacks besides the probes."""
        if ending == LEFT and self._has_its_end():
            ending, detail, lacks = COMPLETE, "", lacks | {RecordingPart.RAW_BODY}
        if self._size_bytes > MAX_DECODED_BYTES:
            ending, detail = (ending, detail) if ending == LEFT else (TOO_LARGE, "the body is too large to be kept")
        response = Response(
            status=self.status,
            headers=self._headers,
            chunks=tuple(self._chunks),
            headers_at_s=self._headers_at_s,
            ended_at_s=self.elapsed_s,
            ending=ending,
            detail=detail,
            http_version=self._http_version,
        )
        request, response = without_keys(self.request, response, self._sent_headers)
        return self._exchange(request, response, None, number=number, capture=capture, lacks=lacks)

    def _has_its_end(self) -> bool:
        """Whether a reader that left had read the last event: many clients do not wait for the end of the body."""
        tail = b"".join(chunk.data for chunk in self._chunks[-END_CHUNKS:])
        return b"message_stop" in tail[-END_BYTES:] and tail.endswith((b"\n\n", b"\r\n\r\n"))

    def failed(self, kind: str, message: str, *, number: int, capture: str = "") -> Exchange:
        """The exchange without a response."""
        failure = Failure(kind=kind, message=message)
        return self._exchange(self.request, None, failure, number=number, capture=capture, lacks=frozenset())

    def _exchange(
        self,
        request: Request,
        response: Response | None,
        failure: Failure | None,
        *,
        number: int,
        capture: str,
        lacks: frozenset[RecordingPart],
    ) -> Exchange:
        model = request.fields.get("model")
        return Exchange(
            number=number,
            request=request,
            response=response,
            failure=failure,
            started_s=self._began_s - self._start_s,
            requested_model=model if isinstance(model, str) else None,
            observer_lag_s=self.lag_s,
            lacks=lacks | {RecordingPart.PROBES},
            capture=capture,
        )
