"""An answer reports the wrong stop reason or stop sequence. Faults that need no code are rows of stop.toml."""

from __future__ import annotations

import re

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
