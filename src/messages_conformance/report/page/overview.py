"""The first sections of the page: the verdict, the three figures, the clients, and the areas."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from messages_conformance.report.areas import areas
from messages_conformance.report.client_effects import Effect, in_words
from messages_conformance.report.clients import (
    FAILS,
    NOT_KNOWN,
    WORKS,
    WORKS_AS_SEEN,
    WORKS_WITH_LOSS,
    ClientStatus,
    unmeasured,
)
from messages_conformance.report.figures import figures
from messages_conformance.report.model import (
    CONFORMANT,
    VIOLATIONS,
    Report,
    clients_of,
    counts,
    exit_code,
    verdict_sentence,
)
from messages_conformance.report.page.document import Section, cell, definitions, paragraph, row, table
from messages_conformance.report.page.html import Markup, breakable, element, joined
from messages_conformance.report.run_summary import run_summary
from messages_conformance.report.text import counted, inline
from messages_conformance.rules.verdict import ERROR, OUTCOMES

TONES: Final = {CONFORMANT: "good", VIOLATIONS: "bad"}
MARKS: Final = {
    WORKS: ("good", "●"),
    WORKS_AS_SEEN: ("good", "◌"),
    WORKS_WITH_LOSS: ("fair", "◐"),
    FAILS: ("bad", "✕"),
    NOT_KNOWN: ("open", "○"),
}
"""A colour and a sign for each status; the page always shows the word, too."""

MOST_NAMES: Final = 50
"""Requirements that are named for one effect on a client."""

NAMED: Final = 3
"""Number of lines shown for each client (the others unfold), and of requirements named as not verified."""

OUTCOME_TONES: Final = dict(zip(OUTCOMES, ("good", "bad", "fair", "open", "none", "own"), strict=True))


def headline(report: Report, *, is_brief: bool = False) -> Markup:
    """The target and the verdict in one sentence; the summary in a few lines unless `is_brief`."""
    run = report.run
    facts = [
        run.model and f"model {run.model}",
        f"profile {run.profile}",
        run.edition and f"edition {run.edition}",
        f"depth {run.depth}",
        run.started_at,
    ]
    return joined(
        (
            paragraph("messages-conformance ", inline(run.version), class_="eyebrow"),
            element("h1", breakable(inline(run.target, 200))),
            paragraph(" · ".join(inline(fact, 120) for fact in facts if fact), class_="facts"),
            paragraph(verdict_sentence(report), class_=f"verdict {_tone(report)}"),
            None if is_brief else _summary(report),
        )
    )


def _summary(report: Report) -> Markup:
    return definitions([(label, joined((text,))) for label, text in run_summary(report)], class_="summary")


def _tone(report: Report) -> str:
    """The colour of the verdict: a run that passes only because of excuses is not green."""
    code = exit_code(report)
    return "fair" if code == CONFORMANT and counts(report).failed else TONES.get(code, "open")


def key_figures(report: Report) -> Section:
    """Coverage, conformance and the number of unverified requirements."""
    found = figures(report)
    held = [_figure(str(share), f"verified {level} requirements hold") for level, share in found.conformance]
    left = f"not verified; {counted(found.inapplicable, 'more requirement')} not applicable"
    boxes = (
        element("div", element("h3", "Coverage"), _figure(str(found.coverage), "applicable requirements verified")),
        element("div", element("h3", "Conformance"), *(held or [_figure("none", "verified")])),
        element("div", element("h3", "Not judged"), _figure(f"{found.unverified:,}", left)),
    )
    note = paragraph(
        "These figures answer three different questions. They are never combined into one score.", class_="note"
    )
    return Section(name="figures", title="Figures", body=joined((element("div", *boxes, class_="figures"), note)))


def _figure(number: str, words: str) -> Markup:
    return element("p", element("strong", number), " ", element("span", words))


def clients(report: Report) -> Section | None:
    """The status of each measured client, with the requirements that cause it; None for a run that shows no client.

    The cases of a gateway are no requests of a client, so that they show none.
    """
    if any(exchange.behind is not None for exchange in report.exchanges.values()):
        return None
    rows = [row(found.client, _status(found), _because_of(found)) for found in clients_of(report)]
    if not rows:
        return None
    note = (
        "A client fails or loses data when a requirement failed in this run, in a form of answers that it reads, and "
        "such a violation did this to the client on a test server. A violated MUST that was never measured counts by "
        "its harm. A client works when this run verified every MUST about its way of using the API: the key, streams, "
        "answers without streaming, and tools."
    )
    body = [
        table(("client", "status", "because of"), rows, class_="clients", caption="Clients that can use this endpoint")
    ]
    unknown = unmeasured(report.verdicts)
    if unknown:
        names = joined((link(name) for name in unknown), ", ")
        text = "The effect of these failures on clients was never measured: "
        body.append(paragraph(text, names, ".", class_="note"))
    return Section(
        name="clients", title="Clients that can use it", body=joined((*body, paragraph(note, class_="note")))
    )


def _status(found: ClientStatus) -> Markup:
    tone, mark = MARKS[found.status]
    return element("span", element("span", mark, aria_hidden="true"), f" {found.status}", class_=f"status {tone}")


def _names(effects: Iterable[Effect]) -> Markup:
    """Links to the requirements, the first ones."""
    names = [effect.requirement for effect in effects if effect.requirement]
    more = [f"{len(names) - MOST_NAMES:,} more"] if len(names) > MOST_NAMES else []
    return joined((*map(link, names[:MOST_NAMES]), *more), ", ")


def _because_of(found: ClientStatus) -> Markup:
    lines = [joined((f"{outcome}: ", _names(effects))) for outcome, effects in groupby(found.effects, key=in_words)]
    lines += [joined((words,)) for words in found.unseen]
    if found.not_offered:
        lines.append(joined((f"without {', '.join(found.not_offered)}, which this endpoint does not promise or have",)))
    if found.streams_only:
        lines.append(joined(("measured on streams only",)))
    shown = [element("li", line) for line in lines[:NAMED]]
    rest = [element("li", line) for line in lines[NAMED:]]
    parts = [element("ul", *shown) if shown else joined(("no failure affects it",))]
    if rest:
        parts.append(element("details", element("summary", f"{len(rest):,} more"), element("ul", *rest)))
    return joined(parts)


def code(requirement: str) -> Markup:
    """The id of a requirement."""
    return element("code", breakable(inline(requirement)))


def link(requirement: str) -> Markup:
    """The id of a requirement as a link to its failure on the page."""
    return element("a", code(requirement), href=f"#{address(requirement)}")


def address(requirement: str) -> str:
    """The anchor of the failure of a requirement on the page."""
    return f"requirement-{inline(requirement)}"


def matrix(report: Report) -> Section | None:
    """The table of topics and verdicts; None without verdicts."""
    found = areas(report)
    if not found:
        return None
    totals = [sum(area.counts[place] for area in found) for place in range(len(OUTCOMES))]
    # Internal errors are rare: their column is shown only when there are any.
    shown = [place for place, outcome in enumerate(OUTCOMES) if outcome != ERROR or totals[place]]
    rows = [row(area.topic, *_cells(area.counts, shown)) for area in found]
    rows.append(row("all", *_cells(totals, shown), class_="total"))
    head = ("area", *(OUTCOMES[place].replace("-", " ") for place in shown), "all")
    return Section(name="areas", title="Areas", body=table(head, rows, class_="matrix", caption="Requirements by area"))


def _cells(counts: Sequence[int], shown: Sequence[int]) -> Iterator[Markup]:
    yield from (_count(OUTCOMES[place], counts[place]) for place in shown)
    yield cell(f"{sum(counts):,}", class_="number")


def _count(outcome: str, number: int) -> Markup:
    return cell(f"{number:,}" if number else "·", class_=f"number {OUTCOME_TONES[outcome] if number else 'zero'}")
