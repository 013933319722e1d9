"""The upstream's records as part of an exchange: on the clock of the client's request, and without keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from messages_conformance.exchange import (
    KEY_PLACEHOLDER,
    RESET,
    UPSTREAM_ADDRESS_PLACEHOLDER,
    UPSTREAM_KEY_PLACEHOLDER,
    Request,
    Response,
    UpstreamCall,
)
from messages_conformance.exchange import body_chunks as exchange_chunks
from messages_conformance.masking import is_secret, remember_secret
from messages_conformance.upstream import UpstreamExchange

KEY_HEADERS: Final = ("authorization", "x-api-key", "api-key")
ENDINGS: Final = {"complete": "complete", "left": "left"}


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What is replaced in every record: pairs of a text and its placeholder, the client's key first."""

    pairs: tuple[tuple[str, str], ...]

    def remember(self) -> None:
        """Masks the keys in every other spelling, too, in all that is recorded and written."""
        for secret, placeholder in self.pairs:
            if placeholder != UPSTREAM_ADDRESS_PLACEHOLDER:
                remember_secret(secret, placeholder=placeholder)

    def masked(self, data: bytes) -> bytes:
        """The bytes with placeholders."""
        for secret, placeholder in self.pairs:
            data = data.replace(secret.encode(), placeholder.encode())
        return data

    def text(self, value: str) -> str:
        """The text with placeholders."""
        return self.masked(value.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def headers(self, headers: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
        """The headers with placeholders."""
        return tuple((name, self.text(value)) for name, value in headers)

    def response(self, response: Response) -> Response:
        """The response with placeholders, each within one chunk."""
        body = b"".join(chunk.data for chunk in response.chunks)
        headers = self.headers(response.headers)
        if self.masked(body) == body:
            return response if headers == response.headers else replace(response, headers=headers)
        chunks = [replace(chunk, data=self.masked(chunk.data)) for chunk in response.chunks]
        if b"".join(chunk.data for chunk in chunks) != self.masked(body):  # it is cut by the border of two chunks
            chunks = [exchange_chunks.Chunk(at_s=response.ended_at_s, data=self.masked(body))]
        return replace(response, headers=headers, chunks=tuple(chunks))


def secrets_of(records: Iterable[UpstreamExchange], *, client_key: str | None, port: int) -> Secrets:
    """The client's key, every key that the gateway sent to the upstream, and the upstream's address."""
    keys = {_bare(value) for record in records for name in KEY_HEADERS for value in record.header_values(name)}
    own = [(client_key, KEY_PLACEHOLDER)] if client_key is not None and is_secret(client_key) else []
    theirs = [(key, UPSTREAM_KEY_PLACEHOLDER) for key in sorted(keys) if is_secret(key) and key != client_key]
    addresses = [(f"{host}:{port}", UPSTREAM_ADDRESS_PLACEHOLDER) for host in ("127.0.0.1", "localhost")]
    return Secrets(pairs=(*own, *theirs, *addresses))


def _bare(value: str) -> str:
    scheme, space, key = value.partition(" ")
    return key if space and scheme.lower() == "bearer" else value


def call_of(record: UpstreamExchange, *, started_s: float, secrets: Secrets) -> UpstreamCall:
    """One request to the upstream. `started_s` is when the client's request began, on the same clock."""
    return UpstreamCall(
        request=Request(
            method=record.method,
            path=record.path,
            headers=secrets.headers(record.headers),
            body=secrets.masked(record.raw_body),
        ),
        response=_response(record, started_s, secrets),
        started_s=record.arrived_s - started_s,
        ending=record.ending,
        left_at_s=None if record.left_s is None else record.left_s - started_s,
        refused=record.refused,
    )


def _response(record: UpstreamExchange, started_s: float, secrets: Secrets) -> Response | None:
    if record.status is None:
        return None
    chunks = tuple(
        exchange_chunks.Chunk(at_s=chunk.at_s - started_s, data=secrets.masked(chunk.data)) for chunk in record.chunks
    )
    ended_s = record.ended_s if record.ended_s is not None else record.arrived_s
    return Response(
        status=record.status,
        headers=record.response_headers,
        chunks=chunks,
        headers_at_s=record.arrived_s - started_s,
        ended_at_s=ended_s - started_s,
        ending=ENDINGS.get(record.ending, RESET),
    )
