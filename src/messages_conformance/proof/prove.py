"""The command `prove`: options in, every subject tried, the matrix printed and written, an exit code out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from rich.console import Console

from messages_conformance import contract, report
from messages_conformance.options import DEPTHS
from messages_conformance.proof.json_proof import write as write_json
from messages_conformance.proof.markdown import write as write_markdown
from messages_conformance.proof.matrix import Matrix, complaint
from messages_conformance.proof.page import write as write_page
from messages_conformance.proof.subjects import FAULT, Subject, subjects, untried
from messages_conformance.proof.terminal import summary
from messages_conformance.proof.trial import Trial
from messages_conformance.proof.trials import Key, Trials, default_jobs
from messages_conformance.run import UsageError

HOLDS: Final = 0
FAILS: Final = 1
"""Exit codes; 4 is wrong usage, as everywhere."""

DEFAULT_DEPTHS: Final = ("smoke", "standard")
DEFAULT_REPORT: Final = "reports/published/proof"
PROOF_FILES: Final = ("proof.json", "proof.html", "proof.md")


@dataclass(frozen=True, kw_only=True)
class ProofOptions:
    """What may be set for a proof; the same names as on the command line. No `report`: where a whole proof belongs."""

    jobs: int | None = None
    depths: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    profile: str | None = None
    report: str | None = None
    seed: int = 0

    @property
    def whole(self) -> bool:
        """Whether nothing is left out."""
        return not self.only and self.profile is None


def prove(options: ProofOptions, *, out: Console | None = None) -> int:
    """The exit code of a proof, printed and written; raises UsageError for an option that cannot be used."""
    out = out or report.console()
    chosen = _chosen(options)
    depths = options.depths or DEFAULT_DEPTHS
    folder = _folder(options)
    wanted = _wanted(chosen, depths)
    out.print(f"{len(wanted):,} runs against {_counted(chosen)}; depth {', '.join(depths)}; seed {options.seed}")
    jobs = options.jobs or default_jobs()
    with Trials(wanted, jobs=jobs, seed=options.seed) as running:
        trials = [_told(trial, out) for trial in running.as_they_end()]
    order = {key: place for place, key in enumerate(wanted)}
    trials.sort(key=lambda trial: order[trial.subject, trial.depth])
    matrix = Matrix(trials=tuple(trials), depths=depths, untried=_untried(options))
    summary(matrix, out, whole=options.whole)
    if folder is not None:
        for write in (write_json, write_page, write_markdown):
            write(matrix, folder, seed=options.seed, whole=options.whole)
        out.print(f"report: {folder}", soft_wrap=True)
    return FAILS if matrix.problems(whole=options.whole) else HOLDS


def _told(trial: Trial, out: Console) -> Trial:
    """The trial; what is wrong with it is said at once, since a proof takes minutes."""
    if said := complaint(trial):
        out.print(said, soft_wrap=True)
    return trial


def _counted(chosen: Iterable[Subject]) -> str:
    held = list(chosen)
    names = {(subject.kind, subject.name) for subject in held}
    faults = sum(kind == FAULT for kind, _ in names)
    profiles = {subject.profile for subject in held}
    return f"{faults:,} faults and {len(names) - faults:,} correct servers in {len(profiles)} profiles"


def _wanted(chosen: Iterable[Subject], depths: tuple[str, ...]) -> list[Key]:
    """Every subject at every depth, and those that show nothing before a deep run also there."""
    deepest = DEPTHS[-1]
    asked = [(subject, depth) for subject in chosen for depth in depths]
    deep = [(subject, deepest) for subject, _ in asked if subject.depth == deepest and "standard" in depths]
    # What only a deep run can show is no miss of the others.
    shown = [(s, d) for s, d in asked if s.kind != FAULT or DEPTHS.index(d) >= DEPTHS.index(s.depth) or d == DEPTHS[0]]
    return list(dict.fromkeys((*shown, *deep)))


def _chosen(options: ProofOptions) -> tuple[Subject, ...]:
    """The subjects that the options leave; a UsageError where an option names nothing."""
    if options.jobs is not None and options.jobs < 1:
        raise UsageError(f"--jobs is {options.jobs}; it must be 1 or more")
    for depth in options.depths:
        if depth not in DEPTHS:
            raise UsageError(f"unknown depth {depth!r}; valid: {', '.join(DEPTHS)}")
    if options.profile is not None and options.profile not in contract.profile_names():
        raise UsageError(f"unknown profile {options.profile!r}; valid: {', '.join(contract.profile_names())}")
    held = subjects()
    for glob in options.only:
        if not any(_matches(subject, glob) for subject in held):
            raise UsageError(_nothing_matches(glob, held))
    chosen = tuple(
        subject
        for subject in held
        if options.profile in (None, subject.profile)
        and (not options.only or any(_matches(subject, glob) for glob in options.only))
    )
    if not chosen:
        raise UsageError(f"nothing that --only leaves is tried in profile {options.profile}; leave one of the two out")
    return chosen


def _matches(subject: Subject, glob: str) -> bool:
    return any(fnmatchcase(name, glob) for name in (subject.name, subject.category, subject.kind))


def _nothing_matches(glob: str, held: tuple[Subject, ...]) -> str:
    categories = sorted({subject.category for subject in held})
    near = get_close_matches(glob.replace("*", ""), [*categories, *(subject.name for subject in held)], n=3)
    hint = f"; did you mean {' or '.join(dict.fromkeys(near))}?" if near else ""
    return (
        f"no fault, variant or category matches {glob!r}{hint}; categories: {', '.join(categories)}; "
        f"`messages-conformance serve --list` shows all names"
    )


def _untried(options: ProofOptions) -> dict[str, str]:
    return untried() if options.whole else {}


def _folder(options: ProofOptions) -> Path | None:
    """Where the report goes; a part of the proof is only written where somebody asked for it."""
    named = options.report or (DEFAULT_REPORT if options.whole else None)
    if named is None:
        return None
    try:
        return report.prepare(named)
    except report.ReportError as error:
        raise UsageError(str(error)) from error
