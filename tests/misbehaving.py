"""Endpoints that misbehave in every answer, on one loopback server: the first segment of the path is the behaviour."""

from __future__ import annotations

import base64
import itertools
import json
import random
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

from messages_conformance.reference import Endpoint, HttpRequest, HttpResponse, Settings

KEY = "sk-kept-4711-from-every-file"
"""The only key that the endpoints accept. No answer contains it by chance."""

PATIENCE_S = 240.0
"""How long a test waits before it says that something hangs: far more than a busy machine needs, and less than the time
limit of a test in pyproject.toml."""

STALLS_AFTER = 24
"""The number of requests that `stalls` answers: a run, which sends more than fifty, is then in its middle."""

SLOW_S = 0.1
"""The latency of `slow` and `stalls`. Between two answers, a run has time to judge the first of them."""

JSON = ("content-type", "application/json")
HUGE_BYTES = 100 * 1024 * 1024
STATUSES = {
    "404": (404, "not_found_error"),
    "429": (429, "rate_limit_error"),
    "500": (500, "api_error"),
    "503": (503, "overloaded_error"),
}

Behaviour = Callable[["Endpoints", HttpRequest], HttpResponse]
_BEHAVIOURS: dict[str, Behaviour] = {}


def behaviour(function: Behaviour) -> Behaviour:
    """Makes a function the behaviour of the paths that begin with its name."""
    _BEHAVIOURS[function.__name__] = function
    return function


@dataclass(kw_only=True)
class Endpoints:
    """Served like an endpoint. `counts` has the requests of each path prefix, `/name` or `/name/anything`."""

    settings: Settings = field(default_factory=lambda: Settings(api_key=KEY))
    fallback: str = "silent"
    """The behaviour for paths that name none."""
    base_url: str = ""
    counts: Counter[str] = field(default_factory=Counter)
    arrived: threading.Condition = field(default_factory=threading.Condition)

    def __post_init__(self) -> None:
        self.correct = Endpoint(settings=self.settings)
        self.slow = Endpoint(settings=replace(self.settings, latency_s=SLOW_S))

    def url(self, name: str) -> str:
        """The address of a behaviour; `name/anything` has a count of its own."""
        return f"{self.base_url}/{name}"

    def handle(self, request: HttpRequest) -> HttpResponse:
        """Counts the request and answers it as its path says."""
        prefix, _, rest = request.target.partition("/v1/")
        with self.arrived:
            self.counts[prefix] += 1
            self.arrived.notify_all()
        name = prefix.split("/")[1]
        inner = replace(request, target=f"/v1/{rest}")
        if name in STATUSES:
            return refusal(*STATUSES[name])
        if name == "stalls" and self.counts[prefix] > STALLS_AFTER:
            return silent(self, inner)
        if name in _BEHAVIOURS:
            return _BEHAVIOURS[name](self, inner)
        return _BEHAVIOURS[self.fallback](self, request)

    def broken(self, status: int) -> HttpResponse:
        """The answer to something that is no HTTP request."""
        return self.correct.broken(status)

    def left(self) -> None:
        """Notes that a client left early."""
        self.correct.left()

    def wait_for(self, prefix: str, count: int) -> None:
        """Returns when this many requests have arrived."""
        with self.arrived:
            assert self.arrived.wait_for(lambda: self.counts[prefix] >= count, PATIENCE_S), self.counts


def refusal(status: int, kind: str, message: str = "no") -> HttpResponse:
    """An error. A client that should try again later is asked to wait for longer than any run is ready to."""
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"}
    headers = (JSON, ("request-id", "req_1"), *((("retry-after", "86400"),) if status in (429, 503) else ()))
    return HttpResponse(status=status, headers=headers, pieces=((0.0, dumped(body)),))


def dumped(value: object) -> bytes:
    """A value as JSON in UTF-8."""
    return json.dumps(value).encode()


# -- behaviours -----------------------------------------------------------------------------------------------------


