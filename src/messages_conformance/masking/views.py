"""Views of bytes: with escapes removed, in plain letters, without line breaks, or with base64 decoded.

Each view knows which of the original bytes each of its bytes came from. Making a view and reading its origins take one
pass each.
"""

from __future__ import annotations

import binascii
import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

Span = tuple[int, int]
"""Where something begins and where it ends, in bytes."""

_ESCAPE: Final = re.compile(
    rb"\\\\{0,7}(?:u\{0{0,6}[0-7][0-9a-fA-F]\}|u00[0-7][0-9a-fA-F]|U000000[0-7][0-9a-fA-F]|x[0-7][0-9a-fA-F]|[nrt\"'/])"
    rb"|\\\\"
    rb"|%(?:u00)?[0-7][0-9a-fA-F]"
    rb"|=[2-7][0-9a-fA-F]"
    rb"|&(?:#[xX]0{0,6}[0-7][0-9a-fA-F];?|#0{0,6}[0-9]{2,3};?|[a-zA-Z]{2,8};)"
)
"""The escapes of one ASCII character: of JSON and programs, percent, quoted-printable, HTML. The quantifiers have
limits, so that no input makes the search quadratic. Each alternative begins with one character, so that Python's search
skips all others quickly: it is ten times as fast."""

_ESCAPE_SIGNS: Final = (b"\\", b"%", b"&", b"=")
_SHORT_ESCAPES: Final = {b"": b"\\", b"n": b"\n", b"r": b"\r", b"t": b"\t"}

_LINE_BREAK: Final = re.compile(rb"[\r\n][\r\n]*(?:[a-z]{0,5}: ?|[ \t]{1,8})?")
"""A line break with the bytes that begin the next line of an event stream or of folded text."""

BASE64: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_TO_STANDARD_ALPHABET: Final = bytes.maketrans(b"-_", b"+/")

_NOT_ASCII: Final = re.compile(
    rb"\\{1,8}u(?:[dD][89abAB][0-9a-fA-F]{2}\\{1,8}u[dD][c-fC-F][0-9a-fA-F]{2}|(?!00[0-7])[0-9a-fA-F]{4})"
    rb"|[\xc2-\xf4][\x80-\xbf]{1,3}"
)
"""One character that is not ASCII: its escape in JSON, of one or two parts, or its bytes in UTF-8."""

SEPARATOR: Final = b"\xff\xff"
"""Separates parts of a view that are not adjacent in the original. A key is ASCII, so no key contains it."""

REPEATED_BYTES: Final = 128
"""Shorter runs of base64 are mostly names, which reports repeat: what they encode is kept (our own)."""


@dataclass(frozen=True, kw_only=True)
class View:
    """Bytes made from other bytes. `origin` returns the original span of a span of the view."""

    data: bytes
    origin: Callable[[Span], Span]


def unescaped_view(text: bytes) -> bytes | None:
    """The text with each escape of an ASCII character replaced by the character, once; None when it has no escape."""
    if not any(sign in text for sign in _ESCAPE_SIGNS):
        return None
    data, count = _ESCAPE.subn(_character, text)
    return data if count else None


def line_of(text: bytes) -> bytes:
    """The text in one line, without what begins a line of an event stream or of folded text."""
    return _LINE_BREAK.sub(b"", text)


@lru_cache(maxsize=64)
def _joints(forms: frozenset[bytes], *, only_lf: bool) -> re.Pattern[bytes] | None:
    """Line breaks between two bytes of which a form, its hex digits or base64 can consist; None for unusual forms."""
    characters = {*b"".join(forms), *b"".join(forms).hex().encode(), *BASE64}
    if not characters.isdisjoint(b"\r\n"):
        return None
    # The same bytes as _LINE_BREAK, several times. The quantifiers give nothing back, so the search is linear.
    allowed, start = b"[%b]" % re.escape(bytes(sorted(characters))), rb"(?:[a-z]{0,5}: ?|[ \t]{1,8})?+"
    again = rb"(?:[\r\n]++%b)*+" % start
    # A pattern that begins with one byte is searched for ten times as fast as one that begins with a set of bytes.
    first = rb"\n(?<=%b\n)" % allowed if only_lf else rb"[\r\n](?<=%b[\r\n])" % allowed
    return re.compile(rb"%b[\r\n]*+%b%b%b" % (first, start, again, allowed))


def may_be_over_lines(text: bytes, forms: frozenset[bytes]) -> bool:
    """Whether a line can end with a part of one of these forms, or of base64, and the next line begin with the rest.

    In JSON with an indent, and in most streams, no line does.
    """
    has_cr = b"\r" in text
    if b"\n" not in text and not has_cr:
        return False
    joints = _joints(forms, only_lf=not has_cr)
    return joints is None or joints.search(text) is not None


def without_escapes(text: bytes) -> View | None:
    """A view of the text with one level of escapes removed; None when it has none."""
    data = unescaped_view(text)
    return None if data is None else View(data=data, origin=Substitutions(text, _ESCAPE, _character))


def folded_view(text: bytes) -> bytes | None:
    """The text as `folded` has it, but without the characters that stand for no ASCII character; None without any."""
    if b"\\u" in text:
        text, count = _NOT_ASCII.subn(_folded, text)
        if not count:
            return None
    elif text.isascii():
        return None
    return unicodedata.normalize("NFKD", text.decode("utf-8", "replace")).encode("ascii", "ignore")


def folded(text: bytes) -> View | None:
    """A view with each character that is not ASCII replaced by the ASCII character it stands for; None without any.

    A wide or a styled letter becomes the plain one. An accent, or a character that is not shown, becomes nothing.
    """
    if text.isascii() and b"\\u" not in text:
        return None
    data, count = _NOT_ASCII.subn(_folded, text)
    return View(data=data, origin=Substitutions(text, _NOT_ASCII, _folded)) if count else None


