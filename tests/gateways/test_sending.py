"""When the upstream of a slow stream went on, read from its records."""

import pytest

from messages_conformance.gateway.sending import resumed_s
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
