"""When the upstream of a slow stream went on, read from its records."""

import pytest

from messages_conformance.exchange import Request
from messages_conformance.gateway.cases.isolation import SLOW
from messages_conformance.gateway.sending import Sent, of_the_same_form, resumed_s
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
