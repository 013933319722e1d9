"""The form of the Responses API, for a gateway that translates to it: its requests and answers out of Chat Completions.

The gateway translates between the Messages API and Chat Completions; this module changes that form alone. So every
change of a fault or a variant means the same in both.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from messages_conformance.reference_gateway.chat_answer import BrokenAnswerError

Fields = dict[str, Any]

LEAST_OUTPUT_TOKENS: Final = 16
"""The Responses API refuses less (platform.openai.com, `max_output_tokens`)."""

SAME: Final = ("model", "stream", "temperature", "top_p", "user", "safety_identifier", "metadata")
"""Fields that have one name in both forms."""

INCOMPLETE: Final = {"max_output_tokens": "length", "content_filter": "content_filter"}
"""Why a response is incomplete -> the finish reason."""


def to_responses(chat: Mapping[str, Any]) -> Fields:
    """The body of a Chat Completions request as one of the Responses API, which has no stop sequences."""
    body: Fields = {name: chat[name] for name in (*SAME, "parallel_tool_calls") if name in chat}
    body["input"] = [item for message in chat["messages"] for item in _items(message)]
    if (limit := chat.get("max_completion_tokens", chat.get("max_tokens"))) is not None:
        body["max_output_tokens"] = max(limit, LEAST_OUTPUT_TOKENS) if isinstance(limit, int) else limit
    if "tools" in chat:
        body["tools"] = [{"type": "function", **tool["function"]} for tool in chat["tools"]]
    if (choice := chat.get("tool_choice")) is not None:
        body["tool_choice"] = choice if isinstance(choice, str) else {"type": "function", **choice["function"]}
    if "reasoning_effort" in chat:
        body["reasoning"] = {"effort": chat["reasoning_effort"], "summary": "auto"}
    if form := chat.get("response_format"):
        body["text"] = {"format": {"type": "json_schema", **form["json_schema"]}}
    return body


def _items(message: Mapping[str, Any]) -> Iterator[Fields]:
    role, content = message["role"], message.get("content")
    if role == "tool":
        yield {"type": "function_call_output", "call_id": message["tool_call_id"], "output": _output(content)}
        return
    if content:
        yield {"role": role, "content": content if isinstance(content, str) else _parts(content, role)}
    for call in message.get("tool_calls") or []:
        function = call["function"]
        given = {"name": function["name"], "arguments": function["arguments"]}
        yield {"type": "function_call", "call_id": call["id"], **given}


def _output(content: Any) -> Any:
    return content if isinstance(content, str) else _parts(content, "user")


def _parts(content: list[Fields], role: str) -> list[Fields]:
    text = "output_text" if role == "assistant" else "input_text"
    return [_part(part, text) for part in content]


def _part(part: Fields, text: str) -> Fields:
    if part["type"] == "text":
        return {"type": text, "text": part["text"]}
    if part["type"] == "image_url":
        return {"type": "input_image", "image_url": part["image_url"]["url"]}
    return {"type": "input_file", **part["file"]}


# -- whole answers -------------------------------------------------------------------------------------------------


def to_completion(response: Any) -> Any:
    """A whole response as a completion. Raises BrokenAnswerError for one that failed or is none."""
    if not isinstance(response, dict) or not isinstance(response.get("output"), list):
        return response
    items = response["output"]
    calls = [_call(item) for item in items if item["type"] == "function_call"]
    message: Fields = {"role": "assistant", "content": _joined(items, "output_text", "text")}
    message |= {"refusal": _joined(items, "refusal", "refusal") or None, "tool_calls": calls}
    message["reasoning_content"] = "".join(part["text"] for item in items for part in item.get("summary") or [])
    choice = {"index": 0, "message": message, "finish_reason": _finish(response, called=bool(calls))}
    return {"choices": [choice], "usage": _usage(response.get("usage"))}


def _call(item: Mapping[str, Any]) -> Fields:
    return {"id": item["call_id"], "function": {"name": item["name"], "arguments": item["arguments"]}}


def _joined(items: list[Fields], kind: str, field: str) -> str:
    """The texts of all parts of one type."""
    parts = [part for item in items if item["type"] == "message" for part in item["content"]]
    return "".join(part[field] for part in parts if part["type"] == kind)


def _finish(response: Mapping[str, Any], *, called: bool) -> str | None:
    if response.get("status") == "incomplete":
        reason = (response.get("incomplete_details") or {}).get("reason") or ""
        return INCOMPLETE.get(reason, reason or "length")
    if response.get("status") == "completed":
        return "tool_calls" if called else "stop"
    return None


def _usage(usage: Mapping[str, Any] | None) -> Fields | None:
    if usage is None:
        return None
    return {
        "prompt_tokens": usage["input_tokens"],
        "completion_tokens": usage["output_tokens"],
        "prompt_tokens_details": usage.get("input_tokens_details"),
    }


# -- streams -------------------------------------------------------------------------------------------------------

DELTAS: Final = {
    "response.output_text.delta": "content",
    "response.refusal.delta": "refusal",
    "response.reasoning_summary_text.delta": "reasoning_content",
}
"""Events with a piece of text -> the field of a chunk's delta."""


async def to_chunks(data: AsyncIterator[str]) -> AsyncIterator[Fields]:
    """The events of a stream as chunks. Raises BrokenAnswerError for an error or what is no event."""
    called = False
    async for one in data:
        event = _event(one)
        kind = event.get("type", "")
        if kind in DELTAS:
            yield _chunk({DELTAS[kind]: event["delta"]})
        elif kind == "response.output_item.added" and event["item"]["type"] == "function_call":
            called = True
            item = event["item"]
            start = {"index": event["output_index"], "id": item["call_id"], "function": {"name": item["name"]}}
            yield _chunk({"tool_calls": [start]})
        elif kind == "response.function_call_arguments.delta":
            part = {"index": event["output_index"], "function": {"arguments": event["delta"]}}
            yield _chunk({"tool_calls": [part]})
        elif kind in ("response.completed", "response.incomplete"):
            response = event["response"]
            finish = _finish(response, called=called)
            yield {**_chunk({}, finish), "usage": _usage(response.get("usage"))}


def _chunk(delta: Fields, finish: str | None = None) -> Fields:
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def _event(data: str) -> Fields:
    try:
        event = json.loads(data)
    except ValueError as error:
        raise BrokenAnswerError("the answer of the model is not JSON") from error
    if not isinstance(event, dict):
        raise BrokenAnswerError("the answer of the model is not an event")
    if event.get("type") in ("error", "response.failed"):
        failed = event.get("response", {}).get("error") or event
        raise BrokenAnswerError(str(failed.get("message", "")))
    return event
