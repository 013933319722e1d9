"""A Message becomes the events of a stream, and the events become frames of bytes.

message_start, ( content_block_start, content_block_delta ..., content_block_stop ) ..., message_delta, message_stop
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Event = tuple[str, dict[str, Any]]

START_OUTPUT_TOKENS = 1
CUMULATIVE = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
FINAL = ("output_tokens_details", "server_tool_use")
"""Usage that only the end of a stream knows."""

PARTS = re.compile(r"\s*\S{1,6}\s*|\s+")
"""What one delta carries: a few characters, and never half of one."""


def parts(text: str) -> list[str]:
    """The text in pieces of a few characters; joined they give it again."""
    return PARTS.findall(text)


def events(message: Mapping[str, Any]) -> list[Event]:
    """The events whose accumulation is the message."""
    stream = [start(message)]
    pinged = False
    for index, block in enumerate(message["content"]):
        for event in block_events(index, block):
            stream.append(event)
            if not pinged:
                stream.append(("ping", {"type": "ping"}))
                pinged = True
    stream.append(closing_delta(message))
    stream.append(("message_stop", {"type": "message_stop"}))
    return stream


def start(message: Mapping[str, Any]) -> Event:
    early = {name: value for name, value in message["usage"].items() if name not in FINAL}
    usage = {**early, "output_tokens": min(START_OUTPUT_TOKENS, message["usage"]["output_tokens"])}
    opening = {**message, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    if opening.get("stop_details") is not None:
        opening["stop_details"] = None
    return "message_start", {"type": "message_start", "message": opening}


def closing_delta(message: Mapping[str, Any]) -> Event:
    usage = {name: message["usage"][name] for name in (*CUMULATIVE, *FINAL) if name in message["usage"]}
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    if message.get("stop_details") is not None:
        ending["stop_details"] = message["stop_details"]
    return "message_delta", {"type": "message_delta", "delta": ending, "usage": usage}


def block_events(index: int, block: Mapping[str, Any]) -> Iterator[Event]:
    opening, deltas = taken_apart(block)
    yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": opening}
    for delta in deltas:
        yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
    yield "content_block_stop", {"type": "content_block_stop", "index": index}


def taken_apart(block: Mapping[str, Any]) -> tuple[dict[str, Any], Sequence[dict[str, Any]]]:
    """A block as its empty beginning and the deltas that fill it; one that has no deltas arrives whole."""
    match block.get("type"):
        case "text":
            told = [{"type": "citations_delta", "citation": item} for item in block.get("citations") or ()]
            opening = {**block, "text": "", **({"citations": []} if told else {})}
            return opening, [*told, *({"type": "text_delta", "text": part} for part in parts(block["text"]))]
        case "thinking":
            thoughts = [{"type": "thinking_delta", "thinking": part} for part in parts(block["thinking"])]
            sign = {"type": "signature_delta", "signature": block["signature"]}
            return {**block, "thinking": "", "signature": ""}, [*thoughts, sign]
        case "tool_use" | "server_tool_use":
            fragments = ["", *parts(json.dumps(block["input"], ensure_ascii=False))] if block["input"] else [""]
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in fragments]
            return {**block, "input": {}}, deltas
        case _:
            return dict(block), ()


def frame(event: Event) -> bytes:
    """One event as its name, its data and a blank line."""
    name, data = event
    return f"event: {name}\ndata: {to_json(data)}\n\n".encode()


def to_json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
