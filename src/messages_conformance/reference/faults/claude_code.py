"""Valid requests of Claude Code are refused, or get unreadable answers. Simpler faults are rows of claude_code.toml."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Failures, Json, refused_if
from messages_conformance.reference.events import Event
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.request_parts import blocks, turns

CATEGORY = "claude-code"
SEEN = "impact.json reject_"


def holds(value: object, key: str) -> bool:
    """Whether a key occurs anywhere in a JSON value."""
    if isinstance(value, Mapping):
        return key in value or any(holds(item, key) for item in value.values())
    return isinstance(value, list) and any(holds(item, key) for item in value)


def is_whole_turn(context: RequestContext) -> bool:
    """Whether this is a request of the client's main loop, with all of its features."""
    return "context_management" in context.body and "tools" in context.body


def refuses(
    requirement: str,
    present: Callable[[RequestContext], bool],
    message: str,
    seen: str = "",
    *,
    also: frozenset[str] = frozenset(),
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declares a fault that refuses requests; the function gives its name and its summary."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        def rewrite(failures: Failures, context: RequestContext) -> Failures:
            return refused_if(failures, present(context), message)

        rewrite.__name__, rewrite.__doc__ = function.__name__, function.__doc__
        cited = seen if not seen or ".json" in seen else f"{SEEN}{seen}"
        return fault(CATEGORY, trips={requirement, *also}, at=Stage.FAILURES, seen=cited)(rewrite)

    return declare


@refuses(
    "claude-code.cache-control",
    lambda context: holds(context.body.get("system"), "cache_control"),
    "system.1.cache_control: Extra inputs are not permitted",
    "cache_control",
)
def refuse_cached_system() -> None:
    """cache_control on a system block is refused."""


@refuses(
    "claude-code.content.blocks",
    lambda context: sum(block.get("type") == "text" for block in blocks(context.body)) > 1,
    "content: one text block only",
    "content_list",
    also=frozenset({"request.messages.content-blocks"}),
)
def refuse_several_text_blocks() -> None:
    """A request with two text blocks is refused."""


@refuses(
    "claude-code.messages.system-role",
    lambda context: any(turn.get("role") == "system" for turn in turns(context.body)),
    "System message must be at the beginning.",
    "system_role_jinja",
)
def refuse_system_role_in_other_words() -> None:
    """A system message is refused with a message that Claude Code does not recognise."""


@refuses(
    "claude-code.tools.defer-loading",
    lambda context: holds(context.body.get("tools"), "defer_loading"),
    "unknown field `defer_loading`",
)
def refuse_deferred_tools() -> None:
    """A tool with defer_loading is refused."""


@refuses(
    "claude-code.tool-result.reference",
    lambda context: holds(context.body.get("messages"), "tool_name"),
    "unknown block type `tool_reference`",
)
def refuse_tool_references() -> None:
    """A tool_result with a reference to a tool is refused."""


@refuses(
    "claude-code.tool-result.text",
    lambda context: (
        any("cache_control" in block for block in blocks(context.body, "tool_result")) and not is_whole_turn(context)
    ),
    "tool_result.cache_control: Extra inputs are not permitted",
)
def refuse_cached_tool_result() -> None:
    """cache_control on a tool_result is refused."""


@refuses(
    "claude-code.tool-result.image",
    lambda context: any(holds(block.get("content"), "source") for block in blocks(context.body, "tool_result")),
    "tool_result.content: text only",
)
def refuse_image_in_tool_result() -> None:
    """An image in a tool_result is refused."""


@refuses(
    "claude-code.tool-result.document",
    lambda context: (
        bool(blocks(context.body, "tool_result"))
        and any(block.get("type") == "document" for block in blocks(context.body))
    ),
    "messages.2.content.1: documents may not follow a tool_result",
)
def refuse_document_after_tool_result() -> None:
    """A document in a conversation with a tool_result is refused."""


@refuses(
    "claude-code.tool-loop",
    lambda context: bool(blocks(context.body, "tool_result")) and is_whole_turn(context),
    "messages.2.content: unexpected content block",
)
def refuse_the_turn_after_a_tool() -> None:
    """The request that sends a tool's result is refused."""


@refuses(
    "claude-code.turn",
    lambda context: is_whole_turn(context) and context.streams and not blocks(context.body, "tool_result"),
    "the request is too complex",
)
def refuse_whole_turn() -> None:
    """A request with all features is refused, though each feature alone is accepted."""


@refuses(
    "claude-code.turn.whole",
    lambda context: is_whole_turn(context) and not context.streams,
    "tools need stream: true",
)
def refuse_whole_turn_without_stream() -> None:
    """A request with tools is refused unless it is streamed."""


@refuses(
    "claude-code.session",
    lambda context: is_whole_turn(context) and len(json.dumps(context.body)) > SMALL_BODY,
    "Request Entity Too Large",
)
def refuse_turns_of_40_kilobytes() -> None:
    """A request with all features is refused if it is longer than 40 kB."""


SMALL_BODY = 40_000


@fault(CATEGORY, trips={"claude-code.session.call"}, at=Stage.BODY)
def lose_patterns_of_many_tools(body: Json) -> Json:
    """With more than ten tools, a member of a schema is lost if it is named pattern."""
    tools = body.get("tools") or []
    return {**body, "tools": [without_pattern(tool) for tool in tools]} if len(tools) > MANY_TOOLS else body


MANY_TOOLS = 10


def without_pattern(tool: Json) -> Json:
    """The tool without a member named pattern."""
    schema = tool.get("input_schema")
    if not isinstance(schema, dict) or "pattern" not in (schema.get("properties") or {}):
        return tool
    properties = {name: value for name, value in schema["properties"].items() if name != "pattern"}
    required = [name for name in schema.get("required", ()) if name != "pattern"]
    return {**tool, "input_schema": {**schema, "properties": properties, "required": required}}


@fault(CATEGORY, trips={"claude-code.session.result-read"}, at=Stage.BODY)
def lose_failed_results_of_whole_turns(body: Json) -> Json:
    """Of a request with many tools, turns after a failed result do not reach the model, nor does the call before it."""
    failed = any(block.get("is_error") for block in blocks(body))
    many = len(body.get("tools") or []) > MANY_TOOLS
    return {**body, "messages": turns(body)[:2]} if failed and many else body


@fault(CATEGORY, trips={"claude-code.session.question-read"}, at=Stage.BODY)
def lose_the_question_before_a_system_message(body: Json) -> Json:
    """Of a request that ends with a message with the role system, only this message reaches the model."""
    last = turns(body)[-1:]
    return {**body, "messages": last} if last and last[0].get("role") == "system" else body


@fault(
    "stream-content",  # Claude Code is not the only client that loses it
    trips={
        "claude-code.stream.tool-input",
        "stream.block.start-tool-input-empty",
        "stream.block.tool-input-in-deltas",
    },
    at=Stage.EVENTS,
    seen="impact.json tool_input_in_start; sdk_streams X26",
)
def give_tool_input_at_once(events: list[Event]) -> list[Event]:
    """The whole input of a tool call is in content_block_start, without a delta."""
    inputs: dict[int, str] = {}
    for _, data in events:
        fragment = data.get("delta", {}).get("partial_json")
        if fragment is not None:
            inputs[data["index"]] = inputs.get(data["index"], "") + fragment
    kept = [event for event in events if event[1].get("delta", {}).get("partial_json") is None]
    return [(name, with_input(data, inputs.get(data.get("index", -1), ""))) for name, data in kept]


def with_input(data: Json, text: str) -> Json:
    """The data of a content_block_start with an input; other data as they are."""
    if data["type"] != "content_block_start" or not text:
        return data
    return {**data, "content_block": {**data["content_block"], "input": json.loads(text)}}
