"""A Chat Completion as a Messages answer: whole, and event by event while the chunks come."""

from __future__ import annotations

import json
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
        content += [_call(call) for call in given.get("tool_calls") or []]
        reason = stop_reason(choice["finish_reason"], refused=bool(given.get("refusal")))
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


def _call(call: Mapping[str, Any]) -> Fields:
    function = call["function"]
    return {
        "type": "tool_use",
        "id": call["id"],
        "name": function["name"],
        "input": json.loads(function["arguments"] or "{}"),
    }


def reasoning_of(given: Mapping[str, Any]) -> str:
    """The reasoning in a message or a delta; servers name it in two ways."""
    return given.get("reasoning_content") or given.get("reasoning") or ""


def stop_reason(finish: str | None, *, refused: bool) -> str:
    """The stop reason. Raises KeyError for a finish reason that the dialect does not have."""
    return "refusal" if refused else STOP_REASONS[finish or ""]


# -- streams -------------------------------------------------------------------------------------------------------


async def events_of(chunks: AsyncIterator[str], *, model: str) -> AsyncIterator[Event]:
    """The events of a stream, each as soon as its chunk has come. Raises BrokenAnswerError and UpstreamError."""
    stream = _Stream()
    yield {"type": "message_start", "message": _message([], None, {**usage_of(None), "output_tokens": 1}, model)}
    async for data in chunks:
        if data.strip() == DONE:
            break
        for event in stream.took(_chunk(data)):
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
    """What is open in a stream: one block at most. A block is known by its kind, or by the index of its call."""

    def __init__(self) -> None:
        self._open: str | int | None = None
        self._index = -1
        self._finish: str | None = None
        self._refused = False
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
        if index != self._open:
            if not call.get("id"):
                raise BrokenAnswerError("the model continued a call that has ended")
            start = {"type": "tool_use", "id": call["id"], "name": function.get("name", ""), "input": {}}
            yield from self._block(index, start)
        if part := function.get("arguments"):
            yield self._delta({"type": "input_json_delta", "partial_json": part})

    def _block(self, kind: str | int, start: Fields) -> Iterator[Event]:
        if kind != self._open:
            yield from self._stopped()
            self._open, self._index = kind, self._index + 1
            yield {"type": "content_block_start", "index": self._index, "content_block": start}

    def _delta(self, delta: Fields) -> Event:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}

    def _stopped(self) -> Iterator[Event]:
        if self._open == "thinking":
            yield self._delta({"type": "signature_delta", "signature": SIGNATURE})
        if self._open is not None:
            yield {"type": "content_block_stop", "index": self._index}
        self._open = None

    def ended(self) -> Iterator[Event]:
        """The events of the end. Raises UpstreamError when the model has not finished: that is a cut."""
        if self._finish is None:
            raise UpstreamError("the model closed the connection in the middle of its answer")
        try:
            reason = stop_reason(self._finish, refused=self._refused)
        except KeyError as error:
            raise BrokenAnswerError("the model ended for an unknown reason") from error
        yield from self._stopped()
        delta = {"stop_reason": reason, "stop_sequence": None}
        yield {"type": "message_delta", "delta": delta, "usage": usage_of(self._usage)}
        yield {"type": "message_stop"}
