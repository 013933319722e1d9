"""Crimes in the shape of a Message: fields that are missing, of a wrong type, or another vendor's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.fault_operations import Json, dropped, is_message, map_text
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse


@fault("response", trips={"response.object"}, at=Stage.DOCUMENT)
def wrap_message_in_list(message: Json) -> Any:
    """The body is a list that holds the Message."""
    return [message]


@fault("response", trips={"response.object"}, at=Stage.RESPONSE, seen="impact.json empty200")
def leave_body_empty(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """An answer that is not streamed is 200 without a body."""
    return response.with_body(b"") if is_message(response, scene) else response


@fault("response", trips={"response.object"}, at=Stage.RESPONSE, seen="impact.json json_truncated")
def truncate_document(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """The JSON of a Message ends in the middle, and its length is declared as if that were all."""
    if not is_message(response, scene):
        return response
    body = response.body()
    return response.with_body(body[: len(body) * 2 // 3])


@fault("response", trips={"response.object"}, at=Stage.RESPONSE)
def append_garbage_to_document(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A second JSON value follows the Message."""
    return response.with_body(response.body() + b'\n{"done":true}') if is_message(response, scene) else response


@fault(
    "response",
    trips={"response.id.string"},
    trips_tokmodel={"response.id.string", "tokmodel.example.response-keys"},
    at=Stage.DOCUMENT,
    seen="impact.json id_missing",
)
def omit_id(message: Json) -> Json:
    """A Message has no id."""
    return dropped(message, "id")


@fault("response", trips={"response.id.string"}, at=Stage.DOCUMENT)
def number_messages(message: Json, scene: RequestContext) -> Json:
    """A Message's id is a number."""
    return {**message, "id": scene.number}


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


@fault(
    "response",
    trips={"response.id.unique"},
    at=Stage.DOCUMENT,
    seen="deviations: LiteLLM mock; defects.json message-id-reused-across-responses",
)
def repeat_message_id(message: Json) -> Json:
    """Every Message that is not streamed has the same id."""
    return {**message, "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF"}


@fault(
    "response",
    trips={"response.type.message"},
    trips_tokmodel={"response.type.message", "tokmodel.example.response-keys"},
    at=Stage.DOCUMENT,
    seen="impact.json type_missing",
)
def omit_type(message: Json) -> Json:
    """A Message does not say that it is one."""
    return dropped(message, "type")


@fault("response", trips={"response.type.message"}, at=Stage.DOCUMENT)
def call_message_a_completion(message: Json) -> Json:
    """The type of a Message is completion."""
    return {**message, "type": "completion"}


@fault(
    "response",
    trips={"response.role.assistant"},
    trips_tokmodel={"response.role.assistant", "tokmodel.example.response-keys"},
    at=Stage.DOCUMENT,
    seen="impact.json role_missing",
)
def omit_role(message: Json) -> Json:
    """A Message has no role."""
    return dropped(message, "role")


@fault("response", trips={"response.role.assistant"}, at=Stage.DOCUMENT)
def answer_as_model(message: Json) -> Json:
    """The role of an answer is model."""
    return {**message, "role": "model"}


@fault("response", trips={"response.content.array"}, at=Stage.DOCUMENT, seen="impact.json content_string")
def flatten_content(message: Json) -> Json:
    """The content of a Message is a string."""
    return {**message, "content": "".join(block.get("text", "") for block in message["content"])}


@fault("response", trips={"response.content.array"}, at=Stage.DOCUMENT, seen="impact.json content_null")
def nullify_content(message: Json) -> Json:
    """The content of a Message is null."""
    return {**message, "content": None}


@fault(
    "response",
    trips={"response.content.array"},
    trips_tokmodel={"response.content.array", "tokmodel.example.response-keys"},
    at=Stage.DOCUMENT,
    seen="impact.json content_missing",
)
def omit_content(message: Json) -> Json:
    """A Message has no content field."""
    return dropped(message, "content")


