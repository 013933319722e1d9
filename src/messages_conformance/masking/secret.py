"""Which keys are secret, and text with a secret masked."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from messages_conformance.exchange import KEY_PLACEHOLDER
from messages_conformance.masking.spellings import MAX_NESTED_BASE64, spans
from messages_conformance.masking.views import Span

MIN_SECRET_CHARS: Final = 6
"""Shorter keys are for servers that need no key ("x", "EMPTY"). Replacing them would destroy the evidence (origin: our
own)."""

MIN_WORD_SECRET_CHARS: Final = 16
"""A shorter key of letters alone ("secret", "anything") is a word that a model may write (origin: our own)."""

REPEATED_CHARS: Final = 256
"""Shorter texts are mostly headers and reasons, which repeat: what they become is kept (our own)."""


def is_secret(key: str | None) -> bool:
    """Whether a key differs from ordinary text, so that a response that contains it leaks it."""
    if key is None or len(key) < MIN_SECRET_CHARS:
        return False
    return len(key) >= MIN_WORD_SECRET_CHARS or not key.isalpha()


def masked_text(
    text: str, key: str | None, *, max_base64: int = MAX_NESTED_BASE64, placeholder: str = KEY_PLACEHOLDER
) -> str:
    """The text with the placeholder for each spelling of the key; `max_base64` as for `spans`."""
    if not key or len(text) < len(key) or not is_secret(key):
        return text
    if len(text) <= REPEATED_CHARS:
        return _masked_repeated(text, key, max_base64, placeholder)
    return _masked(text, key, max_base64, placeholder)


def _masked(text: str, key: str, max_base64: int, placeholder: str) -> str:
    encoded = text.encode("utf-8", "surrogatepass")
    found = spans(encoded, key.encode(), max_base64=max_base64)
    return with_placeholders(encoded, found, placeholder).decode("utf-8", "surrogatepass") if found else text


_masked_repeated: Final = lru_cache(maxsize=4096)(_masked)


def with_placeholders(text: bytes, found: tuple[Span, ...], placeholder: str = KEY_PLACEHOLDER) -> bytes:
    """The bytes with the placeholder for each span. Spans are in order and do not overlap."""
    parts, at = [], 0
    for start, end in found:
        parts += [text[at:start], placeholder.encode()]
        at = end
    return b"".join([*parts, text[at:]])
