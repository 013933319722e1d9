"""Finds parts of a secret: a key that is cut over several headers, and a long part of a key alone.

Two exchanges may hold one half each. So a part that is at least half of a long key is masked wherever it is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final

from messages_conformance.masking.spellings import merged, spans
from messages_conformance.masking.views import Span

MIN_CHARS_OF_A_CUT_KEY: Final = 24
"""Parts of shorter keys are not masked: they may be ordinary words (origin: our own)."""

WINDOWS: Final = 4
"""Half of a key holds a whole window when the key is cut into this many windows; so few searches find it."""


MIN_PIECE_CHARS: Final = 4
"""A shorter piece of a key that is cut in two is left: any header may end with it (origin: our own)."""


def long_parts(text: bytes, secret: bytes) -> tuple[Span, ...]:
    """The places of parts that are at least half of a long secret, in order."""
    if len(secret) < MIN_CHARS_OF_A_CUT_KEY:
        return ()
    return merged(span for span in _extended_windows(text, secret) if 2 * (span[1] - span[0]) >= len(secret))


def _extended_windows(text: bytes, secret: bytes) -> Iterator[Span]:
    size = len(secret) // WINDOWS
    for offset in range(0, len(secret) - size + 1, size):
        at = text.find(secret[offset : offset + size])
        while at >= 0:
            span = _extended(text, at, secret, offset, size)
            yield span
            at = text.find(secret[offset : offset + size], max(span[1], at + 1))


def _extended(text: bytes, at: int, secret: bytes, offset: int, size: int) -> Span:
    """The longest part of the secret around a window of it."""
    start, end = at, at + size
    while start and offset and text[start - 1] == secret[offset - 1]:
        start, offset = start - 1, offset - 1
    length = offset + end - start
    while end < len(text) and length < len(secret) and text[end] == secret[length]:
        end, length = end + 1, length + 1
    return start, end


def parts_in_values(values: Sequence[bytes], secret: bytes) -> tuple[tuple[int, Span], ...]:
    """The pieces of a secret that is cut over several values: the index of each value, and the span in it."""
    begins = [0, *accumulate(map(len, values))]
    found: set[tuple[int, Span]] = set()
    for start, end in spans(b"".join(values), secret):
        pieces = [
            (index, (max(start, begins[index]) - begins[index], min(end, begins[index + 1]) - begins[index]))
            for index in range(len(values))
            if begins[index] < end and start < begins[index + 1]
        ]
        found |= set(pieces) if len(pieces) > 1 else set()
    for cut in range(1, len(secret)) if may_be_cut(values, secret) else ():
        firsts = [index for index, value in enumerate(values) if value.endswith(secret[:cut])]
        lasts = [index for index, value in enumerate(values) if value.startswith(secret[cut:])] if firsts else []
        if lasts:
            is_short = cut < MIN_PIECE_CHARS, len(secret) - cut < MIN_PIECE_CHARS
            found |= {(index, (len(values[index]) - cut, len(values[index]))) for index in firsts if not is_short[0]}
            found |= {(index, (0, len(secret) - cut)) for index in lasts if not is_short[1]}
    return tuple(sorted(found))


def may_be_cut(values: Sequence[bytes], secret: bytes) -> bool:
    """Whether a value holds a half of the secret: when it is cut in two, the longer piece holds one."""
    first, second = secret[: len(secret) // 2], secret[len(secret) // 2 :]
    return any(first in value or second in value for value in values)
