"""Crimes against conversations: turns and results that are lost, refused or mixed up, ids that come again."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.fault_operations import Events, Failures, Json, error_response
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.faults.requests import refusing, turns
from messages_conformance.reference.faults.stream_calls import with_inputs
from messages_conformance.reference.http import HttpResponse


def map_blocks(body: Json, change: Callable[[Json], Json | None]) -> Json:
    """The body with every content block of every message changed; None drops a block."""

    def changed(turn: Json) -> Json:
        content = turn.get("content")
        if not isinstance(content, list):
            return turn
        new = [change(block) if isinstance(block, dict) else block for block in content]
        return {**turn, "content": [block for block in new if block is not None]}

    return {**body, "messages": [changed(turn) for turn in turns(body)]}


def blocks(scene: RequestContext, *kinds: str) -> list[Json]:
    """The content blocks of some kinds in all messages of a request."""
    contents = [turn.get("content") for turn in turns(scene.body)]
    found: list[Any] = [block for content in contents if isinstance(content, list) for block in content]
    return [block for block in found if isinstance(block, dict) and block.get("type") in kinds]


# -- what is lost ---------------------------------------------------------------------------------------------------


@fault("request", trips={"request.messages.affects-input-tokens", "usage.input.monotone"}, at=Stage.BODY)
def forget_earlier_turns(body: Json) -> Json:
    """Only the last message reaches the model."""
    return {**body, "messages": turns(body)[-1:]}


@fault("request", trips={"request.messages.affects-input-tokens", "usage.input.monotone"}, at=Stage.BODY)
def forget_own_answers(body: Json) -> Json:
    """The turns of the assistant, and the user's before them, do not reach the model."""
    roles = [turn.get("role") for turn in turns(body)]
    last = max((at for at, role in enumerate(roles) if role == "assistant"), default=-1)
    return {**body, "messages": turns(body)[last + 1 :]} if last + 1 < len(roles) else body


@fault(
    "tools",
    trips={"request.tool_result.affects-input-tokens"},
    at=Stage.BODY,
    seen="defects.json tool-history-dropped",
)
def forget_tool_results(body: Json) -> Json:
    """What a tool_result says does not reach the model."""
    return map_blocks(body, lambda block: {**block, "content": ""} if block.get("type") == "tool_result" else block)


@fault("tools", trips={"request.tool_result.affects-input-tokens"}, at=Stage.BODY)
def forget_results_in_blocks(body: Json) -> Json:
    """What a tool_result says in blocks does not reach the model; a string does."""

    def emptied(block: Json) -> Json:
        listed = block.get("type") == "tool_result" and isinstance(block.get("content"), list)
        return {**block, "content": ""} if listed else block

    return map_blocks(body, emptied)


@fault(
    "request",
    trips={"request.system.blocks-read"},
    at=Stage.BODY,
    seen="defects.json system-array-stringified-or-rejected",
)
def stringify_system(body: Json) -> Json:
    """A system prompt in blocks reaches the model as the text of the list."""
    return {**body, "system": json.dumps(body["system"])} if isinstance(body.get("system"), list) else body


@fault("request", trips={"request.system.affects-input-tokens", "request.system.blocks-read"}, at=Stage.BODY)
def forget_system_blocks(body: Json) -> Json:
    """A system prompt in blocks does not reach the model."""
    return {name: value for name, value in body.items() if name != "system" or isinstance(value, str)}


# -- what is refused ------------------------------------------------------------------------------------------------


@fault(
    "tools",
    trips={"request.tool_result.content-optional"},
    at=Stage.FAILURES,
    seen="defects.json is-error-tool-result-rejected",
)
def refuse_failed_results(failures: Failures, scene: RequestContext) -> Failures:
    """A tool_result that says is_error is refused."""
    failed = any(block.get("is_error") is True for block in blocks(scene, "tool_result"))
    return refusing(failures, failed, "messages: is_error is not supported")


@fault("tools", trips={"request.tool_result.content-optional"}, at=Stage.FAILURES)
def refuse_results_in_blocks(failures: Failures, scene: RequestContext) -> Failures:
    """A tool_result must be a string."""
    listed = any(isinstance(block.get("content"), list) for block in blocks(scene, "tool_result"))
    return refusing(failures, listed, "messages: tool_result content must be a string")


