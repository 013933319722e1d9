"""Valid requests are refused for what they contain. Faults that need no code are rows of refusals.toml."""

from __future__ import annotations

import itertools

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Failures, refused_if
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.request_parts import blocks, tools, turns

LONG_SYSTEM_CHARACTERS = 2_000
"""A longer system prompt is refused (our own choice: a prompt of an ordinary agent is longer)."""


@fault(
    "request",
    trips={"request.cache_control.below-minimum"},
    trips_tokmodel=set(),
    at=Stage.FAILURES,
    seen="impact.json reject_cache_control",
)
def refuse_cache_control(failures: Failures, context: RequestContext) -> Failures:
    """Every cache_control is refused."""
    return refused_if(failures, "cache_control" in str(context.body), "cache_control: Extra inputs are not permitted")


@fault(
    "request",
    trips={"request.system.long"},
    trips_tokmodel=set(),
    at=Stage.FAILURES,
    seen="defects.json large-system-rejected-429",
)
def refuse_long_system(failures: Failures, context: RequestContext) -> Failures:
    """A system prompt of more than 2,000 characters is refused."""
    long = len(str(context.body.get("system", ""))) > LONG_SYSTEM_CHARACTERS
    return refused_if(failures, long, "system: too long")


@fault(
    "transport",
    trips={
        "request.system.string",
        "response.content.echoable",
        "transport.path.post-messages",
    },
    trips_tokmodel={
        "request.model.any-vendor",
        "request.system.string",
        "request.temperature.range-tokmodel",
        "request.top_p.accepted-tokmodel",
        "response.content.echoable-tokmodel",
        "transport.path.post-messages",
    },
    at=Stage.FAILURES,
    seen="impact.json reject_accept_sse",
)
def demand_event_stream_accept(failures: Failures, context: RequestContext) -> Failures:
    """A stream is refused unless the header accept names text/event-stream."""
    accepts = "text/event-stream" in (context.request.header("accept") or "")
    return refused_if(failures, context.streams and not accepts, "accept: must include text/event-stream")


@fault("tools", trips={"transport.path.post-messages"}, at=Stage.FAILURES)
def refuse_hyphens_in_tool_names(failures: Failures, context: RequestContext) -> Failures:
    """A hyphen in the name of a tool is refused."""
    hyphen = any("-" in str(tool.get("name", "")) for tool in tools(context.body))
    return refused_if(failures, hyphen, "tools: names are words with underscores")


@fault("request", trips={"request.prefill.unsupported"}, at=Stage.FAILURES)
def refuse_prefill_oddly(failures: Failures, context: RequestContext) -> Failures:
    """A final assistant message is refused with 422."""
    messages = turns(context.body)
    if failures or not messages or messages[-1].get("role") != "assistant":
        return failures
    return [Failure(status=422, message="messages: the final message must be the user's")]


@fault("request", trips={"request.messages.consecutive-same-role"}, at=Stage.FAILURES)
def demand_alternating_roles(failures: Failures, context: RequestContext) -> Failures:
    """Two messages of one role in a row are refused."""
    roles = [turn.get("role") for turn in turns(context.body)]
    twice = any(role == following for role, following in itertools.pairwise(roles))
    return refused_if(failures, twice, "messages: roles must alternate between user and assistant")


@fault(
    "request",
    trips={
        "adjacent.count_tokens.shape",
        "request.messages.content-blocks",
    },
    at=Stage.FAILURES,
)
def refuse_user_blocks(failures: Failures, context: RequestContext) -> Failures:
    """A user message in text blocks is refused."""
    return refused_if(failures, _sent_as_texts(context, "user"), "messages.0.content: Input should be a valid string")


@fault("request", trips={"response.content.echoable"}, at=Stage.FAILURES)
def refuse_own_blocks(failures: Failures, context: RequestContext) -> Failures:
    """The text blocks of an earlier answer are refused."""
    return refused_if(
        failures, _sent_as_texts(context, "assistant"), "messages.1.content: Input should be a valid string"
    )


@fault("request", trips={"adjacent.count_tokens.unknown-model", "request.idempotent-shape"}, at=Stage.FAILURES)
def depend_on_key_order(failures: Failures, context: RequestContext) -> Failures:
    """A body whose first key is messages is refused."""
    return refused_if(failures, next(iter(context.body), None) == "messages", "model: Field required")


@fault(
    "tools",
    trips={"request.tool_result.content-optional"},
    at=Stage.FAILURES,
    seen="defects.json tool-result-empty-array-rejected",
)
def refuse_empty_tool_results(failures: Failures, context: RequestContext) -> Failures:
    """A tool_result without content is refused."""
    empty = any(not block.get("content") for block in blocks(context.body, "tool_result"))
    return refused_if(failures, empty, "messages: tool_result content is empty")


@fault(
    "request",
    trips=set(),
    trips_tokmodel={"request.model.provider-prefix", "tokmodel.example.request"},
    statement="refused the model",
    at=Stage.FAILURES,
)
def refuse_prefixed_models(failures: Failures, context: RequestContext) -> Failures:
    """A model with a provider's prefix is refused."""
    name = context.body.get("model")
    return refused_if(failures, isinstance(name, str) and "/" in name, f"model: {name}")


def _sent_as_texts(context: RequestContext, role: str) -> bool:
    """Whether the content of a message of that role is a list of text blocks alone."""
    contents = [turn.get("content") for turn in turns(context.body) if turn.get("role") == role]
    lists = [content for content in contents if isinstance(content, list)]
    return any(all(isinstance(block, dict) and block.get("type") == "text" for block in blocks) for blocks in lists)
