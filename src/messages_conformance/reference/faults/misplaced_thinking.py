"""Thinking and text are mixed up, thinking is sent although it is disabled, and stop sequences act on thinking."""

from __future__ import annotations

from typing import Any

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.edits import Json
from messages_conformance.reference.fault_registry import fault
from messages_conformance.reference.language_model import THINKING_TEXT
from messages_conformance.reference.request_blocks import signature
from messages_conformance.reference.request_parts import object_of


def thinking_of(message: Json) -> str:
    """The text of the thinking blocks of a Message."""
    return "".join(block["thinking"] for block in message["content"] if block["type"] == "thinking")


def text_of(message: Json) -> str:
    """The text of the text blocks of a Message."""
    return "".join(block["text"] for block in message["content"] if block["type"] == "text")


@fault(
    "thinking",
    trips={"usage.thinking.none-when-disabled"},
    at=Stage.MESSAGE,
    seen="sgl-project/sglang#22061; BerriAI/litellm#32337",
)
def think_although_disabled(message: Json, context: RequestContext) -> Json:
    """An answer has a thinking block although thinking is disabled."""
    if object_of(context.body, "thinking").get("type") != "disabled":
        return message
    thought = {"type": "thinking", "thinking": THINKING_TEXT, "signature": signature(THINKING_TEXT)}
    return {**message, "content": [thought, *message["content"]]}


@fault("thinking", trips={"usage.thinking.none-when-disabled"}, at=Stage.MESSAGE, seen="sgl-project/sglang#22061")
def bill_thinking_although_disabled(message: Json, context: RequestContext) -> Json:
    """An answer bills thinking tokens although thinking is disabled."""
    if object_of(context.body, "thinking").get("type") != "disabled":
        return message
    return {**message, "usage": {**message["usage"], "output_tokens_details": {"thinking_tokens": 1}}}


@fault(
    "thinking",
    trips={"response.content.answer-after-thinking"},
    at=Stage.MESSAGE,
    seen="sgl-project/sglang#40529; jundot/omlx#3796",
)
def answer_inside_thinking(message: Json) -> Json:
    """The answer stays inside the thinking block, and there is no text block."""
    thought, text = thinking_of(message), text_of(message)
    if not thought or not text or message["stop_reason"] != "end_turn":
        return message
    whole = f"{thought}\n\n{text}"
    return {**message, "content": [{"type": "thinking", "thinking": whole, "signature": signature(whole)}]}


@fault(
    "thinking",
    trips={"response.content.thinking-cut-as-thinking", "response.content.thinking-not-as-text"},
    at=Stage.MESSAGE,
    seen="jundot/omlx#3796",
)
def send_cut_thinking_as_text(message: Json) -> Json:
    """Thinking that is cut by max_tokens comes as a text block."""
    thought = thinking_of(message)
    if message["stop_reason"] != "max_tokens" or not thought or text_of(message):
        return message
    return {**message, "content": [{"type": "text", "text": thought}]}


@fault(
    "stop",
    trips={"stop.stop_sequence.not-in-thinking"},
    at=Stage.MESSAGE,
    seen="sgl-project/sglang#40529; vllm-project/vllm#14170",
)
def stop_inside_thinking(message: Json, context: RequestContext) -> Json:
    """A stop sequence that occurs in the thinking ends the whole answer."""
    thought = thinking_of(message)
    for sequence in context.body.get("stop_sequences") or ():
        if thought and sequence in thought:
            cut = thought.partition(sequence)[0] or "..."
            blocks = [{"type": "thinking", "thinking": cut, "signature": signature(cut)}]
            return {**message, "content": blocks, "stop_reason": "stop_sequence", "stop_sequence": sequence}
    return message


@fault(
    "stop",
    trips={"stop.stop_sequence.not-in-tool-input", "stop.tool_use.block-implies"},
    at=Stage.MESSAGE,
    seen="pleaseai/shunt#607",
)
def stop_inside_tool_input(message: Json, context: RequestContext) -> Json:
    """A stop sequence that occurs in the input of a tool call cuts it: the input is empty."""
    for sequence in context.body.get("stop_sequences") or ():
        if any(block["type"] == "tool_use" and sequence in str(block["input"]) for block in message["content"]):
            blocks: list[Any] = [
                {**block, "input": {}} if block["type"] == "tool_use" else block for block in message["content"]
            ]
            return {**message, "content": blocks, "stop_reason": "stop_sequence", "stop_sequence": sequence}
    return message


@fault(
    "stop",
    trips={"stop.stop_sequence.not-in-thinking"},
    at=Stage.MESSAGE,
    seen="sgl-project/sglang#40529; sgl-project/sglang#32727",
)
def end_inside_thinking_at_stop_sequence(message: Json, context: RequestContext) -> Json:
    """A stop sequence that occurs in the thinking ends the answer with end_turn and no text."""
    ended = stop_inside_thinking(message, context)
    return ended if ended is message else {**ended, "stop_reason": "end_turn", "stop_sequence": None}


@fault("thinking", trips={"response.content.answer-after-thinking"}, at=Stage.MESSAGE, seen="sgl-project/sglang#33154")
def answer_inside_some_thinking(message: Json, context: RequestContext) -> Json:
    """Every second answer with thinking stays inside the thinking block."""
    if not thinking_of(message) or not text_of(message) or message["stop_reason"] != "end_turn":
        return message
    context.memory["thoughts"] = context.memory.get("thoughts", 0) + 1
    return answer_inside_thinking(message) if context.memory["thoughts"] % 2 else message


@fault("thinking", trips={"request.thinking.later-turns"}, at=Stage.MESSAGE, seen="maximhq/bifrost#5887")
def think_in_first_turn_only(message: Json, context: RequestContext) -> Json:
    """After an earlier turn, an answer has no thinking block."""
    if not any(turn.get("role") == "assistant" for turn in context.body["messages"]):
        return message
    return {**message, "content": [block for block in message["content"] if block["type"] != "thinking"]}
