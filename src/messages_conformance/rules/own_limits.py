"""Recognises the refusal of a target that takes fewer or smaller parts than the API, and says so.

The contract names no number of tools, images or stop sequences, and no size of a text, that every server must accept.
So a clean refusal that names such a limit is no violation. Servers word it differently, before or after the number: "at
most 1 image(s) may be provided in one prompt" (vLLM), "array too long. Expected an array with maximum length 16"
(OpenAI), "only one image is allowed", "this model takes one image per message", "too many tools: 40 > 32", "multiple
images are not supported".
"""

from __future__ import annotations

import re
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import cleanly_refused

SIZES: Final = r"tools?|functions?|char\w*|letters?|bytes?|words?|tokens?|array|length|string"
"""What a limit may count, in any request (our own)."""

IMAGES: Final = r"images?|pictures?|photos?|array|items?"
"""What a limit on the images of a message may count (our own)."""

_LIMIT: Final = (
    r"(?:at most|(?:no|not) more than|up to|(?:fewer|less) than|\bmax(?:imum)?\b|\blimit(?:ed)?\b|\bexceed\w*|\bonly\b|"
    r"\btoo (?:many|long|large|big)\b|>)"
)
_NUMBER: Final = r"(?:\b\d[\d,_]*|\b(?:one|two|three|four|five|six|eight|ten|single)\b)"
_NEAR: Final = r"[^.;]{0,40}?"
"""What may be between the words of a limit and its number (our own)."""

_SEVERAL: Final = (
    r"\b(?:multiple|several|more than one)\b|"
    rf"{_NUMBER}\s+(?:{IMAGES})\s+(?:per|for each|in (?:a|each|one))\b|"
    rf"\b(?:accepts?|allows?|handles?|reads?|supports?|takes?)\s+(?:a\s+)?{_NUMBER}\s+(?:{IMAGES})\b"
)
"""Other words for a limit on images: "this model takes one image per message", "supports a single image"."""

_POINTER: Final = re.compile(r"\b\w+(?:\.\w+|\[\d+\])+")
"""The place of a parameter in a message, such as tools.0.name: its number is no limit."""


def _pattern(counted: str, stated: str = "") -> re.Pattern[str]:
    """A limit with a number and what it counts, in any order; or other words that state a limit."""
    limit = rf"(?:{_LIMIT}{_NEAR}{_NUMBER}|{_NUMBER}{_NEAR}{_LIMIT}{stated and '|'}{stated})"
    return re.compile(rf"(?is)(?=.*{limit})(?=.*\b(?:{counted})\b)")


_OF_SIZES: Final = _pattern(SIZES)
_OF_IMAGES: Final = _pattern(IMAGES, _SEVERAL)


def size_limit(exchange: Exchange) -> str:
    """The words of a clean refusal that names a size or a number of parts; empty for any other answer."""
    return _words(exchange, _OF_SIZES)


def image_limit(exchange: Exchange) -> str:
    """The words of a clean refusal that names a number of images; empty for any other answer."""
    return _words(exchange, _OF_IMAGES)


def _words(exchange: Exchange, pattern: re.Pattern[str]) -> str:
    refusal = cleanly_refused(exchange)
    message = _POINTER.sub("", refusal.partition(" ")[2])
    return refusal if pattern.match(message) else ""
