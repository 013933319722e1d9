"""Turns a request body into a prompt, and the completion of the model into a Message.

Reading is lenient: an invalid body that a fault lets through still gets an answer, never a crash.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, cast

from messages_conformance.reference import text_tasks, web_search
from messages_conformance.reference.json_values import as_list, as_object, as_text
from messages_conformance.reference.language_model import (
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
from messages_conformance.reference.request_blocks import signature

Body = Mapping[str, Any]
DEFAULT_MAX_TOKENS = 1024
"""The limit if a fault lets an invalid max_tokens through."""

PAGE = re.compile(rb"/Type\s*/Page\b")
CONTEXT_TOKENS = 200_000
"""The most tokens of a prompt and its answer together."""


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
    """Every readable text of the content, one per line."""
    return "\n".join(text for text in texts(content) if text)


def turn(message: Mapping[str, Any]) -> Turn:
    """A message of a request as the model reads it."""
    content = message.get("content")
    results = [block for block in as_list(content) if as_object(block).get("type") == "tool_result"]
    role: Role = "assistant" if message.get("role") == "assistant" else "user"
    return Turn(
        role=role,
        text=plain_text(content),
        tool_results=tuple(plain_text(block.get("content")) or "nothing" for block in results),
        has_failed=any(block.get("is_error") is True for block in results),
    )


def merged(turns: list[Turn]) -> tuple[Turn, ...]:
    """The turns, with consecutive turns of one role joined."""
    result: list[Turn] = []
    for item in turns:
        if result and result[-1].role == item.role:
            before = result.pop()
            joined = "\n".join(text for text in (before.text, item.text) if text)
            item = Turn(
                role=item.role,
                text=joined,
                tool_results=(*before.tool_results, *item.tool_results),
                has_failed=before.has_failed or item.has_failed,
            )
        result.append(item)
    return tuple(result)


def prompt(body: Body) -> Prompt:
    """The prompt that the model reads for a request body."""
    choice = as_object(body.get("tool_choice"))
    kind = choice.get("type") if choice.get("type") in ("auto", "any", "tool", "none") else "auto"
    schema = as_object(answer_format(body)).get("schema")
    limit = body.get("max_tokens")
    messages = [item for item in as_list(body.get("messages")) if isinstance(item, dict)]
    instructions = [body.get("system"), *(item.get("content") for item in messages if item.get("role") == "system")]
    turns = merged([turn(item) for item in messages if item.get("role") != "system"])
    searches = missing_searches(body, turns)
    return Prompt(
        turns=turns,
        system="\n".join(text for text in map(plain_text, instructions) if text),
        max_tokens=limit if isinstance(limit, int) and limit >= 0 else DEFAULT_MAX_TOKENS,
        stop_sequences=tuple(item for item in as_list(body.get("stop_sequences")) if isinstance(item, str)),
        tools=tuple(tool(item) for item in as_list(body.get("tools")) if callable_tool(item)),
        tool_choice=cast(Literal["auto", "any", "tool", "none"], kind),
        forced_tool=choice.get("name"),
        parallel=choice.get("disable_parallel_tool_use") is not True,
        thinking=thinks(body, turns),
        answer_schema=schema if isinstance(schema, dict) else None,
        searches=searches[: web_search.MAX_SEARCHES],
        pauses=len(searches) > web_search.MAX_SEARCHES,
    )


def answer_format(body: Body) -> object:
    """The format that a request sets for the answer, also under the field name of the beta."""
    return as_object(body.get("output_config")).get("format") or body.get("output_format")


def last_turn(turns: tuple[Turn, ...]) -> Turn:
    """The last user turn; an empty turn if there is none."""
    return next((item for item in reversed(turns) if item.role == "user"), Turn(role="user", text=""))


def thinks(body: Body, turns: tuple[Turn, ...]) -> bool:
    """Whether the answer begins with thinking: always, if the question needs it, or after a tool result."""
    question = last_turn(turns)
    match as_object(body.get("thinking")).get("type"):
        case "enabled":
            return True
        case "adaptive":
            return text_tasks.needs_thinking(question.text)
        case "between_tools":
            return bool(question.tool_results)
    return False


def missing_searches(body: Body, turns: tuple[Turn, ...]) -> tuple[str, ...]:
    """The web searches that the answer still needs."""
    choice = as_object(body.get("tool_choice"))
    tool = web_search.search_tool(as_list(body.get("tools")))
    if tool is None or choice.get("type") == "none":
        return ()
    forced = choice.get("type") == "any" or (choice.get("type") == "tool" and choice.get("name") == tool.get("name"))
    turn = (as_list(body.get("messages")) or [None])[-1]
    done = web_search.already_searched(turn)
    return tuple(query for query in web_search.queries(last_turn(turns).text, tool, forced=forced) if query not in done)


def callable_tool(item: object) -> bool:
    """Whether the model can call a tool: it has a name and a schema."""
    return isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get("input_schema"), dict)


def tool(item: Mapping[str, Any]) -> Tool:
    """A tool definition as the model reads it."""
    return Tool(name=item["name"], description=as_text(item.get("description")), schema=item["input_schema"])


def document_tokens(block: Mapping[str, Any], model: Model) -> int:
    """The tokens of a document's title, context and text; a page of a PDF counts as one image."""
    source = as_object(block.get("source"))
    about = model.count(as_text(block.get("title"))) + model.count(as_text(block.get("context")))
    if source.get("type") == "text":
        return about + model.count(as_text(source.get("data")))
    if source.get("type") == "content":
        return about + content_tokens(source.get("content"), model)
    return about + IMAGE_TOKENS * pages(source)


