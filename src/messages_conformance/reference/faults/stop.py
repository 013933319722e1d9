"""Crimes about why an answer ended: the wrong reason, the wrong sequence, or a sequence left in the text."""

from __future__ import annotations

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.fault_operations import Events, Json, inserted, map_text, position
from messages_conformance.reference.fault_registry import fault


@fault(
    "stop",
    trips={"stop.stop_sequence.occurs"},
    at=Stage.MESSAGE,
    seen="deviations: LiteLLM; defects.json stop-sequence-reported-end-turn",
)
def report_stop_sequence_as_end_turn(message: Json) -> Json:
    """An answer that a stop sequence ended claims a natural end."""
    if message["stop_reason"] != "stop_sequence":
        return message
    return {**message, "stop_reason": "end_turn", "stop_sequence": None}


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


@fault("stop", trips={"stop.stop_sequence.stream-no-leak"}, at=Stage.EVENTS)
def leak_stop_sequence_into_stream(events: Events) -> Events:
    """A stream sends the stop sequence before it notices it."""
    ending, closing = position(events, "message_delta"), position(events, "content_block_stop", last=True)
    sequence = events[ending][1]["delta"].get("stop_sequence") if ending is not None else None
    if closing is None or not sequence:
        return events
    index = events[closing][1]["index"]
    delta = {"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": sequence}}
    return inserted(events, closing, ("content_block_delta", delta))


@fault("stop", trips={"stop.stop_sequence.value"}, at=Stage.MESSAGE)
def name_another_stop_sequence(message: Json) -> Json:
    """The reported stop sequence is one that was not requested."""
    return {**message, "stop_sequence": "<|im_end|>"} if message["stop_reason"] == "stop_sequence" else message


@fault("stop", trips={"stop.stop_sequence.value"}, at=Stage.MESSAGE, seen="deviations: claude-code-router")
def keep_stop_sequence_secret(message: Json) -> Json:
    """A stop sequence ended the answer, and the answer does not say which."""
    return {**message, "stop_sequence": None} if message["stop_reason"] == "stop_sequence" else message


@fault("stop", trips={"stop.end_turn.stop_sequence-null"}, at=Stage.MESSAGE)
def name_stop_sequence_at_natural_end(message: Json) -> Json:
    """An answer that ended by itself names a stop sequence."""
    return {**message, "stop_sequence": "\n\nHuman:"} if message["stop_reason"] == "end_turn" else message


@fault("stop", trips={"stop.stop_sequence.none-requested"}, at=Stage.MESSAGE, seen="deviations: claude-code-router")
def claim_unrequested_stop_sequence(message: Json, scene: RequestContext) -> Json:
    """A natural end is reported as a stop sequence where none was requested."""
    if message["stop_reason"] != "end_turn" or scene.body.get("stop_sequences"):
        return message
    return {**message, "stop_reason": "stop_sequence"}


@fault(
    "stop",
    trips={"stop.max_tokens.occurs"},
    at=Stage.MESSAGE,
    seen="defects.json max-tokens-stop-reported-end-turn",
)
def report_limit_as_end_turn(message: Json) -> Json:
    """An answer that was cut by the limit claims a natural end."""
    return {**message, "stop_reason": "end_turn"} if message["stop_reason"] == "max_tokens" else message


@fault(
    "stop",
    trips={"stop.tool_use.implies-block"},
    trips_tokmodel={"response.stop_reason.enum-tokmodel"},
    at=Stage.MESSAGE,
    seen="defects.json tool-use-stop-without-block; impact.json stop_reason_tool_on_text",
)
def claim_tool_use(message: Json) -> Json:
    """An answer of text alone claims to wait for a tool."""
    return {**message, "stop_reason": "tool_use"} if message["stop_reason"] == "end_turn" else message


@fault(
    "stop",
    trips={"stop.tool_use.block-implies"},
    at=Stage.MESSAGE,
    seen="defects.json end-turn-with-tool-use-block; impact.json stop_reason_end_turn_on_tool",
)
def report_tool_use_as_end_turn(message: Json) -> Json:
    """An answer that calls a tool claims a natural end."""
    return {**message, "stop_reason": "end_turn"} if message["stop_reason"] == "tool_use" else message


@fault(
    "stop",
    trips={"stop.pause_turn.server-tools-only"},
    trips_tokmodel={"response.stop_reason.enum-tokmodel"},
    at=Stage.MESSAGE,
)
def pause_without_server_tools(message: Json) -> Json:
    """A natural end is reported as a pause of server tools that nobody asked for."""
    return {**message, "stop_reason": "pause_turn"} if message["stop_reason"] == "end_turn" else message


@fault(
    "stop",
    trips={"stop.refusal.http-200"},
    trips_tokmodel={"response.stop_reason.enum-tokmodel"},
    at=Stage.DOCUMENT,
)
def refuse_without_details(message: Json) -> Json:
    """A natural end is reported as a refusal without stop details."""
    return {**message, "stop_reason": "refusal"} if message["stop_reason"] == "end_turn" else message


@fault(
    "stop", trips={"stop.stop_sequence.matched"}, at=Stage.MESSAGE, seen="gateways that are not told which one matched"
)
def name_first_stop_sequence(message: Json, scene: RequestContext) -> Json:
    """The first of the stop sequences is named, whichever was generated."""
    stopped = message["stop_reason"] == "stop_sequence"
    return {**message, "stop_sequence": scene.body["stop_sequences"][0]} if stopped else message


@fault(
    "stop", trips={"stop.stop_sequence.matched"}, at=Stage.MESSAGE, seen="gateways that are not told which one matched"
)
def name_last_stop_sequence(message: Json, scene: RequestContext) -> Json:
    """The last of the stop sequences is named, whichever was generated."""
    stopped = message["stop_reason"] == "stop_sequence"
    return {**message, "stop_sequence": scene.body["stop_sequences"][-1]} if stopped else message


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
