"""An answer reports the wrong stop reason or stop sequence. Faults that need no code are rows of stop.toml."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Events, Json, inserted, map_text, position
from messages_conformance.reference.fault_registry import fault


@fault(
    "stop",
    trips={"stop.stop_sequence.excluded-from-text", "stop.stop_sequence.stream-no-leak"},
    at=Stage.MESSAGE,
)
def leave_stop_sequence_in_text(message: Json) -> Json:
    """The text ends with the stop sequence that ended it."""
    sequence = message["stop_sequence"]
    if not sequence:
        return message
    if not message["content"]:
        return {**message, "content": [{"type": "text", "text": sequence}]}
    return map_text(message, lambda text: text + sequence)


@fault(
    "stop",
    trips={"stop.stop_sequence.excluded-from-text", "stop.stop_sequence.stream-no-leak"},
    at=Stage.MESSAGE,
    seen="exo-explore/exo#2122",
)
def leave_beginning_of_stop_sequence(message: Json) -> Json:
    """Of a stop sequence of several tokens, the first one is left in the text."""
    first = re.match(r"\w+|\W", message["stop_sequence"] or "")
    if first is None or first[0] == message["stop_sequence"]:
        return message
    return map_text(message, lambda text: text + first[0])


@fault("stop", trips={"stop.stop_sequence.stream-no-leak"}, at=Stage.EVENTS)
def leak_stop_sequence_into_stream(events: Events) -> Events:
    """A stream sends the text of the stop sequence that ended it."""
    ending, closing = position(events, "message_delta"), position(events, "content_block_stop", last=True)
    sequence = events[ending][1]["delta"].get("stop_sequence") if ending is not None else None
    if closing is None or not sequence:
        return events
    index = events[closing][1]["index"]
    delta = {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": sequence}}
    return inserted(events, closing, ("content_block_delta", delta))


@fault(
    "stop", trips={"stop.stop_sequence.matched"}, at=Stage.MESSAGE, seen="gateways that do not learn which one matched"
)
def name_first_stop_sequence(message: Json, context: RequestContext) -> Json:
    """An answer always names the first of the stop sequences."""
    stopped = message["stop_reason"] == "stop_sequence"
    return {**message, "stop_sequence": context.body["stop_sequences"][0]} if stopped else message


@fault(
    "stop", trips={"stop.stop_sequence.matched"}, at=Stage.MESSAGE, seen="gateways that do not learn which one matched"
)
def name_last_stop_sequence(message: Json, context: RequestContext) -> Json:
    """An answer always names the last of the stop sequences."""
    stopped = message["stop_reason"] == "stop_sequence"
    return {**message, "stop_sequence": context.body["stop_sequences"][-1]} if stopped else message


@fault("stop", trips={"stop.stop_sequence.occurs"}, at=Stage.BODY, seen="gateways that pass on one sequence only")
def obey_first_stop_sequence_only(body: Json) -> Json:
    """All stop sequences but the first are ignored."""
    sequences = body.get("stop_sequences") or []
    return {**body, "stop_sequences": sequences[:1]} if len(sequences) > 1 else body


@fault("stop", trips={"stop.stop_sequence.occurs"}, at=Stage.BODY, seen="gateways that pass on one sequence only")
def obey_last_stop_sequence_only(body: Json) -> Json:
    """All stop sequences but the last are ignored."""
    sequences = body.get("stop_sequences") or []
    return {**body, "stop_sequences": sequences[-1:]} if len(sequences) > 1 else body


def _sequences(body: Mapping[str, Any]) -> list[str]:
    sequences = body.get("stop_sequences")
    return [one for one in sequences if isinstance(one, str)] if isinstance(sequences, list) else []


def _named_as_requested(message: Json, context: RequestContext) -> Json:
    """The message with the requested sequence of which the matched one is another form."""
    matched = str(message["stop_sequence"]).strip().lower()
    asked = [one for one in _sequences(context.body) if one.strip().lower() == matched]
    return {**message, "stop_sequence": asked[0]} if message["stop_sequence"] and asked else message


@fault("stop", trips={"stop.stop_sequence.exact"}, at=Stage.BODY, also={Stage.MESSAGE: _named_as_requested})
def strip_stop_sequences(body: Json) -> Json:
    """Stop sequences lose the blanks at their ends before they are matched."""
    return {**body, "stop_sequences": [one.strip() for one in _sequences(body)]} if _sequences(body) else body


@fault("stop", trips={"stop.stop_sequence.exact"}, at=Stage.BODY, also={Stage.MESSAGE: _named_as_requested})
def ignore_capitals_of_stop_sequences(body: Json) -> Json:
    """Stop sequences match in small letters and in capitals."""
    forms = [form for one in _sequences(body) for form in (one, one.lower(), one.upper())]
    return {**body, "stop_sequences": forms} if forms else body


@fault("stop", trips={"stop.stop_sequence.value"}, at=Stage.MESSAGE)
def strip_the_stop_sequence_that_matched(message: Json) -> Json:
    """stop_sequence is reported without the blanks at its ends."""
    sequence = message["stop_sequence"]
    return {**message, "stop_sequence": sequence.strip()} if sequence else message
