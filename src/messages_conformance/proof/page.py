"""proof.html: the proof as one page that needs nothing else, for people who want to know what the suite is worth."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from messages_conformance import __version__
from messages_conformance.proof.matrix import ACCUSED, CAUGHT, GREEN, PARTLY, Matrix, Share, complaint, grouped, outcome
from messages_conformance.proof.trial import Trial
from messages_conformance.proof.wording import CURVE, RULES, at_smoke, by_drawing, deeper, of, percent, verdict
from messages_conformance.report.files import replace
from messages_conformance.report.page.document import Section, cell, document, paragraph, row, table
from messages_conformance.report.page.html import Markup, breakable, element, joined

FILE_NAME: Final = "proof.html"
CLASSES: Final = {CAUGHT: "good", GREEN: "good", PARTLY: "fair", ACCUSED: "bad"}
"""How an outcome is coloured; what is not here is open."""


def write(matrix: Matrix, folder: Path, *, seed: int, whole: bool) -> Path:
    """Writes proof.html into the folder, whole or not at all."""
    path = folder / FILE_NAME
    replace(path, to_html(matrix, seed=seed, whole=whole))
    return path


def to_html(matrix: Matrix, *, seed: int, whole: bool) -> str:
    """The whole page as text."""
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
            element("h1", "What the suite catches, and what it leaves alone"),
            paragraph(f"{facts}; the same as data: proof.json", class_="facts"),
            paragraph(f"{verdict(matrix, whole=whole)}.", class_=f"verdict {'good' if good else 'bad'}"),
        )
    )


def _figures(matrix: Matrix) -> Section:
    servers = len({trial.subject.name for trial in matrix.correct})
    figures = [
        _figure(f"Faults caught at {depth}", percent(matrix.caught(depth)), of(matrix.caught(depth)))
        for depth in matrix.depths
    ]
    alarms = f"{len(matrix.correct):,} runs against {servers:,} correct servers, {len(matrix.faulty):,} against faults"
    figures.append(_figure("False alarms", str(len(matrix.false_alarms)), alarms))
    return Section(name="figures", title="In figures", body=element("div", *figures, class_="figures"))


def _figure(title: str, number: str, rest: str) -> Markup:
    return element("div", element("h3", title), paragraph(element("strong", number), element("span", rest)))


def _meaning() -> Section:
    rules = (element("li", rule) for rule in RULES)
    return Section(name="meaning", title="What counts", body=element("ul", *rules))


def _exceptions(matrix: Matrix) -> Section | None:
    told = [complaint(trial) for trial in (*matrix.errors, *matrix.false_alarms, *matrix.missed)]
    if not told:
        return None
    items = (element("li", breakable(sentence)) for sentence in told)
    return Section(name="exceptions", title="Missed, and false alarms", body=element("ul", *items))


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
    body = joined(
        (
            paragraph(CURVE),
            table(("Depth", "Requests spent", "Faults found"), rows, caption="Requests spent and faults found"),
            paragraph(at_smoke(matrix)),
            paragraph(by_drawing(matrix)),
            paragraph(deeper(matrix)),
        )
    )
    return Section(name="price", title="What a request buys", body=body)


def _bar(share: Share) -> Markup:
    """The share as a bar, and in words beside it."""
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
        name="faults", title="Every fault", body=joined(_folded(name, one, "wanted") for name, one in groups.items())
    )


def _servers(matrix: Matrix) -> Section | None:
    if not matrix.correct:
        return None
    groups = grouped(matrix.correct, lambda trial: trial.subject.category)
    body = joined(_folded(name, trials, "") for name, trials in groups.items())
    return Section(name="servers", title="Every correct server", body=body)


def _folded(title: str, trials: list[Trial], wanted: str) -> Markup:
    """A group's servers, one row each, folded away under its name."""
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
    told = []
    for trial in trials:
        what = outcome(trial)
        after = f" after {trial.found_after} requests" if trial.found_after else ""
        words = f"{trial.subject.profile}, {trial.depth}: "
        told.append(joined((words, element("span", what, class_=CLASSES.get(what, "open")), after)))
    return joined(told, "<br>")


def _untried(matrix: Matrix) -> Section | None:
    if not matrix.untried:
        return None
    rows = [row(name, reason) for name, reason in matrix.untried.items()]
    return Section(name="untried", title="Not tried", body=table(("Fault", "Why"), rows, caption="Faults not tried"))
