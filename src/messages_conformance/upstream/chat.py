"""The dialect `openai-chat`: POST /v1/chat/completions, whole and streamed, and GET /v1/models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from messages_conformance.upstream import chat_requests, openai_common
from messages_conformance.upstream.openai_form import OpenAIForm
from messages_conformance.upstream.openai_prompts import chat_prompt
from messages_conformance.upstream.pacing import Frame, Kind, pieces_of
from messages_conformance.upstream.replies import Reply, alternating, text_of, to_bytes
from messages_conformance.upstream.script import Block, Failure, Other, Reasoning, Refusal, Text, ToolCall, Usage

CREATES: Final = "/chat/completions"
FINISHES: Final[Mapping[str, str | None]] = {"stop_sequence": "stop", "missing": None}
"""The finish reasons that have another name in this dialect."""

DONE: Final = b"data: [DONE]\n\n"
DOCUMENTED, FINISH, EVERY = "documented", "finish", "every"


class Chat(OpenAIForm):
    """The form of chat completions."""

    creates_path = CREATES
    id_prefix = "chatcmpl-"
    problems = staticmethod(chat_requests.problems)
    prompt = staticmethod(chat_prompt)

    def error_frame(self, failure: Failure, reply: Reply, position: int) -> bytes:
        """An error in place of a chunk."""
        return _frame_bytes(openai_common.error_body(failure))

    def whole(self, reply: Reply) -> Mapping[str, Any]:
        """The chat.completion object."""
        choice = {"index": 0, "message": message(reply), "logprobs": None, "finish_reason": finish_reason(reply)}
        usage = {} if reply.script.usage_place == "absent" else {"usage": usage_of(reply.script.usage)}
        return {
            **_head(reply, "chat.completion"),
            "choices": [choice],
            **usage,
            "service_tier": "default",
            "system_fingerprint": "fp_scripted",
        }

    def frames(self, reply: Reply) -> list[Frame]:
        """The chunks, and `[DONE]`."""
        opening = {"role": "assistant", "content": None if reply.calls and not reply.has(Text) else "", "refusal": None}
        first = {**_head(reply, "chat.completion.chunk"), "choices": [], "prompt_filter_results": []}
        frames = [_frame(first, "around")] if reply.script.opening == "without-choices" else []
        frames += [self._chunk(reply, opening), *self._deltas(reply)]
        if reply.finish != "missing":
            frames.append(self._chunk(reply, {}, kind="end", finish=finish_reason(reply)))
        if reply.script.usage_place == DOCUMENTED and asks_for_usage(reply.body):
            usage = usage_of(reply.script.usage)
            frames.append(_frame({**_head(reply, "chat.completion.chunk"), "choices": [], "usage": usage}, "end"))
        return [*frames, Frame(DONE, "end")]

    def _deltas(self, reply: Reply) -> Iterator[Frame]:
        at = {id(call): number for number, call in enumerate(reply.calls)}
        if not reply.script.chunking.interleaved:
            for block in reply.script.blocks:
                yield from self._block(reply, block, at.get(id(block), 0))
            return
        for block in reply.script.blocks:
            if not isinstance(block, ToolCall):
                yield from self._block(reply, block, 0)
        yield from alternating([list(self._block(reply, call, at[id(call)])) for call in reply.calls])

    def _block(self, reply: Reply, block: Block, index: int) -> Iterator[Frame]:
        if isinstance(block, ToolCall):
            called = {"name": block.name, "arguments": ""}
            start = {"index": index, "id": block.id, "type": "function", "function": called}
            yield self._chunk(reply, {"tool_calls": [start]})
        if isinstance(block, Other) or (isinstance(block, Reasoning) and block.redacted):
            return
        for piece in pieces_of(text_of(block), block, reply.script):
            yield self._chunk(reply, _delta(reply, block, piece, index), kind="delta" if piece else "around")

    def _chunk(
        self, reply: Reply, delta: Mapping[str, Any], *, kind: Kind = "around", finish: str | None = None
    ) -> Frame:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        place = reply.script.usage_place
        usage: dict[str, Any] = {}
        if place == EVERY or (place == FINISH and kind == "end"):
            usage = {"usage": usage_of(reply.script.usage)}
        elif place == DOCUMENTED and asks_for_usage(reply.body):
            usage = {"usage": None}
        return _frame({**_head(reply, "chat.completion.chunk"), "choices": [choice], **usage}, kind)


def message(reply: Reply) -> dict[str, Any]:
    """The message of a whole answer."""
    whole: dict[str, Any] = {
        "role": "assistant",
        "content": reply.all_text(Text) if reply.has(Text) else None,
        "refusal": reply.all_text(Refusal) if reply.has(Refusal) else None,
        "annotations": [],
    }
    if reply.has(Reasoning):
        whole[reply.script.reasoning_field] = reply.all_text(Reasoning)
    if reply.calls:
        whole["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in reply.calls
        ]
    return whole


def _delta(reply: Reply, block: Block, piece: str, index: int) -> dict[str, Any]:
    match block:
        case Text():
            return {"content": piece}
        case Reasoning():
            return {reply.script.reasoning_field: piece}
        case Refusal():
            return {"refusal": piece}
        case ToolCall():
            return {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
        case Other():
            return {}


def finish_reason(reply: Reply) -> str | None:
    """The finish reason under its name in this dialect."""
    return FINISHES.get(reply.finish, reply.finish)


def asks_for_usage(body: Mapping[str, Any]) -> bool:
    """Whether a request asks for the counts of its stream."""
    options = body.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def usage_of(usage: Usage) -> dict[str, Any]:
    """The counts of tokens in this dialect."""
    details: dict[str, int] = {"cached_tokens": usage.cached, "audio_tokens": 0}
    if usage.cache_written:
        details["cache_write_tokens"] = usage.cache_written
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": details,
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _head(reply: Reply, kind: str) -> dict[str, Any]:
    return {"id": reply.id, "object": kind, "created": reply.created, "model": reply.model}


def _frame(value: Mapping[str, Any], kind: Kind) -> Frame:
    return Frame(_frame_bytes(value), kind)


def _frame_bytes(value: Mapping[str, Any]) -> bytes:
    return b"data: " + to_bytes(value) + b"\n\n"
