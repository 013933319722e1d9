"""An outage in mid-run is one statement and no verdict: what was judged before stays. A broken target is no outage."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

import httpx
import pytest

from messages_conformance.proof import run
from messages_conformance.report import Report
from messages_conformance.targets.memory import CUT_SHORT, MemoryTransport

LASTS = 15
"""The number of the first request that meets the outage: the run has judged something, and much is left."""

PAGE = b"<!doctype html><html><title>Log in</title><form></form></html>"
REFUSAL = b'{"type":"error","error":{"type":"authentication_error","message":"invalid x-api-key"},"request_id":"req_1"}'
OVERLOAD = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
JSON = {"content-type": "application/json", "request-id": "req_1"}

Answer = Callable[[httpx.Response], httpx.Response]
"""Makes the answer during an outage from the usual one, or raises what httpx raises."""


class Cut(httpx.AsyncByteStream):
    """A body that breaks after its first piece."""

    def __init__(self, whole: httpx.AsyncByteStream) -> None:
        self._whole = whole

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._whole:
            yield piece[: len(piece) // 2]
            break
        raise httpx.RemoteProtocolError(CUT_SHORT)


def refused(_: httpx.Response) -> httpx.Response:
    raise httpx.ConnectError("All connection attempts failed")


def silent(_: httpx.Response) -> httpx.Response:
    raise httpx.ReadTimeout("")


def cut(usual: httpx.Response) -> httpx.Response:
    assert isinstance(usual.stream, httpx.AsyncByteStream)
    status, headers = usual.status_code, usual.headers
    return httpx.Response(status, headers=headers, stream=Cut(usual.stream), extensions=usual.extensions)


def cut_stream(usual: httpx.Response) -> httpx.Response:
    return cut(usual) if "event-stream" in usual.headers.get("content-type", "") else usual


def always(status: int, body: bytes, headers: dict[str, str] = JSON) -> Answer:
    return lambda _: httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))


OUTAGES: dict[str, Answer] = {
    "expired key": always(401, REFUSAL),
    "no credit": always(402, REFUSAL),
    "blocked": always(403, REFUSAL),
    "storm": always(529, OVERLOAD),
    "unavailable": always(503, OVERLOAD),
    "bad gateway": always(502, PAGE, {"content-type": "text/html"}),
    "captive portal": always(200, PAGE, {"content-type": "text/html"}),
    "not implemented": always(501, PAGE, {"content-type": "text/html"}),
    "refused connections": refused,
    "silence": silent,
    "broken connections": cut,
}


@pytest.fixture
def outage(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Report]:
    """Runs against the reference endpoint, whose answers change when the predicate of the request's number holds."""
    usual = MemoryTransport.handle_async_request

    def judged(
        answer: Answer, holds: Callable[[int], bool], target: str = "reference:transport=memory", depth: str = "smoke"
    ) -> Report:
        count = 0

        async def handle(self: MemoryTransport, request: httpx.Request) -> httpx.Response:
            nonlocal count
            count += 1
            number = count
            response = await usual(self, request)
            return answer(response) if holds(number) else response

        monkeypatch.setattr(MemoryTransport, "handle_async_request", handle)
        return run(target, "anthropic-2023-06-01", model="anthropic/claude-opus-4-5", seed=0, depth=depth)[1]

    return judged


def failed(report: Report) -> set[str]:
    return {verdict.requirement for verdict in report.verdicts if verdict.outcome in ("fail", "warn", "error")}


@pytest.mark.parametrize("name", OUTAGES)
def test_an_outage_in_mid_run_is_one_statement_and_no_verdict(outage: Callable[..., Report], name: str) -> None:
    report = outage(OUTAGES[name], lambda number: number >= LASTS)
    assert failed(report) == set()
    assert report.statement is not None
    assert not report.statement.invalidates
    assert "no longer answers: POST /v1/messages" in report.statement.message
    assert any(verdict.outcome == "pass" for verdict in report.verdicts)
    assert report.spent.requests < LASTS + 200


@pytest.mark.parametrize("name", ["expired key", "bad gateway", "refused connections", "broken connections"])
def test_a_short_interruption_does_not_end_the_run(outage: Callable[..., Report], name: str) -> None:
    report = outage(OUTAGES[name], lambda number: LASTS <= number < LASTS + 4)
    assert report.statement is None or "no longer answers" not in report.statement.message


@pytest.mark.parametrize("fault", ["drop_message_stop", "drop_message_stop@after=20"])
def test_a_target_that_leaves_out_the_end_of_streams_is_no_outage(outage: Callable[..., Report], fault: str) -> None:
    report = outage(lambda usual: usual, lambda _: False, f"reference:{fault},transport=memory", "standard")
    assert report.statement is None
    assert failed(report)


@pytest.mark.parametrize("begins", [0, LASTS])
def test_a_target_whose_streams_all_break_is_no_outage(outage: Callable[..., Report], begins: int) -> None:
    report = outage(cut_stream, lambda number: number >= begins)
    assert "stream.error.no-silent-truncation" in failed(report)
    assert report.statement is None


FORBIDDEN_BY_AN_EDGE = b"<h1>403</h1> access denied by Acme edge"


@pytest.mark.parametrize(("body", "is_of_the_key"), [(FORBIDDEN_BY_AN_EDGE, False), (REFUSAL, True)])
def test_a_403_that_names_no_key_has_both_cures(
    outage: Callable[..., Report], body: bytes, is_of_the_key: bool
) -> None:
    report = outage(always(403, body), lambda number: True)
    assert report.statement is not None
    said = report.statement.message
    assert ("to the key in MESSAGES_API_KEY" in said) is is_of_the_key
    assert ("refused the request with 403" in said) is not is_of_the_key
    assert "--header NAME:VALUE" in said
    assert "--api-key-env" in said


Handle = Callable[[httpx.Request, httpx.Response, int], httpx.Response]


def judged_with(monkeypatch: pytest.MonkeyPatch, change: Handle) -> Report:
    """A smoke run in which `change` makes each answer of the request, the usual answer and the request's number."""
    usual, count = MemoryTransport.handle_async_request, 0

    async def handle(self: MemoryTransport, request: httpx.Request) -> httpx.Response:
        nonlocal count
        count += 1
        number = count
        return change(request, await usual(self, request), number)

    monkeypatch.setattr(MemoryTransport, "handle_async_request", handle)
    target = "reference:transport=memory"
    return run(target, "anthropic-2023-06-01", model="anthropic/claude-opus-4-5", seed=0, depth="smoke")[1]


@pytest.mark.parametrize("status", [503, 529])
def test_one_kind_of_request_that_always_gets_503_is_a_violation(monkeypatch: pytest.MonkeyPatch, status: int) -> None:
    refused_kind = always(status, OVERLOAD)

    def change(request: httpx.Request, usual: httpx.Response, _: int) -> httpx.Response:
        return refused_kind(usual) if b'"tools"' in request.content else usual

    report = judged_with(monkeypatch, change)
    assert report.statement is None
    assert "transport.path.post-messages" in failed(report)


def test_an_overload_that_comes_and_goes_is_no_violation(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(_: httpx.Request, usual: httpx.Response, number: int) -> httpx.Response:
        return always(529, OVERLOAD)(usual) if number > LASTS and number // 3 % 3 == 0 else usual

    report = judged_with(monkeypatch, change)
    assert report.statement is None
    assert "transport.path.post-messages" not in failed(report)
    assert report.causes == ()