@behaviour
def correct(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    return endpoints.correct.handle(request)


@behaviour
def slow(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    return endpoints.slow.handle(request)


@behaviour
def stalls(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    """Slow for the first requests; `handle` leaves those after STALLS_AFTER without any answer."""
    return endpoints.slow.handle(request)


@behaviour
def no_models(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    return refusal(404, "not_found_error") if request.method == "GET" else endpoints.correct.handle(request)


@behaviour
def html(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    page = b"<!doctype html><html><head><title>Welcome</title></head><body>It works!</body></html>"
    return HttpResponse(status=200, headers=(("content-type", "text/html"),), pieces=((0.0, page),))


@behaviour
def garbage(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=200, framing="raw", ending="cut", pieces=((0.0, random.Random(7).randbytes(4096)),))


@behaviour
def silent(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=200, framing="raw", ending="hang")


@behaviour
def hangs_up_between_events(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    return _cut(endpoints, request, lambda body: body[: body.index(b"event: content_block_stop")])


@behaviour
def hangs_up_in_json(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    return _cut(endpoints, request, lambda body: body[: body.index(b"event: content_block_stop") - 9])


def _cut(endpoints: Endpoints, request: HttpRequest, shorten: Callable[[bytes], bytes]) -> HttpResponse:
    response = endpoints.correct.handle(request)
    if not response.is_stream:
        return response
    return replace(response.with_body(shorten(response.body())), framing="chunked", ending="cut")


@behaviour
def endless(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    """Correct except for its streams, whose text never ends."""
    response = endpoints.correct.handle(request)
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
def huge(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    """A hundred megabytes of valid JSON for every request."""
    head, tail = b'{"type":"message","text":"', b'"}'
    filler = b"x" * 65_536

    def pieces() -> Iterator[tuple[float, bytes]]:
        yield 0.0, head
        for _ in range(HUGE_BYTES // len(filler)):
            yield 0.0, filler
        yield 0.0, tail

    return HttpResponse(status=200, headers=(JSON,), framing="chunked", pieces=pieces())


SWOLLEN = b"word " * (2 * 1024 * 1024)
"""Ten megabytes of text."""


@behaviour
def swells(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    """Answers the first two requests, and puts ten megabytes of text into every later answer."""
    response = endpoints.correct.handle(request)
    if endpoints.counts["/swells"] <= 2:
        return response
    body = response.body()
    for before in (b'"text": "', b'"text":"'):
        body = body.replace(before, before + SWOLLEN, 1)
    return response.with_body(body)


@behaviour
def redirect(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    return HttpResponse(status=307, headers=(("location", "https://elsewhere.example/v1/messages"),))


@behaviour
def echoes_key(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    """Repeats the key in a header, in every error message and at the end of every text."""
    response = endpoints.correct.handle(request)
    body = response.body().replace(b'"message": "', b'"message": "' + KEY.encode() + b" ")
    body = body.replace(b'"message":"', b'"message":"' + KEY.encode() + b" ").replace(b"ok", KEY.encode())
    return response.with_body(body).with_header("x-debug-key", KEY)


DISGUISES: dict[str, Callable[[str], str]] = {
    "escaped": lambda key: "".join(f"\\u{ord(character):04x}" for character in key),
    "partly-escaped": lambda key: key.replace("-", "\\u002D").replace("7", "\\u0037"),
    "escaped-twice": lambda key: "".join(f"\\\\u{ord(character):04X}" for character in key),
    "percent": lambda key: "".join(f"%{ord(character):02x}" for character in key),
    "entities": lambda key: "".join(f"&#{ord(character)};" for character in key),
    "base64": lambda key: base64.b64encode(f"x:{key}!".encode()).decode(),
    "base64url": lambda key: base64.urlsafe_b64encode(f"?~{key}".encode()).decode().rstrip("="),
    "hex": lambda key: key.encode().hex(),
}
"""Spellings of a key inside a JSON string."""


def _disguising(disguise: Callable[[str], str]) -> Behaviour:
    """Repeats the key in one spelling, in a header, every error message, every text and the name of the model."""
    spelled = disguise(KEY).encode()

    def disguises_key(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
        response = endpoints.correct.handle(request)
        body = response.body()
        for before in (b'"message": "', b'"message":"', b'"text": "', b'"text":"', b'"model": "', b'"model":"'):
            body = body.replace(before, before + spelled + b" ")
        return response.with_body(body).with_header("location", f"https://other.example/?back={spelled.decode()}")

    return disguises_key


_BEHAVIOURS.update({f"disguises_key_{form}": _disguising(disguise) for form, disguise in DISGUISES.items()})


@behaviour
def cuts_key(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    """Repeats the key in every streamed text, cut over deltas."""
    response = endpoints.correct.handle(request)
    delta = re.search(rb'event: content_block_delta\ndata: [^\n]*"text_delta","text":"()[^\n]*\n\n', response.body())
    if delta is None:
        return response
    event, at = delta[0], delta.start(1) - delta.start()
    added = b"".join(event[:at] + piece.encode() + b'"}}\n\n' for piece in (KEY[:7], KEY[7:8], KEY[8:]))
    return response.with_body(response.body().replace(event, added + event, 1))


_turns = itertools.count()


@behaviour
def disguises_key_in_turn(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    """Repeats the key in another spelling in each answer, and now and then cut over deltas."""
    forms = (*(_BEHAVIOURS[f"disguises_key_{form}"] for form in DISGUISES), cuts_key)
    return forms[next(_turns) % len(forms)](endpoints, request)


COMMANDS = (
    "::error file=x::gates",
    "::add-mask::gates",
    "::stop-commands::gates",
    "::SET-OUTPUT name=x::gates",
    "##[error]gates",
    "##[add-mask]gates",
    "##vso[task.setvariable variable=x]gates",
    "##teamcity[buildStop comment='gates']",
    "section_start:1560896352:gates[collapsed=true]\r\x1b[0K",
    "travis_fold:start:gates",
    "--- gates",
    "+++ gates",
    "~~~ gates",
    "^^^ +++",
    "\x1b]8;;https://x.example\x07gates\x1b[31m\u202e",
)
"""What CI systems and terminals execute when it is printed, at the start of a line or anywhere."""

_INJECTED = "\n".join(f"{'x' * width}\n{command} {'word ' * 30}{command}" for width in (0, 80) for command in COMMANDS)


@behaviour
def prints_commands(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    """Puts commands of CI systems into every text, name, id and message, into headers, and refuses what is valid."""
    response = endpoints.correct.handle(request)
    spelled = json.dumps(_INJECTED)[1:-1].encode()
    body = response.body()
    for name in ("message", "text", "model", "id", "type", "role", "stop_reason", "request_id", "display_name"):
        for before in (f'"{name}": "'.encode(), f'"{name}":"'.encode()):
            body = (
                body.replace(before, before + spelled)
                if name != "type"
                else body.replace(before + b"text", before + spelled)
            )
    head = "".join(one if one.isprintable() and one.isascii() else " " for one in " ".join(COMMANDS)).strip()
    for name in ("request-id", "content-language", "retry-after", "x-ratelimit"):
        response = response.with_header(name, head)
    return response.with_body(body)


@behaviour
def refuses_with_commands(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    return refusal(403, "authentication_error", _INJECTED)


@behaviour
def lists_commands(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    """No models, and a status and a body that a message quotes."""
    return refusal(418, _INJECTED, _INJECTED)


@behaviour
def repeats_key_in_refusal(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    return refusal(401, "authentication_error", f"the key {KEY} is not known")


@behaviour
def falls_silent(endpoints: Endpoints, request: HttpRequest) -> HttpResponse:
    """Answers the first two requests and closes the connection on all others."""
    if endpoints.counts["/falls_silent"] > 2:
        return HttpResponse(status=200, framing="raw", ending="cut")
    return endpoints.correct.handle(request)