def without_line_breaks(text: bytes) -> View | None:
    """A view of the text in one line; None when it has one line already."""
    if b"\n" not in text and b"\r" not in text:
        return None
    return View(data=line_of(text), origin=Substitutions(text, _LINE_BREAK, lambda _: b""))


def decoded_base64(text: bytes, *, least_bytes: int) -> bytes:
    """The data of `without_base64` with each run once: a search that finds nothing in it finds nothing in the view."""
    runs = dict.fromkeys(_runs(least_bytes).findall(text))
    return b"".join(piece for run in runs for piece in _known_pieces(run))


def without_base64(text: bytes, *, least_bytes: int) -> View | None:
    """A view of what the base64 in the text encodes, at each alignment; None without any that is long enough.

    `least_bytes` is the length of the shortest part that is looked for.
    """
    pieces, starts, begins, size = [], [], [], 0
    for found in _runs(least_bytes).finditer(text):
        for missing, piece in enumerate(_known_pieces(found[0])):
            pieces.append(piece)
            starts.append(size)
            begins.append((found.start(), missing))
            size += len(piece)
    if not pieces:
        return None

    def place(at: int) -> Span:
        """The characters that hold one byte of the view."""
        index = bisect_right(starts, at) - 1
        begin, missing = begins[index]
        # Byte n holds the bits from 8 * n, and a character of base64 holds six bits.
        byte = at - starts[index]
        return begin + max(0, 8 * byte // 6 - missing), begin + max(1, (8 * byte + 7) // 6 + 1 - missing)

    def origin(span: Span) -> Span:
        first, last = place(span[0]), place(span[1] - 1)
        return min(first[0], last[0]), max(first[1], last[1])

    return View(data=b"".join(pieces), origin=origin)


@lru_cache(maxsize=64)
def _runs(least_bytes: int) -> re.Pattern[bytes]:
    """Runs of base64 that can encode a number of bytes."""
    return re.compile(rb"[A-Za-z0-9+/_-]{%d,}" % -(-4 * least_bytes // 3))


def _known_pieces(encoded: bytes) -> tuple[bytes, ...]:
    return _repeated_pieces(encoded) if len(encoded) <= REPEATED_BYTES else _pieces(encoded)


def _pieces(encoded: bytes) -> tuple[bytes, ...]:
    """What a run of base64 encodes. It may begin within a group of four characters."""
    standard = encoded.translate(_TO_STANDARD_ALPHABET)
    return tuple(_from_base64(b"A" * missing + standard) + SEPARATOR for missing in range(4))


_repeated_pieces: Final = lru_cache(maxsize=4096)(_pieces)


def _from_base64(encoded: bytes) -> bytes:
    whole = len(encoded) - (1 if len(encoded) % 4 == 1 else 0)
    return binascii.a2b_base64(encoded[:whole] + b"=" * (-whole % 4))


def _character(found: re.Match[bytes]) -> bytes:
    return _decoded(found[0])


@lru_cache(maxsize=4096)
def _decoded(escape: bytes) -> bytes:
    """The ASCII character of one escape; the escape itself when it is of another character."""
    sign, code = escape[:1], escape.lstrip(b"\\")
    if sign == b"&":
        text = html.unescape(escape.decode())
        return text.encode() if len(text) == 1 and text.isascii() else escape
    if sign == b"\\" and len(code) < 2:
        return _SHORT_ESCAPES.get(code, code)
    return bytes.fromhex(code.rstrip(b"}")[-2:].decode())


def _folded(found: re.Match[bytes]) -> bytes:
    return _plain_character(found[0])


@lru_cache(maxsize=4096)
def _plain_character(written: bytes) -> bytes:
    """The ASCII characters that one character stands for; its own bytes if it stands for none."""
    if written.startswith(b"\\"):
        units = b"".join(bytes.fromhex(unit.decode()) for unit in re.findall(rb"u([0-9a-fA-F]{4})", written))
        text = units.decode("utf-16-be", "replace")
    else:
        text = written.decode("utf-8", "replace")
    plain = unicodedata.normalize("NFKD", text)
    kept = "".join(one for one in plain if one.isascii())
    if not kept and any(unicodedata.category(one)[0] not in "CMZ" for one in plain):
        return written
    return kept.encode()


class Substitutions:
    """Returns the original spans of a view that a substitution made. It reads the text when it is first called."""

    def __init__(self, text: bytes, pattern: re.Pattern[bytes], substitute: Callable[[re.Match[bytes]], bytes]) -> None:
        self._text, self._pattern, self._substitute = text, pattern, substitute
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._originals: list[Span] = []

    def __call__(self, span: Span) -> Span:
        """The original span of a span of the view."""
        if not self._starts:
            self._read()
        return self._original(span[0])[0], self._original(span[1] - 1)[1]

    def _read(self) -> None:
        """Notes where each substitute begins and ends in the view, and the original span of each."""
        shift = 0
        for found in self._pattern.finditer(self._text):
            start, size = found.start() - shift, len(self._substitute(found))
            self._starts.append(start)
            self._ends.append(start + size)
            self._originals.append(found.span())
            shift += len(found[0]) - size

    def _original(self, at: int) -> Span:
        """The original span of one byte of the view."""
        index = bisect_right(self._starts, at) - 1
        if index < 0:
            return at, at + 1
        if at < self._ends[index]:
            return self._originals[index]
        original = self._originals[index][1] + at - self._ends[index]
        return original, original + 1
