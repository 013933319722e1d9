"""The structure of the pages of a site: head with a strict policy, links between the pages, sections, tables."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Final

from messages_conformance import resources
from messages_conformance.report.page.html import Child, Markup, element, joined

STYLE: Final = "site/site.css"

PAGES: Final = {
    "index.html": "Overview",
    "requirements.html": "Requirements",
    "features.html": "Features",
    "clients.html": "Clients",
    "history.html": "History",
}
"""The main pages, in the order of the links. The history is left out where there is none."""


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page. `path` is its place in the site, such as runs/a.html."""

    path: str
    title: str
    head: Markup
    sections: Sequence[tuple[str, Markup]]


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What all pages share: the title of the site, and its main pages."""

    title: str
    pages: tuple[str, ...]

    def html(self, page: Page) -> str:
        """The page as HTML text."""
        up = "../" * page.path.count("/")
        body = element(
            "body",
            element("a", "Skip to the content", href="#content", class_="skip"),
            element("nav", element("ul", *self._links(page.path, up)), aria_label="Site"),
            element("header", page.head),
            element("main", *map(_section, page.sections), id="content", tabindex="-1"),
        )
        return f"<!doctype html>\n{element('html', self._head(page.title), body, lang='en')}\n"

    def _links(self, path: str, up: str) -> Iterable[Markup]:
        for name in self.pages:
            current = "page" if name == path else None
            yield element("li", element("a", PAGES[name], href=f"{up}{name}", aria_current=current))

    def _head(self, title: str) -> Markup:
        whole = title if title == self.title else f"{title} · {self.title}"
        return element(
            "head",
            element("meta", charset="utf-8"),
            element("meta", name="viewport", content="width=device-width, initial-scale=1"),
            element("meta", http_equiv="Content-Security-Policy", content=policy()),
            element("meta", name="color-scheme", content="light dark"),
            element("meta", name="referrer", content="no-referrer"),
            element("title", whole),
            element("style", Markup(style())),
        )


@cache
def style() -> str:
    """The style of all pages."""
    return resources.text(STYLE)


@cache
def policy() -> str:
    """No script, no image, no request; the only style is ours, whose hash the policy names."""
    digest = b64encode(sha256(style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _section(section: tuple[str, Markup]) -> Markup:
    title, body = section
    return element("section", element("h2", title) if title else None, body)


def paragraph(*children: Child, class_: str | None = None) -> Markup:
    """A paragraph of prose."""
    return element("p", *children, class_=class_)


def link(text: Child, href: str) -> Markup:
    """A link to a page of the site. `href` is ours: paths of the site have only letters that need no escape."""
    return element("a", text, href=href)


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: its heading, and the class of its cells."""

    title: str
    class_: str | None = None


def table(
    caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Child | tuple[Child, str]]], *, cards: bool = False
) -> Markup:
    """A table; a cell may have a class of its own. `cards` shows each row as a block on a narrow screen."""
    head = element("tr", *(element("th", each.title, scope="col", class_=each.class_) for each in columns))
    body = (element("tr", *_cells(columns, row, cards)) for row in rows)
    made = element(
        "table",
        element("caption", caption),
        element("thead", head),
        element("tbody", *body),
        class_="cards" if cards else None,
    )
    return element("div", made, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _cells(columns: Sequence[Column], row: Sequence[Child | tuple[Child, str]], cards: bool) -> Iterable[Markup]:
    for place, (column, value) in enumerate(zip(columns, row, strict=True)):
        text, own = value if isinstance(value, tuple) else (value, "")
        names = " ".join(filter(None, (column.class_, own))) or None
        if place == 0:
            yield element("th", text, scope="row", class_=names)
        else:
            yield element("td", text, class_=names, data_label=column.title if cards else None)


def definitions(rows: Iterable[tuple[str, Child]]) -> Markup:
    """Terms with their descriptions."""
    return element("dl", joined(element("div", element("dt", term), element("dd", text)) for term, text in rows))


def figures(values: Iterable[tuple[int, str, str]]) -> Markup:
    """Numbers with their names: (number, name, class)."""
    items = (
        element("li", element("strong", f"{number:,}", class_=tone or None), element("span", name))
        for number, name, tone in values
    )
    return element("ul", *items, class_="figures")
