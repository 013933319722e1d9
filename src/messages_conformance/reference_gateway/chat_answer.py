"""A Chat Completion as a Messages answer: whole, and event by event while the chunks come."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, Final

from messages_conformance.reference_gateway.http import UpstreamError
from messages_conformance.reference_gateway.server_events import DONE, Event

Fields = dict[str, Any]

STOP_REASONS: Final = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
SIGNATURE: Final = "cmVmZXJlbmNlLWdhdGV3YXk="
"""Marks the thinking that this gateway made of reasoning. It leaves such blocks out of later requests."""


class BrokenAnswerError(Exception):
    """The upstream's answer has not the form of its dialect."""


def usage_of(usage: Mapping[str, Any] | None) -> Fields:
    """The counts: cached tokens are part of the prompt there, and beside the input here."""
    given = usage or {}
    cached = (given.get("prompt_tokens_details") or {}).get("cached_tokens") or 0
    return {
        "input_tokens": max(given.get("prompt_tokens", 0) - cached, 0),
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": cached,
        "output_tokens": given.get("completion_tokens", 0),
    }


def message_of(completion: Any, *, model: str) -> Fields:
    """The message of a whole completion. Raises BrokenAnswerError."""
    try:
        choice = completion["choices"][0]
        given = choice["message"]
        content = [_thinking(text)] if (text := reasoning_of(given)) else []
        content += [{"type": "text", "text": text}] if (text := given.get("content") or given.get("refusal")) else []
        finish, calls = choice["finish_reason"], given.get("tool_calls") or []
        content += [_call(call, cut=finish == "length") for call in calls]
        reason = stop_reason(finish, refused=bool(given.get("refusal")), called=bool(calls))
    except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
        raise BrokenAnswerError("the answer of the model is not a completion") from error
    return _message(content, reason, usage_of(completion.get("usage")), model)


def _message(content: list[Fields], reason: str | None, usage: Fields, model: str) -> Fields:
    return {
        "id": f"msg_{secrets.token_hex(12)}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
    }


def _thinking(text: str) -> Fields:
    return {"type": "thinking", "thinking": text, "signature": SIGNATURE}


def _call(call: Mapping[str, Any], *, cut: bool) -> Fields:
    function = call["function"]
    return {
        "type": "tool_use",
        "id": call_id(call["id"]),
        "name": function["name"],
        "input": _input(function["arguments"] or "{}", cut=cut),
    }


def _input(arguments: str, *, cut: bool) -> Any:
    """The arguments as JSON. Those of an answer that was cut are no JSON, and a message has no form for half of one."""
    try:
        return json.loads(arguments)
    except ValueError:
        if cut:
            return {}
        raise


def call_id(given: str) -> str:
    """The id of a call in the letters that the Messages API takes."""
    return re.sub(r"[^a-zA-Z0-9_-]", "_", given)


def reasoning_of(given: Mapping[str, Any]) -> str:
    """The reasoning in a message or a delta; servers name it in two ways."""
    return given.get("reasoning_content") or given.get("reasoning") or ""


AS_IT_IS: Final = "="
"""Only a fault puts this before a finish reason: the rest becomes the stop reason, nothing becomes null."""


def stop_reason(finish: str | None, *, refused: bool, called: bool) -> str | None:
    """The stop reason. Servers end calls with `stop`, too, and have reasons of their own. KeyError: there is none."""
    if finish is None:
        raise KeyError("finish_reason")
    if finish.startswith(AS_IT_IS):
        return finish.removeprefix(AS_IT_IS) or None
    reason = "refusal" if refused else STOP_REASONS.get(finish, "end_turn")
    return "tool_use" if called and reason == "end_turn" else reason


# -- streams -------------------------------------------------------------------------------------------------------


async def chunks_of(data: AsyncIterator[str]) -> AsyncIterator[Fields]:
    """The chunks of a stream, up to its end. Raises BrokenAnswerError."""
    async for one in data:
        if one.strip() == DONE:
            return
        yield _chunk(one)


