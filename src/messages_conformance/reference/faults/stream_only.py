"""Crimes of one way only: what a stream has, and the same answer lacks when it comes whole."""

from __future__ import annotations

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.fault_operations import Json
from messages_conformance.reference.fault_registry import fault


def without_kind(message: Json, kind: str) -> Json:
    return {**message, "content": [block for block in message["content"] if block["type"] != kind]}


@fault(
    "response",
    trips={"response.content.array"},
    at=Stage.DOCUMENT,
    seen="deviations: LiteLLM openai, content [] with the tokens counted; impact.json content_empty",
)
def lose_text_in_documents(message: Json) -> Json:
    """A Message that is not streamed has no text; the same answer has one in a stream."""
    return without_kind(message, "text")


@fault(
    "response",
    trips={"stream.final.same-kinds"},
    at=Stage.DOCUMENT,
    seen="defects.json nonstream-thinking-dropped-stream-ok",
)
def lose_thoughts_in_documents(message: Json) -> Json:
    """A Message that is not streamed has no thinking block; the same answer has one in a stream."""
    return without_kind(message, "thinking")


@fault(
    "response",
    trips={"request.tool_choice.any-forces", "request.tool_choice.tool-forces", "response.content.array"},
    at=Stage.DOCUMENT,
)
def lose_calls_in_documents(message: Json) -> Json:
    """A Message that is not streamed has no tool call and a natural end; the same answer has one in a stream."""
    lost = without_kind(message, "tool_use")
    return {**lost, "stop_reason": "end_turn"} if lost["content"] != message["content"] else message


@fault("response", trips={"response.content.tool_use-input-schema", "stream.final.tool-input"}, at=Stage.DOCUMENT)
def lose_tool_input_in_documents(message: Json) -> Json:
    """The input of a tool call is empty in a Message that is not streamed."""
    blocks = [{**block, "input": {}} if block["type"] == "tool_use" else block for block in message["content"]]
    return {**message, "content": blocks}
