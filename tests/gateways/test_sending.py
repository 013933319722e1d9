"""When the upstream of a slow stream went on, read from its records."""

from dataclasses import replace

import pytest

from messages_conformance.exchange import Exchange, Failure, Request, Response, behind, from_record, to_record
from messages_conformance.gateway.cases.isolation import SLOW
from messages_conformance.gateway.sending import (
    FAILURE_WAITS,
    RESET_WAITS,
    WAITS_S,
    Sent,
    most_waits,
    of_the_same_form,
    put_off,
    resumed_s,
)
from messages_conformance.upstream.record import SentChunk, UpstreamExchange


def record(*times_s: float) -> UpstreamExchange:
    chunks = tuple(SentChunk(at_s=at_s, data=b"x") for at_s in times_s)
    return UpstreamExchange(number=1, dialect="anthropic", chunks=chunks)


@pytest.mark.parametrize(
    ("times_s", "wanted"),
    [
        ((1.0, 1.1, 4.1, 4.2), 4.1),
        ((1.0, 1.1, 1.2), None),
        ((1.0,), None),
        ((), None),
    ],
    ids=["paused", "left at once", "one chunk", "nothing"],
)
def test_the_end_of_a_pause_is_known_only_if_there_was_one(times_s: tuple[float, ...], wanted: float | None) -> None:
    assert resumed_s([record(*times_s)], 3.0) == wanted


@pytest.mark.parametrize("streamed", [False, True])
def test_a_try_without_a_slow_stream_beside_it_still_replaces_the_first(streamed: bool) -> None:
    first = sent(streamed=streamed, observes=("beside-until:3.0",))
    tries = [sent(streamed=False), sent(streamed=True)]
    assert of_the_same_form(tries, first) is tries[streamed]


def sent(*, streamed: bool, observes: tuple[str, ...] = ()) -> Sent:
    body = b'{"stream": true}' if streamed else b"{}"
    request = Request(method="POST", path="/v1/messages", headers=(), body=body)
    return Sent(
        case=SLOW,
        script=SLOW.script,
        nonce="",
        request=request,
        response=None,
        failure=None,
        started_s=0.0,
        observes=observes,
    )


@pytest.mark.parametrize(
    ("status", "why", "waits"),
    [(429, "429", len(WAITS_S)), (502, "502", FAILURE_WAITS), (400, "", FAILURE_WAITS), (200, "", FAILURE_WAITS)],
)
def test_a_failure_of_the_gateway_itself_is_tried_again(status: int, why: str, waits: int) -> None:
    response = Response(status=status, headers=(), chunks=(), headers_at_s=0.0, ended_at_s=0.0)
    one = replace(sent(streamed=False), response=response)
    assert (put_off(one), most_waits(one)) == (why, waits)


def test_a_closed_connection_is_tried_again() -> None:
    one = replace(sent(streamed=False), failure=Failure(kind="disconnected", message=""))
    assert (put_off(one), most_waits(one)) == ("a closed connection", RESET_WAITS)


def test_a_saved_run_has_every_kind_of_block_that_an_upstream_sends() -> None:
    kinds = (behind.TEXT, behind.REASONING, behind.REDACTED, behind.CALL, behind.REFUSAL, behind.OTHER)
    said = behind.Said(blocks=tuple(behind.SaidBlock(kind=kind, text="x") for kind in kinds))
    both = behind.Behind(case="c", dialect="anthropic", said=said, calls=())
    request = Request(method="POST", path="/v1/messages", headers=(), body=b"{}")
    exchange = Exchange(number=1, request=request, response=None, behind=both)
    read = from_record(to_record(exchange)).behind
    assert read is not None
    assert read.said == said