@fault("response", trips={"response.content.block-type"}, at=Stage.DOCUMENT, seen="impact.json block_type_missing")
def omit_block_type(message: Json) -> Json:
    """A content block has no type."""
    return {**message, "content": [dropped(block, "type") for block in message["content"]]}


@fault("response", trips={"response.content.block-type"}, at=Stage.DOCUMENT)
def unwrap_blocks(message: Json) -> Json:
    """A content block is a bare string."""
    return {**message, "content": [block.get("text", "") for block in message["content"]]}


@fault("response", trips={"response.content.text-block"}, at=Stage.DOCUMENT, seen="impact.json text_null")
def nullify_text(message: Json) -> Json:
    """The text of a text block is null."""
    blocks = [{**block, "text": None} if block["type"] == "text" else block for block in message["content"]]
    return {**message, "content": blocks}


@fault("response", trips={"response.content.text-block"}, at=Stage.DOCUMENT)
def rename_text(message: Json) -> Json:
    """The text of a text block is in a field named value."""
    blocks = [
        {"type": "text", "value": block["text"]} if block["type"] == "text" else block for block in message["content"]
    ]
    return {**message, "content": blocks}


@fault("response", trips={"response.content.text-citations"}, at=Stage.DOCUMENT)
def cite_by_number(message: Json) -> Json:
    """The citations of a text block are numbers."""
    blocks = [{**block, "citations": [1, 2]} if block["type"] == "text" else block for block in message["content"]]
    return {**message, "content": blocks}


@fault("response", trips={"response.content.no-unrequested-tools"}, at=Stage.DOCUMENT)
def call_tools_uninvited(message: Json, scene: RequestContext) -> Json:
    """A request without tools is answered with a tool call besides the text."""
    if scene.body.get("tools") or not scene.body["max_tokens"]:
        return message
    call = {"type": "tool_use", "id": "toolu_01A09q90qw90lq917835lq9", "name": "search", "input": {}}
    return {**message, "content": [*message["content"], call], "stop_reason": "tool_use", "stop_sequence": None}


@fault("response", trips={"response.content.tool_use-fields"}, at=Stage.DOCUMENT, seen="impact.json tool_input_string")
def send_tool_input_as_string(message: Json) -> Json:
    """The input of a tool call is a string."""
    return map_calls(message, lambda block: {**block, "input": "{}"})


@fault("response", trips={"response.content.tool_use-fields"}, at=Stage.DOCUMENT, seen="impact.json tool_id_missing")
def omit_tool_use_id(message: Json) -> Json:
    """A tool call has no id."""
    return map_calls(message, lambda block: dropped(block, "id"))


@fault("response", trips={"response.content.tool_use-id-pattern"}, at=Stage.DOCUMENT)
def punctuate_tool_use_id(message: Json) -> Json:
    """The id of a tool call holds characters that no request may hold."""
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
    seen="defects.json tool-name-case-rewritten",
)
def capitalise_tool_names(message: Json) -> Json:
    """The name of a called tool is written in capitals."""
    return map_calls(message, lambda block: {**block, "name": block["name"].upper()})


@fault(
    "response",
    trips={"response.content.tool_use-name-known"},
    at=Stage.DOCUMENT,
    seen="gateways whose upstream takes names of letters and underscores only",
)
def underline_tool_names(message: Json) -> Json:
    """The dashes in the name of a called tool are underscores."""
    return map_calls(message, lambda block: {**block, "name": block["name"].replace("-", "_")})


def map_calls(message: Json, change: Any) -> Json:
    blocks = [change(block) if block["type"] == "tool_use" else block for block in message["content"]]
    return {**message, "content": blocks}


@fault(
    "response",
    trips={"response.model.string"},
    trips_tokmodel={"response.model.string", "tokmodel.example.response-keys"},
    at=Stage.DOCUMENT,
    seen="impact.json model_missing",
)
def omit_model(message: Json) -> Json:
    """A Message does not name its model."""
    return dropped(message, "model")


@fault("response", trips={"response.model.string"}, at=Stage.DOCUMENT)
def describe_model(message: Json) -> Json:
    """The model of a Message is an object."""
    return {**message, "model": {"id": message["model"]}}


