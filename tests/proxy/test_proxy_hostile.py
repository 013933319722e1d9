"""A proxy between a hostile client and a hostile upstream: nothing is sent elsewhere, and nothing is lost."""

from __future__ import annotations

import asyncio
import io
from typing import Any

import httpx
import pytest
from rich.console import Console

from messages_conformance.exchange import RESET
from messages_conformance.live import LiveExchange, Observer
from messages_conformance.proxy import Ended, Forwarder, ProxyOptions, bound_socket, serving
from messages_conformance.proxy.forwarding import BrokenUpstream
from messages_conformance.proxy.lines import line
from messages_conformance.session import SessionOptions

BODY = b'{"model":"m","max_tokens":5,"messages":[]}'


def passed(path: bytes, *, fails: Exception | None = None) -> tuple[list[Any], list[Ended], list[httpx.Request]]:
    """What a client got for a request with this target, what was recorded, and what went to the upstream."""
    sent: list[Any] = []
    took: list[Ended] = []
    requests: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        return httpx.Response(200, stream=httpx.ByteStream(b"{}"))

    async def receive() -> Any:
        if not sent:
            return {"type": "http.request", "body": BODY, "more_body": False}
        await asyncio.Event().wait()
        return None

    async def send(message: Any) -> None:
        sent.append(message)
        if fails is not None:
            raise fails

    async def run() -> None:
        transport = httpx.MockTransport(handle)
        forwarder = Forwarder("https://up.example", lambda live, ended: took.append(ended), transport=transport)
        scope = {"type": "http", "method": "POST", "raw_path": path, "query_string": b"", "headers": []}
        try:
            await forwarder(scope, receive, send)
        finally:
            await forwarder.aclose()

    asyncio.run(run())
    return sent, took, requests


@pytest.mark.parametrize(
    "path", [b"@evil.example/v1/messages", b":80@evil.example/", b"*", b"evil", b"http://evil.example/"]
)
def test_a_request_target_that_is_no_path_goes_nowhere(path: bytes) -> None:
    sent, took, requests = passed(path)
    assert sent[0]["status"] == 400
    assert b"is no path" in sent[1]["body"]
    assert (took, requests) == ([], [])


@pytest.mark.parametrize("path", [b"/v1/messages\x7f", b"/" + b"x" * 70_000])
def test_a_path_that_cannot_be_sent_is_refused(path: bytes) -> None:
    sent, _, requests = passed(path)
    assert sent[0]["status"] == 400 or requests[0].url.host == "up.example"


def test_a_double_slash_stays_at_the_upstream() -> None:
    assert {request.url.host for request in passed(b"//evil.example/v1/messages")[2]} == {"up.example"}


def test_an_answer_that_cannot_be_passed_on_is_recorded() -> None:
    with pytest.raises(BrokenUpstream, match="cannot be passed on"):
        passed(b"/v1/messages", fails=RuntimeError("Response content longer than Content-Length"))


def live(usage: str) -> LiveExchange:
    made = LiveExchange(method="POST", url="/v1/messages", headers=(), body=BODY, clock_s=lambda: 1.0)
    made.headers(200, (("content-type", "application/json"),))
    made.chunk(f'{{"id":"\\ud800","model":"::error::x","usage":{{"input_tokens":{usage},"output_tokens":1}}}}'.encode())
    return made


USAGES = ["9" * 5_000, "-1", "1e999", "NaN", "null", "true", '"\\u001b[31m"', "[" * 3_000 + "]" * 3_000]


@pytest.mark.parametrize("usage", USAGES, ids=lambda text: text[:5])
def test_the_line_of_any_answer_can_be_printed(usage: str) -> None:
    observer = Observer("a proxy", SessionOptions())
    exchange, findings = observer.took(lambda number: live(usage).finished(number=number))
    text = line(exchange, live(usage), findings, violates=observer.violates(findings))
    text.encode("utf-8")
    assert text.isprintable()
    assert "::error::" not in text


@pytest.mark.parametrize(
    ("cached", "words"),
    [
        ("", "3 in, 1 out"),
        (',"cache_creation_input_tokens":1200', "1,203 in (1,200 written to the cache), 1 out"),
        (',"cache_read_input_tokens":40', "43 in (40 read from the cache), 1 out"),
        (
            ',"cache_creation_input_tokens":2,"cache_read_input_tokens":40',
            "45 in (2 written to the cache, 40 read from it), 1 out",
        ),
        (',"cache_creation_input_tokens":null,"cache_read_input_tokens":0', "3 in, 1 out"),
    ],
)
def test_input_of_the_cache_is_input(cached: str, words: str) -> None:
    exchange = live(f"3{cached}").finished(number=1)
    assert f"  {words}  " in line(exchange, live("3"), (), violates=False)


def test_an_error_of_our_own_costs_one_exchange_and_the_green_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Console(file=io.StringIO(), width=200)
    observer = Observer("a proxy", SessionOptions(only=("response.id",)), out=out)
    said: list[str] = []
    with bound_socket(0) as bound:
        proxy = serving._Proxy(bound, ProxyOptions(upstream="http://h"), observer, said.append)
        made = iter([ZeroDivisionError("it broke"), None])

        def once(*given: Any, **more: Any) -> str:
            if (error := next(made)) is not None:
                raise error
            return "judged"

        monkeypatch.setattr(serving, "line", once)
        for _ in range(2):
            proxy._ended.put((live("1"), Ended(ending=RESET)))
        proxy._judging.start()
        proxy.stop_judging()
    assert said[0].startswith("internal error: ZeroDivisionError: it broke, at test_proxy_hostile.py:")
    assert said[1:] == ["judged"]
    assert observer.taken == 2
    assert observer.finish() in (1, 2)
    assert observer.session.harness_errors
