"""Crimes of not listening: fields that are accepted and ignored, and good requests that are refused."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.fault_operations import Failures, Json, dropped, map_text
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.message import plain_text


@fault(
    "request",
    trips={"stop.stop_sequence.occurs"},
    at=Stage.BODY,
    seen=(
        "defects.json stop-sequences-dropped; deviations: LiteLLM mock; deviations: LiteLLM openai; "
        "deviations: claude-code-router"
    ),
)
def drop_stop_sequences(body: Json) -> Json:
    """Stop sequences are accepted and never used."""
    return dropped(body, "stop_sequences")


@fault(
    "request",
    trips={"usage.output.le-max", "stop.max_tokens.occurs"},
    at=Stage.BODY,
    seen="deviations: aimock, LiteLLM mock",
)
def ignore_max_tokens(body: Json) -> Json:
    """The answer may be as long as it likes."""
    return {**body, "max_tokens": 100_000}


@fault("request", trips={"request.system.affects-input-tokens"}, at=Stage.BODY)
def drop_system(body: Json) -> Json:
    """The system prompt is accepted and never read."""
    return dropped(body, "system")


@fault(
    "request",
    trips={"transport.content-type.sse-response"},
    at=Stage.BODY,
    seen="defects.json stream-true-returns-json; impact.json json_for_stream; deviations: LiteLLM mock",
)
def ignore_stream(body: Json) -> Json:
    """A request for a stream gets one JSON document."""
    return {**body, "stream": False}


@fault("request", trips={"request.stream.false-json"}, at=Stage.BODY, seen="impact.json sse_for_json")
def stream_always(body: Json) -> Json:
    """A request for a document gets a stream."""
    return {**body, "stream": True}


@fault(
    "request",
    trips={"request.messages.content-blocks", "request.tool_result.affects-input-tokens"},
    at=Stage.BODY,
    seen="defects.json array-content-message-dropped",
)
def drop_array_content(body: Json) -> Json:
    """A message whose content is a list of blocks is skipped."""
    return {**body, "messages": [turn for turn in turns(body) if isinstance(turn.get("content"), str)]}


@fault(
    "request",
    trips={"request.messages.content-blocks"},
    at=Stage.BODY,
    seen="defects.json system-array-stringified-or-rejected",
)
def stringify_array_content(body: Json) -> Json:
    """A list of blocks reaches the model as the text of the list."""
    changed = [
        {**turn, "content": turn["content"] if isinstance(turn["content"], str) else json.dumps(turn["content"])}
        for turn in turns(body)
    ]
    return {**body, "messages": changed}


def turns(body: Mapping[str, Any]) -> list[Json]:
    messages = body.get("messages")
    return [turn for turn in messages if isinstance(turn, dict)] if isinstance(messages, list) else []


@fault("request", trips={"request.prefill.continue"}, at=Stage.MESSAGE)
def repeat_prefill(message: Json, scene: RequestContext) -> Json:
    """The answer begins with the text that the final assistant message already holds."""
    messages = turns(scene.body)
    if not messages or messages[-1].get("role") != "assistant":
        return message
    return map_text(message, lambda text: plain_text(messages[-1].get("content")) + text)


def texts_only(content: object) -> bool:
    return isinstance(content, list) and all(isinstance(b, dict) and b.get("type") == "text" for b in content)


def refusing(failures: Failures, refused: bool, message: str) -> Failures:
    return [*failures, Failure(message=message)] if refused else failures


@fault("request", trips={"request.messages.consecutive-same-role"}, at=Stage.FAILURES)
def demand_alternating_roles(failures: Failures, scene: RequestContext) -> Failures:
    """Two messages of one role in a row are refused."""
    roles = [turn.get("role") for turn in turns(scene.body)]
    twice = any(role == following for role, following in itertools.pairwise(roles))
    return refusing(failures, twice, "messages: roles must alternate between user and assistant")


@fault(
    "request",
    trips={"request.cache_control.below-minimum", "request.system.blocks"},
    at=Stage.FAILURES,
    seen="defects.json system-array-stringified-or-rejected",
)
def refuse_system_blocks(failures: Failures, scene: RequestContext) -> Failures:
    """A system prompt in blocks is refused."""
    return refusing(failures, isinstance(scene.body.get("system"), list), "system: Input should be a valid string")


@fault("request", trips={"request.messages.content-blocks"}, at=Stage.FAILURES)
def refuse_user_blocks(failures: Failures, scene: RequestContext) -> Failures:
    """A user message in text blocks is refused."""
    blocks = any(texts_only(turn.get("content")) for turn in turns(scene.body) if turn.get("role") == "user")
    return refusing(failures, blocks, "messages.0.content: Input should be a valid string")


@fault("request", trips={"response.content.echoable"}, at=Stage.FAILURES)
def refuse_own_blocks(failures: Failures, scene: RequestContext) -> Failures:
    """The text blocks of an earlier answer are refused when they come back."""
    echoed = any(texts_only(turn.get("content")) for turn in turns(scene.body) if turn.get("role") == "assistant")
    return refusing(failures, echoed, "messages.1.content: Input should be a valid string")


@fault("request", trips={"request.stop_sequences.empty-array"}, at=Stage.FAILURES)
def refuse_empty_stop_list(failures: Failures, scene: RequestContext) -> Failures:
    """An empty list of stop sequences is refused."""
    return refusing(failures, scene.body.get("stop_sequences") == [], "stop_sequences: at least one item is required")


@fault("request", trips={"request.max_tokens.zero-prewarm"}, at=Stage.FAILURES)
def refuse_prewarming(failures: Failures, scene: RequestContext) -> Failures:
    """A max_tokens of 0 is refused."""
    return refusing(failures, scene.body.get("max_tokens") == 0, "max_tokens: Input should be greater than 0")


@fault(
    "request",
    trips=set(),
    trips_tokmodel={"request.temperature.range-tokmodel", "tokmodel.example.request"},
    at=Stage.FAILURES,
)
def refuse_temperature(failures: Failures, scene: RequestContext) -> Failures:
    """A temperature is refused, whatever its value."""
    return refusing(failures, "temperature" in scene.body, "temperature: not supported by this model")


@fault("request", trips={"request.idempotent-shape"}, at=Stage.FAILURES)
def depend_on_key_order(failures: Failures, scene: RequestContext) -> Failures:
    """A body whose first key is the messages is refused."""
    return refusing(failures, next(iter(scene.body), None) == "messages", "model: Field required")


@fault(
    "request",
    trips=set(),
    trips_tokmodel={"request.model.provider-prefix", "tokmodel.example.request"},
    statement="refused the model",
    at=Stage.FAILURES,
)
def refuse_prefixed_models(failures: Failures, scene: RequestContext) -> Failures:
    """A model with a provider's prefix is not known."""
    name = scene.body.get("model")
    return refusing(failures, isinstance(name, str) and "/" in name, f"model: {name}")


