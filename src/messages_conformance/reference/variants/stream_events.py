"""Which events a stream has, and how a text is divided into deltas."""

from __future__ import annotations

from typing import Final

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.events import Event
from messages_conformance.reference.variant_registry import variant

MAX_JOINED_DELTAS: Final = 12
"""Many more than one and few enough to leave several deltas in a long answer; our own number."""

PING: Event = ("ping", {"type": "ping"})


@variant(at=Stage.EVENTS)
def many_pings(events: list[Event]) -> list[Event]:
    """A ping comes before and after every event."""
    return [PING, *(one for event in events for one in (event, PING))]


@variant(at=Stage.EVENTS)
def no_pings(events: list[Event]) -> list[Event]:
    """A stream has no ping."""
    return [event for event in events if event != PING]


@variant(at=Stage.EVENTS)
def ping_first(events: list[Event]) -> list[Event]:
    """A stream begins with a ping."""
    return [PING, *events]


@variant(at=Stage.EVENTS)
def unknown_events(events: list[Event]) -> list[Event]:
    """Events of an unknown type come before and after every event except the last."""
    unknown: Event = ("weather_report", {"type": "weather_report", "sky": "clear", "index": 99})
    return [unknown, *(one for event in events[:-1] for one in (event, unknown)), events[-1]]


@variant(at=Stage.EVENTS)
def unknown_deltas(events: list[Event]) -> list[Event]:
    """Every content block also gets a delta of an unknown type."""
    result: list[Event] = []
    for name, data in events:
        if name == "content_block_stop":
            delta = {"type": "mood_delta", "mood": "bright"}
            result.append(("content_block_delta", {**data, "type": "content_block_delta", "delta": delta}))
        result.append((name, data))
    return result


@variant(at=Stage.EVENTS)
def several_message_deltas(events: list[Event]) -> list[Event]:
    """There are two message_delta events; the first has no stop reason and only part of the token count."""
    result: list[Event] = []
    for name, data in events:
        if name == "message_delta":
            usage = {**data["usage"], "output_tokens": max(1, data["usage"]["output_tokens"] // 2)}
            delta = {"stop_reason": None, "stop_sequence": None}
            result.append((name, {**data, "delta": delta, "usage": usage}))
        result.append((name, data))
    return result


@variant(at=Stage.EVENTS)
def long_deltas(events: list[Event]) -> list[Event]:
    """Up to twelve text deltas are joined into one."""
    result: list[Event] = []
    joined = 0
    for name, data in events:
        text = data.get("delta", {}).get("text") if name == "content_block_delta" else None
        if text is not None and 0 < joined < MAX_JOINED_DELTAS:
            before = result.pop()[1]
            data = {**before, "delta": {**before["delta"], "text": before["delta"]["text"] + text}}
        joined = joined % MAX_JOINED_DELTAS + 1 if text is not None else 0
        result.append((name, data))
    return result


@variant(at=Stage.EVENTS)
def letter_by_letter(events: list[Event]) -> list[Event]:
    """Every text delta has one character, and some have none."""
    result: list[Event] = []
    for name, data in events:
        text = data.get("delta", {}).get("text") if name == "content_block_delta" else None
        for letter in ["", *text] if text is not None else [None]:
            result.append((name, data if letter is None else {**data, "delta": {**data["delta"], "text": letter}}))
    return result
