"""Finds a secret in bytes, also where an encoding disguises it.

The search reads the bytes as they are and views of them: without escapes, in plain letters, without line breaks, with
base64 decoded, and their letters and digits alone (`loose`). A view is searched in the same way, so that it finds
encodings inside encodings. The number of views is limited, so the time is linear in the size of the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from messages_conformance.masking.loose import loose_spans
from messages_conformance.masking.presence import is_present
from messages_conformance.masking.rare_forms import rare_forms
from messages_conformance.masking.views import (
    Span,
    decoded_base64,
    folded,
    may_be_over_lines,
    unescaped_view,
    without_base64,
    without_escapes,
    without_line_breaks,
)

MAX_NESTED_ESCAPES: Final = 4
MAX_NESTED_BASE64: Final = 2
"""How many encodings inside encodings are removed (origin: our own; JSON inside JSON inside JSON needs three)."""


def spans(text: bytes, secret: bytes, *, max_base64: int = MAX_NESTED_BASE64) -> tuple[Span, ...]:
    """The places of the secret in any spelling, in order; those that overlap are joined.

    `max_base64` is how often base64 inside base64 is decoded; 0 leaves base64 as it is.
    """
    if not is_present(text, secret, escapes=MAX_NESTED_ESCAPES, base64s=max_base64):
        return ()
    return merged(_spans(text, frozenset({secret}), MAX_NESTED_ESCAPES, max_base64, has_breaks=True))


def merged(found: Iterable[Span]) -> tuple[Span, ...]:
    """Spans in order; those that overlap are joined."""
    joined: list[Span] = []
    for start, end in sorted(found):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return tuple(joined)


def _spans(text: bytes, forms: frozenset[bytes], escapes: int, base64s: int, *, has_breaks: bool) -> Iterator[Span]:
    """The spans in the text and in its views. `forms` are the secret, and the secret without its own escapes."""
    lowered = text.lower()
    for form in forms:
        yield from _occurrences(text, form)
        yield from _occurrences(lowered, form.hex().encode())
        for written in rare_forms(form):
            yield from _occurrences(text, written)
    yield from loose_spans(text, forms)
    if escapes and (view := without_escapes(text)) is not None:
        plain = forms | {unescaped_view(form) or form for form in forms}
        yield from map(view.origin, _spans(view.data, plain, escapes - 1, base64s, has_breaks=has_breaks))
    if escapes and (view := folded(text)) is not None:
        yield from map(view.origin, _spans(view.data, forms, escapes - 1, 0, has_breaks=has_breaks))
    if has_breaks and may_be_over_lines(text, forms) and (view := without_line_breaks(text)) is not None:
        yield from map(view.origin, _spans(view.data, forms, 0, base64s, has_breaks=False))
    if base64s:
        yield from _in_base64(text, forms, escapes, base64s - 1)


def _in_base64(text: bytes, forms: frozenset[bytes], escapes: int, base64s: int) -> Iterator[Span]:
    """The spans in base64. Texts repeat long words, so each run is searched once before the places are of interest."""
    least_bytes = min(map(len, forms))
    data = decoded_base64(text, least_bytes=least_bytes)
    if data and any(True for _ in _spans(data, forms, escapes, base64s, has_breaks=False)):
        view = without_base64(text, least_bytes=least_bytes)
        assert view is not None
        yield from map(view.origin, _spans(view.data, forms, escapes, base64s, has_breaks=False))


def _occurrences(text: bytes, part: bytes) -> Iterator[Span]:
    at = text.find(part)
    while at >= 0:
        yield at, at + len(part)
        at = text.find(part, at + len(part))
