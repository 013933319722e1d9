"""JudgingTransport judges what clients of httpx and httpx2 receive, and changes nothing of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anthropic
import httpx
import httpx2
import pytest

from messages_conformance.exchange import RecordingPart
from messages_conformance.httpx import JudgingTransport, NotConformant
from messages_conformance.reference import API_KEY, serve

pytest_plugins = ["pytester"]

ANSWER = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "output_tokens": 5},
}
ASK = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
HEADERS = {"content-type": "application/json", "request-id": "req_1"}
KEY = "sk-secret-0123456789"
LIBRARIES = [httpx, httpx2]


def answering(library: Any, **changes: Any) -> Any:
    body = json.dumps({**ANSWER, **changes}).encode()
    return library.MockTransport(lambda request: library.Response(200, headers=HEADERS, content=body))


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_client_of_either_library_is_judged(library: Any) -> None:
    transport = JudgingTransport(answering(library, role="user"))
    with library.Client(transport=transport) as client:
        answer = client.post(
            "https://x.example/base/v1/messages", json=ASK, headers={"x-api-key": "sk-secret-0123456789"}
        )
    assert answer.json()["role"] == "user"
    (failure,) = transport.failures()
    assert failure.startswith("response.role.assistant  MUST")
    with pytest.raises(NotConformant, match="role"):
        transport.assert_conforms()
    (exchange,) = transport.exchanges
    assert exchange.request.path == "/v1/messages"
    assert "sk-secret" not in str(exchange.request.headers)
    assert exchange.lacks == {RecordingPart.TIMES, RecordingPart.PROBES}


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_asynchronous_client_is_judged(library: Any) -> None:
    async def asked() -> JudgingTransport:
        transport = JudgingTransport(answering(library, role="user"))
        async with library.AsyncClient(transport=transport) as client:
            await client.post("https://x.example/v1/messages", json=ASK)
        return transport

    assert len(asyncio.run(asked()).failures()) == 1


def test_other_routes_pass_without_a_judgement() -> None:
    transport = JudgingTransport(answering(httpx, role="user"))
    with httpx.Client(transport=transport) as client:
        client.get("https://x.example/v1/models")
        client.post("https://x.example/v1/chat/completions", json=ASK)
    assert transport.exchanges == ()


class Chunks(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A stream in two pieces; the second may be an error."""

    def __init__(self, *pieces: bytes | Exception) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self:
            yield piece


BEGIN = (
    b'event: message_start\ndata: {"type":"message_start","message":%s}\n\n'
    % json.dumps(
        {**ANSWER, "content": [], "stop_reason": None, "usage": {"input_tokens": 10, "output_tokens": 1}}
    ).encode()
)
END = (
    b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},'
    b'"usage":{"output_tokens":5}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'
)


def streaming(*pieces: bytes | Exception) -> JudgingTransport:
    headers = {**HEADERS, "content-type": "text/event-stream"}
    return JudgingTransport(
        httpx.MockTransport(lambda request: httpx.Response(200, headers=headers, stream=Chunks(*pieces)))
    )


def read_stream(transport: JudgingTransport, chunks: int | None = None) -> list[bytes]:
    with (
        httpx.Client(transport=transport) as client,
        client.stream("POST", "https://x.example/v1/messages", json={**ASK, "stream": True}) as response,
    ):
        read = []
        for data in response.iter_raw():
            read.append(data)
            if chunks is not None and len(read) == chunks:
                break
        return read


def test_chunks_pass_as_they_came() -> None:
    transport = streaming(BEGIN, END)
    assert read_stream(transport) == [BEGIN, END]
    (exchange,) = transport.exchanges
    assert exchange.response is not None
    assert [chunk.data for chunk in exchange.response.chunks] == [BEGIN, END]
    assert transport.failures() == ()


def test_a_client_that_leaves_is_no_fault_of_the_server() -> None:
    transport = streaming(BEGIN, END)
    read_stream(transport, 1)
    assert transport.failures() == ()
    assert transport.exchanges[0].response is not None
    assert transport.exchanges[0].response.ending == "left"


def test_a_broken_connection_is_a_fault_and_a_time_limit_of_the_client_is_none() -> None:
    broken = streaming(BEGIN, httpx.ReadError("gone"))
    with pytest.raises(httpx.ReadError):
        read_stream(broken)
    assert broken.failures()
    impatient = streaming(BEGIN, httpx.ReadTimeout("too slow"))
    with pytest.raises(httpx.ReadTimeout):
        read_stream(impatient)
    assert impatient.failures() == ()


def test_a_client_that_stops_after_the_last_event_read_all_of_it() -> None:
    transport = streaming(BEGIN + END, b"")
    read_stream(transport, 1)
    (exchange,) = transport.exchanges
    assert exchange.response is not None
    assert exchange.response.ending == "complete"
    assert RecordingPart.RAW_BODY in exchange.lacks


@pytest.mark.parametrize("fault", [None, "drop_message_stop"])
def test_the_official_sdk_is_judged_against_the_reference_endpoint(fault: str | None) -> None:
    transport = JudgingTransport()
    with serve(fault=fault) as server:
        client = anthropic.Anthropic(
            api_key=API_KEY, base_url=server.base_url, http_client=httpx2.Client(transport=transport), max_retries=0
        )
        ask: Any = {**ASK, "model": "claude-opus-4-5"}
        client.messages.create(**ask)
        with client.messages.stream(**ask) as stream:
            for _ in stream:
                pass
        client.close()
    assert len(transport.exchanges) == 2
    failing = [text.split()[0] for text in transport.failures()]
    assert failing == ([] if fault is None else ["stream.order.message-stop-once"])


def test_the_fixture_fails_a_test_with_the_text_of_the_failure(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        f"""
        import httpx, json
        ANSWER = {ANSWER!r}

        def ask(transport, **changes):
            body = json.dumps({{**ANSWER, **changes}})
            transport._wrapped = httpx.MockTransport(lambda r: httpx.Response(200, headers={HEADERS!r}, content=body))
            httpx.Client(transport=transport).post("https://x.example/v1/messages", json={ASK!r})

        def test_good(judged_transport):
            ask(judged_transport)

        def test_bad(judged_transport):
            ask(judged_transport, role="user")
        """
    )
    result = pytester.runpytest("-p", "no:cacheprovider", "-W", "ignore::pytest.PytestDeprecationWarning")
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*response.role.assistant  MUST*", '*found   "user"*', "*wanted*assistant*"])
