"""Endpoints that misbehave to everything, on one loopback server: the first segment of the path names the behaviour."""

from __future__ import annotations

import itertools
import json
import random
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from messages_conformance.reference import Endpoint, HttpRequest, HttpResponse, Settings

KEY = "sk-kept-4711-from-every-file"
"""The only key that the endpoints take, and nothing that an answer would hold by chance."""

JSON = ("content-type", "application/json")
HUGE_BYTES = 100 * 1024 * 1024
STATUSES = {
    "404": (404, "not_found_error"),
    "429": (429, "rate_limit_error"),
    "500": (500, "api_error"),
    "503": (503, "overloaded_error"),
}

Behaviour = Callable[["Menagerie", HttpRequest], HttpResponse]
_BEHAVIOURS: dict[str, Behaviour] = {}


def behaviour(function: Behaviour) -> Behaviour:
    _BEHAVIOURS[function.__name__.removeprefix("_")] = function
    return function


@dataclass(kw_only=True)
class Menagerie:
    """Served like an endpoint. `counts` has the requests of each path prefix, `/name` or `/name/anything`."""

    settings: Settings = field(default_factory=lambda: Settings(api_key=KEY))
    fallback: str = "silent"
    """The behaviour for paths that name none."""
    base_url: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.correct = Endpoint(settings=self.settings)
        self.slow = Endpoint(settings=replace(self.settings, latency_s=0.1))

    def url(self, name: str) -> str:
        return f"{self.base_url}/{name}"

    def handle(self, request: HttpRequest) -> HttpResponse:
        prefix, _, rest = request.target.partition("/v1/")
        with self.arrived:
            self.counts[prefix] += 1
            self.arrived.notify_all()
        name = prefix.split("/")[1]
        if name not in _BEHAVIOURS and name not in STATUSES:
            return _BEHAVIOURS[self.fallback](self, request)
        inner = replace(request, target=f"/v1/{rest}")
        if name in STATUSES:
            return refusal(*STATUSES[name])
        return _BEHAVIOURS[name](self, inner)

    def broken(self, status: int) -> HttpResponse:
        return self.correct.broken(status)

    def left(self) -> None:
        self.correct.left()

    def wait_for(self, prefix: str, number: int, timeout_s: float = 20.0) -> None:
        """Returns when so many requests have come."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.counts[prefix] >= number, timeout_s), self.counts


def refusal(status: int, kind: str, message: str = "no") -> HttpResponse:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    return HttpResponse(status=status, headers=(JSON, ("request-id", "req_1")), pieces=((0.0, dumped(body)),))


def dumped(value: object) -> bytes:
    return json.dumps(value).encode()


# -- behaviours -----------------------------------------------------------------------------------------------------


@behaviour
def correct(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    return zoo.correct.handle(request)


@behaviour
def slow(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    return zoo.slow.handle(request)


@behaviour
def no_models(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    return refusal(404, "not_found_error") if request.method == "GET" else zoo.correct.handle(request)


@behaviour
def html(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    page = b"<!doctype html><html><head><title>Welcome</title></head><body>It works!</body></html>"
    return HttpResponse(status=200, headers=(("content-type", "text/html"),), pieces=((0.0, page),))


@behaviour
def garbage(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=200, framing="raw", ending="cut", pieces=((0.0, random.Random(7).randbytes(4096)),))


@behaviour
def silent(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=200, framing="raw", ending="hang")


@behaviour
def hangs_up_between_events(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    return _cut(zoo, request, lambda body: body[: body.index(b"event: content_block_stop")])


@behaviour
def hangs_up_in_json(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    return _cut(zoo, request, lambda body: body[: body.index(b"event: content_block_stop") - 9])


def _cut(zoo: Menagerie, request: HttpRequest, shorten: Callable[[bytes], bytes]) -> HttpResponse:
    response = zoo.correct.handle(request)
    if not response.is_stream:
        return response
    return replace(response.with_body(shorten(response.body())), framing="chunked", ending="cut")


@behaviour
def endless(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    """Correct but for its streams, whose text never ends."""
    response = zoo.correct.handle(request)
    if not response.is_stream:
        return response
    body = response.body()
    delta = dumped(
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "on and on " * 400}}
    )
    block = dumped({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}})
    start = body[: body.index(b"event: content_block_start")] + b"event: content_block_start\ndata: " + block + b"\n\n"
    event = b"event: content_block_delta\ndata: " + delta + b"\n\n"

    def pieces() -> Iterator[tuple[float, bytes]]:
        yield 0.0, start
        for _ in itertools.count():
            yield 0.0, event * 16

    return replace(response.with_pieces(pieces()), framing="chunked")


@behaviour
def huge(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    """A hundred megabytes of valid JSON to whatever is asked."""
    head, tail = b'{"type":"message","text":"', b'"}'
    filler = b"x" * 65_536

    def pieces() -> Iterator[tuple[float, bytes]]:
        yield 0.0, head
        for _ in range(HUGE_BYTES // len(filler)):
            yield 0.0, filler
        yield 0.0, tail

    return HttpResponse(status=200, headers=(JSON,), framing="chunked", pieces=pieces())


@behaviour
def redirect(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=307, headers=(("location", "https://elsewhere.example/v1/messages"),))


@behaviour
def echoes_key(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    """Gives the key back in a header, in every error message and at the end of every text."""
    response = zoo.correct.handle(request)
    body = response.body().replace(b'"message": "', b'"message": "' + KEY.encode() + b" ")
    body = body.replace(b'"message":"', b'"message":"' + KEY.encode() + b" ").replace(b"ok", KEY.encode())
    return response.with_body(body).with_header("x-debug-key", KEY)


@behaviour
def refuses_key_aloud(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    return refusal(401, "authentication_error", f"the key {KEY} is not known")


@behaviour
def falls_silent(zoo: Menagerie, request: HttpRequest) -> HttpResponse:
    """Answers the first two requests, and none after them."""
    if zoo.counts["/falls_silent"] > 2:
        return HttpResponse(status=200, framing="raw", ending="cut")
    return zoo.correct.handle(request)
