"""Finds a secret between whose characters something else is, whose case differs, or that is written as numbers.

The search reads the letters and digits of a text alone, or its digits alone, and compares them with the ways in which
a secret can be written so: as it is, backwards, in rot13, in hexadecimal, as code points, in base32, as a list of
bytes.
"""

from __future__ import annotations

import base64
import codecs
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from messages_conformance.masking.views import SEPARATOR, Span, Substitutions

MIN_LETTERS_AND_DIGITS: Final = 16
MIN_DIGITS: Final = 3
"""A secret with fewer letters and digits, or fewer digits, is not searched for without its punctuation (origin: our
own). "test-key" is a secret, but "Test key" may be an ordinary text."""

_SEPARATOR: Final = SEPARATOR[0]
"""Stays in the views: what is before and after it is not adjacent."""


def _is_ascii(code: int, kind: Callable[[str], bool]) -> bool:
    return code < 128 and kind(chr(code))


_NO_LETTER: Final = bytes(code for code in range(256) if code != _SEPARATOR and not _is_ascii(code, str.isalnum))
_NO_DIGIT: Final = bytes(code for code in range(256) if code != _SEPARATOR and not _is_ascii(code, str.isdigit))
_MARKUP: Final = re.compile(rb"<[^<>]{0,64}>|\x1b\[[0-9;]{0,16}m")
_BETWEEN_LETTERS: Final = re.compile(rb"[^0-9A-Za-z\xff]+")
_BETWEEN_LETTERS_OF_MARKUP: Final = re.compile(rb"<[^<>]{0,64}>|\x1b\[[0-9;]{0,16}m|[^0-9A-Za-z\xff]")
_NULLS: Final = re.compile(rb"\x00+")
_BETWEEN_DIGITS: Final = re.compile(rb"[^0-9\xff]+")


@dataclass(frozen=True, kw_only=True)
class _Forms:
    """What a secret becomes in letters and digits alone, in lower case, and in digits alone."""

    letters: tuple[bytes, ...]
    digits: tuple[bytes, ...]


def is_loosely_in(text: bytes, lowered: bytes, secrets: Collection[bytes]) -> bool:
    """Whether a secret is in the text; `lowered` is the text in lower case."""
    if b"\0" in text and any(secret in text.replace(b"\0", b"") for secret in secrets):
        return True
    views = [lowered.translate(None, _NO_LETTER)]
    if _has_markup(text):
        views.append(_MARKUP.sub(b"", lowered).translate(None, _NO_LETTER))
    digits = text.translate(None, _NO_DIGIT)
    return any(
        form in view
        for forms in map(_forms, secrets)
        for view, written in (*((view, forms.letters) for view in views), (digits, forms.digits))
        for form in written
    )


def loose_spans(text: bytes, secrets: Collection[bytes]) -> Iterator[Span]:
    """The places of the secrets in the text, with all that is between their characters."""
    if b"\0" in text:  # UTF-16 and UTF-32
        yield from _without(text, _NULLS, secrets)
    all_forms = [_forms(secret) for secret in secrets]
    lowered, letters = text.lower(), [form for forms in all_forms for form in forms.letters]
    yield from _without(lowered, _BETWEEN_LETTERS, letters)
    if _has_markup(text):
        yield from _without(lowered, _BETWEEN_LETTERS_OF_MARKUP, letters)
    yield from _without(text, _BETWEEN_DIGITS, [form for forms in all_forms for form in forms.digits])


def _without(text: bytes, between: re.Pattern[bytes], wanted: Iterable[bytes]) -> Iterator[Span]:
    """The places of what is wanted in the text without what is between."""
    kept, origin = between.sub(b"", text), Substitutions(text, between, lambda _: b"")
    for form in wanted:
        at = kept.find(form)
        while at >= 0:
            yield origin((at, at + len(form)))
            at = kept.find(form, at + len(form))


def _has_markup(text: bytes) -> bool:
    return b"</" in text or b"\x1b[" in text


@lru_cache(maxsize=256)
def _forms(secret: bytes) -> _Forms:
    plain = secret.lower().translate(None, _NO_LETTER)
    is_long = len(plain) >= MIN_LETTERS_AND_DIGITS and sum(map(str.isdigit, plain.decode())) >= MIN_DIGITS
    letters = [plain, plain[::-1], codecs.encode(plain.decode(), "rot13").encode()] if is_long else []
    # "73:6b", "0x73, 0x6b", "\u{73}", "U+0073"
    letters += ["".join(f"{mark}{code:02x}" for code in secret).encode() for mark in ("", "0x", "u", "u00")]
    digits = ["".join(way.format(number=number, code=code) for number, code in enumerate(secret)) for way in _NUMBERS]
    return _Forms(letters=(*letters, *_in_base32(secret)), digits=tuple(text.encode() for text in digits))


_NUMBERS: Final = ("{code}", "{number}{code}", "{code:03o}", "{code:08b}")
"""A list of bytes, an object with the number of each byte, octal and binary numbers."""


def _in_base32(secret: bytes) -> tuple[bytes, ...]:
    """What the secret becomes in base32 at each of the five alignments, without what its neighbours change."""
    return tuple(
        base64.b32encode(bytes(before) + secret)[-(-8 * before // 5) : 8 * (before + len(secret)) // 5].lower()
        for before in range(5)
    )
