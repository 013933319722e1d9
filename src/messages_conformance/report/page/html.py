"""HTML that foreign text cannot break out of: whatever is not `Markup` is escaped, and only `element` makes `Markup`.

What a target sent may hold anything. It becomes visible text here, never a tag, an attribute or a style.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final

from messages_conformance.report.text import visible

VOID: Final = frozenset({"meta", "rect", "line", "circle"})
"""Elements that are written without an end: they never hold anything here."""


class Markup(str):
    """A string that is HTML already."""

    __slots__ = ()


Child = str | None
Attribute = str | int | float | bool | None


def element(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """One element. Text among the children is escaped, None left out; `class_` gives class, `data_x` gives data-x."""
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{joined(children)}</{name}>")


def joined(parts: Iterable[Child], between: str = "") -> Markup:
    """The parts one after another, text among them escaped."""
    return Markup(between.join(_child(part) for part in parts if part is not None))


def breakable(slug: str) -> Markup:
    """A dotted slug or a name that a narrow column may break after its dots, slashes and underscores."""
    shown = _child(slug)
    return Markup(re.sub(r"([./_])", r"\1<wbr>", shown))


def _child(part: str) -> str:
    return part if isinstance(part, Markup) else escape(visible(part), quote=True)


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{_child(str(value))}"'
