"""The rarer parts of an answer are malformed: edits of the context, containers, fallbacks, results of server tools."""

from __future__ import annotations

from typing import Any

from messages_conformance.reference.changes import ErrorReply, RequestContext, Stage
from messages_conformance.reference.edits import Events, Json, inserted, once, with_error, with_usage
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.stream_edits import delta, spans

SEARCH_RESULT = "web_search_tool_result"


def with_block(message: Json, context: RequestContext, block: Json) -> Json:
    """The first Message of the endpoint with one more block; later Messages as they are."""
    return {**message, "content": [*message["content"], block]} if once(context, block["type"]) else message


@fault("response", trips={"response.fallback.block"}, at=Stage.DOCUMENT)
def name_models_of_fallback_in_strings(message: Json, context: RequestContext) -> Json:
    """A fallback block names its models in strings."""
    return with_block(message, context, {"type": "fallback", "from": "a-model", "to": message["model"]})


@fault("response", trips={"response.compaction.block"}, at=Stage.DOCUMENT)
def end_with_compaction(message: Json, context: RequestContext) -> Json:
    """The summary of the earlier turns comes after the answer."""
    return with_block(message, context, {"type": "compaction", "content": "The user asked for a word."})


@fault("response", trips={"response.context_management.applied_edits"}, at=Stage.DOCUMENT)
def count_no_applied_edits(message: Json) -> Json:
    """An edit of the context has no counts."""
    return {**message, "context_management": {"applied_edits": [{"type": "clear_tool_uses_20250919"}]}}


@fault("response", trips={"response.container.shape"}, at=Stage.DOCUMENT)
def say_when_container_expires_in_words(message: Json) -> Json:
    """A container expires at a time that is no date."""
    return {**message, "container": {"id": "container_01A", "expires_at": "in five minutes"}}


@fault("errors", trips={"errors.details.error_code"}, at=Stage.ERROR)
def number_error_codes(reply: ErrorReply) -> ErrorReply:
    """The code in the details of an error is a number."""
    return with_error(reply, details={"error_code": reply.status})


@fault("tools", trips={"response.server-tool.pairing"}, at=Stage.MESSAGE, depth="deep")
def unpair_search_results(message: Json) -> Json:
    """The result of a web search names a call that the answer does not have."""

    def unpaired(block: Json) -> Json:
        return {**block, "tool_use_id": "srvtoolu_01Nobody"} if block["type"] == SEARCH_RESULT else block

    return {**message, "content": [unpaired(block) for block in message["content"]]}


@fault("usage", trips={"usage.server_tool_use.counts-results"}, at=Stage.MESSAGE, depth="deep")
def count_no_searches(message: Json) -> Json:
    """The usage counts no web search although the answer has results."""
    counted: Any = message["usage"].get("server_tool_use")
    return with_usage(message, server_tool_use={**counted, "web_search_requests": 0}) if counted else message


@fault("stream-blocks", trips={"stream.server-tool.result-whole"}, at=Stage.EVENTS, depth="deep")
def stream_search_results(events: Events) -> Events:
    """The result of a web search has a delta."""
    for span in reversed(spans(events, SEARCH_RESULT)):
        more = delta(span.index, {"type": "web_search_result_delta", "results": []})
        events = inserted(events, span.start + 1, more)
    return events
