"""Builds HTML safely: all text that is not `Markup` is escaped, and only the functions of this module make `Markup`.

The text of a target can contain anything. It becomes visible text, never a tag, an attribute or a style.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final

from messages_conformance.report.text import visible

VOID: Final = frozenset({"meta", "rect", "line", "circle"})
"""Elements without an end tag: they have no content here."""


class Markup(str):
    """A string that is already HTML."""

    __slots__ = ()


Child = str | None
Attribute = str | int | float | bool | None


def element(name: str, /, *children: Child, **attributes: Attribute) -> Markup:
    """One element. Text children are escaped, None is left out; `class_` becomes class, `data_x` becomes data-x."""
    given = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Markup(f"<{name}{given}/>")
    return Markup(f"<{name}{given}>{joined(children)}</{name}>")


def joined(parts: Iterable[Child], between: str = "") -> Markup:
    """The parts in order, with text escaped and `between` as separator."""
    return Markup(between.join(_child(part) for part in parts if part is not None))


def breakable(slug: str) -> Markup:
    """A slug or name that may be broken after `.`, `/`, `_`, `:`, `=` and `,`."""
    shown = _child(slug)
    return Markup(re.sub(r"([./_:=,])", r"\1<wbr>", shown))


def _child(part: str) -> str:
    return part if isinstance(part, Markup) else escape(visible(part), quote=True)


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{_child(str(value))}"'
