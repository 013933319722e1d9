"""The answer to a request without a script: OpenAI's dialects read as a prompt of the reference endpoint's small model.

So the suites can run through a gateway, too: the model counts, calls tools, and obeys limits and stop sequences.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal

from messages_conformance.reference.json_values import as_list, as_object, as_text
from messages_conformance.reference.language_model import (
    TURN_OVERHEAD_TOKENS,
    Completion,
    Model,
    Prompt,
    Role,
    Tool,
    Turn,
)
from messages_conformance.upstream.script import Reasoning, Refusal, Script, Text, ToolCall, Usage

MAX_TOKENS: Final = 4096
"""The limit of a request that has none (our own)."""

FINISHES: Final[Mapping[str, str]] = {"end_turn": "stop", "max_tokens": "length", "tool_use": "tool_calls"}
SYSTEM_ROLES: Final = ("system", "developer")
ToolChoice = Literal["auto", "any", "tool", "none"]


def plausible(prompt: Prompt) -> Script:
    """What the small model answers, as a script."""
    model = Model()
    completion = model.complete(prompt)
    usage = Usage(
        input=input_tokens(prompt, model), output=completion.output_tokens, reasoning=completion.thinking_tokens
    )
    finish = FINISHES.get(completion.stop_reason, completion.stop_reason)
    return Script(blocks=tuple(_blocks(completion)), finish="" if finish == "refusal" else finish, usage=usage)


def _blocks(completion: Completion) -> Iterator[Text | Reasoning | ToolCall | Refusal]:
    if completion.refusal is not None:
        yield Refusal("I cannot help with that.")
    if completion.thinking:
        yield Reasoning(completion.thinking)
    if completion.text or not completion.calls:
        yield Text(completion.text)
    for call in completion.calls:
        yield ToolCall(call.name, arguments=json.dumps(call.input, ensure_ascii=False))


def input_tokens(prompt: Prompt, model: Model) -> int:
    """The tokens of what the model reads."""
    texts = [prompt.system, *(text for turn in prompt.turns for text in (turn.text, *turn.tool_results))]
    texts += [json.dumps([tool.name, tool.description, tool.schema]) for tool in prompt.tools]
    return sum(map(model.count, texts)) + TURN_OVERHEAD_TOKENS * len(prompt.turns)


def chat_prompt(body: Mapping[str, Any]) -> Prompt:
    """A body of chat completions as a prompt."""
    messages = [as_object(item) for item in as_list(body.get("messages"))]
    limit = body.get("max_completion_tokens") or body.get("max_tokens")
    stop = body.get("stop")
    form = as_object(as_object(body.get("response_format")).get("json_schema")).get("schema")
    functions = [as_object(as_object(tool).get("function")) for tool in as_list(body.get("tools"))]
    choice, forced = _choice(body.get("tool_choice"), "function")
    return _prompt(
        system=[item.get("content") for item in messages if item.get("role") in SYSTEM_ROLES],
        turns=[_chat_turn(item) for item in messages if item.get("role") not in SYSTEM_ROLES],
        limit=limit,
        stops=[stop] if isinstance(stop, str) else as_list(stop),
        functions=functions,
        choice=choice,
        forced=forced,
        parallel=body.get("parallel_tool_calls") is not False,
        schema=form,
    )


def responses_prompt(body: Mapping[str, Any]) -> Prompt:
    """A body of the Responses API as a prompt."""
    items = body.get("input")
    listed = [{"role": "user", "content": items}] if isinstance(items, str) else map(as_object, as_list(items))
    messages = [item for item in listed if item.get("type", "message") in ("message", "function_call_output")]
    choice, forced = _choice(body.get("tool_choice"), None)
    return _prompt(
        system=[
            body.get("instructions"),
            *(item.get("content") for item in messages if item.get("role") in SYSTEM_ROLES),
        ],
        turns=[_item_turn(item) for item in messages if item.get("role") not in SYSTEM_ROLES],
        limit=body.get("max_output_tokens"),
        stops=(),
        functions=[as_object(tool) for tool in as_list(body.get("tools")) if as_object(tool).get("type") == "function"],
        choice=choice,
        forced=forced,
        parallel=body.get("parallel_tool_calls") is not False,
        schema=as_object(as_object(body.get("text")).get("format")).get("schema"),
    )


def _prompt(
    *,
    system: Sequence[object],
    turns: Sequence[Turn],
    limit: object,
    stops: Sequence[object],
    functions: Sequence[Mapping[str, Any]],
    choice: ToolChoice,
    forced: str | None,
    parallel: bool,
    schema: object,
) -> Prompt:
    return Prompt(
        turns=merged(turns),
        system="\n".join(filter(None, map(plain_text, system))),
        max_tokens=limit if isinstance(limit, int) else MAX_TOKENS,
        stop_sequences=tuple(stop for stop in stops if isinstance(stop, str)),
        tools=tuple(map(_tool, functions)),
        tool_choice=choice,
        forced_tool=forced,
        parallel=parallel,
        answer_schema=schema if isinstance(schema, dict) else None,
    )


def _tool(function: Mapping[str, Any]) -> Tool:
    schema = as_object(function.get("parameters"))
    return Tool(name=as_text(function.get("name")), description=as_text(function.get("description")), schema=schema)


def _choice(value: object, within: str | None) -> tuple[ToolChoice, str | None]:
    """The choice of a tool in the words of the model, and the tool that it names."""
    if isinstance(value, dict):
        holder = as_object(value.get(within)) if within else value
        return "tool", as_text(holder.get("name"))
    named: Mapping[str, ToolChoice] = {"required": "any", "none": "none"}
    return named.get(as_text(value), "auto"), None


def _chat_turn(item: Mapping[str, Any]) -> Turn:
    role: Role = "assistant" if item.get("role") == "assistant" else "user"
    if item.get("role") == "tool":
        return Turn(role="user", text="", tool_results=(plain_text(item.get("content")) or "nothing",))
    return Turn(role=role, text=plain_text(item.get("content")))


def _item_turn(item: Mapping[str, Any]) -> Turn:
    if item.get("type") == "function_call_output":
        return Turn(role="user", text="", tool_results=(plain_text(item.get("output")) or "nothing",))
    return _chat_turn(item)


def merged(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """The turns, with those of one role that follow each other as one."""
    result: list[Turn] = []
    for turn in turns:
        if result and result[-1].role == turn.role:
            before = result.pop()
            text = "\n".join(filter(None, (before.text, turn.text)))
            turn = Turn(role=turn.role, text=text, tool_results=(*before.tool_results, *turn.tool_results))
        result.append(turn)
    return tuple(result)


def plain_text(content: object) -> str:
    """The texts of a content, one per line."""
    if isinstance(content, str):
        return content
    return "\n".join(filter(None, (as_text(as_object(part).get("text")) for part in as_list(content))))
