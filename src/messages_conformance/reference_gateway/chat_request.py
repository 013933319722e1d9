"""A Messages request as a Chat Completions request. What that dialect cannot express is refused or reported."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

Fields = dict[str, Any]

MOST_STOP_SEQUENCES: Final = 4
"""The Chat Completions API takes this many (platform.openai.com, chat completions, `stop`)."""

EFFORTS: Final = ((4096, "low"), (16_384, "medium"))
"""Up to which thinking budget the effort is low or medium (our own; the dialect has no budget)."""

KNOWN: Final = frozenset(
    [
        "model",
        "messages",
        "system",
        "max_tokens",
        "temperature",
        "top_p",
        "stop_sequences",
        "stream",
        "tools",
        "tool_choice",
        "metadata",
        "thinking",
        "output_config",
    ]
)
"""The fields that have a form in the dialect. `metadata` has one for `user_id` only."""


class Refused(Exception):
    """The request cannot be expressed, and leaving the part out would change what it means."""


@dataclass(kw_only=True)
class Translation:
    """The body for the upstream, and the names of the fields that were left out, for the client."""

    body: Fields
    left_out: list[str] = field(default_factory=list)


def to_chat(request: Mapping[str, Any]) -> Translation:
    """Translates a Messages request. Raises Refused."""
    messages = [{"role": "system", "content": text} for text in _system(request.get("system"))]
    for turn in request.get("messages") or []:
        messages += _turn(turn)
    body: Fields = {"model": request.get("model"), "messages": messages, "max_completion_tokens": request["max_tokens"]}
    body |= {name: request[name] for name in ("temperature", "top_p") if name in request}
    body |= _stop(request.get("stop_sequences") or [])
    body |= _tools(request)
    if request.get("stream"):
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    if user := (request.get("metadata") or {}).get("user_id"):
        body["user"] = user
    output = request.get("output_config") or {}
    body |= _thinking(request.get("thinking") or {}, output.get("effort")) | _output(output)
    return Translation(body=body, left_out=sorted(request.keys() - KNOWN))


def _system(system: Any) -> list[str]:
    return [system] if isinstance(system, str) else [block["text"] for block in system or []]


def _stop(sequences: list[str]) -> Fields:
    if len(sequences) > MOST_STOP_SEQUENCES:
        raise Refused(f"stop_sequences: the model takes at most {MOST_STOP_SEQUENCES}")
    return {"stop": sequences} if sequences else {}


def _thinking(thinking: Mapping[str, Any], effort: str | None) -> Fields:
    if effort:
        return {"reasoning_effort": effort if effort in ("low", "medium") else "high"}
    if thinking.get("type") not in ("enabled", "adaptive"):
        return {}
    budget = thinking.get("budget_tokens", EFFORTS[-1][0])
    return {"reasoning_effort": next((name for most, name in EFFORTS if budget <= most), "high")}


def _output(config: Mapping[str, Any]) -> Fields:
    form = config.get("format") or {}
    if form.get("type") != "json_schema":
        return {}
    schema = {"name": "answer", "schema": form["schema"], "strict": True}
    return {"response_format": {"type": "json_schema", "json_schema": schema}}


# -- tools ---------------------------------------------------------------------------------------------------------


def _tools(request: Mapping[str, Any]) -> Fields:
    tools, choice = request.get("tools") or [], request.get("tool_choice") or {}
    if not tools:
        return {}
    body: Fields = {"tools": [_tool(tool) for tool in tools]}
    kinds = {"auto": "auto", "any": "required", "none": "none"}
    if choice.get("type") == "tool":
        body["tool_choice"] = {"type": "function", "function": {"name": choice["name"]}}
    elif choice.get("type") in kinds:
        body["tool_choice"] = kinds[choice["type"]]
    if choice.get("disable_parallel_tool_use"):
        body["parallel_tool_calls"] = False
    return body


def _tool(tool: Mapping[str, Any]) -> Fields:
    if tool.get("type", "custom") != "custom":
        raise Refused(f"tools: the model does not have the server tool {tool.get('type')}")
    function = {"name": tool["name"], "parameters": tool["input_schema"]}
    if "description" in tool:
        function["description"] = tool["description"]
    return {"type": "function", "function": function}


# -- turns ---------------------------------------------------------------------------------------------------------


def _turn(turn: Mapping[str, Any]) -> Iterator[Fields]:
    content = turn["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
    if turn["role"] == "assistant":
        yield _assistant(blocks)
    elif turn["role"] == "user":
        yield from _user(blocks)
    else:
        raise Refused(f"messages: the role {turn['role']!r} is neither user nor assistant")


def _assistant(blocks: list[Fields]) -> Fields:
    texts = [block["text"] for block in blocks if block["type"] == "text"]
    calls = [
        {
            "id": block["id"],
            "type": "function",
            "function": {"name": block["name"], "arguments": json.dumps(block["input"], ensure_ascii=False)},
        }
        for block in blocks
        if block["type"] == "tool_use"
    ]
    message: Fields = {"role": "assistant", "content": "".join(texts) if texts else None}
    return {**message, "tool_calls": calls} if calls else message


def _user(blocks: list[Fields]) -> Iterator[Fields]:
    """Tool results first, as the dialect requires; then what they could not hold, and the rest of the turn."""
    parts: list[Fields] = []
    for block in blocks:
        if block["type"] == "tool_result":
            yield {"role": "tool", "tool_call_id": block["tool_use_id"], "content": _result_text(block)}
            parts += [_part(inner) for inner in _inner(block) if inner["type"] != "text"]
        else:
            parts.append(_part(block))
    if parts:
        plain = all(part["type"] == "text" for part in parts) and len(parts) == 1
        yield {"role": "user", "content": parts[0]["text"] if plain else parts}


def _inner(block: Fields) -> list[Fields]:
    content = block.get("content") or []
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _result_text(block: Fields) -> str:
    text = "\n".join(inner["text"] for inner in _inner(block) if inner["type"] == "text")
    return f"Error: {text}" if block.get("is_error") else text


def _part(block: Fields) -> Fields:
    source = block.get("source") or {}
    if block["type"] == "text":
        return {"type": "text", "text": block["text"]}
    if block["type"] == "image" and source.get("type") in ("base64", "url"):
        return {"type": "image_url", "image_url": {"url": _url(source)}}
    if block["type"] == "document" and source.get("type") == "text":
        return {"type": "text", "text": source["data"]}
    if block["type"] == "document" and source.get("type") == "base64":
        name = block.get("title") or "document.pdf"
        return {"type": "file", "file": {"filename": name, "file_data": _url(source)}}
    raise Refused(f"messages: the model does not take a block of type {block['type']}")


def _url(source: Mapping[str, Any]) -> str:
    return source["url"] if source["type"] == "url" else f"data:{source['media_type']};base64,{source['data']}"
