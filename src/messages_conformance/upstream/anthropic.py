"""The dialect `anthropic`: the reference endpoint judges requests and answers those without a script.

Keys, model names and signatures of thinking are not checked: the script decides which of them exist.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from messages_conformance.reference import events
from messages_conformance.reference.api import Endpoint, Settings, new_id
from messages_conformance.reference.changes import Rewrite, Stage
from messages_conformance.reference.failures import TYPES
from messages_conformance.reference.failures import Failure as Refused
from messages_conformance.reference.http import Header, HttpRequest, HttpResponse
from messages_conformance.upstream.pacing import Frame, pieces_of
from messages_conformance.upstream.replies import Reply, reply, text_of, to_bytes
from messages_conformance.upstream.script import (
    Block,
    Failure,
    Other,
    Reasoning,
    Refusal,
    Script,
    Text,
    ToolCall,
    Usage,
)

CREATES: Final = "/v1/messages"
FINISHES: Final[Mapping[str, str | None]] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
    "missing": None,
}
"""The finish reasons that have another name in this dialect."""

NOT_CHECKED: Final = frozenset(
    {"auth.missing.401", "auth.invalid.401", "errors.status.404-model", "request.thinking.unmodified-blocks"}
)
"""The requirements of keys, models and signatures."""


@dataclass(frozen=True, kw_only=True)
class _AnyKey:
    """A change of the reference endpoint that accepts every key, model and signature."""

    name: str = "any_key"
    at: Stage = Stage.FAILURES
    also: Mapping[Stage, Rewrite] = field(default_factory=dict)
    needs_socket: bool = False

    def rewrite(self, failures: list[Refused], context: object) -> list[Refused]:
        """The failures that count."""
        return [failure for failure in failures if failure.requirement not in NOT_CHECKED]


class Anthropic:
    """The form of the Messages API."""

    keep_alive: bytes = events.frame(("ping", {"type": "ping"}))

    def __init__(self) -> None:
        self._endpoint = Endpoint(settings=Settings(), changes=(_AnyKey(),))

    def creates(self, request: HttpRequest) -> bool:
        """Whether a request asks for a message."""
        return request.method == "POST" and request.path == CREATES

    def other(self, request: HttpRequest) -> HttpResponse:
        """What the reference endpoint answers: counts, models, errors."""
        return self._endpoint.handle(request)

    def refusal(self, request: HttpRequest, body: Any) -> HttpResponse | None:
        """The error of the reference endpoint for a request that violates the contract."""
        response = self._endpoint.handle(request)
        return response if response.status >= 400 else None

    def unscripted(self, request: HttpRequest, body: Any) -> HttpResponse | Script:
        """What the reference endpoint answers."""
        return self._endpoint.handle(request)

    def reply(self, script: Script, body: Mapping[str, Any]) -> Reply:
        """The reply with ids in Anthropic's form."""
        return reply(script, body, id_prefix="msg_01", call_prefix="toolu_01", length=22)

    def envelope(self, failure: Failure) -> Mapping[str, Any]:
        """The error envelope."""
        return {"type": "error", "error": _error(failure), "request_id": new_id("req_")}

    def error_frame(self, failure: Failure, reply: Reply, position: int) -> bytes:
        """An error event."""
        return _frame_bytes(("error", {"type": "error", "error": _error(failure)}))

    def headers(self) -> tuple[Header, ...]:
        """The headers of every response."""
        return (("request-id", new_id("req_")), ("anthropic-organization-id", "scripted-upstream"))

    def whole(self, reply: Reply) -> Mapping[str, Any]:
        """The Message."""
        message = {
            "id": reply.id,
            "type": "message",
            "role": "assistant",
            "model": reply.model,
            "content": [_block(block) for block in reply.script.blocks],
            "stop_reason": finish_reason(reply),
            "stop_sequence": reply.script.stop_sequence,
            "stop_details": _details(reply),
            "usage": usage_of(reply.script.usage),
        }
        if reply.script.usage_place == "absent":
            del message["usage"]
        return message

    def frames(self, reply: Reply) -> list[Frame]:
        """The events from message_start to message_stop."""
        message = {**self.whole(reply), "usage": usage_of(reply.script.usage)}
        start, delta = events.start(message), events.closing_delta(message)
        if reply.script.usage_place == "absent":
            del start[1]["message"]["usage"], delta[1]["usage"]
        frames = [Frame(_frame_bytes(start))]
        for index, block in enumerate(reply.script.blocks):
            frames += _block_frames(index, block, reply.script)
        if reply.finish != "missing":
            frames.append(Frame(_frame_bytes(delta), "end"))
        return [*frames, Frame(_frame_bytes(("message_stop", {"type": "message_stop"})), "end")]


