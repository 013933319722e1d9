"""Robustness: rows that violate the rules and rows that do not, and what a front end may do."""

from dataclasses import replace
from typing import Any

import pytest
from builders import (
    FULL_PROFILE,
    answered,
    exchange,
    found,
    numbered,
    refused,
    response,
    streamed,
    unanswered,
    verdicts,
)
from stream_frames import HELLO

from messages_conformance.exchange import (
    CUT_BODY,
    EXPECT_CONTINUE,
    HTTP_1_0,
    LEAVE_EARLY,
    LEFT,
    REFUSED,
    SILENT,
    Exchange,
)
from messages_conformance.rules import NOT_VERIFIED, PASS, WARN

NO_5XX = "errors.no-5xx-on-bad-input"
ANSWERED = "errors.bad-input-answered"
NEXT = "transport.next-request-answered"
LEAVING = "stream.disconnect.client"
NEAR: dict[str, Any] = {"probes": (NO_5XX,)}
HTML: dict[str, Any] = {"media_type": "text/html", "headers": {"request-id": ...}}


def page(status: int) -> Exchange:
    return exchange(response(b"<html>no</html>", status=status, **HTML), **NEAR)


def over(wire: str, asked: Exchange) -> Exchange:
    return replace(asked, request=replace(asked.request, wire=wire))


ROWS = {
    ANSWERED: ([unanswered(**NEAR)], [answered(**NEAR), refused(**NEAR)]),
    NEXT: ([unanswered("refused", probes=(NEXT,))], [answered(probes=(NEXT,))]),
    LEAVING: ([refused(500, probes=(LEAVING,))], [answered(probes=(LEAVING,))]),
}


@pytest.mark.parametrize("requirement", ROWS)
def test_it_is_violated_and_kept(requirement: str) -> None:
    bad, good = ROWS[requirement]
    verdict = verdicts(numbered(*bad), only=[requirement])[requirement]
    assert verdict.outcome == WARN
    assert verdict.findings[0].found
    assert verdicts(numbered(*good), only=[requirement])[requirement].outcome == PASS


@pytest.mark.parametrize("kind", ["timeout", "disconnected"])
def test_no_answer_is_a_finding_for_invalid_requests_too(kind: str) -> None:
    asked = unanswered(kind, probes=("request.model.required",), expect=REFUSED)
    assert found(asked) == {ANSWERED}


@pytest.mark.parametrize("kind", ["budget", "cancelled", "dns", "rate-limited", "overloaded", "refused", SILENT])
def test_failures_of_the_network_and_of_ours_are_not_findings(kind: str) -> None:
    assert found(unanswered(kind, **NEAR)) == set()


def test_a_body_too_large_to_read_may_end_the_connection() -> None:
    asked = unanswered("disconnected", probes=("transport.request.size-limit",), expect=REFUSED)
    assert found(asked) == set()


@pytest.mark.parametrize(
    ("wire", "status"),
    [
        *((HTTP_1_0, status) for status in (400, 426, 505, 501)),
        *((EXPECT_CONTINUE, status) for status in (400, 417, 501)),
        *((CUT_BODY, status) for status in (400, 408, 499, 502, 504, 520)),
    ],
)
def test_a_front_end_may_refuse_in_its_own_words(wire: str, status: int) -> None:
    assert found(over(wire, page(status))) == set()


@pytest.mark.parametrize("wire", [HTTP_1_0, EXPECT_CONTINUE, CUT_BODY])
def test_an_endpoint_may_not_break(wire: str) -> None:
    assert found(over(wire, page(500))) == {NO_5XX}


def test_a_near_miss_is_judged_like_any_invalid_request() -> None:
    assert NO_5XX in found(refused(500, **NEAR))
    assert "transport.content-type.error-json" in found(page(400))
    assert found(refused(400, **NEAR)) == set()


@pytest.mark.parametrize("status", [413, 414, 431])
def test_a_proxy_may_refuse_requests_that_are_too_large(status: int) -> None:
    assert "transport.content-type.error-json" not in found(page(status))


def test_a_stream_that_we_closed_is_not_judged_as_a_stream() -> None:
    left = over(LEAVE_EARLY, streamed(HELLO[:3], http={"ending": LEFT}))
    assert found(left) == set()
    run = verdicts([left])
    assert {verdict.outcome for verdict in run.values()} <= {NOT_VERIFIED, "not-applicable"}


def test_an_answer_to_an_odd_request_is_judged_like_any_other() -> None:
    assert "response.type.message" in found(over(HTTP_1_0, answered({"type": "odd"}, **NEAR)), under=FULL_PROFILE)