def pages(source: Mapping[str, Any]) -> int:
    """The number of pages of a PDF, counted by their markers: at least one."""
    if source.get("type") != "base64":
        return 1
    with contextlib.suppress(ValueError):
        return max(1, len(PAGE.findall(base64.b64decode(as_text(source.get("data"))))))
    return 1


def uncached(holder: Any) -> Any:
    """A value without cache_control in it and in the blocks inside it, because the model does not read that."""
    if isinstance(holder, list):
        return [uncached(item) for item in holder]
    if not isinstance(holder, dict):
        return holder
    kept = {name: value for name, value in holder.items() if name != "cache_control"}
    return {**kept, "content": uncached(kept["content"])} if isinstance(kept.get("content"), list) else kept


def input_tokens(body: Body, model: Model) -> int:
    """The tokens of everything that the model reads: system prompt, turns and tools, each with its overhead."""
    total = sum(model.count(text) for text in texts(body.get("system")))
    total += TURN_OVERHEAD_TOKENS if body.get("system") else 0
    for item in as_list(body.get("tools")):
        total += model.count(json.dumps(uncached(item), sort_keys=True)) + TURN_OVERHEAD_TOKENS
    for item in as_list(body.get("messages")):
        total += TURN_OVERHEAD_TOKENS + content_tokens(as_object(item).get("content"), model)
    return max(1, total)


def content_tokens(content: object, model: Model) -> int:
    """The tokens of a string or of a list of blocks."""
    if isinstance(content, str):
        return model.count(content)
    return sum(block_tokens(as_object(block), model) for block in as_list(content))


def block_tokens(block: Mapping[str, Any], model: Model) -> int:
    """The tokens of one content block."""
    kind = block.get("type")
    if kind == "text":
        return model.count(as_text(block.get("text")))
    if kind == "image":
        return IMAGE_TOKENS
    if kind == "document":
        return TURN_OVERHEAD_TOKENS + document_tokens(block, model)
    if kind == "tool_result":
        return TURN_OVERHEAD_TOKENS + content_tokens(block.get("content"), model)
    return TURN_OVERHEAD_TOKENS + model.count(json.dumps(uncached(block), sort_keys=True))


def usage(input_count: int, completion: Completion) -> dict[str, Any]:
    """The usage of a Message before caching."""
    counted: dict[str, Any] = {
        "input_tokens": input_count,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": completion.output_tokens,
        "service_tier": "standard",
    }
    if completion.thinking:
        counted["output_tokens_details"] = {"thinking_tokens": completion.thinking_tokens}
    if completion.searches:
        counted["server_tool_use"] = {"web_search_requests": len(completion.searches), "web_fetch_requests": 0}
    return counted


def content(completion: Completion, ids: Iterator[str], *, omitted: bool = False) -> list[dict[str, Any]]:
    """The content blocks of an answer: thinking, searches, text, calls. No block for an empty answer.

    If thinking is `omitted`, its block has only the signature.
    """
    blocks: list[dict[str, Any]] = []
    if completion.thinking:
        shown = "" if omitted else completion.thinking
        blocks.append({"type": "thinking", "thinking": shown, "signature": signature(completion.thinking)})
    blocks.extend(web_search.blocks(completion.searches, ids))
    if completion.text:
        blocks.append({"type": "text", "text": completion.text})
    blocks.extend(tool_use(call, next(ids)) for call in completion.calls)
    return blocks


def tool_use(call: Call, tool_id: str) -> dict[str, Any]:
    """The block of a tool call."""
    return {"type": "tool_use", "id": tool_id, "name": call.name, "input": dict(call.input)}


def completed(body: Body, model: Model, input_count: int) -> Completion:
    """The completion, within max_tokens and within the rest of the context window."""
    request = prompt(body)
    remaining = max(0, CONTEXT_TOKENS - input_count)
    if remaining >= request.max_tokens:
        return model.complete(request)
    completion = model.complete(replace(request, max_tokens=remaining))
    cut = completion.stop_reason == "max_tokens"
    return replace(completion, stop_reason="model_context_window_exceeded") if cut else completion


def message(body: Body, model: Model, *, message_id: str, tool_ids: Iterator[str]) -> dict[str, Any]:
    """The Message that answers a request body."""
    input_count = input_tokens(body, model)
    completion = completed(body, model, input_count)
    thinking = as_object(body.get("thinking"))
    return {
        "id": message_id,
        "type": "message",
        "role": "assistant",
        "model": body.get("model"),
        "content": content(completion, tool_ids, omitted=thinking.get("display") == "omitted"),
        "stop_reason": completion.stop_reason,
        "stop_sequence": completion.stop_sequence,
        "stop_details": stop_details(completion),
        "usage": usage(input_count, completion),
    }


def stop_details(completion: Completion) -> dict[str, Any] | None:
    """The details of a refusal; None for any other end."""
    if completion.refusal is None:
        return None
    return {"type": "refusal", "category": completion.refusal, "explanation": "This is not answered, for safety."}
