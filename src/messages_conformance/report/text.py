"""Makes foreign text safe to show: control characters, escape sequences and lone surrogates are escaped.

The text of a server can contain anything. Shown raw, it could move the cursor, hide text or break an XML file. Each
invisible character becomes an escape sequence.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from messages_conformance.ci_commands import disarmed

_JOINERS: Final = "\u200c\u200d"
"""Invisible characters that are part of ordinary words and emoji."""


def showable(text: str) -> bool:
    """Whether every character is visible: no control, no bidi mark, no surrogate, no unusual space."""
    return text.isprintable() or all(_is_shown(character) for character in text)


def visible(text: str) -> str:
    """The text with every invisible character except line feeds escaped (`\\x1b`), and CI commands disarmed."""
    if not text.isprintable():
        text = "".join(character if _is_shown(character) else escaped(character) for character in text)
    return disarmed(text)


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
    """Visible text on one line, for prose: white space is folded into single spaces."""
    return visible(" ".join(text.split()))


_NUMBERED: Final = re.compile(r"\bexchange \d+\b")
"""How a rule that compares several exchanges names one of them."""


def without_numbers(text: str) -> str:
    """A text without the numbers of exchanges, which only report.json explains."""
    return _NUMBERED.sub("another answer", text)


CLAUSE_CHARACTERS: Final = 120
"""How much of a sentence may be a part of another one (our own choice)."""


def clause(text: str) -> str:
    """A sentence as the end of another one: without its last stop, and not too long."""
    return cut(sentence(text).rstrip(" .;:"), CLAUSE_CHARACTERS)


def cut(text: str, limit: int) -> str:
    """The text, or its head and tail with the number of missing characters, if that is shorter than the text."""
    note = f" … {len(text) - limit:,} more characters … "
    if len(text) <= limit + len(note):
        return text
    tail = limit // 4
    return text[: limit - tail] + note + text[len(text) - tail :]


def json_text(document: Any) -> str:
    """A JSON document as the text of a file of a report: what a terminal would execute or hide is an escape."""
    compact = json.dumps(document, ensure_ascii=False, allow_nan=False)  # Python's own encoder is slow with an indent
    text = msgspec.json.format(compact, indent=1) + "\n"
    return text if text.isascii() else _HIDDEN_IN_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


_HIDDEN_IN_JSON: Final = re.compile("[\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
"""The controls after ASCII, marks of direction and invisible signs, which JSON allows in a string as they are."""


def encodable(value: Any) -> Any:
    """The JSON value with lone surrogates escaped: UTF-8 cannot encode them, and strict parsers refuse them."""
    if isinstance(value, str):
        return value if value.isascii() else _without_surrogates(value)
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


_ILLEGAL_IN_XML: Final = re.compile("[^\t\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""'Char ::= #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]', XML 1.0, section 2.2. The C1
controls are legal there, but discouraged; terminals execute them."""


def xml_safe(text: str) -> str:
    """The text with every character escaped that XML 1.0 forbids."""
    return _ILLEGAL_IN_XML.sub(lambda found: escaped(found[0]), text)


def listed(names: list[str] | tuple[str, ...], most: int) -> str:
    """Names joined by commas: the first `most`, then the number of the others."""
    shown = ", ".join(names[:most])
    return f"{shown}, and {len(names) - most:,} more" if len(names) > most else shown


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun in the right form."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


OWN_RULE: Final = "error in your own rule"
"""How the judge names an error of a rule of the user."""


def cure_of_errors(messages: Iterable[str]) -> str:
    """What to do about errors that the target did not cause: an error in code of the user needs no report to us."""
    return "correct your rule" if all(OWN_RULE in message for message in messages) else "please report it"