@fault(
    "tools",
    trips={"request.tool_result.content-optional"},
    at=Stage.FAILURES,
    seen="defects.json tool-messages-order-rejected; impact.json reject_orphan_tool_result",
)
def refuse_text_after_results(failures: Failures, scene: RequestContext) -> Failures:
    """A message of tool results may hold nothing else."""
    contents = [turn.get("content") for turn in turns(scene.body)]
    kinds = [
        [b.get("type") for b in content if isinstance(b, dict)] for content in contents if isinstance(content, list)
    ]
    mixed = any("tool_result" in kind and "text" in kind[kind.index("tool_result") :] for kind in kinds)
    return refusing(failures, mixed, "messages: insufficient tool messages following tool_calls")


@fault(
    "tools",
    trips={"request.tool_result.content-optional"},
    at=Stage.FAILURES,
    seen="defects.json tool-messages-order-rejected",
)
def refuse_two_results(failures: Failures, scene: RequestContext) -> Failures:
    """A message may hold the result of one call only."""
    contents = [turn.get("content") for turn in turns(scene.body)]
    results = [
        [b for b in content if isinstance(b, dict) and b.get("type") == "tool_result"]
        for content in contents
        if isinstance(content, list)
    ]
    return refusing(failures, any(len(found) > 1 for found in results), "messages: one tool result at a time")


@fault(
    "tools",
    trips={"request.tool_result.content-optional", "request.tool_use.long-id"},
    at=Stage.FAILURES,
    seen="defects.json tool-use-id-duplicated-in-history-conversion",
)
def refuse_tool_history(failures: Failures, scene: RequestContext) -> Failures:
    """A conversation in which a tool was called is refused."""
    called = bool(blocks(scene, "tool_use"))
    return refusing(failures, called, "messages: tool_use ids must be unique")


@fault(
    "thinking",
    trips={"response.content.echoable"},
    trips_tokmodel=set(),
    at=Stage.FAILURES,
    seen="defects.json replayed-thinking-restructured",
)
def refuse_replayed_thinking(failures: Failures, scene: RequestContext) -> Failures:
    """A thinking block that comes back as it was given out is refused."""
    given = bool(blocks(scene, "thinking"))
    return refusing(failures, given, "messages: thinking blocks in the latest assistant message cannot be modified")


@fault(
    "tools",
    trips={"request.tool_use.long-id"},
    at=Stage.FAILURES,
    seen="defects.json tool-use-id-too-long",
)
def refuse_long_tool_ids(failures: Failures, scene: RequestContext) -> Failures:
    """A tool_use id of more than 64 characters is refused."""
    long = any(len(str(block.get("id"))) > 64 for block in blocks(scene, "tool_use"))
    return refusing(failures, long, "messages.1.content.0.id: string too long, at most 64 characters")


@fault(
    "thinking",
    trips={"errors.no-5xx-on-bad-input"},
    at=Stage.RESPONSE,
    seen="defects.json redacted-thinking-crash",
)
def crash_on_redacted_thinking(response: HttpResponse, scene: RequestContext) -> HttpResponse:
    """A redacted_thinking block in the history gives 500."""
    if not blocks(scene, "redacted_thinking"):
        return response
    return error_response(response, scene, 500, "api_error", "KeyError: 'redacted_thinking'")


# -- what is mixed up -----------------------------------------------------------------------------------------------


@fault(
    "tools",
    trips={"response.content.tool_use-ids-unique"},
    at=Stage.MESSAGE,
    seen="defects.json tool-use-id-reused-across-turns",
)
def number_calls_anew_in_each_answer(message: Json) -> Json:
    """The calls of every answer have the ids call_0, call_1 and so on."""
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
def mix_tool_inputs(events: Events, scene: RequestContext) -> Events:
    """The input of a streamed call also holds what was sent to the client before."""
    before: list[str] = scene.memory.setdefault("inputs", [])

    def contaminated(pieces: list[str]) -> list[str]:
        foreign = list(before)
        before[:] = pieces
        return [*foreign, *pieces]

    return with_inputs(events, contaminated)
