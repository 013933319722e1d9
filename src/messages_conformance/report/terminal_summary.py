"""The result of a run in a terminal: the verdict and a summary first, then causes and failures by harm.

Without `verbose`, it fits on about one screen: as many failures are described in full as there is room, the others have
one line each. The verdict is the last line, too, because a log is read from its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Final, TypeVar

from rich.console import Console

from messages_conformance.report.causes import Cause, finding_of
from messages_conformance.report.failure_text import (
    VALUE_CHARACTERS,
    FailureText,
    describe_failure,
    place,
    seen,
)
from messages_conformance.report.finding_words import readable
from messages_conformance.report.groups import Group, divided_causes, grouped, is_of_other_route
from messages_conformance.report.model import (
    CONFORMANT,
    VIOLATIONS,
    Report,
    excused,
    exit_code,
    failures,
    harm_of,
    not_verified,
    verdict_sentence,
    warnings,
)
from messages_conformance.report.run_summary import run_summary
from messages_conformance.report.schema_coverage import sentence as coverage_sentence
from messages_conformance.report.schema_coverage import shares
from messages_conformance.report.terminal import Block
from messages_conformance.report.text import counted, cut, inline, listed, sentence
from messages_conformance.rules.verdict import ERROR, Verdict

MAX_LINES: Final = 52
"""With the head of a run (about six lines), this is the 60 lines of a tall terminal (our own choice)."""

CURL_CHARACTERS: Final = 1_500
CLIENT_LINES: Final = 2
FACT_LINES: Final = {"source": 1, "cause": 1}
"""Lines of a fact, where they are not CLIENT_LINES; with `verbose`, there is no limit."""

WARNING_CHARACTERS: Final = 100
IDS_PER_REASON: Final = 12
FEW_IDS: Final = 4
"""Ids that are named for a reason when lines are rare."""

FEW: Final = 3
"""Lines of a section of little importance, when lines are rare (our own choice)."""

GROUP_LINES: Final = 5
"""Lines of a group (our own choice)."""

TITLE_LINES: Final = 1
SHORT_CAUSE: Final = 3
MORE: Final = "  and {number:,} more: -v and --report show them"

BUDGET_REASON: Final = "a limit is reached"
CASES_PER_FIELD: Final = 8
T = TypeVar("T")
_STYLES: Final = {CONFORMANT: "bold green", VIOLATIONS: "bold red"}


def summary(out: Console, report: Report, *, verbose: bool = False) -> None:
    """Prints the result of a run; the verdict is the first and the last line.

    `verbose` removes the limit on lines, and adds the traces and the table of request fields.
    """
    first = _head(out, report)
    last = Block(out)
    last.line(verdict_sentence(report), style=_STYLES.get(exit_code(report), "bold yellow"))
    if report.unjudged:
        last.print()
        return
    others = [block for block in _others(out, report, verbose=verbose) if block.height]
    room = MAX_LINES - sum(block.height for block in (first, last, *others))
    shown = list(_Failures(out, report, verbose=verbose, room=room).blocks())
    if not shown and not others:
        first = _head(out, report, with_verdict=False)
    for block in (first, *shown, *others, last):
        block.print()


def _head(out: Console, report: Report, *, with_verdict: bool = True) -> Block:
    block = Block(out)
    if with_verdict:
        block.line(verdict_sentence(report), style=_STYLES.get(exit_code(report), "bold yellow"))
    for label, text in run_summary(report):
        block.fact(label, text, most=CLIENT_LINES)
    block.line()
    return block


class _Failures:
    """Causes, failures and groups, in full while there is room. A request is printed once."""

    def __init__(self, out: Console, report: Report, *, verbose: bool, room: int) -> None:
        self._out = out
        self._report = report
        self._verbose = verbose
        self._room = room
        self._shown: dict[int, str] = {}
        self._before: dict[int, str] = {}

    def blocks(self) -> Iterator[Block]:
        """The blocks, the most important first."""
        failed = failures(self._report)
        if not failed:
            return
        causes, side = divided_causes(self._report)
        single, groups = grouped(self._report, _without_explained(failed, (*causes, *side)))
        in_groups = {group.name: min(len(group.verdicts), GROUP_LINES) + 3 for group in groups}
        self._room -= sum(in_groups.values()) + TITLE_LINES * (bool(causes) + bool(single)) + SHORT_CAUSE * len(side)
        if causes:
            yield self._title("CAUSES", len(causes), "what explains several failures")
            yield from self._causes(causes, least=min(len(single), FEW))
        if single:
            yield self._title("FAILED", len(failed), _beside(failed, single, groups, side))
            yield from self._single(single)
        for cause in side:
            yield self._cause_in_full(cause) if self._verbose else self._cause_in_short(cause)
        for group in groups:
            yield self._group(group)

    def _title(self, name: str, number: int, note: str) -> Block:
        block = Block(self._out)
        block.line(f"{name} ({number:,}{f', {note}' if note else ''})", style="bold red")
        return block

    def _causes(self, causes: Sequence[Cause], *, least: int) -> Iterator[Block]:
        """The causes; `least` lines are left for what follows."""
        for position, cause in enumerate(causes):
            full = self._tried(self._cause_in_full, cause)
            fits = not position or full.height + SHORT_CAUSE * (len(causes) - position - 1) + least <= self._room
            fits = fits and not is_of_other_route(cause.requirement)
            yield self._taken(full if fits or self._verbose else self._cause_in_short(cause), fits)

    def _single(self, found: Sequence[Verdict]) -> Iterator[Block]:
        """The failures: the first ones in full, as long as the others have a line each."""
        for position, verdict in enumerate(found):
            full = self._tried(self._in_full, describe_failure(self._report, verdict))
            # The first failure matters more than that the last ones have a line.
            others = FEW if position == 0 and len(found) > 1 else len(found) - position - 1
            fits = full.height + others <= self._room
            if not (fits or position or self._before or self._verbose):
                failure = describe_failure(self._report, verdict)
                full = self._tried(self._in_full, replace(failure, curl=""))  # its command is in the line `again`
                fits = full.height + others <= self._room
            if not fits and not self._verbose:
                yield self._in_short(found[position:])
                return
            yield self._taken(full, True)

    def _in_short(self, found: Sequence[Verdict]) -> Block:
        block = Block(self._out)
        for verdict in found:
            _one_line(block, self._report, verdict)
        block.keep(max(self._room - 2, FEW), MORE)
        block.line()
        return block

    def _tried(self, make: Callable[[T], Block], what: T) -> Block:
        """A block that may be printed; if it is not, its request is not printed either."""
        self._before = dict(self._shown)
        return make(what)

    def _taken(self, block: Block, in_full: bool) -> Block:
        if not in_full and not self._verbose:
            self._shown = self._before
        self._room -= block.height
        return block

    def _cause_in_short(self, cause: Cause) -> Block:
        block = Block(self._out)
        block.short(f"{cause.sentence}  {cause.requirement}", indent=0, style="bold red")
        if cause.explains:
            block.fact("hides", _explained(cause), most=1)
        block.line()
        return block

    def _cause_in_full(self, cause: Cause) -> Block:
        verdict = next(v for v in self._report.verdicts if v.requirement == cause.requirement)
        failure = describe_failure(self._report, verdict, first=finding_of(verdict, cause))
        block = Block(self._out)
        block.wrapped(cause.sentence)
        block.restyle("bold red")
        block.fact("blame", f"{failure.id}  {failure.level}: {failure.sentence}")
        if cause.explains:
            block.fact("hides", _explained(cause), most=CLIENT_LINES)
        self._facts(block, failure, leave_out=("cause", "seen"))
        return block

    def _in_full(self, failure: FailureText) -> Block:
        block = Block(self._out)
        block.line(f"{failure.id}  {failure.level}", style="bold red")
        block.wrapped(failure.sentence, indent=2)
        self._facts(block, failure)
        return block

    def _facts(self, block: Block, failure: FailureText, *, leave_out: Sequence[str] = ()) -> None:
        for label, text in failure.facts:
            if label == "again":
                block.fact_of_command(label, text)
            elif label not in leave_out:
                block.fact(label, text, most=None if self._verbose else FACT_LINES.get(label, CLIENT_LINES))
        if failure.curl:
            self._curl(block, failure)
        if self._verbose:
            for line in failure.trace:
                block.line(f"  {line}", style="dim")
        block.line()

    def _curl(self, block: Block, failure: FailureText) -> None:
        if failure.exchange in self._shown:
            block.fact("curl", f"as for {self._shown[failure.exchange]} above")
        elif len(failure.curl) > CURL_CHARACTERS:
            block.fact("curl", f"{len(failure.curl):,} characters long: it is in report.json under {failure.id}")
        else:
            self._shown[failure.exchange] = failure.id
            # Never indented: a line break inside quotes is part of the body.
            for line in failure.curl.split("\n"):
                block.line(line, style="cyan")

    def _group(self, group: Group) -> Block:
        block = Block(self._out)
        block.line(group.title, style="bold red")
        for verdict in group.verdicts:
            if self._verbose:
                block.add(self._in_full(describe_failure(self._report, verdict)))
            else:
                _one_line(block, self._report, verdict)
        if not self._verbose:
            block.keep(GROUP_LINES + 1, MORE)
            block.line()
        return block


def _without_explained(failed: Iterable[Verdict], causes: Sequence[Cause]) -> list[Verdict]:
    """The failures, without those of which a cause above shows everything."""
    covered = {number for cause in causes for number in cause.exchanges}
    blamed = {cause.requirement for cause in causes}
    return [
        verdict
        for verdict in failed
        if verdict.requirement not in blamed or not {finding.exchange for finding in verdict.findings} <= covered
    ]


def _beside(
    failed: Sequence[Verdict], single: Sequence[Verdict], groups: Sequence[Group], side: Sequence[Cause]
) -> str:
    """Where the failures are that are not listed one by one."""
    below = {cause.requirement for cause in side}.union(v.requirement for group in groups for v in group.verdicts)
    below -= {verdict.requirement for verdict in single}
    above = len(failed) - len(single) - len(below)
    parts = [f"{above:,} above"] if above else []
    return ", ".join([*parts, *([f"{len(below):,} below"] if below else [])])


def _explained(cause: Cause) -> str:
    if not cause.explains:
        return ""
    number = counted(len(cause.explains), "requirement is", "requirements are")
    return f"{number} not verified because of it: {listed(tuple(map(inline, cause.explains)), FEW_IDS)}"


def _one_line(block: Block, report: Report, verdict: Verdict) -> None:
    row = report.catalogue.get(verdict.requirement)
    often = seen(report, verdict).partition(";")[0]
    text = sentence(row.sentence) if row is not None else ""
    block.short(
        f"{inline(verdict.requirement)}  {harm_of(report, verdict.requirement)}{f', {often}' if often else ''}  {text}"
    )


# -- everything else ---------------------------------------------------------------------------------------------------


def _others(out: Console, report: Report, *, verbose: bool) -> Iterator[Block]:
    most = None if verbose else FEW
    yield _listed(out, "YOUR OWN TESTS THAT FAILED", "red", _failed_tests(report), most and 3 * most)
    yield _listed(out, "WAIVERS THAT FAIL THE RUN", "red", [sentence(text) for text in report.gate.problems], None)
    yield _listed(out, "EXCUSED", "yellow", _excused(report), most)
    yield _warned(out, report, verbose=verbose)
    yield _changed(out, report)
    yield _drifts(out, report)
    yield _listed(out, "HARNESS ERRORS", "magenta", _harness_errors(report), None)
    yield _not_verified(out, report, verbose=verbose)
    if verbose:
        yield _request_fields(out, report)


def _listed(out: Console, title: str, colour: str, texts: Sequence[str], most: int | None) -> Block:
    """A section with a text for each line; beyond `most` lines, only their number. Without texts it is empty."""
    block = Block(out)
    if texts:
        block.title(title, len(texts), colour)
        for text in texts[:most]:
            if most is None:
                block.wrapped(text, indent=2, hang=4)
            else:
                block.short(text)
        if most is not None and len(texts) > most:
            block.line(f"  and {len(texts) - most:,} more: -v and --report show them")
        block.line()
    return block


def _warned(out: Console, report: Report, *, verbose: bool) -> Block:
    """The warnings; only their names when there are failures, which are more important."""
    found = warnings(report)
    if verbose or not found or not failures(report):
        return _listed(
            out, "WARNINGS", "yellow", [_warning(report, verdict) for verdict in found], None if verbose else FEW
        )
    block = Block(out)
    names = tuple(inline(verdict.requirement) for verdict in found)
    block.wrapped(f"WARNINGS ({len(found):,}): {listed(names, FEW_IDS)}")
    block.line()
    return block


def _failed_tests(report: Report) -> list[str]:
    return [f"{inline(t.name)}: {inline(t.message.splitlines()[0] if t.message else '', VALUE_CHARACTERS)}"
            for t in report.failed_tests]  # fmt: skip


def _excused(report: Report) -> list[str]:
    pairs = [(verdict, report.gate.excuses[verdict.requirement]) for verdict in excused(report)]
    return [
        f"{inline(verdict.requirement)} {verdict.level}, {sentence(excuse.kind)}: {sentence(excuse.reason)}"
        for verdict, excuse in pairs
    ]


def _warning(report: Report, verdict: Verdict) -> str:
    text = f"{inline(verdict.requirement)} {verdict.level}"
    if not verdict.findings:
        return f"{text}: {sentence(verdict.reason)}" if verdict.reason else text
    first = verdict.findings[0]
    found, wanted = (inline(readable(first, value), WARNING_CHARACTERS) for value in (first.found, first.wanted))
    text += f": found {found}, wanted {wanted}"
    often = seen(report, verdict)
    return f"{text} ({place(report, first)}{f'; {often}' if often else ''})"


def _changed(out: Console, report: Report) -> Block:
    """The changes since the baseline, one line for each kind; empty without a baseline."""
    block = Block(out)
    if report.gate.difference is None:
        return block
    groups = {name: ids for name, ids in asdict(report.gate.difference).items() if ids}
    block.title("SINCE THE BASELINE", sum(map(len, groups.values())), "cyan")
    for name, ids in groups.items():
        block.wrapped(f"{name.replace('_', ' ')}: {listed(tuple(map(inline, ids)), IDS_PER_REASON)}", indent=2, hang=4)
    if not groups:
        block.wrapped("nothing changed", indent=2)
    block.line()
    return block


def _drifts(out: Console, report: Report) -> Block:
    block = Block(out)
    if not report.drifts:
        return block
    block.title("SHAPES THAT DIFFER", len({drift.situation for drift in report.drifts}), "yellow")
    answers: dict[str, list[str]] = {}
    for drift in report.drifts:
        answers.setdefault(inline(str(drift), 2 * VALUE_CHARACTERS), []).append(inline(drift.situation))
    for text, situations in answers.items():
        block.wrapped(f"{text} ({listed(situations, IDS_PER_REASON)})", indent=2, hang=4)
    block.line()
    return block


def _harness_errors(report: Report) -> list[str]:
    single = [f"{v.requirement}: {v.reason}" for v in report.verdicts if v.outcome == ERROR]
    return [cut(sentence(message), 4 * VALUE_CHARACTERS) for message in (*report.harness_errors, *single)]


def _not_verified(out: Console, report: Report, *, verbose: bool) -> Block:
    block = Block(out)
    caused = {verdict.reason for verdict in report.verdicts if verdict.cause}
    groups = {reason: ids for reason, ids in not_verified(report).items() if reason not in caused}
    if not groups:
        return block
    number = sum(map(len, groups.values()))
    if failures(report) and not verbose and not any(BUDGET_REASON in reason for reason in groups):
        block.short(
            f"NOT VERIFIED ({number:,}): {sentence(next(iter(groups)))}; and other reasons (-v shows all)", indent=0
        )
        block.line()
        return block
    block.title("NOT VERIFIED", number, "yellow")
    shown = list(groups.items())[: None if verbose else FEW]
    for reason, ids in shown:
        # The user may want to raise the budget for these requirements: all are named.
        most = len(ids) if BUDGET_REASON in reason else IDS_PER_REASON if verbose else FEW_IDS
        text = f"{cut(sentence(reason), VALUE_CHARACTERS)}: {listed(tuple(map(inline, ids)), most)}"
        block.wrapped(text, indent=2, hang=4)
    if len(groups) > len(shown):
        block.line(f"  and {counted(len(groups) - len(shown), 'more reason')}: -v and --report show them")
    block.line()
    return block


def _request_fields(out: Console, report: Report) -> Block:
    """Each field of the request schema that was sent, with its cases that were not sent."""
    block = Block(out)
    rows = [row for row in report.request_coverage if row.valid.sent or row.invalid.sent]
    if not rows:
        return block
    block.title("REQUEST FIELDS: valid sent/accepted/refused, invalid sent/accepted/refused", len(rows), "cyan")
    for row in rows:
        text = f"{row.name}: " + ", ".join(f"{t.sent}/{t.accepted}/{t.refused}" for t in (row.valid, row.invalid))
        missing = [case for case, tally in row.cases.items() if not tally.sent]
        text += f"; not sent: {listed(missing, CASES_PER_FIELD)}" if missing and row.valid.sent else ""
        block.wrapped(text, indent=2, hang=4)
    block.wrapped(coverage_sentence(shares(report.request_coverage)))
    block.line()
    return block
