"""The report as Markdown, for a comment below a pull request or a job's summary.

Text of the target is in code spans, so that it is neither markup nor a mention. A text that is cut says so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import groupby
from typing import Final

from messages_conformance.report import feature_matrix
from messages_conformance.report.causes import Cause
from messages_conformance.report.client_effects import in_words
from messages_conformance.report.clients import ClientStatus
from messages_conformance.report.failure_text import FailureText, describe_failure
from messages_conformance.report.figures import figures
from messages_conformance.report.finding_words import readable
from messages_conformance.report.groups import divided_causes, grouped
from messages_conformance.report.model import (
    CONFORMANT,
    VIOLATIONS,
    Report,
    clients_of,
    excused,
    exit_code,
    failures,
    harm_of,
    not_verified,
    verdict_sentence,
    warnings,
)
from messages_conformance.report.run_summary import money
from messages_conformance.report.text import counted, cut, inline, sentence
from messages_conformance.rules.verdict import Verdict

MAX_BYTES: Final = 60_000
"""A comment on GitHub holds 65,536 characters."""

VALUE_CHARACTERS: Final = 200
COMMAND_CHARACTERS: Final = 2_000
LISTED: Final = 100
IN_FULL: Final = 20
NAMED: Final = 3
CUT: Final = "\n*Cut here: a comment has a size limit. The rest is in report.html and report.json.*\n"

BAR: Final = "\\|"
SIGNS: Final = {CONFORMANT: "✅", VIOLATIONS: "❌"}
_REFERRING: Final = re.compile(r"([@#!])(?=\w)")
"""Characters that start a mention of a person or an issue. A backslash does not prevent that; an HTML comment does."""

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>~])")


def to_markdown(report: Report, *, max_bytes: int = MAX_BYTES) -> str:
    """The report as Markdown, at most `max_bytes` long in UTF-8."""
    text, limit = "", max_bytes - len(CUT.encode())
    for part in _parts(report):
        if len((text + part).encode()) > limit:
            return text + CUT
        text += part
    return text


def _parts(report: Report) -> Iterator[str]:
    """Independent pieces of the report, the most important first."""
    yield f"## {SIGNS.get(exit_code(report), '⚠️')} {prose(verdict_sentence(report))}\n\n"
    run = report.run
    yield f"{code(run.target)} · model {code(run.model)} · profile {code(run.profile)} · depth {code(run.depth)}\n"
    yield _figures(report)
    if report.unjudged:
        return
    yield from _features(report)
    yield from _causes(report)
    yield from _failures(report)
    yield from _causes_beside(report)
    yield from _clients(report)
    yield from _changed(report)
    yield from _full_descriptions(report)
    yield from _own(report)
    yield from _problems(report)
    if warnings(report):
        yield from _listing(f"Warnings ({len(warnings(report)):,})", warnings(report), report)
    yield from _excused(report)
    yield from _unverified(report)


def _figures(report: Report) -> str:
    found = figures(report)
    rows = [("coverage", f"{found.coverage} applicable requirements verified")]
    rows += [("conformance", f"{share} verified {level} requirements hold") for level, share in found.conformance]
    rows += [("not judged", f"{found.unverified:,} not verified, {found.inapplicable:,} not applicable")]
    spent = report.spent
    cost = f"{counted(spent.requests, 'request')}, {spent.output_tokens:,} output tokens, {spent.elapsed_s:.1f} s"
    cost += f", {money(spent)}" if spent.money is not None else ""
    return table(("", ""), [*rows, ("cost", cost)])


def _features(report: Report) -> Iterator[str]:
    found = feature_matrix.summary(report.features)
    if found:
        yield "\n### Features of a request\n"
        yield table(("result", "features"), [(result, prose(", ".join(titles))) for result, titles in found.items()])


def _causes(report: Report) -> Iterator[str]:
    yield from _listed_causes("Causes", divided_causes(report)[0])


def _causes_beside(report: Report) -> Iterator[str]:
    yield from _listed_causes("Causes beside /v1/messages", divided_causes(report)[1])


def _listed_causes(title: str, causes: Sequence[Cause]) -> Iterator[str]:
    if causes:
        yield f"\n### {title} ({len(causes):,})\n\n"
    for cause in causes[:LISTED]:
        explained = f"; {_names(cause.explains)} not verified because of it" if cause.explains else ""
        yield f"- **{prose(cause.sentence)}** {code(cause.requirement)}{explained}\n"


def _failures(report: Report) -> Iterator[str]:
    found = failures(report)
    if found:
        single, groups = grouped(report, found)
        yield from _listing(f"Failures ({len(found):,})", single, report)
        for group in groups:
            yield from _listing(prose(group.title), group.verdicts, report, heading="####")


def _listing(title: str, found: Sequence[Verdict], report: Report, *, heading: str = "###") -> Iterator[str]:
    yield f"\n{heading} {title}\n"
    if not found:
        return
    yield table(("requirement", "level", "harm", "found", "wanted"), [_line(report, v) for v in found[:LISTED]])
    if len(found) > LISTED:
        yield f"\nand {len(found) - LISTED:,} more in report.json\n"


def _problems(report: Report) -> Iterator[str]:
    if report.gate.problems:
        yield f"\n### Waivers that fail the run ({len(report.gate.problems):,})\n\n"
        yield "".join(f"- {prose(problem)}\n" for problem in report.gate.problems[:LISTED])


def _changed(report: Report) -> Iterator[str]:
    if report.gate.difference is not None:
        groups = {name.replace("_", " "): ids for name, ids in asdict(report.gate.difference).items() if ids}
        rows = [(name, f"{len(ids):,}", _names(ids)) for name, ids in groups.items()]
        yield "\n### Since the baseline\n"
        yield table(("change", "number", "requirements"), rows) if rows else "\nNothing changed.\n"


def _excused(report: Report) -> Iterator[str]:
    found = excused(report)[:LISTED]
    if found:
        yield f"\n### Excused ({len(excused(report)):,})\n"
        excuses = [(verdict, report.gate.excuses[verdict.requirement]) for verdict in found]
        rows = [(code(v.requirement), v.level, prose(excuse.kind), prose(excuse.reason)) for v, excuse in excuses]
        yield table(("requirement", "level", "excuse", "reason"), rows)


def _line(report: Report, verdict: Verdict) -> tuple[str, ...]:
    first = verdict.findings[0] if verdict.findings else None
    found, wanted = code(verdict.reason), ""
    if first is not None:
        found, wanted = code(readable(first, first.found)), code(readable(first, first.wanted))
    return code(verdict.requirement), verdict.level, harm_of(report, verdict.requirement), found, wanted


def _clients(report: Report) -> Iterator[str]:
    yield "\n### Clients that can use it\n"
    rows = [(prose(found.client), found.status, _because_of(found)) for found in clients_of(report)]
    yield table(("client", "status", "because of"), rows)


def _because_of(found: ClientStatus) -> str:
    lines = [
        prose(outcome)
        + (f": {_names(names)}" if (names := [one.requirement for one in effects if one.requirement]) else "")
        for outcome, effects in groupby(found.effects, key=in_words)
    ]
    lines += found.unseen
    return "; ".join(lines)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(code, names[:NAMED])) + more


def _full_descriptions(report: Report) -> Iterator[str]:
    for verdict in failures(report)[:IN_FULL]:
        yield _details(describe_failure(report, verdict))


def _details(failure: FailureText) -> str:
    facts = "".join(f"- {label}: {code(text, 2 * VALUE_CHARACTERS)}\n" for label, text in failure.facts)
    summary = f"<summary><code>{_html(failure.id)}</code> {failure.level}</summary>"
    command = f"\n{fenced(failure.curl, 'sh')}" if failure.curl and len(failure.curl) <= COMMAND_CHARACTERS else ""
    return f"\n<details>{summary}\n\n{prose(failure.sentence)}\n\n{facts}{command}\n</details>\n"


def _own(report: Report) -> Iterator[str]:
    """Failed tests of the user, differences of shapes, and our own errors."""
    tests = [(code(test.name), code(test.message)) for test in report.failed_tests[:LISTED]]
    drifts = [(code(drift.situation), code(str(drift))) for drift in report.drifts[:LISTED]]
    if tests:
        yield f"\n### Your own tests that failed ({len(report.failed_tests):,})\n" + table(("test", "message"), tests)
    if drifts:
        yield f"\n### Shapes that differ ({len(report.drifts):,})\n" + table(("situation", "difference"), drifts)
    for error in report.harness_errors[:LISTED]:
        yield f"\nHarness error: {code(error, 2 * VALUE_CHARACTERS)}\n"


def _unverified(report: Report) -> Iterator[str]:
    groups = not_verified(report)
    if groups:
        rows = [(code(reason), _names(ids)) for reason, ids in list(groups.items())[:LISTED]]
        yield f"\n### Not verified ({sum(map(len, groups.values())):,})\n" + table(("reason", "requirements"), rows)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table. The cells are Markdown; a bar inside a cell is escaped, in code spans too."""
    lines = [_row(head), f"|{'---|' * len(head)}", *map(_row, rows)]
    return "\n" + "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', BAR) for cell in cells)} |"


def prose(text: str) -> str:
    """The text with every special character of Markdown escaped."""
    return _REFERRING.sub(r"\1<!-- -->", _SPECIAL.sub(r"\\\1", sentence(text)))


def code(text: str, limit: int = VALUE_CHARACTERS) -> str:
    """A code span, cut to `limit` characters; empty for an empty text."""
    shown = cut(inline(text), limit)
    if not shown:
        return ""
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    ticks = "`" * (longest + 1)
    pad = " " if longest or shown != shown.strip() else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def fenced(text: str, language: str) -> str:
    """A block of code; the text may contain backticks."""
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}{language}\n{text}\n{ticks}\n"


def _html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
