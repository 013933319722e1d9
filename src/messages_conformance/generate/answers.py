"""Reads from an answer what a suite needs for its next question. It judges nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import SequenceMatcher
from typing import Any, Final

from messages_conformance.contract import block_types, valid
from messages_conformance.exchange import LEFT, Exchange

_WORD = re.compile(r"[A-Za-z]{3,}")
_AROUND: Final = 3
"""How many characters before and after a change are in a stop sequence, so that it is not blank (our own)."""


def answer_text(exchange: Exchange) -> str:
    """The text of an answer, whole or streamed; empty when there is none."""
    if exchange.response is None:
        return ""
    if exchange.response.is_event_stream:
        parts = [event.fields.get("delta") for event in exchange.response.events]
    else:
        content = exchange.response.fields.get("content")
        parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict)]
    return "".join(text for text in texts if isinstance(text, str))


def was_left(exchange: Exchange) -> bool:
    """Whether we left a stream before its end; a short stream may end first."""
    return exchange.response is not None and exchange.response.ending == LEFT


def answer_tokens(exchange: Exchange) -> int:
    """The output tokens that a whole answer reports; 0 when it reports none."""
    usage = exchange.response.fields.get("usage") if exchange.response is not None else None
    tokens = usage.get("output_tokens") if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) else 0


def input_tokens(exchange: Exchange) -> int:
    """The input tokens of an answer or a count, including cached ones; 0 without them."""
    response = exchange.response
    fields: Mapping[str, Any] = response.fields if response is not None and exchange.succeeded else {}
    if response is not None and exchange.succeeded and response.is_event_stream:
        fields = _streamed_message(exchange) or {}
    usage = fields.get("usage", fields)
    names = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    counts = [usage.get(name) for name in names] if isinstance(usage, dict) else []
    return sum(tokens for tokens in counts if isinstance(tokens, int))


def answered_message(exchange: Exchange) -> dict[str, Any] | None:
    """The message of a whole or streamed answer, assembled as a client does; None unless it is valid."""
    response = exchange.response
    if response is None or not exchange.succeeded:
        return None
    message = _streamed_message(exchange) if response.is_event_stream else response.fields
    return dict(message) if message is not None and valid("response", dict(message)) else None


def _streamed_message(exchange: Exchange) -> Mapping[str, Any] | None:
    """The message that the events build; None where they do not build one in the usual order."""
    assert exchange.response is not None
    message: dict[str, Any] | None = None
    ended = False
    try:
        for event in exchange.response.events:
            data = event.fields
            match event.type:
                case "message_start":
                    message = {**data["message"], "content": []}
                case "content_block_start" if message is not None:
                    message["content"].append(dict(data["content_block"]))
                case "content_block_delta" if message is not None:
                    _apply(data["delta"], message["content"][data["index"]])
                case "message_delta" if message is not None:
                    usage = {**message["usage"], **data["usage"]}
                    message = {**message, **data["delta"], "usage": usage}
                case "message_stop":
                    ended = True
        for block in message["content"] if message is not None else ():
            if isinstance(block.get("input"), str):
                block["input"] = json.loads(block["input"] or "{}")
    except (KeyError, IndexError, TypeError, ValueError):
        return None  # the rules judge what is wrong with such a stream
    return message if ended else None


def _apply(delta: Mapping[str, Any], block: dict[str, Any]) -> None:
    """Applies a delta to a block, by the tables of the contract. Unknown deltas do nothing."""
    kind = block_types().get(block["type"])
    effect = kind.deltas.get(delta["type"]) if kind is not None else None
    if effect is None:
        return
    held, more = block.get(effect.into), delta[effect.field]
    match effect.how:
        case "append":
            block[effect.into] = (held or "") + more
        case "replace":
            block[effect.into] = more
        case "collect":
            block[effect.into] = [*(held or []), more]
        case "json":
            block[effect.into] = (held if isinstance(held, str) else "") + more


def word_to_stop_at(text: str) -> str | None:
    """A word from the middle of the text that occurs nowhere before; None when there is no such word.

    As a stop sequence it ends the same answer in its middle, whatever the model is and whatever it says.
    """
    for match in _WORD.finditer(text):
        before = text[: match.start()]
        if len(before) * 3 >= len(text) and match.group() not in before and match.end() < len(text) - 1:
            return match.group()
    return None


def word_in_other_letters(text: str, *, before: str) -> list[str]:
    """A word before another one of the text, with capitals for small letters; empty where there is none."""
    words = _WORD.findall(text[: text.find(before)])
    changed = (word.swapcase() for word in words[1:] if word != before)
    return next(([word] for word in changed if word not in text and word not in before), [])


def later_change(text: str, answer: str) -> str | None:
    """A part of a text that an answer has changed, after another change; None without two of them.

    As a stop sequence it shows whether the model wrote it: the answer ends there, although no answer shows it.
    """
    start = answer.find(text[:_AROUND])
    if start < 0:
        return None
    matched = SequenceMatcher(None, text, answer[start:], autojunk=False)
    parts = [(first, last) for kind, first, last, _, _ in matched.get_opcodes() if kind != "equal"]
    around = (text[max(0, first - _AROUND) : last + _AROUND] for first, last in reversed(parts[1:]))
    return next((part for part in around if text.count(part) == 1 and part not in answer), None)
