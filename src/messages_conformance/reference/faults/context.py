"""Crimes in what reaches the model: parts of the request that are lost on the way to it, without a word."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.fault_operations import Json
from messages_conformance.reference.fault_registry import fault

CONTEXT: Final = "request.context.complete"
BUFFER_CHARACTERS: Final = 8_000


def map_content(body: Json, change: Callable[[list[Any]], list[Any]]) -> Json:
    """The body with every content array changed; strings stay."""
    turns = [
        {**turn, "content": change(turn["content"])} if isinstance(turn.get("content"), list) else turn
        for turn in body["messages"]
    ]
    return {**body, "messages": turns}


def is_result(block: Any) -> bool:
    return isinstance(block, Mapping) and block.get("type") == "tool_result"


@fault("context", trips={CONTEXT}, at=Stage.BODY, seen="one-api and its heirs: a window of the last turns")
def forget_all_but_four_turns(body: Json) -> Json:
    """Only the last turns of a long conversation reach the model."""
    turns = body["messages"]
    return body if len(turns) <= 4 else {**body, "messages": turns[-3:]}


@fault("context", trips={CONTEXT}, at=Stage.BODY, seen="defects.json system-array-stringified-or-rejected")
def read_first_system_block_only(body: Json) -> Json:
    """Of a system prompt in several blocks the first one alone reaches the model."""
    system = body.get("system")
    return {**body, "system": system[:1]} if isinstance(system, list) and len(system) > 1 else body


@fault("context", trips={CONTEXT}, at=Stage.BODY, seen="a buffer of fixed size in a gateway")
def cut_long_texts(body: Json) -> Json:
    """Texts reach the model up to the size of a buffer."""
    turns = [
        {**turn, "content": turn["content"][:BUFFER_CHARACTERS]} if isinstance(turn.get("content"), str) else turn
        for turn in body["messages"]
    ]
    return {**body, "messages": turns}


@fault("context", trips={CONTEXT}, at=Stage.BODY, seen="defects.json tool-history-dropped")
def read_first_tool_result_only(body: Json) -> Json:
    """Of several tool results in one turn the first one alone reaches the model."""

    def first_alone(blocks: list[Any]) -> list[Any]:
        results = [block for block in blocks if is_result(block)]
        return [{**block, "content": "-"} if block in results[1:] else block for block in blocks]

    return map_content(body, first_alone)


@fault("context", trips={CONTEXT}, at=Stage.BODY, seen="defects.json tool-messages-order-rejected")
def drop_text_beside_tool_results(body: Json) -> Json:
    """Text that follows a tool result in the same turn does not reach the model."""

    def without_text(blocks: list[Any]) -> list[Any]:
        return [block for block in blocks if is_result(block)] if any(map(is_result, blocks)) else blocks

    return map_content(body, without_text)
