"""Earlier turns and tool results are refused, and calls of different answers are mixed up."""

from __future__ import annotations

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Events, Failures, Json, error_response, refused_if
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse
from messages_conformance.reference.request_parts import blocks, turns
from messages_conformance.reference.stream_edits import with_inputs

# -- refusals


@fault(
    "tools",
    trips={"request.tool_result.content-optional"},
    at=Stage.FAILURES,
    seen="defects.json is-error-tool-result-rejected",
)
def refuse_failed_results(failures: Failures, context: RequestContext) -> Failures:
    """A tool_result with is_error is refused."""
    failed = any(block.get("is_error") is True for block in blocks(context.body, "tool_result"))
    return refused_if(failures, failed, "messages: is_error is not supported")


@fault("tools", trips={"request.tool_result.content-optional"}, at=Stage.FAILURES)
def refuse_results_in_blocks(failures: Failures, context: RequestContext) -> Failures:
    """A tool_result that is a list of blocks is refused."""
    listed = any(isinstance(block.get("content"), list) for block in blocks(context.body, "tool_result"))
    return refused_if(failures, listed, "messages: tool_result content must be a string")


@fault(
    "tools",
    trips={"request.tool_result.content-optional"},
    at=Stage.FAILURES,
    seen="defects.json tool-messages-order-rejected; impact.json reject_orphan_tool_result",
)
def refuse_text_after_results(failures: Failures, context: RequestContext) -> Failures:
    """A message with text after a tool_result is refused."""
    contents = [turn.get("content") for turn in turns(context.body)]
    kinds = [
        [b.get("type") for b in content if isinstance(b, dict)] for content in contents if isinstance(content, list)
    ]
    mixed = any("tool_result" in kind and "text" in kind[kind.index("tool_result") :] for kind in kinds)
    return refused_if(failures, mixed, "messages: insufficient tool messages following tool_calls")


@fault(
    "tools",
    trips={"request.tool_result.several"},
    at=Stage.FAILURES,
    seen="defects.json tool-messages-order-rejected",
)
def refuse_two_results(failures: Failures, context: RequestContext) -> Failures:
    """A message with two tool results is refused."""
    contents = [turn.get("content") for turn in turns(context.body)]
    results = [
        [b for b in content if isinstance(b, dict) and b.get("type") == "tool_result"]
        for content in contents
        if isinstance(content, list)
    ]
    return refused_if(failures, any(len(found) > 1 for found in results), "messages: one tool result at a time")


@fault(
    "tools",
    trips={
        "request.tool_result.content-optional",
        "request.tool_result.several",
        "request.tool_use.long-id",
        "response.content.echoable",
    },
    trips_tokmodel=set(),
    at=Stage.FAILURES,
    seen="defects.json tool-use-id-duplicated-in-history-conversion",
)
def refuse_tool_history(failures: Failures, context: RequestContext) -> Failures:
    """A conversation with an earlier tool call is refused."""
    called = bool(blocks(context.body, "tool_use"))
    return refused_if(failures, called, "messages: tool_use ids must be unique")


@fault(
    "thinking",
    trips={"response.content.echoable"},
    trips_tokmodel=set(),
    at=Stage.FAILURES,
    seen="defects.json replayed-thinking-restructured",
)
def refuse_replayed_thinking(failures: Failures, context: RequestContext) -> Failures:
    """An unchanged thinking block of an earlier answer is refused."""
    given = bool(blocks(context.body, "thinking"))
    return refused_if(failures, given, "messages: thinking blocks in the latest assistant message cannot be modified")


@fault(
    "tools",
    trips={"request.tool_use.long-id"},
    at=Stage.FAILURES,
    seen="defects.json tool-use-id-too-long",
)
def refuse_long_tool_ids(failures: Failures, context: RequestContext) -> Failures:
    """A tool_use id of more than 64 characters is refused."""
    long = any(len(str(block.get("id"))) > 64 for block in blocks(context.body, "tool_use"))
    return refused_if(failures, long, "messages.1.content.0.id: string too long, at most 64 characters")


@fault(
    "thinking",
    trips={"errors.no-5xx-on-bad-input"},
    at=Stage.RESPONSE,
    seen="defects.json redacted-thinking-crash",
)
def crash_on_redacted_thinking(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """A redacted_thinking block in the history gives 500."""
    if not blocks(context.body, "redacted_thinking"):
        return response
    return error_response(response, context, 500, "api_error", "KeyError: 'redacted_thinking'")


# -- mixed-up calls


@fault(
    "tools",
    trips={"response.content.tool_use-ids-unique"},
    at=Stage.MESSAGE,
    seen="defects.json tool-use-id-reused-across-turns",
)
def number_calls_anew_in_each_answer(message: Json) -> Json:
    """The tool calls of every answer have the ids call_0, call_1 and so on."""
    number, content = 0, []
    for block in message["content"]:
        if block["type"] == "tool_use":
            block, number = {**block, "id": f"call_{number}"}, number + 1
        content.append(block)
    return {**message, "content": content}


@fault(
    "tools",
    trips={"stream.delta.partial-json-concat", "stream.delta.partial-json-prefix-valid"},
    at=Stage.EVENTS,
    seen="defects.json concurrent-tool-call-contamination",
)
def mix_tool_inputs(events: Events, context: RequestContext) -> Events:
    """The input of a streamed tool call also contains the input of the call before it."""
    before: list[str] = context.memory.setdefault("inputs", [])

    def contaminated(pieces: list[str]) -> list[str]:
        foreign = list(before)
        before[:] = pieces
        return [*foreign, *pieces]

    return with_inputs(events, contaminated)
