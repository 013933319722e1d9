"""The output items of a response: reasoning, messages and function calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from messages_conformance.upstream.replies import Reply, fresh_id
from messages_conformance.upstream.script import Block, Other, Reasoning, Refusal, Text, ToolCall


@dataclass(frozen=True, kw_only=True)
class Item:
    """One output item, finished, and the blocks of the script that it is made of."""

    value: dict[str, Any]
    blocks: tuple[Block, ...]

    @property
    def is_call(self) -> bool:
        """Whether it is a function call."""
        return isinstance(self.blocks[0], ToolCall)


def items(reply: Reply) -> tuple[Item, ...]:
    """The items of an answer. Texts and refusals that follow each other are parts of one message."""
    return tuple(_item(reply, blocks) for blocks in _grouped(reply))


def _grouped(reply: Reply) -> Iterator[tuple[Block, ...]]:
    held: list[Block] = []
    for block in reply.script.blocks:
        if isinstance(block, (Text, Refusal)):
            held.append(block)
        if isinstance(block, (Text, Refusal, Other)):
            continue
        if held:
            yield tuple(held)
            held = []
        yield (block,)
    if held:
        yield tuple(held)


def _item(reply: Reply, blocks: tuple[Block, ...]) -> Item:
    first = blocks[0]
    if isinstance(first, ToolCall):
        value = _function_call(first)
    elif isinstance(first, Reasoning):
        value = _reasoning(reply, first)
    else:
        value = _message(reply, blocks)
    return Item(value=value, blocks=blocks)


def _function_call(call: ToolCall) -> dict[str, Any]:
    return {
        "id": fresh_id("fc_"),
        "type": "function_call",
        "status": "completed",
        "arguments": call.arguments,
        "call_id": call.id,
        "name": call.name,
    }


def _reasoning(reply: Reply, block: Reasoning) -> dict[str, Any]:
    summary = [{"type": "summary_text", "text": block.reasoning}] if block.reasoning else []
    encrypted = {"encrypted_content": block.redacted or block.signature} if includes_encrypted(reply) else {}
    return {"id": fresh_id("rs_"), "type": "reasoning", "summary": summary, **encrypted}


def includes_encrypted(reply: Reply) -> bool:
    """Whether the request asks for the signatures of reasoning."""
    return "reasoning.encrypted_content" in (reply.body.get("include") or ())


def _message(reply: Reply, blocks: tuple[Block, ...]) -> dict[str, Any]:
    cut = reply.finish in ("length", "content_filter") and blocks[-1] is reply.script.blocks[-1]
    return {
        "id": fresh_id("msg_"),
        "type": "message",
        "status": "incomplete" if cut else "completed",
        "role": "assistant",
        "content": [part(block) for block in blocks],
    }


def part(block: Block) -> dict[str, Any]:
    """The part of a message that a block becomes."""
    if isinstance(block, Refusal):
        return {"type": "refusal", "refusal": block.refusal}
    assert isinstance(block, Text)
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": block.text}
