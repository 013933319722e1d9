"""Says quickly whether bytes can contain a secret in any spelling, so that the exact search reads few of them.

It reads the same views as the exact search in `spellings`, without their origins: all runs of base64 are decoded at
once, and a run that was searched is not searched again, because answers repeat most of their words. It never misses
what the exact search finds. It may report too much, such as a secret over the border of two runs of base64; the exact
search then rejects it.
"""

from __future__ import annotations

import binascii
from typing import Final

from messages_conformance.masking.loose import is_loosely_in
from messages_conformance.masking.rare_forms import rare_forms
from messages_conformance.masking.views import (
    BASE64,
    SEPARATOR,
    folded_view,
    line_of,
    may_be_over_lines,
    unescaped_view,
)

_RUNS: Final = bytes(
    {ord("-"): ord("+"), ord("_"): ord("/")}.get(code, code) if code in BASE64 else ord(" ") for code in range(256)
)
"""Translates what is not base64 to spaces, and base64url to the standard alphabet."""

_BORDERS: Final = tuple(b"/" * (4 + -size % 4) + b"AAAA" for size in range(4))
"""What follows a run, by its length modulo 4: it fills the last group, and decodes to ones at each alignment, then to
the zeros that precede a run which is decoded alone."""

_ALIGNMENTS: Final = ((b"", b""), (b"A", b"///"), (b"AA", b"//"), (b"AAA", b"/"))
"""What is before and after all runs: a run may begin within a group of four characters."""

_Key = tuple[frozenset[bytes], int, int]
"""What a run was searched for: the forms of the secret, and how many encodings inside encodings."""

MOST_RUNS: Final = 4096
REPEATED_BYTES: Final = 128
"""At most this many runs that are not longer are remembered as searched for one secret (our own): longer ones are data,
and rarely repeated."""

_searched: Final[dict[_Key, set[bytes]]] = {}


def is_present(text: bytes, secret: bytes, *, escapes: int, base64s: int) -> bool:
    """Whether the text can contain the secret; the numbers are those of the encodings inside encodings."""
    return _is_present(text, frozenset({secret}), escapes, base64s, has_breaks=True)


def _is_present(text: bytes, forms: frozenset[bytes], escapes: int, base64s: int, *, has_breaks: bool) -> bool:
    lowered = text.lower()
    if any(form in text for form in forms) or is_loosely_in(text, lowered, forms):
        return True
    if any(written in text for form in forms for written in rare_forms(form)):
        return True
    if base64s and _is_in_base64(text, forms, escapes, base64s - 1):
        return True
    if escapes and (view := unescaped_view(text)) is not None:
        plain = forms | {unescaped_view(form) or form for form in forms}
        if _is_present(view, plain, escapes - 1, base64s, has_breaks=has_breaks):
            return True
    view = folded_view(text) if escapes else None
    if view is not None and _is_present(view, forms, escapes - 1, 0, has_breaks=has_breaks):
        return True
    if has_breaks and may_be_over_lines(text, forms):
        return _is_present(line_of(text), forms, 0, base64s, has_breaks=False)
    return False


def _is_in_base64(text: bytes, forms: frozenset[bytes], escapes: int, base64s: int) -> bool:
    least_characters = -(-4 * min(map(len, forms)) // 3)
    searched = _searched_for((forms, escapes, base64s))
    runs = {run for run in text.translate(_RUNS).split() if len(run) >= least_characters} - searched
    if not runs:
        return False
    joined = b"".join([run + _BORDERS[len(run) % 4] for run in runs])
    data = SEPARATOR.join([binascii.a2b_base64(before + joined + after) for before, after in _ALIGNMENTS])
    if _is_present(data, forms, escapes, base64s, has_breaks=False):
        return True
    searched.update(run for run in runs if len(run) <= REPEATED_BYTES)
    return False


def _searched_for(key: _Key) -> set[bytes]:
    """The runs that do not contain a secret; not more than MOST_RUNS."""
    if len(_searched) > MOST_RUNS:  # somebody searches for one secret after another
        _searched.clear()
    runs = _searched.setdefault(key, set())
    if len(runs) > MOST_RUNS:
        runs.clear()
    return runs
