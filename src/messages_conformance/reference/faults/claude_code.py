"""Crimes against one client: valid requests of Claude Code that are refused, and answers that it cannot read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.events import Event
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_operations import Failures, Json
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.http import HttpResponse

CATEGORY = "claude-code"
SEEN = "impact.json reject_"


def refused_if(failures: Failures, present: bool, message: str) -> Failures:
    return [*failures, Failure(message=message)] if present else failures


def turns(scene: RequestContext) -> list[Mapping[str, Any]]:
    """The messages that are objects."""
    found = scene.body.get("messages")
    return [turn for turn in found if isinstance(turn, dict)] if isinstance(found, list) else []


def blocks(scene: RequestContext) -> list[Mapping[str, Any]]:
    """Every content block of the request's messages."""
    found = [turn.get("content") for turn in turns(scene)]
    return [block for content in found if isinstance(content, list) for block in content if isinstance(block, dict)]


def user_id(scene: RequestContext) -> str:
    metadata = scene.body.get("metadata")
    return str(metadata.get("user_id")) if isinstance(metadata, dict) else ""


def results(scene: RequestContext) -> list[Mapping[str, Any]]:
    return [block for block in blocks(scene) if block.get("type") == "tool_result"]


def holds(value: object, key: str) -> bool:
    """Whether a key occurs anywhere in a JSON value."""
    if isinstance(value, Mapping):
        return key in value or any(holds(item, key) for item in value.values())
    return isinstance(value, list) and any(holds(item, key) for item in value)


def is_whole_turn(scene: RequestContext) -> bool:
    """Whether this is a request of the main loop, with everything in it."""
    return "context_management" in scene.body and "tools" in scene.body


