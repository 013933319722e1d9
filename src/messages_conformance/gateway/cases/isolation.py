"""Cases of several clients at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from messages_conformance.gateway.cases.case import STREAM, WHOLE, Case, case
from messages_conformance.upstream import Pause, Script, Text

TOGETHER: Final = 64
"""This many conversations run at the same time."""

SLOW: Final = case(
    "slow-stream",
    Script(blocks=(Text("Slow words come one by one. "),), pauses=(Pause(after=1, seconds=3.0),)),
    forms=(STREAM, WHOLE),
)
"""The slow answers of two other clients, one of them a stream."""


def together() -> Iterator[Case]:
    """Conversations that run at the same time, whole and streamed in turn; the order of their ends differs."""
    for number in range(TOGETHER):
        script = Script(blocks=(Text(f"I am answer {number}. "),), wait_before_events_s=0.05 * (number % 4))
        form = STREAM if number % 2 else WHOLE
        yield case(f"together-{number + 1}", script, system=f"You are assistant {number}.", forms=(form,))


def beside() -> Iterator[Case]:
    """Requests that are sent while SLOW pauses."""
    yield case("beside-slow-stream", Script(blocks=(Text("Quick."),)))
