"""Turns a Message into the events of a stream, and each event into a frame of bytes.

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
"""Counts that are known only at the end of a stream."""

PARTS = re.compile(r"\s*\S{1,6}\s*|\s+")
"""The text of one delta: a few whole characters."""


def parts(text: str) -> list[str]:
    """The text in pieces of a few characters. Joined they are the text."""
    return PARTS.findall(text)


def events(message: Mapping[str, Any]) -> list[Event]:
    """The events that accumulate to the message."""
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
    """The message_start event."""
    early = {name: value for name, value in message["usage"].items() if name not in FINAL}
    usage = {**early, "output_tokens": min(START_OUTPUT_TOKENS, message["usage"]["output_tokens"])}
    opening = {**message, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}
    if opening.get("stop_details") is not None:
        opening["stop_details"] = None
    return "message_start", {"type": "message_start", "message": opening}


def closing_delta(message: Mapping[str, Any]) -> Event:
    """The message_delta event."""
    usage = {name: message["usage"][name] for name in (*CUMULATIVE, *FINAL) if name in message["usage"]}
    ending = {"stop_reason": message["stop_reason"], "stop_sequence": message["stop_sequence"]}
    if message.get("stop_details") is not None:
        ending["stop_details"] = message["stop_details"]
    return "message_delta", {"type": "message_delta", "delta": ending, "usage": usage}


def block_events(index: int, block: Mapping[str, Any]) -> Iterator[Event]:
    """The events of one content block."""
    opening, deltas = start_and_deltas(block)
    yield "content_block_start", {"type": "content_block_start", "index": index, "content_block": opening}
    for delta in deltas:
        yield "content_block_delta", {"type": "content_block_delta", "index": index, "delta": delta}
    yield "content_block_stop", {"type": "content_block_stop", "index": index}


def start_and_deltas(block: Mapping[str, Any]) -> tuple[dict[str, Any], Sequence[dict[str, Any]]]:
    """A block as its empty start and the deltas that fill it. Without deltas the start is the whole block."""
    match block.get("type"):
        case "text":
            citations = [{"type": "citations_delta", "citation": item} for item in block.get("citations") or ()]
            opening = {**block, "text": "", **({"citations": []} if citations else {})}
            return opening, [*citations, *({"type": "text_delta", "text": part} for part in parts(block["text"]))]
        case "thinking":
            deltas = [{"type": "thinking_delta", "thinking": part} for part in parts(block["thinking"])]
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
            return {**block, "thinking": "", "signature": ""}, deltas
        case "tool_use" | "server_tool_use":
            fragments = ["", *parts(json.dumps(block["input"], ensure_ascii=False))] if block["input"] else [""]
            deltas = [{"type": "input_json_delta", "partial_json": part} for part in fragments]
            return {**block, "input": {}}, deltas
        case _:
            return dict(block), ()


def frame(event: Event) -> bytes:
    """The bytes of one event: its name, its data and a blank line."""
    name, data = event
    return f"event: {name}\ndata: {to_json(data)}\n\n".encode()


def to_json(value: object) -> str:
    """Compact JSON that is not escaped to ASCII."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