async def events_of(chunks: AsyncIterator[Fields], *, model: str) -> AsyncIterator[Event]:
    """The events of a stream, each as soon as its chunk has come. Raises BrokenAnswerError and UpstreamError."""
    stream = _Stream()
    yield {"type": "message_start", "message": _message([], None, {**usage_of(None), "output_tokens": 1}, model)}
    async for chunk in chunks:
        for event in stream.took(chunk):
            yield event
    for event in stream.ended():
        yield event


def _chunk(data: str) -> Fields:
    try:
        chunk = json.loads(data)
    except ValueError as error:
        raise BrokenAnswerError("the answer of the model is not JSON") from error
    if not isinstance(chunk, dict):
        raise BrokenAnswerError("the answer of the model is not a chunk")
    if "error" in chunk:
        given = chunk["error"]
        raise BrokenAnswerError(given.get("message", "") if isinstance(given, dict) else str(given))
    return chunk


class _Stream:
    """What is open in a stream: one block at most. A block is known by its kind, or by the index of its call.

    Calls may take turns, so those after the first are held until the first has ended with the answer.
    """

    def __init__(self) -> None:
        self._open: str | int | None = None
        self._index = -1
        self._finish: str | None = None
        self._refused = False
        self._called = False
        self._held: dict[int, Fields] = {}
        self._usage: Fields | None = None

    def took(self, chunk: Fields) -> Iterator[Event]:
        """The events of one chunk."""
        self._usage = chunk.get("usage") or self._usage
        for choice in (chunk.get("choices") or [])[:1]:
            delta = choice.get("delta") or {}
            self._finish = choice.get("finish_reason") or self._finish
            self._refused = self._refused or bool(delta.get("refusal"))
            if text := reasoning_of(delta):
                yield from self._block("thinking", {"type": "thinking", "thinking": "", "signature": ""})
                yield self._delta({"type": "thinking_delta", "thinking": text})
            if text := delta.get("content") or delta.get("refusal") or "":
                yield from self._block("text", {"type": "text", "text": ""})
                yield self._delta({"type": "text_delta", "text": text})
            for call in delta.get("tool_calls") or []:
                yield from self._call(call)

    def _call(self, call: Fields) -> Iterator[Event]:
        index, function = call.get("index", 0), call.get("function") or {}
        part = function.get("arguments") or ""
        if index in self._held:
            self._held[index]["arguments"] += part
        elif isinstance(self._open, int) and index != self._open:
            self._held[index] = {**_start(call), "arguments": part}
        else:
            if index != self._open:
                yield from self._block(index, _start(call))
            if part:
                yield self._delta({"type": "input_json_delta", "partial_json": part})

    def _block(self, kind: str | int, start: Fields) -> Iterator[Event]:
        if kind != self._open:
            yield from self._stopped()
            self._called = self._called or isinstance(kind, int)
            self._open, self._index = kind, self._index + 1
            yield {"type": "content_block_start", "index": self._index, "content_block": start}

    def _delta(self, delta: Fields) -> Event:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def _stopped(self) -> Iterator[Event]:
        """Ends the open block, and sends the calls that waited for it."""
        if self._open == "thinking":
            yield self._delta({"type": "signature_delta", "signature": SIGNATURE})
        if self._open is not None:
            yield {"type": "content_block_stop", "index": self._index}
        self._open = None
        held, self._held = self._held, {}
        for index, call in sorted(held.items()):
            part = call.pop("arguments")
            yield from self._block(index, call)
            if part:
                yield self._delta({"type": "input_json_delta", "partial_json": part})
            yield from self._stopped()

    def ended(self) -> Iterator[Event]:
        """The events of the end. Raises UpstreamError when the model has not finished: that is a cut."""
        if self._finish is None:
            raise UpstreamError("the model closed the connection in the middle of its answer")
        yield from self._stopped()
        reason = stop_reason(self._finish, refused=self._refused, called=self._called)
        delta = {"stop_reason": reason, "stop_sequence": None}
        yield {"type": "message_delta", "delta": delta, "usage": usage_of(self._usage)}
        yield {"type": "message_stop"}


def _start(call: Fields) -> Fields:
    if not call.get("id"):
        raise BrokenAnswerError("the model continued a call that has not begun")
    name = (call.get("function") or {}).get("name", "")
    return {"type": "tool_use", "id": call_id(call["id"]), "name": name, "input": {}}
