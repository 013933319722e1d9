"""Valid requests of kinds that clients send are refused or lose a part. Faults without code: request_kinds.toml."""

from __future__ import annotations

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Failures, Json, refused_if
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.request_parts import blocks

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
