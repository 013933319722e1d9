"""The failures, worst first, with everything that is needed to reproduce them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from messages_conformance.report import model
from messages_conformance.report.both_sides import both_sides
from messages_conformance.report.causes import Cause, finding_of
from messages_conformance.report.failure_text import FailureText, describe_failure, seen, sentence_of
from messages_conformance.report.groups import Group, divided_causes, grouped
from messages_conformance.report.model import Report, failures, harm_of, warnings
from messages_conformance.report.page import whole_exchanges
from messages_conformance.report.page.document import Section, cell, definitions, paragraph, row, table
from messages_conformance.report.page.html import Child, Markup, breakable, element, joined
from messages_conformance.report.page.overview import address
from messages_conformance.report.source_links import address_in
from messages_conformance.report.text import counted, cut, inline, sentence, visible
from messages_conformance.report.timeline import Step, timeline
from messages_conformance.rules.catalogue import HARM_MEANINGS
from messages_conformance.rules.verdict import Verdict

IN_FULL: Final = 60
"""Number of failures with command and timeline; more of them make the page slow (our own choice)."""

LISTED: Final = 500
COMMAND_CHARACTERS: Final = 8_000


def caused(report: Report) -> Section | None:
    """What explains several failures; None when nothing does."""
    causes, _ = divided_causes(report)
    if not causes:
        return None
    body = joined(_cause(report, cause, number) for number, cause in enumerate(causes, start=1))
    return Section(name="causes", title=f"Causes ({len(causes):,})", body=body)


def caused_beside(report: Report) -> Section | None:
    """What explains several failures of routes beside /v1/messages, while others fail; None when nothing does."""
    before, causes = divided_causes(report)
    if not causes:
        return None
    body = joined(_cause(report, cause, number) for number, cause in enumerate(causes, start=len(before) + 1))
    return Section(name="causes-beside", title=f"Causes beside /v1/messages ({len(causes):,})", body=body)


def _cause(report: Report, cause: Cause, number: int) -> Markup:
    verdict = next(verdict for verdict in report.verdicts if verdict.requirement == cause.requirement)
    failure = describe_failure(report, verdict, first=finding_of(verdict, cause))
    blamed = joined((element("code", breakable(failure.id)), f" {failure.level}: {failure.sentence}"))
    facts: list[tuple[str, Child]] = [("blame", blamed)]
    if cause.explains:
        names = joined((element("code", breakable(sentence(name))) for name in cause.explains), ", ")
        words = counted(len(cause.explains), "requirement is", "requirements are")
        unfolded = element("details", element("summary", f"{words} not verified because of it"), paragraph(names))
        facts.append(("hides", unfolded))
    facts.append(("seen", joined((f"in {counted(len(cause.exchanges), 'answer')}",))))
    facts += [(label, _fact(label, text)) for label, text in failure.facts if label not in ("cause", "seen")]
    return element(
        "article",
        element("h3", cause.sentence, class_="cause"),
        definitions(facts, class_="failure"),
        _command(failure),
        _sides(report, failure.exchange),
        _timeline(report, failure.exchange, None),
        whole_exchanges.link(report, failure.exchange),
        id=f"cause-{number}",
    )


def failed(report: Report) -> Section | None:
    """The failures by harm, then groups of them; None without any."""
    found = failures(report)
    if not found:
        return None
    single, groups = grouped(report, found)
    body = joined((*_graded(report, single), *(_group(report, group) for group in groups)))
    return Section(name="failures", title=f"Failures ({len(found):,})", body=body)


def _group(report: Report, group: Group) -> Markup:
    """The failures of a group: one line each, which unfolds to the whole description."""
    heading = element("h3", group.title, class_="harm", data_heads=True)
    shown = (
        element(
            "details",
            element("summary", element("code", breakable(sentence(verdict.requirement))), " ", _short(report, verdict)),
            article(report, verdict, is_filtered=False),
            **_kind(report, verdict.requirement),
        )
        for verdict in group.verdicts
    )
    return element("div", heading, *shown, class_="group")


def _short(report: Report, verdict: Verdict) -> str:
    often = seen(report, verdict).partition(";")[0]
    return f"{sentence_of(report, verdict.requirement)}{f' ({often})' if often else ''}"


def warned(report: Report) -> Section | None:
    """The warnings by impact; None without any."""
    found = warnings(report)
    if not found:
        return None
    note = paragraph("Violated recommendations. They do not fail the run.", class_="note")
    return Section(name="warnings", title=f"Warnings ({len(found):,})", body=joined((note, *_graded(report, found))))


def excused(report: Report) -> Section | None:
    """Deviations with an excuse, and the problems of waivers; None without any."""
    found, problems = model.excused(report), report.gate.problems
    if not found and not problems:
        return None
    body = [element("ul", *(element("li", sentence(problem)) for problem in problems))] if problems else []
    if found:
        body.append(
            paragraph(
                "These deviations are real. They do not fail the run, for the reason given with each.",
                class_="note",
            )
        )
        body += _graded(report, found)
    return Section(name="excused", title=f"Excused ({len(found):,})", body=joined(body))


def own_tests(report: Report) -> Section | None:
    """Tests of the user that failed; None without any."""
    if not report.failed_tests:
        return None
    rows = [
        row(element("code", sentence(test.name)), cut(visible(test.message), 2_000)) for test in report.failed_tests
    ]
    shown = table(("test", "message"), rows[:LISTED], class_="wide", caption="Your own tests that failed")
    return Section(name="own-tests", title=f"Your own tests that failed ({len(rows):,})", body=shown)


def drifted(report: Report) -> Section | None:
    """Shapes that differ from those that the user keeps; None without any."""
    if not report.drifts:
        return None
    rows = [row(element("code", sentence(drift.situation)), cut(sentence(str(drift)), 600)) for drift in report.drifts]
    note = paragraph(
        "These are no violations: both shapes may conform. The kept shapes are what your clients saw before.",
        class_="note",
    )
    shown = table(("situation", "difference"), rows[:LISTED], class_="wide", caption="Shapes that differ")
    return Section(name="drifts", title=f"Shapes that differ ({len(rows):,})", body=joined((note, shown)))


def _graded(report: Report, found: Sequence[Verdict]) -> Iterable[Markup]:
    """The verdicts under a heading for each harm; those beyond IN_FULL in a table without details."""
    for harm, group in groupby(found[:IN_FULL], key=lambda verdict: harm_of(report, verdict.requirement)):
        verdicts = list(group)
        meaning = element("small", HARM_MEANINGS.get(harm, ""))
        heading = element("h3", harm, " ", meaning, class_="harm", data_heads=True)
        yield element("div", heading, *(article(report, verdict) for verdict in verdicts))
    rest = found[IN_FULL:]
    if rest:
        yield paragraph(
            f"{counted(len(rest), 'more failure')} without command and timeline; report.json has them all.",
            class_="note",
        )
        yield table(("requirement", "harm", "found"), [_line(report, verdict) for verdict in rest[:LISTED]])
    if len(rest) > LISTED:
        yield paragraph(f"{len(rest) - LISTED:,} more are only in report.json.", class_="note")


def _line(report: Report, verdict: Verdict) -> Markup:
    first = verdict.findings[0].found if verdict.findings else verdict.reason
    name = verdict.requirement
    return row(
        element("code", breakable(sentence(name)), id=address(name)), harm_of(report, name), cut(sentence(first), 160)
    )


def _kind(report: Report, requirement: str) -> dict[str, str]:
    """The attributes by which the page filters."""
    return {"data_harm": harm_of(report, requirement), "data_area": inline(requirement.partition(".")[0])}


def article(
    report: Report, verdict: Verdict, *, is_filtered: bool = True, evidence: Sequence[Markup | None] | None = None
) -> Markup:
    """One failure with its facts and its evidence: by default the folded command and the folded timeline."""
    failure = describe_failure(report, verdict)
    heading = element("h4", element("code", breakable(failure.id)), " ", element("span", failure.level, class_="level"))
    excuse = report.gate.excuses.get(verdict.requirement)
    reasons = [("excused", joined((f"{sentence(excuse.kind)}: {sentence(excuse.reason)}",)))] if excuse else []
    facts: list[tuple[str, Child]] = [*reasons, *((label, _fact(label, text)) for label, text in failure.facts)]
    event = verdict.findings[0].place.event if verdict.findings else None
    return element(
        "article",
        heading,
        paragraph(failure.sentence, class_="sentence"),
        definitions(facts, class_="failure"),
        *(evidence if evidence is not None else _evidence(report, failure, event)),
        id=address(failure.id),
        **(_kind(report, verdict.requirement) if is_filtered else {}),
    )


def _evidence(report: Report, failure: FailureText, event: int | None) -> Iterable[Markup | None]:
    """The folded command and timeline, and the link to the whole exchange."""
    return (
        _command(failure),
        _sides(report, failure.exchange),
        _timeline(report, failure.exchange, event),
        whole_exchanges.link(report, failure.exchange),
    )


def _fact(label: str, text: str) -> Markup:
    if label == "again":
        return element("code", text, class_="again")
    if label == "source":
        return linked(text)
    return element("code", text, class_="value") if label in ("found", "wanted") else joined((text,))


def linked(source: str) -> Markup:
    """The text of a source, with the first web address in it as a link."""
    target = address_in(source)
    shown = target.removeprefix("https://")
    before, found, after = source.partition(shown) if target else (source, "", "")
    link = element("a", found, href=target, rel="noreferrer") if found else None
    return joined((before, link, after))


def _command(failure: FailureText) -> Markup | None:
    if not failure.curl:
        return None
    if len(failure.curl) > COMMAND_CHARACTERS:
        text = f"The command is {len(failure.curl):,} characters long: it is in report.json under {failure.id}."
        return paragraph(text, class_="note")
    return element(
        "details",
        element("summary", "curl command that sends the request again"),
        element("pre", element("code", failure.curl), tabindex="0"),
    )


def _sides(report: Report, number: int) -> Markup | None:
    """The four records of a case of a gateway, folded, with the lines marked that only one side has."""
    exchange = report.exchanges.get(number)
    lines = both_sides(exchange) if exchange is not None else ()
    if not lines:
        return None
    marks = {"-": "del", "+": "ins"}
    shown = joined((element(marks[one[0]], one) if one[:1] in marks else one for one in lines), "\n")
    summary = element("summary", "Both sides of the gateway")
    return element("details", summary, element("pre", element("code", shown), class_="sides", tabindex="0"))


def _timeline(report: Report, number: int, focus: int | None) -> Markup | None:
    exchange = report.exchanges.get(number)
    if exchange is None:
        return None
    steps = timeline(exchange, focus=focus)
    end_ms = max((step.at_ms for step in steps if step.at_ms is not None), default=0.0)
    rows = [_step(step, end_ms) for step in steps]
    head = ("time", "after", "byte", "event", "content")
    label = "Timeline of the answer"
    return element("details", element("summary", label), table(head, rows, class_="timeline", caption=label))


def _step(step: Step, end_ms: float) -> Markup:
    at = "" if step.at_ms is None else milliseconds(step.at_ms)
    gap = "" if step.gap_ms is None else f"+{milliseconds(step.gap_ms)}"
    offset = "" if step.offset_bytes is None else f"{step.offset_bytes:,}"
    what = element("strong", step.label, " ◀ named by the finding") if step.named else step.label
    return row(
        joined((at, _time_bar(step.at_ms, end_ms))),
        cell(gap, class_="number"),
        cell(offset, class_="number"),
        cell(what, class_="what"),
        cell(element("code", step.text), class_="content"),
        class_="named" if step.named else None,
    )


def _time_bar(at_ms: float | None, end_ms: float) -> Markup | None:
    """A small bar that shows the time of a step within the exchange."""
    if at_ms is None or end_ms <= 0:
        return None
    place = f"{100 * at_ms / end_ms:.1f}"
    bar = element("rect", x="0", y="3", width=place, height="2", class_="elapsed")
    return element(
        "svg",
        bar,
        viewBox="0 0 100 8",
        preserveAspectRatio="none",
        class_="timebar",
        aria_hidden="true",
        focusable="false",
    )


def milliseconds(value: float) -> str:
    """A time as text: `0.4 ms`, `12 ms`, `3,400 ms`."""
    return f"{value:.1f} ms" if value < 10 else f"{value:,.0f} ms"
