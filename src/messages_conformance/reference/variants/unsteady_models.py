"""Language models whose behaviour changes with the number of the exchange."""

from __future__ import annotations

import hashlib
from typing import Any, Final

from messages_conformance.reference.changes import RequestContext, Stage
from messages_conformance.reference.variant_registry import NOT_TOKMODEL, variant

Json = dict[str, Any]
LONG_CHARS: Final = 100
"""The least length of an answer that the polyglot model translates; our own number."""

CHINESE = "面包的历史很长，人们在河边种麦子，磨成面粉，再烤成面包。"


def one_in(context: RequestContext, count: int = 2) -> bool:
    """True for about one exchange in `count`; the number of the exchange decides it, without a period."""
    digest = hashlib.sha256(str(context.number).encode()).digest()
    return int.from_bytes(digest[:4], "big") % count == 0


@variant(at=Stage.MESSAGE)
def whimsical_model(message: Json, context: RequestContext) -> Json:
    """The model answers one question in three with one word, whatever the question is."""
    has_format = isinstance(context.body.get("output_config"), dict)
    if (
        has_format
        or any(block["type"] != "text" for block in message["content"])
        or not one_in(context, 3)
        or message["stop_reason"] != "end_turn"
        or context.body["max_tokens"] < 2
    ):
        return message
    usage = {**message["usage"], "output_tokens": 2}
    return {**message, "content": [{"type": "text", "text": "Perhaps."}], "usage": usage}


@variant(at=Stage.MESSAGE)
def polyglot_model(message: Json, context: RequestContext) -> Json:
    """Longer streamed answers are in Chinese, which has no spaces."""
    text = "".join(block.get("text", "") for block in message["content"])
    if not context.streams or message["stop_reason"] != "end_turn" or len(text) < LONG_CHARS:
        return message
    return {**message, "content": [{"type": "text", "text": CHINESE * (len(text) // len(CHINESE))}]}


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def careless_model(message: Json, context: RequestContext) -> Json:
    """The model leaves the input of every second tool call empty, and sometimes drops the spaces in it.

    An empty input costs as few tokens as it has.
    """
    tools = {tool.get("name"): tool for tool in context.body.get("tools") or ()}
    blocks = [
        {**block, "input": with_mistakes(block["input"], context)}
        if block["type"] == "tool_use" and not tools.get(block["name"], {}).get("strict")
        else block
        for block in message["content"]
    ]
    if blocks == message["content"]:
        return message
    usage, written, left = message["usage"], len(str(message["content"])), len(str(blocks))
    tokens = max(1, usage["output_tokens"] * left // written)
    return {**message, "content": blocks, "usage": {**usage, "output_tokens": tokens}}


def with_mistakes(arguments: Json, context: RequestContext) -> Json:
    """The input of a tool call, sometimes empty and sometimes without spaces."""
    if one_in(context):
        return {}
    if not one_in(context, 3):
        return arguments
    return {name: value.replace(" ", "") if isinstance(value, str) else value for name, value in arguments.items()}


@variant(at=Stage.MESSAGE, conforms=NOT_TOKMODEL)
def fitful_thinker(message: Json, context: RequestContext) -> Json:
    """The model thinks only every second time that thinking is requested."""
    thinking = [block for block in message["content"] if block["type"] == "thinking"]
    if not thinking or message["stop_reason"] == "max_tokens":
        return message
    shown = [block for block in message["content"] if block["type"] != "thinking"]
    return {**message, "content": shown} if one_in(context) else message
