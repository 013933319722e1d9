"""The report in a terminal or in the log of a CI job.

The order: the options of the run, failures, warnings, internal errors, what was not verified, the counts, and the
verdict as the last line. Foreign text is escaped and never read as markup. Commands are never wrapped, so that they can
be copied.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final, TextIO, cast

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.console import Console
from rich.text import Text

from messages_conformance.masking import masked
from messages_conformance.report.failure_text import VALUE_CHARACTERS, FailureText, describe_failure, place
from messages_conformance.report.model import (
    CONFORMANT,
    VIOLATIONS,
    Report,
    RunInfo,
    counts,
    excused,
    exit_code,
    failures,
    harm_of,
    not_verified,
    verdict_sentence,
    warnings,
)
from messages_conformance.report.schema_coverage import sentence as coverage_sentence
from messages_conformance.report.schema_coverage import shares
from messages_conformance.report.text import counted, cut, inline, listed, sentence, visible
from messages_conformance.rules.verdict import ERROR, Verdict

MIN_COLUMNS: Final = 60
MAX_COLUMNS: Final = 120
"""Longer lines are hard to read."""

PLAIN_COLUMNS: Final = 100
"""Width of the output when it is not a terminal."""

IN_FULL: Final = 40
"""Number of failures that are printed in full, the most severe first (our own choice)."""

CURL_CHARACTERS: Final = 1500
IMPACT_LINES: Final = 2
WARNING_CHARACTERS: Final = 100
IDS_PER_REASON: Final = 12
BUDGET_REASON: Final = "a limit is reached"
CASES_PER_FIELD: Final = 8
MIN_LISTED: Final = 3
MAX_LISTED: Final = 25
"""Failures are listed again at the end when there are at least MIN_LISTED; MAX_LISTED lines fit on a screen."""

NEWLINE: Final = "\n"
_LABEL: Final = 9
_PLAINER: Final = str.maketrans({"·": "-", "…": "...", "█": "#"})
_STYLES: Final = {CONFORMANT: "bold green", VIOLATIONS: "bold red"}


class StandardOutput:
    """The current sys.stdout. After a write error (a closed pipe, a full disk) further output is dropped.

    A run then still writes its report and returns its exit code.
    """

    def __init__(self) -> None:
        self._closed = False

    def write(self, text: str) -> int:
        """Writes the text with secrets masked, or drops it after an earlier error; returns its length in characters."""
        self._try(lambda: sys.stdout.write(masked(text)))
        return len(text)

    def flush(self) -> None:
        """Flushes the stream, or does nothing after an earlier error."""
        self._try(sys.stdout.flush)

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stdout, name)

    def _try(self, action: Callable[[], object]) -> None:
        if self._closed:
            return
        try:
            action()
        except OSError:
            self._closed = True
            # The rest of the buffer must not raise another error when the process ends.
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def console(file: TextIO | None = None, *, columns: int | None = None) -> Console:
    """A console. It is plain when the output is no terminal or CI is true, and without colour when NO_COLOR is set."""
    in_ci = os.environ.get("CI", "").lower() in ("true", "1")
    found = Console(
        file=file or cast(TextIO, StandardOutput()),
        width=columns,
        markup=False,
        highlight=False,
        emoji=False,
        force_terminal=False if in_ci else None,
        legacy_windows=False,
    )
    if columns is None:
        width = found.width if found.is_terminal else PLAIN_COLUMNS
        found.width = max(MIN_COLUMNS, min(width, MAX_COLUMNS))
    return found


def header(out: Console, run: RunInfo) -> None:
    """Prints the target, the options and the limits of a run."""
    _line(out, f"messages-conformance {inline(run.version)}", style="bold")
    _fact(out, "target", inline(run.target, VALUE_CHARACTERS))
    _fact(out, "model", inline(run.model, VALUE_CHARACTERS) or "(none yet)")
    options = [f"depth {run.depth}", f"seed {run.seed}"]
    options += [f"only {', '.join(run.only)}"] if run.only else []
    options += [f"skip {', '.join(run.skip)}"] if run.skip else []
    options += [f"edition {run.edition}"] if run.edition else []
    options += ["fails on SHOULD"] if run.fail_on == "should" else []
    options += [f"fails on regressions from {run.baseline}"] if run.fail_on == "regression" else []
    options += [f"waivers {run.waivers}"] if run.waivers else []
    _fact(out, "profile", " · ".join(inline(text) for text in (run.profile, *options)))
    if run.budget:
        _fact(out, "budget", inline(run.budget))
    for note in run.notes:
        _fact(out, "note", sentence(note))
    _line(out)


def note(out: Console, text: str) -> None:
    """Prints a note, such as a hint about the target."""
    _fact(out, "note", sentence(text))


def summary(out: Console, report: Report, *, verbose: bool = False) -> None:
    """Prints the result of a run in the fixed order; the verdict sentence is the last line.

    `verbose` adds the traces and the table of request fields.
    """
    if report.statement is None or not report.statement.invalidates:
        _failed(out, report, verbose=verbose)
        _failed_tests(out, report)
        _waiver_problems(out, report)
        _excused(out, report)
        _warned(out, report)
        _changed(out, report)
        _drifts(out, report)
        _harness_errors(out, report)
        _not_verified(out, report)
        _in_short(out, report)
        if verbose:
            _request_fields(out, report)
    _counts(out, report)
    _line(out, verdict_sentence(report), style=_STYLES.get(exit_code(report), "bold yellow"))


def _failed(out: Console, report: Report, *, verbose: bool) -> None:
    failed = failures(report)
    if not failed:
        return
    _title(out, "FAILED", len(failed), "red")
    shown: dict[int, str] = {}
    in_full = len(failed) if verbose else IN_FULL
    for verdict in failed[:in_full]:
        _failure(out, describe_failure(report, verdict), shown, verbose=verbose)
        _line(out)
    if failed[in_full:]:
        more = f"AND {len(failed) - in_full:,} MORE, one line each: report.html and --show-trace show them in full"
        _line(out, more, style="bold red")
        for verdict in failed[in_full:]:
            _wrapped(out, _warning(report, verdict), indent=2, hang=4)
        _line(out)


def _failure(out: Console, failure: FailureText, shown: dict[int, str], *, verbose: bool) -> None:
    _line(out, f"{failure.id}  {failure.level}", style="bold red")
    _wrapped(out, failure.sentence, indent=2)
    for label, text in failure.facts:
        _fact(out, label, text, most=IMPACT_LINES if label == "breaks" else None)
    if failure.curl:
        _curl(out, failure, shown)
    if verbose:
        for line in failure.trace:
            _line(out, f"  {line}", style="dim")


def _curl(out: Console, failure: FailureText, shown: dict[int, str]) -> None:
    if failure.exchange in shown:
        _fact(out, "curl", f"as for {shown[failure.exchange]} above")
    elif len(failure.curl) > CURL_CHARACTERS:
        _fact(out, "curl", f"{len(failure.curl):,} characters long: it is in report.json under {failure.id}")
    else:
        shown[failure.exchange] = failure.id
        # Never indented: a line break inside quotes is part of the body.
        for line in failure.curl.split("\n"):
            _line(out, line, style="cyan")


def _failed_tests(out: Console, report: Report) -> None:
    if not report.failed_tests:
        return
    _title(out, "YOUR OWN TESTS THAT FAILED", len(report.failed_tests), "red")
    for test in report.failed_tests:
        _wrapped(
            out,
            f"{inline(test.name)}: {inline(test.message.partition(NEWLINE)[0], VALUE_CHARACTERS)}",
            indent=2,
            hang=4,
        )
    _line(out)


def _waiver_problems(out: Console, report: Report) -> None:
    if not report.gate.problems:
        return
    _title(out, "WAIVERS THAT FAIL THE RUN", len(report.gate.problems), "red")
    for problem in report.gate.problems:
        _wrapped(out, sentence(problem), indent=2, hang=4)
    _line(out)


def _excused(out: Console, report: Report) -> None:
    found = excused(report)
    if not found:
        return
    _title(out, "EXCUSED", len(found), "yellow")
    for verdict in found:
        excuse = report.gate.excuses[verdict.requirement]
        text = f"{inline(verdict.requirement)} {verdict.level}, {sentence(excuse.kind)}: {sentence(excuse.reason)}"
        _wrapped(out, text, indent=2, hang=4)
    _line(out)


def _changed(out: Console, report: Report) -> None:
    """Prints the changes since the baseline, one line for each kind."""
    if report.gate.difference is None:
        return
    groups = {name: ids for name, ids in asdict(report.gate.difference).items() if ids}
    _title(out, "SINCE THE BASELINE", sum(map(len, groups.values())), "cyan")
    for name, ids in groups.items():
        _wrapped(out, f"{name.replace('_', ' ')}: {listed(tuple(map(inline, ids)), IDS_PER_REASON)}", indent=2, hang=4)
    if not groups:
        _wrapped(out, "nothing changed", indent=2)
    _line(out)


def _warned(out: Console, report: Report) -> None:
    found = warnings(report)
    if not found:
        return
    _title(out, "WARNINGS", len(found), "yellow")
    for verdict in found:
        _wrapped(out, _warning(report, verdict), indent=2, hang=4)
    _line(out)


def _warning(report: Report, verdict: Verdict) -> str:
    text = f"{inline(verdict.requirement)} {verdict.level}"
    if not verdict.findings:
        return f"{text}: {sentence(verdict.reason)}" if verdict.reason else text
    first = verdict.findings[0]
    others = len({finding.exchange for finding in verdict.findings}) - 1
    text += f": {place(report, first)}: found {inline(first.found, WARNING_CHARACTERS)}"
    text += f", wanted {inline(first.wanted, WARNING_CHARACTERS)}"
    return text + (f"; and {counted(others, 'more exchange')}" if others else "")


def _drifts(out: Console, report: Report) -> None:
    if not report.drifts:
        return
    _title(out, "SHAPES THAT DIFFER", len({drift.situation for drift in report.drifts}), "yellow")
    answers: dict[str, list[str]] = {}
    for drift in report.drifts:
        answers.setdefault(inline(str(drift), 2 * VALUE_CHARACTERS), []).append(inline(drift.situation))
    for text, situations in answers.items():
        _wrapped(out, f"{text} ({listed(situations, IDS_PER_REASON)})", indent=2, hang=4)
    _line(out)


def _harness_errors(out: Console, report: Report) -> None:
    single = [f"{v.requirement}: {v.reason}" for v in report.verdicts if v.outcome == ERROR]
    messages = [*report.harness_errors, *single]
    if not messages:
        return
    _title(out, "HARNESS ERRORS", len(messages), "magenta")
    for message in messages:
        _wrapped(out, cut(sentence(message), 4 * VALUE_CHARACTERS), indent=2, hang=4)
    _line(out)


def _not_verified(out: Console, report: Report) -> None:
    groups = not_verified(report)
    if not groups:
        return
    _title(out, "NOT VERIFIED", sum(map(len, groups.values())), "yellow")
    for reason, ids in groups.items():
        # The user may want to raise the budget for these requirements: all are named.
        most = len(ids) if BUDGET_REASON in reason else IDS_PER_REASON
        text = f"{cut(sentence(reason), VALUE_CHARACTERS)}: {listed(tuple(map(inline, ids)), most)}"
        _wrapped(out, text, indent=2, hang=4)
    _line(out)


def _in_short(out: Console, report: Report) -> None:
    """Lists the failures again, one line each, so that the last screen of a long report shows all of them."""
    failed = failures(report)
    if len(failed) < MIN_LISTED:
        return
    _title(out, "IN SHORT", len(failed), "red")
    width = max(len(harm_of(report, verdict.requirement)) for verdict in failed[:MAX_LISTED])
    for verdict in failed[:MAX_LISTED]:
        text = report.catalogue[verdict.requirement].sentence if verdict.requirement in report.catalogue else ""
        line = f"  {harm_of(report, verdict.requirement):<{width}}  {verdict.requirement}  {text}"
        _line(out, line if cell_len(line) <= out.width else set_cell_size(line, out.width - 2).rstrip() + " …")
    if len(failed) > MAX_LISTED:
        _line(out, f"  and {len(failed) - MAX_LISTED} more")
    _line(out)


def _counts(out: Console, report: Report) -> None:
    total, spent = counts(report), report.spent
    _wrapped(
        out,
        f"{total.passed:,} passed, {total.failed:,} failed, {total.warned:,} warned, "
        f"{total.not_verified:,} not verified, {total.not_applicable:,} not applicable, "
        f"{counted(total.harness_errors, 'harness error')} · {counted(spent.requests, 'request')}, "
        f"{spent.input_tokens:,} input and {spent.output_tokens:,} output tokens, {spent.elapsed_s:.1f} s",
    )
    if report.request_coverage:
        _wrapped(out, coverage_sentence(shares(report.request_coverage)))


def _request_fields(out: Console, report: Report) -> None:
    """Prints each field of the request schema that was sent, with its cases that were not sent."""
    rows = [row for row in report.request_coverage if row.valid.sent or row.invalid.sent]
    if not rows:
        return
    _title(out, "REQUEST FIELDS: valid sent/accepted/refused, invalid sent/accepted/refused", len(rows), "cyan")
    for row in rows:
        text = f"{row.name}: " + ", ".join(f"{t.sent}/{t.accepted}/{t.refused}" for t in (row.valid, row.invalid))
        missing = [case for case, tally in row.cases.items() if not tally.sent]
        text += f"; not sent: {listed(missing, CASES_PER_FIELD)}" if missing and row.valid.sent else ""
        _wrapped(out, text, indent=2, hang=4)
    _line(out)


def _title(out: Console, name: str, number: int, colour: str) -> None:
    _line(out, f"{name} ({number:,})", style=f"bold {colour}")


def _fact(out: Console, label: str, text: str, *, most: int | None = None) -> None:
    _wrapped(out, text, indent=2, hang=_LABEL + 2, label=label, most=most)


def _wrapped(
    out: Console, text: str, *, indent: int = 0, hang: int | None = None, label: str = "", most: int | None = None
) -> None:
    """Prints text in lines of the width of the console; all lines but the first begin at column `hang`."""
    rest = indent if hang is None else hang
    start = " " * indent + (label.ljust(rest - indent) if label else "")
    lines = _lines(text, out.width - cell_len(start), out.width - rest)
    if most is not None and len(lines) > most:
        lines = [*lines[: most - 1], set_cell_size(lines[most - 1], out.width - rest - 2).rstrip() + " …"]
    for number, line in enumerate(lines):
        shown = Text(encoded_for(out, (" " * rest if number else start) + line))
        if label and not number:
            shown.stylize("dim", 0, rest)
        _print(out, shown)


def _lines(text: str, first_width: int, width: int) -> list[str]:
    """The text in lines of at most `width` terminal cells; a word that is longer than a line is broken."""
    lines, line, left = [], "", first_width
    for word in text.split(" "):
        candidate = f"{line} {word}" if line else word
        if cell_len(candidate) <= left:
            line = candidate
            continue
        if line and cell_len(word) <= width:
            lines.append(line)
            line, left = word, width
            continue
        pieces = _broken(candidate, left, width)
        lines += pieces[:-1]
        line, left = pieces[-1], width
    return [*lines, line]


def _broken(text: str, left: int, width: int) -> list[str]:
    first = chop_cells(text, max(left, 2))[0]
    return [first, *(chop_cells(text[len(first) :], width) or [""])]


def _line(out: Console, text: str = "", *, style: str = "") -> None:
    """Prints one line without wrapping it."""
    _print(out, Text(encoded_for(out, visible(text)), style=style))


def _print(out: Console, text: Text) -> None:
    out.print(text, soft_wrap=True)


def encoded_for(out: Console, text: str) -> str:
    """The text, with characters escaped that the encoding of the console does not have."""
    try:
        text.encode(out.encoding)
    except UnicodeEncodeError:
        return text.translate(_PLAINER).encode(out.encoding, "backslashreplace").decode(out.encoding)
    return text