@fault("request", trips=set(), trips_tokmodel={"request.top_p.accepted-tokmodel"}, at=Stage.FAILURES)
def refuse_top_p(failures: Failures, scene: RequestContext) -> Failures:
    """A top_p is refused, whatever its value."""
    return refusing(failures, "top_p" in scene.body, "top_p: not supported by this model")


@fault("request", trips={"request.system.string"}, at=Stage.FAILURES)
def refuse_system_string(failures: Failures, scene: RequestContext) -> Failures:
    """A system prompt must be a list of blocks."""
    return refusing(failures, isinstance(scene.body.get("system"), str), "system: Input should be a valid list")


def with_choice(body: Json, **choice: Any) -> Json:
    return {**body, "tool_choice": choice} if body.get("tools") else body


def choice_of(body: Json) -> Mapping[str, Any]:
    choice = body.get("tool_choice")
    return choice if isinstance(choice, dict) else {}


@fault(
    "tools",
    trips={"request.tool_choice.any-forces"},
    at=Stage.BODY,
    seen="defects.json tool-choice-ignored; deviations: LiteLLM mock",
)
def ignore_forced_choice(body: Json) -> Json:
    """The choice any leaves the model free."""
    choice = choice_of(body)
    return with_choice(body, **{**choice, "type": "auto"}) if choice.get("type") == "any" else body


@fault("tools", trips={"request.tool_choice.tool-forces"}, at=Stage.BODY, seen="defects.json tool-choice-ignored")
def call_another_tool(body: Json) -> Json:
    """A tool that was named is not the one that is called."""
    choice, tools = choice_of(body), body.get("tools") or []
    others = [tool["name"] for tool in tools if tool.get("name") != choice.get("name")]
    return with_choice(body, type="tool", name=others[0]) if choice.get("type") == "tool" and others else body


@fault("tools", trips={"request.tool_choice.none-forbids"}, at=Stage.BODY)
def ignore_forbidden_choice(body: Json) -> Json:
    """The choice none leaves the model free."""
    return with_choice(body, type="auto") if choice_of(body).get("type") == "none" else body


@fault("tools", trips={"request.tool_choice.disable-parallel-auto"}, at=Stage.BODY)
def ignore_parallel_limit(body: Json) -> Json:
    """The choice auto may give several calls although that was switched off."""
    return with_choice(body, type="auto") if choice_of(body).get("type") == "auto" else body


@fault("tools", trips={"request.tool_choice.disable-parallel-any"}, at=Stage.BODY)
def ignore_parallel_limit_of_forced_calls(body: Json) -> Json:
    """A forced choice may give several calls although that was switched off."""
    choice = {key: value for key, value in choice_of(body).items() if key != "disable_parallel_tool_use"}
    return with_choice(body, **choice) if choice.get("type") in ("any", "tool") else body


@fault(
    "tools",
    trips={"request.tool_result.content-optional"},
    at=Stage.FAILURES,
    seen="defects.json tool-result-empty-array-rejected",
)
def refuse_empty_tool_results(failures: Failures, scene: RequestContext) -> Failures:
    """A tool_result without content is refused."""
    contents = [turn.get("content") for turn in turns(scene.body)]
    blocks = [
        block for content in contents if isinstance(content, list) for block in content if isinstance(block, dict)
    ]
    empty = any(block.get("type") == "tool_result" and not block.get("content") for block in blocks)
    return refusing(failures, empty, "messages: tool_result content is empty")
