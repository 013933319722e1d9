"""The reference endpoint gives the same records in memory as over a socket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import pytest

from messages_conformance.exchange import KEY_PLACEHOLDER, RESET, STALLED, TOO_LARGE, Request, Response
from messages_conformance.reference import API_KEY, Endpoint, HttpResponse, find_variant, serve_endpoint
from messages_conformance.reference.changes import Change, Rewrite, Stage
from messages_conformance.targets import HttpTarget, SimulatedClock, TargetError, Unreachable, open_target
from messages_conformance.targets.address import parse_address
from messages_conformance.targets.memory import MemoryTransport

TIMEOUT_S = 20.0
"""Never reached by an endpoint that answers, however busy the machine is."""

SILENCE_S = 0.4
"""The timeout for endpoints that stop to send on purpose."""
MODEL = "anthropic/claude-opus-4-5"

Result = TypeVar("Result")


@dataclass(frozen=True)
class ResponseChange:
    """A change of the last layer, for one test."""

    rewrite: Rewrite
    name: str = "response_change"
    at: Stage = Stage.RESPONSE
    also: Mapping[Stage, Rewrite] = field(default_factory=dict)
    needs_socket: bool = False


def request(method: str = "POST", path: str = "/v1/messages", *, body: bytes | None = None, **fields: Any) -> Request:
    question = {"model": MODEL, "max_tokens": 64, "messages": [{"role": "user", "content": "Say café."}], **fields}
    sent = body if body is not None else json.dumps(question).encode() if method == "POST" else b""
    headers = (("x-api-key", KEY_PLACEHOLDER), ("anthropic-version", "2023-06-01"), ("X-Odd", "Odd"))
    return Request(method=method, path=path, headers=headers, body=sent)


def over_both(asked: Request, *changes: Change, timeout_s: float = TIMEOUT_S) -> tuple[Response | str, Response | str]:
    """The results of the same request over a socket and in memory, for the same kind of endpoint."""
    with serve_endpoint(Endpoint(changes=changes)) as server:
        socket = HttpTarget(parse_address(server.base_url), key=API_KEY, timeout_s=timeout_s)
        over_socket = asyncio.run(_sent(socket, asked))
    transport = MemoryTransport(Endpoint(changes=changes))
    memory = HttpTarget(parse_address("http://x.localhost"), key=API_KEY, timeout_s=timeout_s, transport=transport)
    return over_socket, simulated(_sent(memory, asked))


def simulated(work: Coroutine[Any, Any, Result]) -> Result:
    """Runs it in simulated time, as the engine does."""
    with asyncio.Runner(loop_factory=SimulatedClock().new_event_loop) as runner:
        return runner.run(work)


async def _sent(target: HttpTarget, asked: Request) -> Response | str:
    try:
        return await target.send(asked)
    except Unreachable as error:
        return error.failure.kind
    finally:
        await target.aclose()


def comparable(response: Response | str) -> object:
    """The record without times and without identifiers."""
    if isinstance(response, str):
        return response
    return (
        response.status,
        [(name, _bare(value)) for name, value in response.headers if name not in _varying(response)],
        _bare(response.body.decode("latin-1")),
        response.ending,
        response.detail,
        response.http_version,
    )


def _varying(response: Response) -> tuple[str, ...]:
    """Headers that differ between answers: other ids compress to another length."""
    length = ("content-length",) if response.header("content-encoding") else ()
    limits = ("requests", "input-tokens", "output-tokens", "tokens")
    return (*(f"anthropic-ratelimit-{name}-reset" for name in limits), *length)


def _bare(text: str) -> str:
    return re.sub(r"(req|msg|toolu)_01\w+", r"\1", text)


def pieces_of(response: Response | str) -> list[str]:
    assert isinstance(response, Response)
    return [_bare(chunk.data.decode("latin-1")) for chunk in response.chunks]


TOOL = {"name": "get_time", "description": "The time in a city", "input_schema": {"type": "object", "properties": {}}}


@pytest.mark.parametrize(
    "asked",
    [
        request(),
        request(stream=True),
        request(stream=True, tools=[TOOL], tool_choice={"type": "any"}),
        request(max_tokens=0),
        request(body=b""),
        request(body=b"\xff{"),
        request("GET", "/v1/models?limit=1"),
        request("GET", "/v1/models/anthropic%2Fclaude-opus-4-5"),
        request("HEAD", "/v1/models"),
        request("HEAD"),
        request("DELETE", "/v1/ä?b=c d"),
    ],
    ids=lambda asked: f"{asked.method} {asked.path} {asked.body[:1]!r}{' streamed' if asked.streamed else ''}",
)
def test_ordinary_exchanges_are_the_same_records(asked: Request) -> None:
    over_socket, in_memory = over_both(asked)
    assert comparable(in_memory) == comparable(over_socket)
    if not asked.streamed:
        assert pieces_of(in_memory) == pieces_of(over_socket)


@pytest.mark.parametrize("name", ["compressed_documents", "compressed_streams", "many_headers", "chunked_documents"])
@pytest.mark.parametrize("stream", [False, True])
def test_codings_and_headers_stay_as_they_were_sent(name: str, stream: bool) -> None:
    over_socket, in_memory = over_both(request(stream=stream), find_variant(name))
    assert comparable(in_memory) == comparable(over_socket)


def stopped(ending: str, *, after: int | None = None) -> Callable[[HttpResponse, object], HttpResponse]:
    return lambda response, _: replace(response, pieces=tuple(response.pieces)[:after], ending=ending)


def declared(length: int) -> Callable[[HttpResponse, object], HttpResponse]:
    return lambda response, _: response.with_header("content-length", str(length))


def endless(response: HttpResponse, _: object) -> HttpResponse:
    return replace(response, framing="chunked", pieces=((0.0, b"x" * 65_536) for _ in iter(int, 1)))


def delayed(delay_s: float) -> Callable[[HttpResponse, object], HttpResponse]:
    return lambda response, _: replace(response, pieces=((0.0, b"{"), (delay_s, b"}")), framing="chunked")


@pytest.mark.parametrize(
    ("rewrite", "streamed", "ending"),
    [
        (stopped("cut", after=3), True, RESET),
        (stopped("reset", after=3), True, RESET),
        (stopped("hang", after=3), True, STALLED),
        (stopped("hang"), False, "complete"),
        (declared(10_000), False, RESET),
        (declared(0), True, "complete"),
        (endless, False, TOO_LARGE),
        (delayed(0.01), False, "complete"),
        (delayed(60.0), False, STALLED),
    ],
)
def test_endings_are_the_same_records(rewrite: Rewrite, streamed: bool, ending: str) -> None:
    patience_s = SILENCE_S if ending == STALLED else TIMEOUT_S
    over_socket, in_memory = over_both(request(stream=streamed), ResponseChange(rewrite), timeout_s=patience_s)
    assert isinstance(in_memory, Response)
    assert in_memory.ending == ending
    assert comparable(in_memory) == comparable(over_socket)


def test_an_answer_that_never_begins_is_no_response() -> None:
    late = ResponseChange(lambda response, _: replace(response, delay_s=60.0))
    assert over_both(request(), late, timeout_s=SILENCE_S) == ("timeout", "timeout")


def test_pieces_arrive_one_by_one_after_their_delays() -> None:
    _, in_memory = over_both(request(), ResponseChange(delayed(0.05)))
    assert isinstance(in_memory, Response)
    assert [chunk.data for chunk in in_memory.chunks] == [b"{", b"}"]
    assert in_memory.chunks[1].at_s - in_memory.chunks[0].at_s >= 0.05


def test_the_key_is_in_no_record() -> None:
    echo = ResponseChange(lambda response, context: response.with_body(repr(context.request.headers).encode()))
    _, in_memory = over_both(request(), echo)
    assert isinstance(in_memory, Response)
    assert API_KEY.encode() not in in_memory.body
    assert KEY_PLACEHOLDER.encode() in in_memory.body


@pytest.mark.parametrize("spec", ["reference:hang_up_in_stream,transport=memory", "reference:variant=no_keep_alive"])
def test_a_fault_below_http_needs_a_socket(spec: str) -> None:
    with pytest.raises(TargetError, match="needs a socket"):
        open_target(f"{spec},transport=memory", key=None)


def test_an_unknown_transport_gets_the_valid_ones() -> None:
    with pytest.raises(TargetError, match=r"'pigeon'.* valid: socket, memory"):
        open_target("reference:transport=pigeon", key=None)
