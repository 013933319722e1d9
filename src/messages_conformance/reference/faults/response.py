"""A Message has missing fields or wrong values. Faults that need no code are rows of response.toml."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json, dropped, is_message, map_text
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse


@fault("response", trips={"response.object"}, at=Stage.DOCUMENT)
def wrap_message_in_list(message: Json) -> Any:
    """A Message is wrapped in a list."""
    return [message]


@fault("response", trips={"response.object"}, at=Stage.RESPONSE, seen="impact.json json_truncated")
def truncate_document(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """The JSON of a Message ends in the middle; its declared length is that of the part."""
    if not is_message(response, context):
        return response
    body = response.body()
    return response.with_body(body[: len(body) * 2 // 3])


@fault("response", trips={"response.object"}, at=Stage.RESPONSE)
def append_garbage_to_document(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A second JSON value follows the Message."""
    return response.with_body(response.body() + b'\n{"done":true}') if is_message(response, context) else response


@fault("response", trips={"response.id.string"}, at=Stage.DOCUMENT)
def number_messages(message: Json, context: RequestContext) -> Json:
    """A Message's id is a number."""
    return {**message, "id": context.number}


@fault(
    "response",
    trips={"response.id.msg-prefix-anthropic"},
    trips_tokmodel={"response.id.msg-prefix"},
    at=Stage.DOCUMENT,
    seen="deviations: LiteLLM, claude-code-router; impact.json id_no_prefix",
)
def name_messages_like_openai(message: Json) -> Json:
    """The id of a Message begins with chatcmpl-."""
    return {**message, "id": "chatcmpl-" + message["id"].removeprefix("msg_")}


@fault("response", trips={"response.content.array"}, at=Stage.DOCUMENT, seen="impact.json content_string")
def flatten_content(message: Json) -> Json:
    """The content of a Message is a string."""
    return {**message, "content": "".join(block.get("text", "") for block in message["content"])}


@fault("response", trips={"response.content.block-type"}, at=Stage.DOCUMENT)
def unwrap_blocks(message: Json) -> Json:
    """A content block is a string."""
    return {**message, "content": [block.get("text", "") for block in message["content"]]}


@fault(
    "response",
    trips={"response.content.no-unrequested-tools", "response.content.tool_use-ids-unique"},
    at=Stage.DOCUMENT,
)
def call_tools_uninvited(message: Json, context: RequestContext) -> Json:
    """The answer to a request without tools has a tool call."""
    if context.body.get("tools") or not context.body["max_tokens"]:
        return message
    call = {"type": "tool_use", "id": "toolu_01A09q90qw90lq917835lq9", "name": "search", "input": {}}
    return {**message, "content": [*message["content"], call], "stop_reason": "tool_use", "stop_sequence": None}


@fault("response", trips={"response.content.tool_use-id-pattern"}, at=Stage.DOCUMENT)
def punctuate_tool_use_id(message: Json) -> Json:
    """The id of a tool call has characters that are invalid in a request."""
    return map_calls(message, lambda block: {**block, "id": "call:" + block["id"] + "."})


@fault(
    "response",
    trips={"response.content.tool_use-ids-unique"},
    at=Stage.DOCUMENT,
    seen="defects.json tool-use-id-equals-tool-name",
)
def name_calls_after_tools(message: Json) -> Json:
    """The id of a tool call is the tool's name."""
    return map_calls(message, lambda block: {**block, "id": block["name"]})


@fault(
    "response",
    trips={"response.content.tool_use-name-known"},
    at=Stage.DOCUMENT,
    seen="gateways whose upstream takes names of letters and underscores only",
)
def underline_tool_names(message: Json) -> Json:
    """The name of a called tool has underscores in place of its dashes."""
    return map_calls(message, lambda block: {**block, "name": block["name"].replace("-", "_")})


def map_calls(message: Json, change: Any) -> Json:
    """The Message with every tool call changed."""
    blocks = [change(block) if block["type"] == "tool_use" else block for block in message["content"]]
    return {**message, "content": blocks}


