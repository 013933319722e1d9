"""Which content blocks an answer has."""

from __future__ import annotations

import re
from typing import Any

from messages_conformance.reference.changes import Stage
from messages_conformance.reference.failures import Failure
from messages_conformance.reference.variant_registry import variant

Json = dict[str, Any]
UNKNOWN_BLOCK = {"type": "reference_note", "note": "a block of an unknown type", "weight": 1}


def accept_unknown_block(failures: list[Failure]) -> list[Failure]:
    """Accepts the unknown block when a client sends it back."""
    return [failure for failure in failures if f"{UNKNOWN_BLOCK['type']!r}" not in failure.message]


@variant(at=Stage.MESSAGE, also={Stage.FAILURES: accept_unknown_block})
def unknown_blocks(message: Json) -> Json:
    """An answer also contains a content block of an unknown type."""
    return {**message, "content": [*message["content"], UNKNOWN_BLOCK]} if message["content"] else message


@variant(at=Stage.MESSAGE)
def two_text_blocks(message: Json) -> Json:
    """The text of an answer is split into two blocks."""
    blocks: list[Json] = []
    for block in message["content"]:
        middle = re.search(r"(?<=\s)(?=\S)", block["text"]) if block["type"] == "text" else None
        if middle is None or not block["text"][: middle.start()].strip():
            blocks.append(block)
        else:
            at = middle.start()
            blocks += [{**block, "text": block["text"][:at]}, {**block, "text": block["text"][at:]}]
    return {**message, "content": blocks}


@variant(at=Stage.MESSAGE)
def empty_text_block(message: Json) -> Json:
    """An answer also contains an empty text block, which has no delta in a stream."""
    if not message["content"]:
        return message
    return {**message, "content": [*message["content"], {"type": "text", "text": ""}]}