@fault(
    "response",
    trips=set(),
    trips_tokmodel={"response.model.matches-request"},
    at=Stage.MESSAGE,
    seen="defects.json response-model-is-backend-name; deviations: claude-code-router",
)
def name_backend_model(message: Json) -> Json:
    """A Message names the model behind the gateway instead of the requested one."""
    return {**message, "model": "publishers/vendor/models/backend-7b@001"}


@fault(
    "response",
    trips={"response.stop_reason.present"},
    trips_tokmodel={"response.stop_reason.present", "tokmodel.example.response-keys"},
    at=Stage.DOCUMENT,
    seen="impact.json stop_reason_missing",
)
def omit_stop_reason(message: Json) -> Json:
    """A Message that is not streamed has no stop reason."""
    return dropped(message, "stop_reason")


@fault(
    "response",
    trips={"response.stop_reason.present"},
    at=Stage.DOCUMENT,
    seen="defects.json null-stop-reason-final; impact.json stop_reason_null",
)
def nullify_stop_reason(message: Json) -> Json:
    """The stop reason of a Message that is not streamed is null."""
    return {**message, "stop_reason": None}


@fault(
    "response",
    trips={"response.stop_reason.enum"},
    trips_tokmodel={"response.stop_reason.enum-tokmodel"},
    at=Stage.DOCUMENT,
    seen="sdk_streams X39",
)
def stop_for_an_unknown_reason(message: Json) -> Json:
    """The natural end is reported in a word of the server's own."""
    return {**message, "stop_reason": "concluded"} if message["stop_reason"] == "end_turn" else message


@fault(
    "response",
    trips={"response.stop_reason.own-words"},
    trips_tokmodel={"response.stop_reason.enum-tokmodel"},
    at=Stage.DOCUMENT,
    seen="impact.json stop_reason_unknown",
)
def stop_like_openai(message: Json) -> Json:
    """The natural end is reported as stop."""
    return {**message, "stop_reason": "stop"} if message["stop_reason"] == "end_turn" else message


@fault(
    "response",
    trips={"response.stop_reason.own-words", "stop.max_tokens.occurs"},
    trips_tokmodel={"response.stop_reason.enum-tokmodel", "stop.max_tokens.occurs"},
    at=Stage.DOCUMENT,
)
def call_the_limit_length(message: Json) -> Json:
    """An answer that was cut by the limit is reported as length."""
    return {**message, "stop_reason": "length"} if message["stop_reason"] == "max_tokens" else message


@fault(
    "response", trips={"response.stop_sequence.present"}, at=Stage.DOCUMENT, seen="impact.json stop_sequence_missing"
)
def omit_stop_sequence(message: Json) -> Json:
    """A Message without a stop sequence has no field for it."""
    return message if message["stop_sequence"] else dropped(message, "stop_sequence")


@fault("response", trips={"response.stop_details.refusal-only"}, at=Stage.DOCUMENT)
def explain_every_stop(message: Json) -> Json:
    """A Message that was not refused has stop details."""
    details = {"type": "refusal", "category": None, "explanation": "finished"}
    return {**message, "stop_details": details}


@fault(
    "response",
    trips={"response.object"},
    at=Stage.RESPONSE,
    seen="impact.json html200",
)
def answer_in_html(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """An answer that is not streamed is an HTML page under the label of JSON."""
    if not is_message(response, scene):
        return response
    return response.with_body(b"<html><body>It works!</body></html>")


@fault("response", trips={"transport.charset.utf8"}, at=Stage.RESPONSE)
def encode_document_in_latin_1(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A Message that is not streamed is encoded in Latin-1."""
    if not is_message(response, scene):
        return response
    body = response.body().decode().encode("latin-1", "replace")
    return replace(response.with_body(body))


@fault("response", trips={"transport.charset.utf8"}, at=Stage.MESSAGE)
def strip_accents(message: Json) -> Json:
    """Characters beyond ASCII are lost without a trace."""
    return map_text(message, lambda text: text.encode("ascii", "ignore").decode() or "?")