def refuses(
    requirement: str, present: Callable[[RequestContext], bool], message: str, seen: str = ""
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declares a fault that refuses what a request holds; the function gives its name and its sentence."""

    def declare(function: Callable[..., Any]) -> Callable[..., Any]:
        def rewrite(failures: Failures, scene: RequestContext) -> Failures:
            return refused_if(failures, present(scene), message)

        rewrite.__name__, rewrite.__doc__ = function.__name__, function.__doc__
        cited = seen if not seen or ".json" in seen else f"{SEEN}{seen}"
        return fault(CATEGORY, trips={requirement}, at=Stage.FAILURES, seen=cited)(rewrite)

    return declare


@refuses("claude-code.query.beta", lambda scene: "beta=true" in scene.request.target, "unknown query", "query_beta")
def refuse_beta_query() -> None:
    """A query string is refused."""


@refuses(
    "claude-code.headers.beta",
    lambda scene: "claude-code-" in (scene.request.header("anthropic-beta") or ""),
    "Unexpected value(s) for the `anthropic-beta` header",
    "beta_header",
)
def refuse_betas_of_claude_code() -> None:
    """The betas of Claude Code are refused."""


@refuses(
    "claude-code.headers.client",
    lambda scene: scene.request.header("anthropic-dangerous-direct-browser-access") is not None,
    "browsers are not allowed here",
)
def refuse_direct_access_header() -> None:
    """The header that allows browsers is refused."""


@refuses(
    "claude-code.system.blocks", lambda scene: len_of(scene, "system") > 2, "system: too many blocks", "system_list"
)
def refuse_many_system_blocks() -> None:
    """A system prompt of three blocks is refused."""


def len_of(scene: RequestContext, key: str) -> int:
    value = scene.body.get(key)
    return len(value) if isinstance(value, list) else 0


@refuses(
    "claude-code.cache-control",
    lambda scene: holds(scene.body.get("system"), "cache_control"),
    "system.1.cache_control: Extra inputs are not permitted",
    "cache_control",
)
def refuse_cached_system() -> None:
    """cache_control on a system block is refused."""


@refuses(
    "claude-code.content.blocks",
    lambda scene: sum(block.get("type") == "text" for block in blocks(scene)) > 1,
    "content: one text block only",
    "content_list",
)
def refuse_several_text_blocks() -> None:
    """A message of two text blocks is refused."""


@refuses(
    "claude-code.messages.system-role",
    lambda scene: any(turn.get("role") == "system" for turn in turns(scene)),
    "messages.1.role: Input should be 'user' or 'assistant'",
    "system_role_pydantic, reject_system_role_jinja",
)
def refuse_system_role_in_other_words() -> None:
    """A system message is refused in words that Claude Code does not recognise."""


def thinks(scene: RequestContext, kind: str) -> bool:
    thinking = scene.body.get("thinking")
    return isinstance(thinking, dict) and thinking.get("type") == kind


@refuses(
    "claude-code.thinking",
    lambda scene: thinks(scene, "adaptive"),
    "thinking: Input tag 'adaptive' does not match any of the expected tags",
    "adaptive_vllm",
)
def refuse_adaptive_thinking_in_other_words() -> None:
    """Adaptive thinking is refused in words that Claude Code does not recognise."""


@refuses(
    "claude-code.thinking.disabled",
    lambda scene: thinks(scene, "disabled"),
    "thinking: unknown type 'disabled'",
    "defects.json thinking-disabled-with-effort-rejected",
)
def refuse_disabled_thinking() -> None:
    """Thinking may not be disabled by name."""


@refuses(
    "claude-code.context-management",
    lambda scene: "context_management" in scene.body,
    "context_management: Extra inputs are not permitted",
    "context_management",
)
def refuse_context_management() -> None:
    """context_management is refused."""


@refuses(
    "claude-code.output-config.effort",
    lambda scene: holds(scene.body.get("output_config"), "effort"),
    "output_config.effort: Extra inputs are not permitted",
    "output_config",
)
def refuse_effort() -> None:
    """output_config.effort is refused."""


@refuses(
    "claude-code.output-config.format",
    lambda scene: holds(scene.body.get("output_config"), "format"),
    "output_config.format: Extra inputs are not permitted",
)
def refuse_output_format() -> None:
    """output_config.format is refused."""


@refuses("claude-code.tools", lambda scene: len_of(scene, "tools") > 8, "tools: at most 8", "tools")
def refuse_many_tools() -> None:
    """More than eight tools are refused."""


@refuses(
    "claude-code.metadata",
    lambda scene: "{" in user_id(scene),
    "metadata.user_id: letters and digits only",
    "metadata",
)
def refuse_json_user_id() -> None:
    """A user_id that is a JSON text is refused."""


@refuses(
    "claude-code.max-tokens",
    lambda scene: scene.body.get("max_tokens") == 32_000,
    "max_tokens: 32000 > 8192",
    "max_tokens32k",
)
def refuse_32000_max_tokens() -> None:
    """max_tokens of 32,000 is too many."""


@refuses(
    "claude-code.tool-result.text",
    lambda scene: any("cache_control" in block for block in results(scene)) and not is_whole_turn(scene),
    "tool_result.cache_control: Extra inputs are not permitted",
)
def refuse_cached_tool_result() -> None:
    """cache_control on a tool_result is refused."""


@refuses(
    "claude-code.tool-result.image",
    lambda scene: any(holds(block.get("content"), "source") for block in results(scene)),
    "tool_result.content: text only",
)
def refuse_image_in_tool_result() -> None:
    """A tool_result may hold text only."""


@refuses(
    "claude-code.tool-result.document",
    lambda scene: bool(results(scene)) and any(block.get("type") == "document" for block in blocks(scene)),
    "messages.2.content.1: documents may not follow a tool_result",
)
def refuse_document_after_tool_result() -> None:
    """A document beside a tool_result is refused."""


@refuses(
    "claude-code.tool-loop",
    lambda scene: bool(results(scene)) and is_whole_turn(scene),
    "messages.2.content: unexpected content block",
)
def refuse_the_turn_after_a_tool() -> None:
    """The conversation cannot go on after a tool has run."""


@refuses(
    "claude-code.turn",
    lambda scene: is_whole_turn(scene) and scene.streams and not results(scene),
    "the request is too complex",
)
def refuse_whole_turn() -> None:
    """All features together are refused, though each alone is accepted."""


@refuses(
    "claude-code.turn.whole",
    lambda scene: is_whole_turn(scene) and not scene.streams,
    "tools need stream: true",
)
def refuse_whole_turn_without_stream() -> None:
    """A request with tools is answered by a stream only."""


@fault(
    CATEGORY,
    trips={
        "claude-code.accept.json",
        "claude-code.max-tokens",
        "transport.path.post-messages",
        "response.content.echoable",
    },
    at=Stage.FAILURES,
    seen=f"{SEEN}accept_sse",
)
def refuse_json_accept_for_streams(failures: Failures, scene: RequestContext) -> Failures:
    """A stream is refused to a client that accepts JSON."""
    accepts = "application/json" in (scene.request.header("accept") or "")
    return refused_if(failures, scene.streams and accepts, "accept: text/event-stream is required")


@fault(CATEGORY, trips={"claude-code.auth.bearer", "auth.bearer.accepted"}, at=Stage.FAILURES, seen=f"{SEEN}bearer")
def refuse_bearer_of_some(failures: Failures, scene: RequestContext) -> Failures:
    """A bearer token is refused."""
    return refused_as_key(failures, scene.request.header("authorization") is not None)


@fault(CATEGORY, trips={"claude-code.auth.x-api-key", "auth.x-api-key.accepted"}, at=Stage.FAILURES)
def refuse_key_header(failures: Failures, scene: RequestContext) -> Failures:
    """A key in x-api-key is refused."""
    return refused_as_key(failures, scene.request.header("x-api-key") is not None)


def refused_as_key(failures: Failures, present: bool) -> Failures:
    return [*failures, Failure(status=401, message="invalid credential")] if present else failures


@fault(CATEGORY, trips={"claude-code.path.head"}, at=Stage.RESPONSE)
def fail_on_head(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """HEAD breaks the server."""
    return replace(response, status=500) if scene.request.method == "HEAD" else response


@fault(CATEGORY, trips={"claude-code.count-tokens"}, at=Stage.RESPONSE)
def refuse_to_count(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """count_tokens is known and refused."""
    return replace(response, status=403) if scene.request.path.endswith("/count_tokens") else response


@fault(CATEGORY, trips={"claude-code.count-tokens.fallback", "usage.present"}, at=Stage.DOCUMENT)
def leave_out_input_of_short_answers(message: Json, scene: RequestContext) -> Json:
    """An answer of one token has no input_tokens."""
    usage = {name: value for name, value in message["usage"].items() if name != "input_tokens"}
    return {**message, "usage": usage} if scene.body.get("max_tokens") == 1 else message


@fault(
    CATEGORY,
    trips={"claude-code.stream.tool-input", "stream.block.start-tool-input-empty"},
    at=Stage.EVENTS,
    seen="impact.json tool_input_in_start; sdk_streams X26",
)
def give_tool_input_at_once(events: list[Event]) -> list[Event]:
    """The whole input of a tool call stands in content_block_start, and no delta follows."""
    inputs: dict[int, str] = {}
    for _, data in events:
        fragment = data.get("delta", {}).get("partial_json")
        if fragment is not None:
            inputs[data["index"]] = inputs.get(data["index"], "") + fragment
    kept = [event for event in events if event[1].get("delta", {}).get("partial_json") is None]
    return [(name, with_input(data, inputs.get(data.get("index", -1), ""))) for name, data in kept]


def with_input(data: Json, text: str) -> Json:
    if data["type"] != "content_block_start" or not text:
        return data
    return {**data, "content_block": {**data["content_block"], "input": json.loads(text)}}
