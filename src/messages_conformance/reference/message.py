"""A request body becomes a prompt, and what the model generates becomes a Message.

Reading is lenient: a body that validation let through by a fault still gets an answer and never a crash.
"""

from __future__ import annotations

import base64
import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Literal, cast

from messages_conformance.reference import searching, text_tasks
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
LENIENT_MAX_TOKENS = 1024
PAGE = re.compile(rb"/Type\s*/Page\b")
CONTEXT_TOKENS = 200_000
"""What a prompt and its answer may have together."""


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
    wanted = as_object(answer_format(body)).get("schema")
    limit = body.get("max_tokens")
    messages = [item for item in as_list(body.get("messages")) if isinstance(item, dict)]
    instructions = [body.get("system"), *(item.get("content") for item in messages if item.get("role") == "system")]
    turns = merged([turn(item) for item in messages if item.get("role") != "system"])
    searches = wanted_searches(body, turns)
    return Prompt(
        turns=turns,
        system="\n".join(text for text in map(plain_text, instructions) if text),
        max_tokens=limit if isinstance(limit, int) and limit >= 0 else LENIENT_MAX_TOKENS,
        stop_sequences=tuple(item for item in as_list(body.get("stop_sequences")) if isinstance(item, str)),
        tools=tuple(tool(item) for item in as_list(body.get("tools")) if callable_tool(item)),
        tool_choice=cast(Literal["auto", "any", "tool", "none"], kind),
        forced_tool=choice.get("name"),
        parallel=choice.get("disable_parallel_tool_use") is not True,
        thinking=thinks(body, turns),
        answer_schema=wanted if isinstance(wanted, dict) else None,
        searches=searches[: searching.MAX_SEARCHES],
        pauses=len(searches) > searching.MAX_SEARCHES,
    )


def answer_format(body: Body) -> object:
    """The format of the answer, also under the name that it had while it was a beta."""
    return as_object(body.get("output_config")).get("format") or body.get("output_format")


def last_turn(turns: tuple[Turn, ...]) -> Turn:
    return next((item for item in reversed(turns) if item.role == "user"), Turn(role="user", text=""))


def thinks(body: Body, turns: tuple[Turn, ...]) -> bool:
    """Whether the answer begins with a thought: always, for what is worth it, or between a tool and its answer."""
    asked = last_turn(turns)
    match as_object(body.get("thinking")).get("type"):
        case "enabled":
            return True
        case "adaptive":
            return text_tasks.needs_thinking(asked.text)
        case "between_tools":
            return bool(asked.tool_results)
    return False


def wanted_searches(body: Body, turns: tuple[Turn, ...]) -> tuple[str, ...]:
    """What the web is still to be searched for."""
    choice = as_object(body.get("tool_choice"))
    tool = searching.search_tool(as_list(body.get("tools")))
    if tool is None or choice.get("type") == "none":
        return ()
    forced = choice.get("type") == "any" or (choice.get("type") == "tool" and choice.get("name") == tool.get("name"))
    turn = (as_list(body.get("messages")) or [None])[-1]
    done = searching.already_searched(turn)
    return tuple(query for query in searching.queries(last_turn(turns).text, tool, forced=forced) if query not in done)


def callable_tool(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str) and isinstance(item.get("input_schema"), dict)


def tool(item: Mapping[str, Any]) -> Tool:
    return Tool(name=item["name"], description=as_text(item.get("description")), schema=item["input_schema"])


def document_tokens(block: Mapping[str, Any], model: Model) -> int:
    """The size of a document's title, context and text; pages that are not text count as one picture each."""
    source = as_object(block.get("source"))
    about = model.count(as_text(block.get("title"))) + model.count(as_text(block.get("context")))
    if source.get("type") == "text":
        return about + model.count(as_text(source.get("data")))
    if source.get("type") == "content":
        return about + content_tokens(source.get("content"), model)
    return about + IMAGE_TOKENS * pages(source)


def pages(source: Mapping[str, Any]) -> int:
    """The pages of a PDF, as far as they can be told without reading it: at least one."""
    if source.get("type") != "base64":
        return 1
    with contextlib.suppress(ValueError):
        return max(1, len(PAGE.findall(base64.b64decode(as_text(source.get("data"))))))
    return 1


def uncached(holder: Any) -> Any:
    """A value without the cache marks at its top and in the blocks inside it: they are no part of what is read."""
    if isinstance(holder, list):
        return [uncached(item) for item in holder]
    if not isinstance(holder, dict):
        return holder
    kept = {name: value for name, value in holder.items() if name != "cache_control"}
    return {**kept, "content": uncached(kept["content"])} if isinstance(kept.get("content"), list) else kept


def input_tokens(body: Body, model: Model) -> int:
    """The size of everything that the model reads: system prompt, turns and tools, each with its overhead."""
    total = sum(model.count(text) for text in texts(body.get("system")))
    total += TURN_OVERHEAD_TOKENS if body.get("system") else 0
    for item in as_list(body.get("tools")):
        total += model.count(json.dumps(uncached(item), sort_keys=True)) + TURN_OVERHEAD_TOKENS
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
    if kind == "image":
        return IMAGE_TOKENS
    if kind == "document":
        return TURN_OVERHEAD_TOKENS + document_tokens(block, model)
    if kind == "tool_result":
        return TURN_OVERHEAD_TOKENS + content_tokens(block.get("content"), model)
    return TURN_OVERHEAD_TOKENS + model.count(json.dumps(uncached(block), sort_keys=True))


def usage(input_count: int, completion: Completion) -> dict[str, Any]:
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
    """The content blocks of an answer: thought, searches, text, calls; nothing at all for an empty answer.

    An `omitted` thought is represented by its signature alone.
    """
    blocks: list[dict[str, Any]] = []
    if completion.thinking:
        thought = completion.thinking
        shown = "" if omitted else thought
        blocks.append({"type": "thinking", "thinking": shown, "signature": signature(thought)})
    blocks.extend(searching.blocks(completion.searches, ids))
    if completion.text:
        blocks.append({"type": "text", "text": completion.text})
    blocks.extend(tool_use(call, next(ids)) for call in completion.calls)
    return blocks


def tool_use(call: Call, tool_id: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": tool_id, "name": call.name, "input": dict(call.input)}


def completed(body: Body, model: Model, input_count: int) -> Completion:
    """What the model generates, within the limit of the request and what the context window leaves."""
    asked = prompt(body)
    room = max(0, CONTEXT_TOKENS - input_count)
    if room >= asked.max_tokens:
        return model.complete(asked)
    completion = model.complete(replace(asked, max_tokens=room))
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
    if completion.refusal is None:
        return None
    return {"type": "refusal", "category": completion.refusal, "explanation": "This is not answered, for safety."}
