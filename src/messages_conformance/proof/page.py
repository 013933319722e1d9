"""proof.html: the proof as one self-contained page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from messages_conformance import __version__
from messages_conformance.proof.matrix import ACCUSED, CAUGHT, GREEN, PARTLY, Matrix, complaint, grouped, outcome
from messages_conformance.proof.trial import Trial
from messages_conformance.proof.wording import (
    CURVE,
    RULES,
    at_smoke,
    by_generated_requests,
    deeper,
    of,
    percent,
    verdict,
)
from messages_conformance.report.figures import Share
from messages_conformance.report.files import replace
from messages_conformance.report.page.document import Section, cell, document, paragraph, row, table
from messages_conformance.report.page.html import Markup, breakable, element, joined
from messages_conformance.report.text import counted

FILE_NAME: Final = "proof.html"
CLASSES: Final = {CAUGHT: "good", GREEN: "good", PARTLY: "fair", ACCUSED: "bad"}
"""The CSS class of an outcome; any other outcome has the class open."""


def write(matrix: Matrix, folder: Path, *, seed: int, whole: bool) -> Path:
    """Writes proof.html into the folder, completely or not at all; raises ReportError."""
    path = folder / FILE_NAME
    replace(path, to_html(matrix, seed=seed, whole=whole))
    return path


def to_html(matrix: Matrix, *, seed: int, whole: bool) -> str:
    """The page as HTML text."""
    return document(
        title="The proof · messages-conformance",
        head=_headline(matrix, seed=seed, whole=whole),
        sections=(
            _figures(matrix),
            _meaning(),
            _exceptions(matrix),
            _categories(matrix),
            _curve(matrix),
            _faults(matrix),
            _servers(matrix),
            _untried(matrix),
        ),
    )


def _headline(matrix: Matrix, *, seed: int, whole: bool) -> Markup:
    good = not matrix.problems(whole=whole)
    facts = f"messages-conformance {__version__}, depth {', '.join(matrix.depths)}, seed {seed}"
    return joined(
        (
            paragraph("messages-conformance prove", class_="eyebrow"),
            element("h1", "The proof of the suites"),
            paragraph(f"{facts}; as data: proof.json", class_="facts"),
            paragraph(f"{verdict(matrix, whole=whole)}.", class_=f"verdict {'good' if good else 'bad'}"),
        )
    )


def _figures(matrix: Matrix) -> Section:
    servers = len({trial.subject.name for trial in matrix.correct})
    figures = [
        _figure(f"Faults caught at {depth}", percent(matrix.caught(depth)), of(matrix.caught(depth)))
        for depth in matrix.depths
    ]
    runs = f"{counted(len(matrix.correct), 'run')} against {counted(servers, 'correct server')}"
    alarms = f"{runs}, {len(matrix.faulty):,} against faults"
    figures.append(_figure("False alarms", str(len(matrix.false_alarms)), alarms))
    return Section(name="figures", title="Figures", body=element("div", *figures, class_="figures"))


def _figure(title: str, number: str, rest: str) -> Markup:
    return element("div", element("h3", title), paragraph(element("strong", number), element("span", rest)))


def _meaning() -> Section:
    rules = (element("li", rule) for rule in RULES)
    return Section(name="meaning", title="What the words mean", body=element("ul", *rules))


def _exceptions(matrix: Matrix) -> Section | None:
    problems = [complaint(trial) for trial in (*matrix.errors, *matrix.false_alarms, *matrix.missed)]
    if not problems:
        return None
    items = (element("li", breakable(sentence)) for sentence in problems)
    return Section(name="exceptions", title="Missed faults and false alarms", body=element("ul", *items))


def _categories(matrix: Matrix) -> Section | None:
    if not matrix.faulty:
        return None
    head = ("Category", "Faults", *(f"{depth}: {what}" for depth in matrix.depths for what in ("caught", "missed")))
    rows = [_category(matrix, category) for category in (*matrix.categories, None)]
    body = table(head, rows, class_="matrix", caption="Faults by category and depth")
    return Section(name="categories", title="By category", body=body)


def _category(matrix: Matrix, category: str | None) -> Markup:
    cells = [_number(str(len(matrix.faults(category=category))))]
    for depth in matrix.depths:
        share = matrix.caught(depth, category=category)
        cells += [_number(f"{share.part} ({percent(share)})"), _number(str(share.whole - share.part))]
    return row(category or "all", *cells, class_="total" if category is None else None)


def _number(text: str) -> Markup:
    return cell(text, class_="number zero" if text == "0" else "number")


def _curve(matrix: Matrix) -> Section | None:
    points = [(depth, spent, share) for depth in matrix.depths for spent, share in matrix.curve(depth)]
    if not points:
        return None
    rows = [row(depth, _number(str(spent)), cell(_bar(share), class_="number")) for depth, spent, share in points]
    head = ("Depth", "Requests", "Faults found")
    body = joined(
        (
            paragraph(CURVE),
            table(head, rows, class_="matrix", caption="Requests sent and faults found"),
            paragraph(at_smoke(matrix)),
            paragraph(by_generated_requests(matrix)),
            paragraph(deeper(matrix)),
        )
    )
    return Section(name="price", title="Requests sent and faults found", body=body)


def _bar(share: Share) -> Markup:
    """The share as text and as a bar."""
    bar = element(
        "svg",
        element("rect", width=round(100 * share.ratio, 1), height=10, class_="elapsed"),
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        class_="timebar",
        aria_hidden="true",
    )
    return joined((f"{of(share)} ({percent(share)})", bar))


def _faults(matrix: Matrix) -> Section | None:
    if not matrix.faulty:
        return None
    groups = grouped(matrix.faulty, lambda trial: trial.subject.category)
    return Section(
        name="faults", title="Every fault", body=joined(_fold(name, one, "wanted") for name, one in groups.items())
    )


def _servers(matrix: Matrix) -> Section | None:
    if not matrix.correct:
        return None
    groups = grouped(matrix.correct, lambda trial: trial.subject.category)
    body = joined(_fold(name, trials, "") for name, trials in groups.items())
    return Section(name="servers", title="Every correct server", body=body)


def _fold(title: str, trials: list[Trial], wanted: str) -> Markup:
    """The servers of a group, one row for each, in a fold that shows the name of the group."""
    by_name = grouped(trials, lambda trial: trial.subject.name)
    head = ("Name", "What it does", *(("Breaks",) if wanted else ()), "Runs")
    made = table(
        head, [_server(name, held, bool(wanted)) for name, held in by_name.items()], class_="wide", caption=title
    )
    return element("details", element("summary", f"{title} ({len(by_name)})"), made)


def _server(name: str, trials: list[Trial], faulty: bool) -> Markup:
    subject = trials[0].subject
    names = sorted({one for trial in trials for one in trial.subject.wanted})
    broken = [joined((breakable(one) for one in names), ", ") if names else "the whole server"] if faulty else []
    return row(breakable(name), subject.summary, *broken, _runs(trials))


def _runs(trials: Iterable[Trial]) -> Markup:
    parts = []
    for trial in trials:
        what = outcome(trial)
        after = f" after {trial.found_after} requests" if trial.found_after else ""
        words = f"{trial.subject.profile}, {trial.depth}: "
        parts.append(joined((words, element("span", what, class_=CLASSES.get(what, "open")), after)))
    return joined(parts, "<br>")


def _untried(matrix: Matrix) -> Section | None:
    if not matrix.untried:
        return None
    rows = [row(name, reason) for name, reason in matrix.untried.items()]
    return Section(name="untried", title="Not tried", body=table(("Fault", "Reason"), rows, caption="Faults not tried"))
