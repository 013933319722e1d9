"""Foreign text made safe to show: no control character, escape sequence or lone surrogate gets through.

What a server sends can hold anything. Shown raw it could move the cursor, hide text or break an XML file, so each
character that a reader could not see is spelled out as an escape.
"""

from __future__ import annotations

from typing import Any, Final

_JOINERS: Final = "\u200c\u200d"
"""Invisible, but parts of ordinary words and emoji."""


def showable(text: str) -> bool:
    """Whether a reader sees every character for what it is: no control, no bidi mark, no surrogate, no odd space."""
    return text.isprintable() or all(_is_shown(character) for character in text)


def visible(text: str) -> str:
    """The text with line feeds kept and every other invisible character spelled out, such as `\\x1b`."""
    if text.isprintable():
        return text
    return "".join(character if _is_shown(character) else escaped(character) for character in text)


def _is_shown(character: str) -> bool:
    return character == "\n" or character.isprintable() or character in _JOINERS


def escaped(character: str) -> str:
    """The escape of one character, in the form that Python and JSON readers know."""
    if character in "\t\r\n":
        return {"\t": "\\t", "\r": "\\r", "\n": "\\n"}[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def inline(text: str, limit: int | None = None) -> str:
    """Visible text on one line, cut in its middle to `limit` characters."""
    if limit is not None and len(text) > limit:
        text = cut(text, limit)
    return visible(text).replace("\n", "\\n")


def sentence(text: str) -> str:
    """Visible text on one line, for prose: white space is folded rather than spelled out."""
    return visible(" ".join(text.split()))


def cut(text: str, limit: int) -> str:
    """The head and the tail of a text that is longer than `limit`, with the number of characters left out between."""
    if len(text) <= limit:
        return text
    note = f" … {len(text) - limit:,} more characters … "
    tail = limit // 4
    return text[: limit - tail] + note + text[len(text) - tail :]


def encodable(value: Any) -> Any:
    """The JSON value with lone surrogates spelled out: UTF-8 cannot carry them, strict parsers refuse them."""
    if isinstance(value, str):
        return _without_surrogates(value)
    if isinstance(value, dict):
        return {encodable(key): encodable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encodable(item) for item in value]
    return value


def _without_surrogates(text: str) -> str:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join(escaped(c) if "\ud800" <= c <= "\udfff" else c for c in text)
    return text


def xml_safe(text: str) -> str:
    """The text with every character that XML 1.0 forbids spelled out."""
    return "".join(c if _legal_in_xml(c) else escaped(c) for c in text)


def _legal_in_xml(character: str) -> bool:
    # "Char ::= #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]", XML 1.0, section 2.2. The C1
    # controls are legal there, but discouraged; a terminal obeys them.
    code = ord(character)
    if character in "\t\n":
        return True
    return 0x20 <= code < 0x7F or 0xA0 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000


def listed(names: list[str] | tuple[str, ...], most: int) -> str:
    """Names joined by commas, at most `most` of them, then how many more there are."""
    shown = ", ".join(names[:most])
    return f"{shown}, and {len(names) - most:,} more" if len(names) > most else shown


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun in the right form."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
