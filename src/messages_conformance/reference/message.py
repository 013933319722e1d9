"""A request body becomes a prompt, and what the model generates becomes a Message.

Reading is lenient: a body that validation let through by a fault still gets an answer and never a crash.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Literal, cast

from messages_conformance.reference.blocks import signature
from messages_conformance.reference.model import (
    IMAGE_TOKENS,
    TURN_OVERHEAD_TOKENS,
    Call,
    Completion,
    Model,
    Prompt,
    Role,
    Tool,
    Turn,
)

Body = Mapping[str, Any]
LENIENT_MAX_TOKENS = 1024


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def as_object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def as_text(value: object) -> str:
    return value if isinstance(value, str) else ""


def texts(content: object) -> Iterator[str]:
    """Every readable text of a string, a block or a list of blocks, at any depth."""
    if isinstance(content, str):
        yield content
    for block in as_list(content):
        if not isinstance(block, dict):
            continue
        source = as_object(block.get("source"))
        if block.get("type") == "text":
            yield as_text(block.get("text"))
        elif block.get("type") == "document":
            yield from texts(source.get("content"))
            yield as_text(source.get("data")) if source.get("type") == "text" else ""
        elif block.get("type") == "search_result":
            yield from texts(block.get("content"))


def plain_text(content: object) -> str:
    return "\n".join(text for text in texts(content) if text)


def turn(message: Mapping[str, Any]) -> Turn:
    content = message.get("content")
    results = [block for block in as_list(content) if as_object(block).get("type") == "tool_result"]
    role: Role = "assistant" if message.get("role") == "assistant" else "user"
    return Turn(
        role=role,
        text=plain_text(content),
        tool_results=tuple(plain_text(block.get("content")) or "nothing" for block in results),
    )


def merged(turns: list[Turn]) -> tuple[Turn, ...]:
    """Neighbouring turns of one role as one, which is how they are understood."""
    together: list[Turn] = []
    for item in turns:
        if together and together[-1].role == item.role:
            before = together.pop()
            joined = "\n".join(text for text in (before.text, item.text) if text)
            item = Turn(role=item.role, text=joined, tool_results=(*before.tool_results, *item.tool_results))
        together.append(item)
    return tuple(together)


def prompt(body: Body) -> Prompt:
    """What the model is given for a request body."""
    choice = as_object(body.get("tool_choice"))
    kind = choice.get("type") if choice.get("type") in ("auto", "any", "tool", "none") else "auto"
    wanted = as_object(as_object(body.get("output_config")).get("format")).get("schema")
    limit = body.get("max_tokens")
    messages = [item for item in as_list(body.get("messages")) if isinstance(item, dict)]
    instructions = [body.get("system"), *(item.get("content") for item in messages if item.get("role") == "system")]
    return Prompt(
        turns=merged([turn(item) for item in messages if item.get("role") != "system"]),
        system="\n".join(text for text in map(plain_text, instructions) if text),
        max_tokens=limit if isinstance(limit, int) and limit >= 0 else LENIENT_MAX_TOKENS,
        stop_sequences=tuple(item for item in as_list(body.get("stop_sequences")) if isinstance(item, str)),
        tools=tuple(tool(item) for item in as_list(body.get("tools")) if callable_tool(item)),
        tool_choice=cast(Literal["auto", "any", "tool", "none"], kind),
        forced_tool=choice.get("name"),
        parallel=choice.get("disable_parallel_tool_use") is not True,
        thinking=as_object(body.get("thinking")).get("type") == "enabled",
        answer_schema=wanted if isinstance(wanted, dict) else None,
    )


def callable_tool(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get("input_schema"), dict)


def tool(item: Mapping[str, Any]) -> Tool:
    return Tool(name=item["name"], description=as_text(item.get("description")), schema=item["input_schema"])


def input_tokens(body: Body, model: Model) -> int:
    """The size of everything that the model reads: system prompt, turns and tools, each with its overhead."""
    total = sum(model.count(text) for text in texts(body.get("system")))
    total += TURN_OVERHEAD_TOKENS if body.get("system") else 0
    for item in as_list(body.get("tools")):
        total += model.count(json.dumps(item, sort_keys=True)) + TURN_OVERHEAD_TOKENS
    for item in as_list(body.get("messages")):
        total += TURN_OVERHEAD_TOKENS + content_tokens(as_object(item).get("content"), model)
    return max(1, total)


def content_tokens(content: object, model: Model) -> int:
    if isinstance(content, str):
        return model.count(content)
    return sum(block_tokens(as_object(block), model) for block in as_list(content))


def block_tokens(block: Mapping[str, Any], model: Model) -> int:
    kind = block.get("type")
    if kind == "text":
        return model.count(as_text(block.get("text")))
    if kind == "image" or as_object(block.get("source")).get("type") in ("base64", "url", "file"):
        return IMAGE_TOKENS
    if kind == "tool_result":
        return TURN_OVERHEAD_TOKENS + content_tokens(block.get("content"), model)
    return TURN_OVERHEAD_TOKENS + model.count(json.dumps(block, sort_keys=True))


def usage(input_count: int, output_count: int) -> dict[str, Any]:
    return {
        "input_tokens": input_count,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_count,
        "service_tier": "standard",
    }


def content(completion: Completion, ids: Iterator[str], *, omitted: bool = False) -> list[dict[str, Any]]:
    """The content blocks of an answer: the thought, then text or calls; nothing at all for an empty answer.

    An `omitted` thought is represented by its signature alone.
    """
    blocks: list[dict[str, Any]] = []
    if completion.thinking:
        thought = completion.thinking
        shown = "" if omitted else thought
        blocks.append({"type": "thinking", "thinking": shown, "signature": signature(thought)})
    if completion.text:
        blocks.append({"type": "text", "text": completion.text})
    blocks.extend(tool_use(call, next(ids)) for call in completion.calls)
    return blocks


def tool_use(call: Call, tool_id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": tool_id, "name": call.name, "input": dict(call.input)}


def message(body: Body, model: Model, *, message_id: str, tool_ids: Iterator[str]) -> dict[str, Any]:
    """The Message that answers a request body."""
    completion = model.complete(prompt(body))
    thinking = as_object(body.get("thinking"))
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": content(completion, tool_ids, omitted=thinking.get("display") == "omitted"),
        "stop_reason": completion.stop_reason,
        "stop_sequence": completion.stop_sequence,
        "stop_details": None,
        "usage": usage(input_tokens(body, model), completion.output_tokens),
    }
