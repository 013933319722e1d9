"""The structure of a page: head, style, contents, and the sections."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final

from messages_conformance import resources
from messages_conformance.report.page.html import Child, Markup, element, joined

STYLE: Final = "report/page/style.css"
SCRIPT: Final = "report/page/page.js"

POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; {script}base-uri 'none'; form-action 'none'"
"""A second protection: if foreign text ever became a tag, browsers would not run or load it. They run our script alone,
whose hash the policy names."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """One part of the page. `name` is its anchor; the contents show its `title`."""

    name: str
    title: str
    body: Markup
    is_folded: bool = False


def folded(section: Section | None) -> Section | None:
    """The section with a body that the reader unfolds; None for None."""
    return None if section is None else replace(section, is_folded=True)


def document(*, title: str, head: Markup, sections: Sequence[Section | None], is_scripted: bool = False) -> str:
    """A complete HTML document; sections that are None are left out. `is_scripted` adds filters and copy buttons."""
    shown = [section for section in sections if section is not None]
    script = resources.text(SCRIPT) if is_scripted else ""
    body = element("body", *_body(head, shown), element("script", Markup(script)) if script else None)
    return f"<!doctype html>\n{element('html', _head(title, script), body, lang='en')}\n"


def script_source(script: str) -> str:
    """The part of a policy that allows this script and no other."""
    digest = b64encode(sha256(script.encode()).digest()).decode()
    return f"script-src 'sha256-{digest}'; "


def _head(title: str, script: str) -> Markup:
    policy = POLICY.format(script=script_source(script) if script else "")
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Markup(resources.text(STYLE))),
    )


def _body(head: Markup, sections: Sequence[Section]) -> tuple[Child, ...]:
    entries = (element("li", element("a", section.title, href=f"#{section.name}")) for section in sections)
    return (
        element("a", "Skip to the content", href="#content", class_="skip"),
        element("header", head),
        element("nav", element("ul", *entries), aria_label="Contents"),
        element("main", *map(_section, sections), id="content", tabindex="-1"),
    )


def _section(section: Section) -> Markup:
    heading = element("h2", section.title, id=f"{section.name}-title")
    body: tuple[Markup, ...] = (heading, section.body)
    if section.is_folded:
        body = (element("details", element("summary", heading), section.body, class_="folded"),)
    return element("section", *body, id=section.name, aria_labelledby=f"{section.name}-title")


def paragraph(*children: Child, class_: str | None = None) -> Markup:
    """A paragraph of prose."""
    return element("p", *children, class_=class_)


def table(head: Sequence[Child], rows: Sequence[Markup], *, class_: str | None = None, caption: str = "") -> Markup:
    """A table with a row of headings. A wide table scrolls inside the page, also by keyboard."""
    cells = (element("th", cell, scope="col") for cell in head)
    made = element(
        "table",
        element("caption", caption) if caption else None,
        element("thead", element("tr", *cells)),
        element("tbody", *rows),
        class_=class_,
    )
    return element("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption or "table")


def row(first: Child, *cells: Child, class_: str | None = None) -> Markup:
    """A row of a table; its first cell is the heading of the row."""
    rest = (cell if isinstance(cell, Cell) else element("td", cell) for cell in cells)
    return element("tr", element("th", first, scope="row"), *rest, class_=class_)


class Cell(Markup):
    """A cell of a table that has its own tag already."""

    __slots__ = ()


def cell(*children: Child, class_: str) -> Cell:
    """A cell of a table with a CSS class."""
    return Cell(element("td", *children, class_=class_))


def definitions(rows: Sequence[tuple[str, Child]], *, class_: str | None = None) -> Markup:
    """A list of terms with their descriptions; the style finds a row by its term."""
    parts = (
        element("div", element("dt", term), element("dd", text), class_=f"of-{term}" if term.isalpha() else None)
        for term, text in rows
    )
    return element("dl", joined(parts), class_=class_)
