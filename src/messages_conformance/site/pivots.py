"""The pages that compare implementations by requirements, features and clients, and the page of a requirement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final

from messages_conformance.fleet.collecting import SavedRun
from messages_conformance.report.clients import FAILS, NOT_KNOWN, WORKS, WORKS_AS_SEEN, WORKS_WITH_LOSS
from messages_conformance.report.page.html import Child, Markup, breakable, element, joined
from messages_conformance.report.text import counted
from messages_conformance.site import model
from messages_conformance.site.layout import Column, Page, definitions, link, paragraph, table
from messages_conformance.site.model import Requirement, Site

MOST_COLUMNS: Final = 30
"""Implementations that one table shows side by side (our own); of more, only the sums over all."""

MOST_LISTED: Final = 2_000
"""Runs that the page of a requirement lists (our own: a page loads in a second)."""

FEATURE_TONES: Final = {"works": "good", "refused": "open", "ignored": "fair", "broken": "bad", "unknown": "none"}
CLIENT_TONES: Final = {
    WORKS: ("good", "●"),
    WORKS_AS_SEEN: ("good", "◌"),
    WORKS_WITH_LOSS: ("fair", "◐"),
    FAILS: ("bad", "✕"),
    NOT_KNOWN: ("none", "○"),
}

Cells = tuple[Child | tuple[Child, str], ...]


def _columns(site: Site) -> Mapping[str, Sequence[SavedRun]]:
    """The columns of a table: each implementation, or all together when they are too many."""
    targets = site.targets
    return targets if len(targets) <= MOST_COLUMNS else {"all runs": site.runs}


def _heads(names: Iterable[str]) -> tuple[Column, ...]:
    return tuple(Column(title=name) for name in names)


def requirements_page(site: Site) -> Page:
    """Implementations by violated requirements."""
    columns = _columns(site)
    rows: list[Cells] = []
    found = model.requirements(site.runs)
    for row in found:
        failing, warning = (_by_column(columns, violating) for violating in (row.failing, row.warning))
        cells = [_violated(len(runs), failing[name], warning[name]) for name, runs in columns.items()]
        name = joined((link(_id(row.id), row.path), element("div", row.sentence, class_="note")))
        rows.append((name, row.level, row.harm, *cells))
    heads = (Column(title="requirement", class_="long"), Column(title="level"), Column(title="harm"), *_heads(columns))
    head = _head(
        "Requirements",
        f"{counted(len(found), 'requirement')} violated by at least one run. A number counts the runs of an "
        f"implementation that violate it; a dot means that no run does.",
    )
    body = table("Which implementation violates which requirement", heads, rows) if rows else paragraph("None.")
    return Page(path="requirements.html", title="Requirements", head=head, sections=[("", body)])


def _by_column(columns: Mapping[str, Sequence[SavedRun]], runs: Sequence[SavedRun]) -> Counter[str]:
    """How many of these runs each column has."""
    if len(columns) == 1:
        return Counter({name: len(runs) for name in columns})
    return Counter(run.name for run in runs)


def _violated(number_of_runs: int, fails: int, warns: int) -> tuple[Child, str]:
    if not fails and not warns:
        return "·", "none"
    word, number, tone = ("fails", fails, "bad") if fails else ("warns", warns, "fair")
    return (word if number_of_runs == 1 else f"{word} {number:,} of {number_of_runs:,}"), f"grid {tone}"


def features_page(site: Site) -> Page:
    """Implementations by features of requests."""
    columns = _columns(site)
    known = model.features(site.runs)
    counted_by = {name: {feature: model.results(runs, feature) for feature in known} for name, runs in columns.items()}
    sections = []
    for area, group in groupby(known.items(), key=lambda item: item[1][1]):
        rows: list[Cells] = []
        for feature, (title, _) in group:
            results = [counted_by[name][feature] for name in columns]
            if any(result not in ("unknown",) for each in results for result in each):
                rows.append((title, *map(_feature, results)))
        if rows:
            sections.append((area, table(area, (Column(title="feature"), *_heads(columns)), rows)))
    head = _head(
        "Features", "Which feature of a request works, whole and streamed. Features that no run sent are left out."
    )
    return Page(path="features.html", title="Features", head=head, sections=sections or [("", paragraph("None."))])


def _feature(results: Counter[str]) -> tuple[Child, str]:
    if not results:
        return "·", "none"
    total = sum(results.values())
    worst = max(results, key=lambda text: list(FEATURE_TONES).index(_worst_word(text)))
    tone = FEATURE_TONES[_worst_word(worst)]
    if total == 1 or len(results) == 1:
        return next(iter(results)), tone
    return "; ".join(f"{text} {number:,}" for text, number in results.most_common()), tone


def _worst_word(text: str) -> str:
    """The result that decides the colour of `works, streamed: broken`: the worse one."""
    words = text.replace("streamed: ", "").split(", ")
    return max((word for word in words if word in FEATURE_TONES), key=list(FEATURE_TONES).index, default="unknown")


def clients_page(site: Site) -> Page:
    """Implementations by clients."""
    columns = _columns(site)
    by_target = {name: model.clients(runs) for name, runs in columns.items()}
    names = list(dict.fromkeys(client for found in by_target.values() for client in found))
    rows: list[Cells] = [
        (client, *(_status(by_target[name].get(client, Counter())) for name in columns)) for client in names
    ]
    heads = (Column(title="client"), *_heads(columns))
    head = _head(
        "Clients",
        "Which measured client works with which implementation, as far as the verified requirements show. The page of "
        "a run's own report names the requirements that cause it.",
    )
    body = table("Which client works with which implementation", heads, rows)
    return Page(path="clients.html", title="Clients", head=head, sections=[("", body)])


def _status(found: Counter[str]) -> tuple[Child, str]:
    known = [status for status in (FAILS, WORKS_WITH_LOSS, NOT_KNOWN, WORKS_AS_SEEN, WORKS) if found[status]]
    if not known:
        return "·", "none"
    tone, mark = CLIENT_TONES[known[0]]
    several = sum(found.values()) > 1
    words = ", ".join(f"{status} {found[status]:,}" if several else status for status in known)
    return joined((element("span", mark, aria_hidden="true"), f" {words}")), tone


def requirement_page(row: Requirement) -> Page:
    """The page of one violated requirement: the runs that fail it, and those that warn."""
    head = joined(
        (
            element("h1", breakable(row.id)),
            paragraph(row.sentence),
            definitions(
                [
                    ("level", row.level),
                    ("harm", row.harm or "not known"),
                    ("source", row.source or "not known"),
                    ("verified in", counted(row.verified, "run")),
                    ("explain", element("code", f"messages-conformance explain {row.id}")),
                ]
            ),
        )
    )
    sections = [
        (f"{title} ({len(runs):,})", _runs(runs, row.id, title))
        for title, runs in (("Runs that fail it", row.failing), ("Runs that warn", row.warning))
        if runs
    ]
    return Page(path=row.path, title=row.id, head=head, sections=sections)


def _runs(runs: Sequence[SavedRun], requirement: str, caption: str) -> Markup:
    columns = (Column(title="run"), Column(title="model", class_="long"), Column(title="found", class_="long"))
    rows = [
        (link(breakable(run.id), f"../{model.run_path(run)}"), breakable(run.model), _found(run, requirement))
        for run in runs[:MOST_LISTED]
    ]
    left = len(runs) - MOST_LISTED
    more = paragraph(f"{left:,} more are not shown.", class_="note") if left > 0 else None
    return joined((table(caption, columns, rows, cards=True), more))


def _found(run: SavedRun, requirement: str) -> str:
    rows = run.summary.requirements if run.summary is not None else ()
    findings = [finding for row in rows if row.id == requirement for finding in row.findings]
    return findings[0].found if findings else "–"


def _id(requirement: str) -> Markup:
    return element("span", breakable(requirement), class_="id")


def _head(title: str, sentence: str) -> Markup:
    return joined((element("h1", title), paragraph(sentence, class_="facts")))
