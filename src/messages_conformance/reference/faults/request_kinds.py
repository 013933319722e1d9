"""Valid requests of kinds that clients send are refused or lose a part. Faults without code: request_kinds.toml."""

from __future__ import annotations

import itertools

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Failures, Json, refused_if
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.request_parts import blocks, tools, turns

MAX_NAME_CHARACTERS = 64
"""The longest tool name of another API."""


@fault(
    "request-kinds",
    trips={"request.tool_result.order"},
    at=Stage.FAILURES,
    seen="anthropics/claude-code#21906",
)
def refuse_reordered_tool_results(failures: Failures, context: RequestContext) -> Failures:
    """Tool results in another order than their calls are refused."""
    calls = [block.get("id") for block in blocks(context.body, "tool_use")]
    results = [block.get("tool_use_id") for block in blocks(context.body, "tool_result")]
    reordered = sorted(map(str, calls)) == sorted(map(str, results)) and calls != results
    return refused_if(failures, reordered, "messages: tool results must follow the order of their calls")


@fault(
    "request-kinds",
    trips={"response.content.tool_use-name-known"},
    at=Stage.MESSAGE,
    seen="langchain-ai/deepagents#5953; microsoft/mcp#842",
)
def cut_long_tool_names(message: Json) -> Json:
    """The name of a called tool is cut after 64 characters."""
    content = [
        {**block, "name": block["name"][:MAX_NAME_CHARACTERS]} if block["type"] == "tool_use" else block
        for block in message["content"]
    ]
    return {**message, "content": content}


@fault(
    "request-kinds",
    trips={"request.messages.consecutive-same-role"},
    at=Stage.FAILURES,
    seen="Gitlawb/openclaude#241; mistralai/mistral-vibe#1006",
)
def refuse_two_assistant_turns(failures: Failures, context: RequestContext) -> Failures:
    """Two messages of the assistant in a row are refused."""
    roles = [turn.get("role") for turn in turns(context.body)]
    twice = ("assistant", "assistant") in itertools.pairwise(roles)
    message = "After the optional system message, conversation roles must alternate user and assistant roles"
    return refused_if(failures, twice, message)


@fault("request-kinds", trips={"request.tool_result.split-messages"}, at=Stage.FAILURES)
def refuse_split_tool_results(failures: Failures, context: RequestContext) -> Failures:
    """The results of parallel calls in two user messages are refused."""
    kinds = [
        [block.get("type") for block in turn["content"] if isinstance(block, dict)]
        for turn in turns(context.body)
        if isinstance(turn.get("content"), list)
    ]
    split = any("tool_result" in one and "tool_result" in other for one, other in itertools.pairwise(kinds))
    return refused_if(failures, split, "messages: every tool_use needs its tool_result in the next message")


@fault("request-kinds", trips={"request.tool_use.history-without-tools"}, at=Stage.FAILURES)
def demand_tools_for_history(failures: Failures, context: RequestContext) -> Failures:
    """Earlier tool calls are refused unless the request has tools."""
    calls = bool(blocks(context.body, "tool_use")) and not tools(context.body)
    return refused_if(failures, calls, "tool calls in the history need the `tools` parameter")
