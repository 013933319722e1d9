"""What a suite needs to know of an answer to ask the next question: never a judgement."""

from __future__ import annotations

import re

from messages_conformance.exchange import Exchange

_WORD = re.compile(r"[A-Za-z]{3,}")


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


def answer_tokens(exchange: Exchange) -> int:
    """The output tokens that a whole answer reports; 0 when it reports none."""
    usage = exchange.response.fields.get("usage") if exchange.response is not None else None
    tokens = usage.get("output_tokens") if isinstance(usage, dict) else None
    return tokens if isinstance(tokens, int) else 0


def word_to_stop_at(text: str) -> str | None:
    """A word from the middle of the text that occurs nowhere before; None when there is no such word.

    As a stop sequence it ends the same answer in its middle, whatever the model is and whatever it says.
    """
    for match in _WORD.finditer(text):
        before = text[: match.start()]
        if len(before) * 3 >= len(text) and match.group() not in before and match.end() < len(text) - 1:
            return match.group()
    return None
