"""Limits are hard: a server that refuses and breaks off now and then gets no more requests than allowed."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest

from messages_conformance.proof import run
from messages_conformance.reference import Endpoint, HttpRequest, HttpResponse, Settings, serve_endpoint
from messages_conformance.report import Report
from messages_conformance.rules import NOT_VERIFIED

KEY = "sk-limits"
REFUSED = HttpResponse(
    status=429,
    headers=(("content-type", "application/json"), ("retry-after", "0"), ("request-id", "req_1")),
    pieces=((0.0, b'{"type":"error","error":{"type":"rate_limit_error","message":"slow down"},"request_id":"req_1"}'),),
)

pytestmark = pytest.mark.slow


@dataclass(kw_only=True)
class Flaky:
    """Correct except for every fifth request, which is refused, and every seventh, which is billed and cut off."""

    requests: int = 0
    output_tokens: int = 0
    settings: Settings = field(default_factory=lambda: Settings(api_key=KEY))
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.correct = Endpoint(settings=self.settings)

    def handle(self, request: HttpRequest) -> HttpResponse:
        with self.lock:
            self.requests += 1
            number = self.requests
        if number % 5 == 0:
            return REFUSED
        answer = self.correct.handle(request)
        body = answer.body()
        billed = re.findall(rb'"output_tokens":\s*(\d+)', body)
        with self.lock:
            self.output_tokens += int(billed[-1]) if billed and answer.status == 200 else 0
        if number % 7 == 0:
            return replace(answer.with_pieces(((0.0, body[: len(body) // 2]),)), ending="reset")
        return answer.with_pieces(((0.0, body),))

    def broken(self, status: int) -> HttpResponse:
        return self.correct.broken(status)

    def left(self) -> None:
        self.correct.left()


@pytest.fixture
def flaky(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Flaky, str]]:
    monkeypatch.setenv("MESSAGES_API_KEY", KEY)
    endpoint = Flaky()
    with serve_endpoint(endpoint) as server:
        yield endpoint, server.base_url


def unverified(report: Report, option: str) -> list[str]:
    """The requirements that are not verified because of the limit of this option."""
    return [v.requirement for v in report.verdicts if v.outcome == NOT_VERIFIED and option in v.reason]


@pytest.mark.parametrize("allowed", [1, 30, 90])
def test_no_more_requests_arrive_than_allowed(flaky: tuple[Flaky, str], allowed: int) -> None:
    endpoint, url = flaky
    code, report = run(url, "anthropic-2023-06-01", model="reference-1", max_requests=allowed, concurrency=16)
    assert endpoint.requests <= report.spent.requests <= allowed
    assert code != 0
    assert unverified(report, "--max-requests")


@pytest.mark.parametrize("allowed", [40, 700])
def test_no_more_output_tokens_are_billed_than_allowed(flaky: tuple[Flaky, str], allowed: int) -> None:
    endpoint, url = flaky
    code, report = run(url, "anthropic-2023-06-01", model="reference-1", max_output_tokens=allowed, concurrency=16)
    assert 0 < endpoint.output_tokens <= allowed
    assert code != 0
    assert unverified(report, "--max-output-tokens")


def test_a_limited_run_sends_the_most_important_requests_first() -> None:
    _, limited = run("reference:transport=memory", "anthropic-2023-06-01", model="reference-1", max_requests=30)
    _, smoke = run("reference:transport=memory", "anthropic-2023-06-01", model="reference-1", depth="smoke")
    sent = {name for exchange in limited.exchanges.values() if exchange.response for name in exchange.situations}
    assert {name for exchange in smoke.exchanges.values() for name in exchange.situations} <= sent


def test_after_its_minutes_nothing_more_is_sent(flaky: tuple[Flaky, str]) -> None:
    endpoint, url = flaky
    code, report = run(url, "anthropic-2023-06-01", model="reference-1", minutes=0.000001)
    assert endpoint.requests == 1
    assert code == 2
    assert report.statement is not None
    assert "minutes are over; raise --minutes" in report.statement.message


def test_a_run_is_complete_without_its_generated_requests() -> None:
    # All other requests fit into the limit, so the run is complete.
    code, report = run(
        "reference:transport=memory", "anthropic-2023-06-01", model="reference-1", max_requests=560, generated=400
    )
    assert code == 0, report.statement
    assert report.spent.requests == 560
    assert any("of the generated requests were not sent" in note for note in report.run.notes)
