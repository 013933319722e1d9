"""One answer that a dialect writes: the script with fresh ids, the request that it answers, and JSON as bytes."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from messages_conformance.upstream.script import Block, Other, Reasoning, Refusal, Script, Text, ToolCall

ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM: Final = random.Random()


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What an answer is made of. Every call in the script has its id."""

    script: Script
    body: Mapping[str, Any]
    id: str
    created: int
    """Seconds since 1970."""

    @property
    def model(self) -> str:
        """The model that the answer names."""
        return self.script.model or str(self.body.get("model", ""))

    @property
    def finish(self) -> str:
        """The finish reason of the script, or the one that its blocks have; never empty."""
        calls = any(isinstance(block, ToolCall) for block in self.script.blocks)
        return self.script.finish or ("tool_calls" if calls else "stop")

    def all_text(self, kind: type[Text] | type[Reasoning] | type[Refusal]) -> str:
        """The texts of all blocks of a kind, joined."""
        return "".join(text_of(block) for block in self.script.blocks if isinstance(block, kind))

    def has(self, kind: type) -> bool:
        """Whether the script has a block of a kind."""
        return any(isinstance(block, kind) for block in self.script.blocks)

    @property
    def calls(self) -> list[ToolCall]:
        """The tool calls, in order."""
        return [block for block in self.script.blocks if isinstance(block, ToolCall)]


def reply(script: Script, body: Mapping[str, Any], *, id_prefix: str, call_prefix: str, length: int = 24) -> Reply:
    """The reply to a request, with fresh ids where the script has none."""
    blocks = tuple(
        replace(block, id=fresh_id(call_prefix, length)) if isinstance(block, ToolCall) and not block.id else block
        for block in script.blocks
    )
    script = replace(script, blocks=blocks)
    return Reply(script=script, body=body, id=script.id or fresh_id(id_prefix, length), created=int(time.time()))


def fresh_id(prefix: str, length: int = 24) -> str:
    """An id that was never used before."""
    return prefix + "".join(_RANDOM.choices(ALPHABET, k=length))


def text_of(block: Block) -> str:
    """The text that a block streams: words, reasoning, or the JSON of arguments."""
    match block:
        case Text():
            return block.text
        case Reasoning():
            return block.reasoning
        case Refusal():
            return block.refusal
        case ToolCall():
            return block.arguments
        case Other():
            return ""


def to_bytes(value: object) -> bytes:
    """Compact JSON in UTF-8; escaped to ASCII if it has half a surrogate pair, which UTF-8 cannot carry."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def alternating(lists: Sequence[Sequence[Any]]) -> list[Any]:
    """The items of several lists in turn: the first of each, the second of each, and so on."""
    longest = max(map(len, lists), default=0)
    return [items[at] for at in range(longest) for items in lists if at < len(items)]
