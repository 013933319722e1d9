"""proof.md: the proof on one page of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from messages_conformance import __version__
from messages_conformance.proof.matrix import Matrix, complaint, grouped
from messages_conformance.proof.wording import (
    CURVE,
    RULES,
    at_smoke,
    by_generated_requests,
    deeper,
    headlines,
    of,
    percent,
    verdict,
)
from messages_conformance.report.files import replace

FILE_NAME: Final = "proof.md"


def write(matrix: Matrix, folder: Path, *, seed: int, whole: bool) -> Path:
    """Writes proof.md into the folder, completely or not at all; raises ReportError."""
    path = folder / FILE_NAME
    replace(path, to_markdown(matrix, seed=seed, whole=whole))
    return path


def to_markdown(matrix: Matrix, *, seed: int, whole: bool) -> str:
    """The proof as Markdown."""
    parts = [
        "# The proof",
        f"**{verdict(matrix, whole=whole)}.**",
        f"Version {__version__}, seed {seed}; made by `messages-conformance prove`. Every run is in `proof.json`; "
        "`proof.html` is the same as a page.",
        "## What the words mean",
        "\n".join(f"- {rule}" for rule in RULES),
        "## Faults by category",
        _table(
            ("category", "faults", *(f"{depth} {what}" for depth in matrix.depths for what in ("caught", "missed"))),
            _categories(matrix),
        ),
        "## Correct servers",
        _table(("profile", "runs", "false alarms"), _profiles(matrix)),
        "## Requests spent and faults found",
        CURVE,
        _table(
            ("depth", "requests", "faults found", "share"),
            (
                (depth, str(spent), of(share), percent(share))
                for depth in matrix.depths
                for spent, share in matrix.curve(depth)
            ),
        ),
        at_smoke(matrix),
        by_generated_requests(matrix),
        deeper(matrix),
        headlines(matrix),
        *_exceptions(matrix),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---", *("---:" for _ in head[1:])), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _categories(matrix: Matrix) -> Iterator[tuple[str, ...]]:
    for category in (*matrix.categories, None):
        cells = [category or "**all**", str(len(matrix.faults(category=category)))]
        for depth in matrix.depths:
            share = matrix.caught(depth, category=category)
            cells += [f"{share.part} ({percent(share)})", str(share.whole - share.part)]
        yield tuple(cells)


def _profiles(matrix: Matrix) -> Iterator[tuple[str, ...]]:
    for profile, trials in grouped(matrix.correct, lambda trial: trial.subject.profile).items():
        yield profile, str(len(trials)), str(sum(trial in matrix.false_alarms for trial in trials))


def _exceptions(matrix: Matrix) -> Iterator[str]:
    problems = [complaint(trial) for trial in (*matrix.errors, *matrix.false_alarms, *matrix.missed)]
    if problems:
        yield "## Missed faults and false alarms"
        yield "\n".join(f"- {sentence}" for sentence in problems)
    if matrix.untried:
        yield "## Not tried"
        yield "\n".join(f"- `{name}`: {reason}" for name, reason in matrix.untried.items())