def _error(failure: Failure) -> dict[str, str]:
    kind = "invalid_request_error" if failure.status < 500 else "api_error"
    return {"type": failure.type or TYPES.get(failure.status, kind), "message": failure.message}


def finish_reason(reply: Reply) -> str | None:
    """The stop reason; a refusal is one unless the script names another."""
    if not reply.script.finish and reply.has(Refusal):
        return "refusal"
    return FINISHES.get(reply.finish, reply.finish)


def _details(reply: Reply) -> dict[str, Any] | None:
    if finish_reason(reply) != "refusal":
        return None
    return {"type": "refusal", "category": None, "explanation": reply.all_text(Refusal) or None}


def usage_of(usage: Usage) -> dict[str, Any]:
    """The counts of tokens in this dialect."""
    counted: dict[str, Any] = {
        "input_tokens": max(0, usage.input - usage.cached - usage.cache_written),
        "cache_creation_input_tokens": usage.cache_written,
        "cache_read_input_tokens": usage.cached,
        "cache_creation": {"ephemeral_5m_input_tokens": usage.cache_written, "ephemeral_1h_input_tokens": 0},
        "output_tokens": usage.output,
        "service_tier": "standard",
    }
    if usage.reasoning:
        counted["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return counted


def _block(block: Block) -> dict[str, Any]:
    match block:
        case Text() | Refusal():
            return {"type": "text", "text": text_of(block)}
        case Reasoning() if block.redacted:
            return {"type": "redacted_thinking", "data": block.redacted}
        case Reasoning():
            return {"type": "thinking", "thinking": block.reasoning, "signature": block.signature}
        case ToolCall():
            return {"type": "tool_use", "id": block.id, "name": block.name, "input": _input(block)}
        case Other():
            given: dict[str, Any] = json.loads(block.block)
            return given


def _input(call: ToolCall) -> Any:
    try:
        return json.loads(call.arguments)
    except ValueError:
        return {}


def _block_frames(index: int, block: Block, script: Script) -> Iterator[Frame]:
    start = _block(block) if isinstance(block, Other) else events.start_and_deltas(_block(block))[0]
    yield _frame("content_block_start", index, content_block=start)
    if index == 0 and script.pings:
        yield Frame(Anthropic.keep_alive)
    if not (isinstance(block, Reasoning) and block.redacted):
        for piece in pieces_of(text_of(block), block, script):
            yield _frame("content_block_delta", index, counts=bool(piece), delta=_delta(block, piece))
        if isinstance(block, Reasoning) and block.signature:
            delta = {"type": "signature_delta", "signature": block.signature}
            yield _frame("content_block_delta", index, delta=delta)
    yield _frame("content_block_stop", index)


def _frame(name: str, index: int, *, counts: bool = False, **data: Any) -> Frame:
    return Frame(_frame_bytes((name, {"type": name, "index": index, **data})), "delta" if counts else "around")


def _frame_bytes(event: events.Event) -> bytes:
    name, data = event
    return b"event: " + name.encode() + b"\ndata: " + to_bytes(data) + b"\n\n"


def _delta(block: Block, piece: str) -> dict[str, str]:
    match block:
        case Text() | Refusal():
            return {"type": "text_delta", "text": piece}
        case Reasoning():
            return {"type": "thinking_delta", "thinking": piece}
        case ToolCall():
            return {"type": "input_json_delta", "partial_json": piece}
        case Other():
            return {}
