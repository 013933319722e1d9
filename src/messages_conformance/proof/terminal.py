"""The proof in a terminal: the tables by category and by number of requests, and the problems."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from messages_conformance.proof.matrix import SMOKE, Matrix, complaint, grouped
from messages_conformance.proof.trial import Trial
from messages_conformance.proof.wording import at_smoke, by_generated_requests, deeper, headlines, of, percent, verdict

CURVE_DEPTH = "standard"
"""The depth whose table of requests and faults is printed."""


def summary(matrix: Matrix, out: Console, *, whole: bool) -> None:
    """Prints the matrix; the verdict is the last line, where a reader of a log looks."""
    if matrix.faulty:
        out.print("\nFAULTS")
        out.print(_by_category(matrix))
    if matrix.correct:
        out.print("\nCORRECT SERVERS")
        out.print(_correct(matrix))
    if CURVE_DEPTH in matrix.depths and matrix.faulty:
        _curve(matrix, out)
    if right := headlines(matrix):
        out.print(right, soft_wrap=True)
    for title, trials in (
        ("harness errors", matrix.errors),
        ("false alarms", matrix.false_alarms),
        ("missed", matrix.missed),
    ):
        _list(title, trials, out)
    for name, reason in matrix.untried.items():
        out.print(f"not tried: {name}: {reason}", soft_wrap=True)
    for problem in matrix.problems(whole=whole)[len(matrix.errors) + len(matrix.false_alarms) :]:
        out.print(f"problem: {problem}", soft_wrap=True)
    out.print(verdict(matrix, whole=whole), soft_wrap=True)


def _table(first: str, columns: tuple[str, ...]) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(first)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _by_category(matrix: Matrix) -> Table:
    columns = (
        "faults",
        *(f"{depth} {what}" for depth in matrix.depths for what in ("caught", "missed")),
        "false alarms",
    )
    table = _table("category", columns)
    alarms = grouped((t for t in matrix.false_alarms if t in matrix.faulty), lambda trial: trial.subject.category)
    for category in matrix.categories:
        table.add_row(*_row(matrix, category, category, len(alarms.get(category, []))))
    table.add_row(*_row(matrix, "all", None, sum(map(len, alarms.values()))))
    return table


def _row(matrix: Matrix, title: str, category: str | None, alarms: int) -> list[str]:
    cells = [title, str(len(matrix.faults(category=category)))]
    for depth in matrix.depths:
        share = matrix.caught(depth, category=category)
        cells += [f"{share.part} ({percent(share)})", str(share.whole - share.part)]
    return [*cells, str(alarms)]


def _correct(matrix: Matrix) -> Table:
    table = _table("profile", ("runs", "false alarms"))
    for profile, trials in grouped(matrix.correct, lambda trial: trial.subject.profile).items():
        table.add_row(profile, str(len(trials)), str(sum(trial in matrix.false_alarms for trial in trials)))
    return table


def _curve(matrix: Matrix, out: Console) -> None:
    out.print("\nREQUESTS SENT, FAULTS FOUND")
    table = _table("requests", ("faults found", "share"))
    for spent, share in matrix.curve(CURVE_DEPTH):
        table.add_row(str(spent), of(share), percent(share))
    out.print(table)
    if SMOKE in matrix.depths:
        out.print(at_smoke(matrix), soft_wrap=True)
    for sentence in filter(None, (by_generated_requests(matrix), deeper(matrix))):
        out.print(sentence, soft_wrap=True)


def _list(title: str, trials: tuple[Trial, ...], out: Console) -> None:
    if trials:
        out.print(f"{title}:")
    for trial in trials:
        out.print(f"  {complaint(trial)}", soft_wrap=True)
