"""Rules on the frame of each event: its lines, its name, its JSON, its characters."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from messages_conformance import contract
from messages_conformance.exchange import COMPLETE, UNPARSED, Exchange, StreamEvent
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import at, grouped, response_of, shown, streamed, walk_of
from messages_conformance.rules.catalogue import BREAKS, LOSES, rule
from messages_conformance.rules.recording_parts import RAW_BODY, REQUEST
from messages_conformance.rules.stream.stream_accessors import delta_text, events_of
from messages_conformance.rules.verdict import MUST, SHOULD, Finding, Place
from messages_conformance.stream import ERROR, PING, is_sentinel, logical_events

_SURROGATE: Final = re.compile("[\\ud800-\\udfff]")


@rule(
    "stream.frame.event-line",
    MUST,
    harm=BREAKS,
    source=f"{sources.VERSIONING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
    reads={RAW_BODY},
)
def names_every_event(exchange: Exchange) -> Iterable[Finding]:
    """Every event has an `event:` line that names its type."""
    unnamed = [
        event
        for event in events_of(exchange)
        if event.wire.data and not event.wire.names and not is_sentinel(event) and event.type != ERROR
    ]
    yield from grouped(
        Finding(place=at(event), found=f"data without an event: line: {shown(event.wire.data)}", wanted="event: <type>")
        for event in unnamed
    )


@rule(
    "stream.frame.blank-line",
    MUST,
    harm=BREAKS,
    source=f"{sources.SSE}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
    reads={RAW_BODY},
)
def ends_every_event_with_a_blank_line(exchange: Exchange) -> Iterable[Finding]:
    """Each event ends with a blank line, the last one too."""
    wanted = "a blank line after each event"
    merged = [event for event in events_of(exchange) if len(event.wire.names) > 1]
    yield from grouped(
        Finding(
            place=at(event), found=f"{len(event.wire.names)} event: lines without a blank line between", wanted=wanted
        )
        for event in merged
    )
    if merged or response_of(exchange).ending != COMPLETE:
        return
    for event in events_of(exchange)[-1:]:
        # A stream that breaks off inside its data is truncated, which is another requirement.
        truncated = event.data is UNPARSED and not walk_of(exchange).complete
        if not event.wire.dispatched and event.wire.names and not truncated:
            yield Finding(place=at(event), found="the last event is not followed by a blank line", wanted=wanted)


@rule(
    "stream.frame.data-json",
    MUST,
    harm=BREAKS,
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
    reads={RAW_BODY},
)
def carries_one_json_object_in_each_event(exchange: Exchange) -> Iterable[Finding]:
    """Every data payload is one JSON object."""
    yield from grouped(
        Finding(place=at(event), found=shown(event.wire.data or "no data"), wanted="one JSON object")
        for event in logical_events(response_of(exchange))
        if not isinstance(event.data, dict)
        and _has_or_needs_data(event)
        and not is_sentinel(event)
        and event.wire.dispatched
        and len(event.wire.names) < 2
    )


def _has_or_needs_data(event: StreamEvent) -> bool:
    """Whether an event is more than a keep-alive: empty data without a name, or a ping without data, harm no client."""
    empty_but_named = event.wire.data == "" and event.name is not None
    loses_an_event = event.name in contract.event_types() and event.name != PING
    return bool(event.wire.data) or empty_but_named or loses_an_event


@rule(
    "stream.frame.type-matches-event",
    MUST,
    harm=BREAKS,
    source=f"{sources.STREAMING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
    reads={RAW_BODY},
)
def repeats_the_event_name_in_the_data(exchange: Exchange) -> Iterable[Finding]:
    """The data's `type` equals the event's name."""
    yield from grouped(
        Finding(
            place=at(event, "/type"),
            found=f"type {shown(event.data.get('type', 'absent'))} under event: {event.name}",
            wanted=f'type "{event.name}"',
        )
        for event in logical_events(response_of(exchange))
        if event.name is not None
        and isinstance(event.data, dict)
        and event.data.get("type") != event.name
        and not _error_under_another_name(event)
    )


def _error_under_another_name(event: StreamEvent) -> bool:
    """stream.error.named reports this one."""
    return event.data.get("type") == ERROR and event.name != ERROR


@rule(
    "stream.frame.no-done",
    MUST,
    harm=BREAKS,
    source=f"{sources.VERSIONING}; {sources.MEASURED}",
    needs={"stream"},
    applies=streamed,
    reads={RAW_BODY},
)
def has_no_done_sentinel(exchange: Exchange) -> Iterable[Finding]:
    """No `data: [DONE]` ends the stream: message_stop does."""
    yield from grouped(
        Finding(
            place=at(event),
            found=f"data: [DONE]{f' under event: {event.name}' if event.name else ''}",
            wanted="no such event",
        )
        for event in events_of(exchange)
        if is_sentinel(event)
    )


@rule(
    "stream.frame.no-bom",
    MUST,
    harm=BREAKS,
    source=sources.MEASURED,
    needs={"stream"},
    applies=streamed,
    reads={RAW_BODY},
)
def has_no_byte_order_mark(exchange: Exchange) -> Iterable[Finding]:
    """The body does not begin with a byte-order mark."""
    if response_of(exchange).framing.bom:
        yield Finding(place=Place(offset_bytes=0), found="EF BB BF", wanted='the first field, "event:"')


@rule(
    "stream.frame.line-endings",
    SHOULD,
    harm=LOSES,  # the Vercel AI SDK loses a tool call
    source=sources.sdk("_streaming.py _iter_chunks"),
    needs={"stream"},
    applies=streamed,
    reads={RAW_BODY},
)
def keeps_one_line_ending(exchange: Exchange) -> Iterable[Finding]:
    """All lines have the same line ending: mixed ones prevent incremental delivery in the Python SDK."""
    framing = response_of(exchange).framing
    if framing.mixed_at_bytes is not None:
        found = " and ".join(sorted(framing.line_endings))
        yield Finding(place=Place(offset_bytes=framing.mixed_at_bytes), found=found, wanted="one of LF, CRLF, CR")


@rule(
    "stream.frame.utf8-boundaries",
    MUST,
    harm=LOSES,
    source=f"{sources.sdk('_streaming.py decodes strictly')}; {sources.RFC_JSON}",
    needs={"stream"},
    applies=streamed,
    reads={RAW_BODY, REQUEST},
    provoked="An answer with many characters of two to four bytes is streamed.",
)
def keeps_characters_whole(exchange: Exchange) -> Iterable[Finding]:
    """No delta splits a character: no invalid UTF-8, no U+FFFD, no lone surrogates."""
    response = response_of(exchange)
    if response.framing.invalid_utf8_at_bytes:
        offset = response.framing.invalid_utf8_at_bytes[0]
        yield Finding(place=Place(offset_bytes=offset), found="bytes that are not UTF-8", wanted="UTF-8")
        return
    prompt = exchange.request.body.decode("utf-8", "replace")
    for event in walk_of(exchange).events:
        text = delta_text(event)
        if "\ufffd" in text and "\ufffd" not in prompt:
            yield Finding(place=at(event, "/delta"), found=f"U+FFFD in {shown(text)}", wanted="the character itself")
            return
        if _SURROGATE.search(text):
            yield Finding(place=at(event, "/delta"), found=f"half a surrogate pair in {text!a}", wanted="both halves")
            return
