"""The reference endpoint gives the same records in memory as over a socket."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import peer_time
import pytest

from messages_conformance.exchange import KEY_PLACEHOLDER, RESET, STALLED, TIMEOUT, TOO_LARGE, Request, Response
from messages_conformance.reference import API_KEY, Endpoint, HttpResponse, find_variant, serve_endpoint
from messages_conformance.reference.changes import Change, Rewrite, Stage
from messages_conformance.reference.http import Piece
from messages_conformance.targets import HttpTarget, SimulatedClock, TargetError, Unreachable, open_target
from messages_conformance.targets.address import parse_address
from messages_conformance.targets.memory import MemoryTransport

TIMEOUT_S = 20.0
"""Never reached by an endpoint that answers, however busy the machine is."""

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


def over_both(
    asked: Request, *changes: Change, silent: threading.Event | None = None
) -> tuple[Response | str, Response | str]:
    """The results of the same request over a socket and in memory, for the same kind of endpoint.

    The endpoint sets `silent` where it stops to send on purpose: over the socket, time passes only from then on.
    """
    timeout_s = TIMEOUT_S
    with serve_endpoint(Endpoint(changes=changes)) as server:
        socket = HttpTarget(parse_address(server.base_url), key=API_KEY, timeout_s=timeout_s)
        over_socket = peer_time.run(_sent(socket, asked), silent or threading.Event())
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


def announced(rewrite: Rewrite, silent: threading.Event) -> Rewrite:
    """The rewrite with an event: it is set when the last piece but the delayed ones is sent."""

    def pieces_of(response: HttpResponse) -> Iterator[Piece]:
        for delay_s, data in response.pieces:
            if delay_s:
                silent.set()
            yield delay_s, data
        silent.set()

    def announce(response: HttpResponse, context: object) -> HttpResponse:
        changed = rewrite(response, context)
        return replace(changed, pieces=pieces_of(changed)) if changed.framing == "chunked" else changed

    return announce


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
    silent = threading.Event()
    change = ResponseChange(announced(rewrite, silent) if ending == STALLED else rewrite)
    over_socket, in_memory = over_both(request(stream=streamed), change, silent=silent)
    assert isinstance(in_memory, Response)
    assert in_memory.ending == ending
    assert comparable(in_memory) == comparable(over_socket)


def test_an_answer_that_never_begins_is_no_response() -> None:
    silent = threading.Event()

    def late(response: HttpResponse, _: object) -> HttpResponse:
        silent.set()
        return replace(response, delay_s=60.0)

    assert over_both(request(), ResponseChange(late), silent=silent) == ("timeout", "timeout")


def test_an_endless_stream_ends_after_the_total_time() -> None:
    def endless_stream(response: HttpResponse, _: object) -> HttpResponse:
        return replace(response, framing="chunked", pieces=((1.0, b": still here\n\n") for _ in iter(int, 1)))

    transport = MemoryTransport(Endpoint(changes=(ResponseChange(endless_stream),)))
    target = HttpTarget(parse_address("http://x.localhost"), key=API_KEY, timeout_s=TIMEOUT_S, transport=transport)
    response = simulated(_sent(target, request(stream=True)))
    assert isinstance(response, Response)
    assert (response.ending, response.detail) == (TIMEOUT, "still not complete after 60 s in all")
    assert response.ended_at_s == pytest.approx(60.0)
    assert len(response.chunks) == pytest.approx(60, abs=1)


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


@pytest.mark.parametrize("spec", ["reference:hang_up_in_stream", "reference:variant=no_keep_alive"])
def test_a_fault_below_http_needs_a_socket(spec: str) -> None:
    with pytest.raises(TargetError, match="needs a socket"):
        open_target(f"{spec},transport=memory", key=None)


def test_an_unknown_transport_gets_the_valid_ones() -> None:
    with pytest.raises(TargetError, match=r"'pigeon'.* valid: socket, memory"):
        open_target("reference:transport=pigeon", key=None)
