"""Rules on a stream that fails: an error event reports it, under its name, and the stream never ends silently."""

from __future__ import annotations

from collections.abc import Iterable

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import at, shape, streamed, walk_of
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, MISLEADS, rule
from messages_conformance.rules.recording_parts import RAW_BODY
from messages_conformance.rules.stream.stream_accessors import grammar_findings
from messages_conformance.rules.verdict import MUST, Finding
from messages_conformance.stream import ERROR


def failed(exchange: Exchange) -> bool:
    """A stream holds an error event."""
    return streamed(exchange) and walk_of(exchange).error is not None


@rule(
    "stream.error.event-shape",
    MUST,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"stream", "stream-errors"},
    source=f"{sources.STREAMING} (error events); {sources.MEASURED}",
    applies=failed,
    on_sight=True,
)
def ends_a_failed_stream_with_an_error(exchange: Exchange) -> Iterable[Finding]:
    """A failure in mid-stream is reported by an error event with an error object, and ends the stream."""
    yield from shape(exchange, "stream.error.event-shape")
    yield from grammar_findings(exchange, "stream.error.event-shape")


@rule(
    "stream.error.named",
    MUST,
    harm=LOSES,  # clients take the partial answer as complete
    source=sources.MEASURED,
    needs={"stream"},
    applies=failed,
    on_sight=True,
    reads={RAW_BODY},
)
def names_the_error_event(exchange: Exchange) -> Iterable[Finding]:
    """An error in mid-stream has the line `event: error`: without it, clients take the partial answer as complete."""
    error = walk_of(exchange).error
    if error is not None and error.name != ERROR:
        found = "no event: line" if error.name is None else f"event: {error.name}"
        yield Finding(place=at(error), found=found, wanted="event: error")


@rule(
    "stream.error.no-silent-truncation",
    MUST,
    harm=LOSES,  # clients take the partial answer as complete
    source=sources.MEASURED,
    needs={"stream"},
    applies=streamed,
)
def never_ends_silently(exchange: Exchange) -> Iterable[Finding]:
    """A stream never ends without message_stop or an error event."""
    return grammar_findings(exchange, "stream.error.no-silent-truncation")
