"""Thinking, strict tools, output formats and system messages are handled wrongly."""

from __future__ import annotations

from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import (
    Events,
    Failures,
    Json,
    error_response,
    forgive,
    inserted,
    is_success,
    map_text,
    position,
)
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.request_blocks import signature
from messages_conformance.reference.request_parts import object_of

THOUGHT = "The user asks a small question. I shall answer it."


@fault("thinking", trips={"response.content.thinking-order"}, at=Stage.MESSAGE)
def think_last(message: Json) -> Json:
    """A thinking block comes after the answer."""
    thoughts = [block for block in message["content"] if block["type"] == "thinking"]
    others = [block for block in message["content"] if block["type"] != "thinking"]
    return {**message, "content": [*others, *thoughts]}


@fault("thinking", trips={"response.content.thinking-omitted"}, at=Stage.DOCUMENT)
def show_omitted_thinking(message: Json, context: RequestContext) -> Json:
    """The text of a thinking block is sent although its display is omitted."""
    if object_of(context.body, "thinking").get("display") != "omitted":
        return message
    shown = {"type": "thinking", "thinking": THOUGHT, "signature": signature(THOUGHT)}
    return {**message, "content": [shown if block["type"] == "thinking" else block for block in message["content"]]}


@fault(
    "thinking",
    trips={"response.content.omitted-thinking-kept"},
    at=Stage.MESSAGE,
    seen="BerriAI/litellm#38809",
)
def drop_omitted_thinking(message: Json, context: RequestContext) -> Json:
    """A thinking block whose display is omitted is dropped with its signature."""
    if object_of(context.body, "thinking").get("display") != "omitted":
        return message
    return {**message, "content": [block for block in message["content"] if block["type"] != "thinking"]}


@fault("thinking", trips={"stream.delta.thinking-omitted"}, at=Stage.EVENTS)
def stream_omitted_thinking(events: Events, context: RequestContext) -> Events:
    """The text of a thinking block is streamed although its display is omitted."""
    started = position(events, "content_block_start")
    if started is None or object_of(context.body, "thinking").get("display") != "omitted":
        return events
    delta = {"type": "thinking_delta", "thinking": THOUGHT}
    data = {"type": "content_block_delta", "index": events[started][1]["index"], "delta": delta}
    return inserted(events, started + 1, ("content_block_delta", data))


@fault("tools", trips={"response.content.tool_use-input-schema"}, at=Stage.MESSAGE)
def forget_strictness(message: Json, context: RequestContext) -> Json:
    """The input of a strict tool lacks what its schema requires."""
    strict = [tool.get("name") for tool in context.body.get("tools") or () if tool.get("strict")]
    blocks = [{**block, "input": {}} if block.get("name") in strict else block for block in message["content"]]
    return {**message, "content": blocks}


def integer_as_string(value: Any) -> Any:
    """An integer as a string; other values as they are."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


@fault(
    "tools",
    trips={
        "response.content.tool_use-input-schema",
        "response.content.tool_use-strict-types",
        "response.content.tool_use-values",
    },
    at=Stage.MESSAGE,
)
def write_numbers_as_words(message: Json) -> Json:
    """An integer in the input of a tool call is a string."""
    blocks = [
        {**block, "input": {name: integer_as_string(value) for name, value in block["input"].items()}}
        if block["type"] == "tool_use"
        else block
        for block in message["content"]
    ]
    return {**message, "content": blocks}


@fault("tools", trips={"response.content.echoable", "response.content.server-tool-ids"}, at=Stage.DOCUMENT)
def number_server_calls(message: Json) -> Json:
    """The id of a server tool call begins like the id of a client tool call."""
    if message["stop_reason"] != "end_turn" or not message["content"]:
        return message
    call: dict[str, Any] = {"type": "server_tool_use", "id": "toolu_01Search", "name": "web_search", "input": {}}
    result = {"type": "web_search_tool_result", "tool_use_id": "toolu_01Search", "content": []}
    return {**message, "content": [call, result, *message["content"]]}


@fault(
    "request",
    trips={"request.output_config.format-bare", "request.output_config.format-valid-json"},
    at=Stage.MESSAGE,
)
def fence_json(message: Json, context: RequestContext) -> Json:
    """JSON of an output format is in a Markdown fence."""
    if object_of(context.body, "output_config").get("format") is None:
        return message
    return map_text(message, lambda text: f"```json\n{text}\n```")


@fault("validation", trips={"request.messages.system-not-first"}, at=Stage.FAILURES)
def serve_system_role_anywhere(failures: Failures, context: RequestContext) -> Failures:
    """A message with the role system is served in any place."""
    roles = [turn.get("role") for turn in context.body.get("messages") or () if isinstance(turn, dict)]
    if "system" not in roles or any(role not in ("system", "user", "assistant") for role in roles):
        return failures
    return forgive(failures, "request.messages.system-not-first", "request.messages.role-enum")


@fault("errors", trips={"request.messages.role-system"}, at=Stage.RESPONSE)
def crash_on_system_role(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A conversation that ends with a message of the role system gives 500."""
    turns = [turn for turn in context.body.get("messages") or () if isinstance(turn, dict)]
    if not is_success(response) or not turns or turns[-1].get("role") != "system":
        return response
    return error_response(response, context, 500, "api_error", "Internal server error")
