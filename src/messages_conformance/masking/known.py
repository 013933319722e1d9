"""The secrets that this process knows. Everything that writes output masks them, whatever the text came from.

This is the last protection. It is global on purpose, because code that makes a text may not have the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Final

from messages_conformance.exchange import KEY_PLACEHOLDER
from messages_conformance.masking.secret import is_secret, masked_text
from messages_conformance.masking.spellings import MAX_NESTED_BASE64

_known: Mapping[str, str] = MappingProxyType({})
"""The placeholder of each secret."""


def remember_secret(secret: str | None, *, placeholder: str = KEY_PLACEHOLDER) -> None:
    """Masks a value in all later output of this process, unless it reads like an ordinary word."""
    global _known
    if secret is not None and is_secret(secret):
        _known = MappingProxyType({secret: placeholder, **_known})


def forget_secrets() -> None:
    """Masks nothing any more; for tests."""
    global _known
    _known = MappingProxyType({})


@contextmanager
def secrets_restored() -> Iterator[None]:
    """Forgets at the end what was remembered meanwhile."""
    global _known
    before = _known
    try:
        yield
    finally:
        _known = before


def known_secrets() -> tuple[str, ...]:
    """The secrets, the longest first: one may be part of another."""
    return tuple(sorted(_known, key=lambda secret: (-len(secret), secret)))


MAX_TEXT_CHARACTERS: Final = 2_000
"""Text of others in a finding, a reason or a statement is cut here: each one is repeated in every report (our own)."""


def bounded(text: str) -> str:
    """Text as it is kept: without secrets, and of MAX_TEXT_CHARACTERS at most."""
    if len(text) <= MAX_TEXT_CHARACTERS:
        return masked(text)
    # A key may begin before the cut and end after it.
    return f"{masked(text[: 2 * MAX_TEXT_CHARACTERS])[: MAX_TEXT_CHARACTERS - 1]}…"


def placeholder_of(secret: str) -> str:
    """What a known secret is replaced by."""
    return _known.get(secret, KEY_PLACEHOLDER)


def masked(text: str, *, max_base64: int = MAX_NESTED_BASE64) -> str:
    """The text with a placeholder for each spelling of each known secret; `max_base64` as for `spans`."""
    for secret in known_secrets() if _known else ():
        text = masked_text(text, secret, max_base64=max_base64, placeholder=placeholder_of(secret))
    return text
