"""The last sections of the page: what was not verified, internal errors, changes, cost, and the options of the run."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from messages_conformance.report.model import FAIL_ON_REGRESSION, Report, not_verified
from messages_conformance.report.page.document import Section, definitions, paragraph, row, table
from messages_conformance.report.page.html import Markup, breakable, element, joined
from messages_conformance.report.run_summary import money
from messages_conformance.report.text import cut, inline, sentence
from messages_conformance.rules.verdict import ERROR

REASON_CHARACTERS: Final = 400
NAMED: Final = 12


def unverified(report: Report) -> Section | None:
    """The requirements that were not verified, by reason; None without any."""
    groups = not_verified(report)
    if not groups:
        return None
    rows = [row(_reason(reason), _ids(ids)) for reason, ids in groups.items()]
    number = sum(map(len, groups.values()))
    made = table(("reason", "requirements"), rows, class_="open", caption="Not verified, by reason")
    note = paragraph("Neither a pass nor a failure: the report makes no claim about these requirements.", class_="note")
    return Section(name="unverified", title=f"Not verified ({number:,})", body=joined((note, made)))


def _reason(reason: str) -> str:
    return cut(sentence(reason), REASON_CHARACTERS)


def _ids(ids: tuple[str, ...]) -> Markup:
    names = [element("code", breakable(inline(name))) for name in ids]
    shown = joined(names[:NAMED], ", ")
    if len(names) <= NAMED:
        return shown
    more = element("details", element("summary", f"{len(names) - NAMED:,} more"), joined(names[NAMED:], ", "))
    return joined((shown, more))


def own_errors(report: Report) -> Section | None:
    """Harness errors; None without any."""
    single = [f"{v.requirement}: {v.reason}" for v in report.verdicts if v.outcome == ERROR]
    messages = [*report.harness_errors, *single]
    if not messages:
        return None
    items = (element("li", element("code", cut(sentence(message), 4 * REASON_CHARACTERS))) for message in messages)
    note = paragraph("Errors of messages-conformance, not of the target. Please report them.", class_="note")
    return Section(
        name="errors", title=f"Harness errors ({len(messages):,})", body=joined((note, element("ul", *items)))
    )


def changed(report: Report) -> Section | None:
    """The changes since the baseline; None without a baseline."""
    found = report.gate.difference
    if found is None:
        return None
    groups = [(name.replace("_", " "), ids) for name, ids in asdict(found).items() if ids]
    body = table(
        ("change", "requirements"), [row(name, _ids(ids)) for name, ids in groups], class_="wide", caption="Changes"
    )
    if not groups:
        body = paragraph("Nothing changed.")
    return Section(name="changes", title="Since the baseline", body=body)


def cost(report: Report) -> Section:
    """What was planned and spent, and the limits."""
    planned, spent = report.planned, report.spent
    rows = [
        row(
            "requests",
            "" if planned is None else f"at most {planned.requests:,}",
            f"{spent.requests:,}",
        ),
        row(
            "output tokens",
            "" if planned is None else f"at most {planned.output_tokens:,}",
            f"{spent.output_tokens:,}",
        ),
        row("input tokens", "", f"{spent.input_tokens:,}"),
        row("time", "", f"{spent.elapsed_s:.1f} s"),
        *([row("money", "", money(spent))] if spent.money is not None else []),
    ]
    shared = planned.duplicates if planned is not None else 0
    notes = [
        report.run.budget and f"Limits: {sentence(report.run.budget)}.",
        shared and f"{shared:,} requests were saved, because several situations share one request.",
        "The target reports the token counts.",
    ]
    body = (
        table(("", "planned", "spent"), rows, class_="cost", caption="Plan and cost"),
        paragraph(" ".join(part for part in notes if part), class_="note"),
    )
    return Section(name="cost", title="Plan and cost", body=joined(body))


def run_options(report: Report) -> Section:
    """The options of the run, and the meaning of the words on the page."""
    run = report.run
    options = [
        ("target", run.target),
        ("model", run.model),
        ("profile", run.profile),
        ("depth", f"{run.depth}, seed {run.seed}"),
        ("only", ", ".join(run.only)),
        ("left out", ", ".join(run.skip)),
        ("edition", run.edition),
        ("fails on", run.fail_on if run.fail_on == FAIL_ON_REGRESSION else run.fail_on.upper()),
        ("waivers", run.waivers),
        ("baseline", run.baseline),
        ("started", run.started_at),
        ("warning", run.warning),
        *(("note", note) for note in run.notes),
    ]
    words = [
        (
            "MUST, SHOULD, MAY",
            "The level of a requirement, from the words of its source. A violated MUST fails the run.",
        ),
        ("pass", "Every exchange where the requirement applies obeyed it. A skipped check is never a pass."),
        ("not verified", "The situation did not occur, or a limit was reached: no claim is made."),
        ("not applicable", "The profile does not promise the feature, or the model does not have it."),
        ("byte", "Position in the decoded body of the response, from 0."),
    ]
    body = (
        definitions([(term, sentence(value)) for term, value in options if value], class_="terms"),
        element("h3", "Words"),
        definitions(words, class_="terms"),
    )
    return Section(name="run", title="This run", body=joined(body))
