"""Named changes of a text, as gateways make them by mistake: to entities, quotes, blanks, lines, scripts and markup."""

from __future__ import annotations

import html
import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

TextChange = Callable[[str], str]

WRAPPED_AT: Final = 60
"""The longest word that a text keeps where long words are broken (our own choice)."""

QUOTES: Final = str.maketrans({"“": '"', "”": '"', "‘": "'", "’": "'", "„": '"', "«": '"', "»": '"'})
DASHES: Final = str.maketrans({"—": "-", "–": "-", "…": "..."})
ESCAPES: Final = {"n": "\n", "t": "\t", "r": "\r"}
JSON_OBJECT: Final = re.compile(r"\{[^{}\n]*\}")


def replacing(pattern: str, by: str) -> TextChange:
    """A change that replaces every match of a pattern."""
    compiled = re.compile(pattern, re.MULTILINE)
    return lambda text: compiled.sub(lambda _: by, text)


def typographic(text: str) -> str:
    """The text with straight quotes as typographic ones."""
    return re.sub(r'"([^"\n]*)"', r"“\1”", text).replace("'", "’")


def unescaped(text: str) -> str:
    """The text with escape sequences replaced by what they mean."""
    return re.sub(r"\\([ntr\\\"])", lambda match: ESCAPES.get(match[1], match[1]), text)


def compact_json(text: str) -> str:
    """The text with every JSON object in it written anew without blanks."""

    def compact(match: re.Match[str]) -> str:
        try:
            value: Any = json.loads(match[0])
        except ValueError:
            return match[0]
        return json.dumps(value, separators=(",", ":"))

    return JSON_OBJECT.sub(compact, text)


TEXT_CHANGES: Final[Mapping[str, TextChange]] = MappingProxyType(
    {
        "html unescaped": html.unescape,
        "html escaped": lambda text: html.escape(text, quote=False),
        "html escaped with quotes": html.escape,
        "tags removed": replacing(r"</?[a-z][^<>\n]*>", ""),
        "quotes straight": lambda text: text.translate(QUOTES),
        "quotes typographic": typographic,
        "dashes plain": lambda text: text.translate(DASHES),
        "lines joined": replacing(r"\n", ""),
        "lines joined with blanks": replacing(r"\s*\n\s*", " "),
        "empty lines removed": replacing(r"\n\n+", "\n"),
        "line breaks of Unix": replacing(r"\r\n", "\n"),
        "line breaks of Windows": replacing(r"(?<!\r)\n", "\r\n"),
        "indentation removed": replacing(r"^[ \t]+", ""),
        "line ends trimmed": replacing(r"[ \t]+$", ""),
        "blanks collapsed": replacing(r" {2,}", " "),
        "tabs as blanks": replacing(r"\t", "    "),
        "special blanks plain": replacing(r"[\u00a0\u2009\u202f]", " "),
        "escapes resolved": unescaped,
        "backslashes doubled": replacing(r"\\", "\\\\"),
        "backslashes removed": replacing(r"\\", ""),
        "unicode escaped": lambda text: re.sub(r"[^\x00-\x7f]", lambda match: f"\\u{ord(match[0]):04x}", text),
        "characters composed": lambda text: unicodedata.normalize("NFC", text),
        "characters decomposed": lambda text: unicodedata.normalize("NFD", text),
        "characters compatible": lambda text: unicodedata.normalize("NFKC", text),
        "joiners removed": replacing("[\u200d\ufe0f]", ""),
        "direction marks removed": replacing("[\u200e\u200f\u202a-\u202e]", ""),
        "zero-width removed": replacing("[\u200b\u00ad]", ""),
        "fences removed": replacing(r"^```[^\n]*\n?", ""),
        "emphasis removed": replacing(r"\*\*", ""),
        "links as text": lambda text: re.sub(r"\[([^\]\n]+)\]\([^)\n]+\)", r"\1", text),
        "long words broken": lambda text: re.sub(rf"(\w{{{WRAPPED_AT}}})(?=\w)", r"\1\n", text),
        "long words cut": lambda text: re.sub(rf"(\w{{{WRAPPED_AT}}})\w+", r"\1", text),
        "json compact": compact_json,
        "comments removed": replacing(r" *# .*$", ""),
        "control characters removed": replacing(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", ""),
    }
)
"""Every change by the name under which a row of a fault table uses it."""


def text_change(name: str) -> TextChange:
    """The change of that name. LookupError names the valid ones."""
    if name not in TEXT_CHANGES:
        raise LookupError(f"{name!r} is no change of a text; valid: {', '.join(sorted(TEXT_CHANGES))}")
    return TEXT_CHANGES[name]
