"""Crimes in blocks and endings that gateways commit: nested calls, unsigned thoughts, marks left in texts."""

from __future__ import annotations

from collections.abc import Mapping

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.fault_operations import Json, dropped, error_response, map_text
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.requests import choice_of
from messages_conformance.reference.http import HttpResponse


def map_kind(message: Json, kind: str, change: Mapping[str, object] | None = None, *drop: str) -> Json:
    """The Message with every block of a kind changed, or without some of its fields."""
    blocks = [
        {**dropped(block, *drop), **(change or {})} if block["type"] == kind else block for block in message["content"]
    ]
    return {**message, "content": blocks}


@fault(
    "thinking",
    trips={"response.content.thinking-order"},
    at=Stage.DOCUMENT,
    seen="defects.json thinking-block-null-or-missing-signature; impact.json thinking_no_sig",
)
def omit_signature(message: Json) -> Json:
    """A thought has no signature."""
    return map_kind(message, "thinking", None, "signature")


@fault("thinking", trips={"response.content.thinking-order"}, at=Stage.DOCUMENT)
def nullify_thinking(message: Json) -> Json:
    """The text of a thought is null."""
    return map_kind(message, "thinking", {"thinking": None})


@fault(
    "response",
    trips={"response.content.tool_use-fields"},
    at=Stage.DOCUMENT,
    seen="defects.json tool-use-block-nested-shape",
)
def nest_tool_use(message: Json) -> Json:
    """The id, name and input of a tool call stand in an object inside of its block."""
    blocks = [
        {"type": "tool_use", "tool_use": dropped(block, "type")} if block["type"] == "tool_use" else block
        for block in message["content"]
    ]
    return {**message, "content": blocks}


@fault("response", trips={"response.content.tool_use-fields"}, at=Stage.DOCUMENT, seen="impact.json tool_input_null")
def nullify_tool_input(message: Json) -> Json:
    """The input of a tool call is null."""
    return map_kind(message, "tool_use", {"input": None})


@fault("response", trips={"response.content.tool_use-fields"}, at=Stage.DOCUMENT)
def omit_tool_input(message: Json) -> Json:
    """A tool call has no input."""
    return map_kind(message, "tool_use", None, "input")


@fault("response", trips={"response.content.tool_use-fields"}, at=Stage.DOCUMENT)
def omit_tool_name(message: Json) -> Json:
    """A tool call has no name."""
    return map_kind(message, "tool_use", None, "name")


@fault(
    "response",
    trips={"response.content.tool_use-name-known"},
    at=Stage.DOCUMENT,
    seen="defects.json tool-use-empty-name",
)
def empty_tool_name(message: Json) -> Json:
    """The name of a called tool is an empty string."""
    return map_kind(message, "tool_use", {"name": ""})


@fault(
    "response",
    trips={"response.content.tool_use-fields"},
    at=Stage.DOCUMENT,
    seen="defects.json tool-args-double-encoded",
)
def list_tool_input_in_documents(message: Json) -> Json:
    """The input of a tool call is a list."""
    return map_kind(message, "tool_use", {"input": []})


@fault(
    "stop",
    trips={"stop.tool_use.block-implies"},
    at=Stage.MESSAGE,
    seen="defects.json end-turn-with-named-tool-choice",
)
def report_named_call_as_end_turn(message: Json, scene: RequestContext) -> Json:
    """An answer that calls the tool that was named claims a natural end."""
    named = choice_of(dict(scene.body)).get("type") == "tool" and message["stop_reason"] == "tool_use"
    return {**message, "stop_reason": "end_turn"} if named else message


@fault(
    "thinking",
    trips={"response.content.no-model-markup"},
    at=Stage.MESSAGE,
    seen="defects.json think-tags-leak-into-text",
)
def think_aloud(message: Json) -> Json:
    """A text begins with the thought that led to it, and the mark of its end."""
    if message["stop_reason"] != "end_turn":
        return message
    return map_text(message, lambda text: f"The request is plain.\n</think>\n\n{text}" if len(text) > 400 else text)


@fault(
    "tools",
    trips={"response.content.no-model-markup"},
    at=Stage.MESSAGE,
    seen="defects.json tool-markup-residue-in-text-delta",
)
def leave_marks_before_calls(message: Json) -> Json:
    """The text before a tool call ends in the mark by which the model began it."""
    calls = any(block["type"] == "tool_use" for block in message["content"])
    return map_text(message, lambda text: text + "\n<tool_call>") if calls else message


@fault("adjacent", trips={"adjacent.models.list-shape"}, at=Stage.RESPONSE, seen="impact.json models_404")
def lose_models(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The path /v1/models does not exist."""
    if not scene.request.path.startswith("/v1/models"):
        return response
    return error_response(response, scene, 404, "not_found_error", "Not found")
