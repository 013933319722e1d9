"""The first page: how many runs pass, each target with its runs, what is violated most; and the page of a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from messages_conformance.fleet.collecting import SavedRun
from messages_conformance.report.page.html import Child, Markup, breakable, element, joined
from messages_conformance.report.text import counted
from messages_conformance.site import model
from messages_conformance.site.layout import Column, Page, definitions, figures, link, paragraph, table
from messages_conformance.site.model import TONES, WORDS, Site

WHOLE: Final = 60
"""If there are at most this many runs, the first page has all of them (our own: a table that a reader scrolls
through)."""

WORST: Final = 15
"""Violated requirements on the first page."""

FAILING_SHOWN: Final = 3
"""Violated requirements that the row of a run names."""

RUN_COLUMNS: Final = (
    Column(title="implementation"),
    Column(title="model", class_="long"),
    Column(title="profile"),
    Column(title="depth"),
    Column(title="verdict"),
    Column(title="verified", class_="number"),
    Column(title="fails first", class_="long"),
)


def overview(site: Site, *, title: str, made_at: str, versions: str) -> Page:
    """The first page."""
    counts = model.codes(site.runs)
    head = joined(
        (
            element("h1", title),
            paragraph(
                f"{counted(len(site.runs), 'run')} of {counted(len(site.targets), 'implementation')}, judged by "
                f"messages-conformance {versions}. Made at {made_at}.",
                class_="facts",
            ),
            figures((counts[code], WORDS[code], TONES[code]) for code in (0, 1, 2, 4) if counts[code] or code < 2),
        )
    )
    sections: list[tuple[str, Markup]] = []
    if len(site.runs) > len(site.targets):
        sections.append(("Implementations", _targets(site)))
    if len(site.runs) <= WHOLE:
        sections.append(("Runs", runs_table(site.runs, "All runs")))
    sections.append(("Violated most", _worst(site)))
    sections.append(("How to read this", _legend()))
    return Page(path="index.html", title=title, head=head, sections=sections)


def _targets(site: Site) -> Markup:
    columns = (
        Column(title="implementation"),
        Column(title="runs", class_="number"),
        *(Column(title=WORDS[code], class_="number") for code in (0, 1, 2, 4)),
        Column(title="violated by most of its runs", class_="long"),
    )
    return table("Implementations", columns, [_target(name, runs) for name, runs in site.targets.items()], cards=True)


def _target(name: str, runs: Sequence[SavedRun]) -> tuple[Child | tuple[Child, str], ...]:
    counts = model.codes(runs)
    numbers = [
        (f"{counts[code]:,}" if counts[code] else "·", TONES[code] if counts[code] else "none") for code in WORDS
    ]
    worst = model.requirements(runs)
    most = max(worst, key=lambda row: len(row.failing), default=None)
    named = None
    if most is not None and most.failing:
        named = joined((link(_id(most.id), most.path), f" ({len(most.failing):,})"))
    return (link(breakable(name), model.target_path(name)), f"{len(runs):,}", *numbers, named or "·")


def runs_table(runs: Sequence[SavedRun], caption: str, *, up: str = "") -> Markup:
    """A table of runs, each with a link to its page."""
    return table(caption, RUN_COLUMNS, (_run(run, up) for run in runs), cards=True)


def _run(run: SavedRun, up: str) -> tuple[Child | tuple[Child, str], ...]:
    summary, tone = run.summary, TONES[run.exit_code]
    name = link(breakable(run.id), f"{up}{model.run_path(run)}")
    verdict: tuple[Child, str] = (WORDS[run.exit_code], tone)
    if summary is None:
        return (name, breakable(run.model), breakable(run.profile), run.depth, verdict, "–", run.reason)
    failing = summary.failing if run.exit_code else ()
    shown = [element("code", breakable(row.id)) for row in failing[:FAILING_SHOWN]]
    more = f" and {len(failing) - FAILING_SHOWN:,} more" if len(failing) > FAILING_SHOWN else ""
    named = joined((joined(shown, ", "), more)) if shown else None
    verified = f"{summary.verified:,} of {summary.applicable:,}"
    unjudged = summary.verdict_sentence if run.exit_code == 2 else "·"
    return (name, breakable(run.model), breakable(run.profile), run.depth, verdict, verified, named or unjudged)


def _worst(site: Site) -> Markup:
    rows = sorted(model.requirements(site.runs), key=lambda row: (-len(row.failing), row.id))[:WORST]
    if not rows:
        return paragraph("No run violates a verified requirement.")
    columns = (
        Column(title="requirement"),
        Column(title="level"),
        Column(title="harm"),
        Column(title="runs that fail", class_="number"),
        Column(title="sentence", class_="long"),
    )
    cells = [(link(_id(row.id), row.path), row.level, row.harm, f"{len(row.failing):,}", row.sentence) for row in rows]
    return joined(
        (
            table("Requirements that most runs fail", columns, cells, cards=True),
            paragraph(link("All violated requirements", "requirements.html")),
        )
    )


def _id(requirement: str) -> Markup:
    return element("span", breakable(requirement), class_="id")


def _legend() -> Markup:
    return definitions(
        [
            (
                "passes",
                "Every verified requirement that counts holds. What was not verified is named on the page of the run.",
            ),
            ("violations", "At least one MUST of the profile is violated."),
            ("not judged", "The target could not be reached, refused the key, or answered too little to be judged."),
            ("misconfigured", "An option of the run is wrong; nothing was sent."),
            ("verified", "Requirements that were seen to hold or not to hold, of those that the profile promises."),
        ]
    )


def target_page(name: str, runs: Sequence[SavedRun]) -> Page:
    """The page of one target: its runs, and what they violate."""
    counts = model.codes(runs)
    head = joined(
        (
            element("h1", breakable(name)),
            figures((counts[code], WORDS[code], TONES[code]) for code in WORDS if counts[code]),
        )
    )
    rows = [
        (
            link(_id(row.id), f"../{row.path}"),
            row.level,
            row.harm,
            (f"{len(row.failing):,}" if row.failing else "·", "bad" if row.failing else "none"),
            (f"{len(row.warning):,}" if row.warning else "·", "fair" if row.warning else "none"),
            f"{row.verified:,}",
        )
        for row in model.requirements(runs)
    ]
    columns = (
        Column(title="requirement"),
        Column(title="level"),
        Column(title="harm"),
        Column(title="fail", class_="number"),
        Column(title="warn", class_="number"),
        Column(title="verified in", class_="number"),
    )
    violated = table("Violated requirements", columns, rows) if rows else paragraph("No run violates a requirement.")
    sections = [("Runs", runs_table(runs, f"Runs of {name}", up="../")), ("Violated requirements", violated)]
    return Page(path=model.target_path(name), title=name, head=head, sections=sections)