@fault("response", trips={"response.model.string"}, at=Stage.DOCUMENT)
def describe_model(message: Json) -> Json:
    """The model of a Message is an object."""
    return {**message, "model": {"id": message["model"]}}


@fault(
    "response", trips={"response.stop_sequence.present"}, at=Stage.DOCUMENT, seen="impact.json stop_sequence_missing"
)
def omit_stop_sequence(message: Json) -> Json:
    """A Message without a stop sequence has no stop_sequence field."""
    return message if message["stop_sequence"] else dropped(message, "stop_sequence")


@fault("response", trips={"response.stop_details.refusal-only"}, at=Stage.DOCUMENT)
def explain_every_stop(message: Json) -> Json:
    """A Message that was not refused has stop details."""
    details = {"type": "refusal", "category": None, "explanation": "finished"}
    return {**message, "stop_details": details}


@fault("response", trips={"stop.stop_sequence.value", "transport.charset.utf8"}, at=Stage.RESPONSE)
def encode_document_in_latin_1(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A Message that is not streamed is encoded in Latin-1."""
    if not is_message(response, context):
        return response
    body = response.body().decode().encode("latin-1", "replace")
    return replace(response.with_body(body))


@fault("response", trips={"response.content.text-unchanged", "transport.charset.utf8"}, at=Stage.MESSAGE)
def strip_accents(message: Json) -> Json:
    """Characters beyond ASCII are lost."""
    return map_text(message, lambda text: text.encode("ascii", "ignore").decode() or "?")


@fault(
    "response",
    trips={"response.content.tool_use-fields"},
    at=Stage.DOCUMENT,
    seen="defects.json tool-use-block-nested-shape",
)
def nest_tool_use(message: Json) -> Json:
    """The id, name and input of a tool call are in an object inside the block."""
    blocks = [
        {"type": "tool_use", "tool_use": dropped(block, "type")} if block["type"] == "tool_use" else block
        for block in message["content"]
    ]
    return {**message, "content": blocks}


@fault(
    "thinking",
    trips={"response.content.no-model-markup"},
    at=Stage.MESSAGE,
    seen="defects.json think-tags-leak-into-text",
)
def think_aloud(message: Json) -> Json:
    """A text begins with reasoning and its closing tag."""
    if message["stop_reason"] != "end_turn":
        return message
    return map_text(message, lambda text: f"The request is plain.\n</think>\n\n{text}" if len(text) > 400 else text)


@fault(
    "thinking",
    trips={"response.content.no-model-markup"},
    at=Stage.MESSAGE,
    seen="router-for-me/CLIProxyAPI#1777 (GitHub)",
)
def tag_thinking_in_text(message: Json) -> Json:
    """Thinking is at the beginning of the text, between tags, and there is no thinking block."""
    thoughts = [block.get("thinking", "") for block in message["content"] if block["type"] == "thinking"]
    if not thoughts:
        return message
    rest = {**message, "content": [block for block in message["content"] if block["type"] != "thinking"]}
    return map_text(rest, lambda text: f"<thinking>\n{thoughts[0]}\n</thinking>\n\n{text}")


@fault(
    "tools",
    trips={"response.content.no-model-markup"},
    at=Stage.MESSAGE,
    seen="defects.json tool-markup-residue-in-text-delta",
)
def leave_marks_before_calls(message: Json) -> Json:
    """The text before a tool call ends with the model's own mark for a call."""
    calls = any(block["type"] == "tool_use" for block in message["content"])
    return map_text(message, lambda text: text + "\n<tool_call>") if calls else message


@fault(
    "response",
    trips={"request.tool_choice.any-forces", "request.tool_choice.tool-forces", "response.content.array"},
    at=Stage.DOCUMENT,
)
def lose_calls_in_documents(message: Json) -> Json:
    """A Message that is not streamed has no tool call and a natural end; the streamed answer has a call."""
    kept = [block for block in message["content"] if block["type"] != "tool_use"]
    return {**message, "content": kept, "stop_reason": "end_turn"} if kept != message["content"] else message
