"""The command `prove`: runs the suites against every subject, prints and writes the matrix, returns the exit code."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from messages_conformance import contract, report
from messages_conformance.options import DEPTHS
from messages_conformance.proof.json_proof import to_json
from messages_conformance.proof.json_proof import write as write_json
from messages_conformance.proof.markdown import write as write_markdown
from messages_conformance.proof.matrix import Matrix, complaint
from messages_conformance.proof.page import write as write_page
from messages_conformance.proof.subjects import FAULT, PAIR, VARIANT, Subject, subjects, untried
from messages_conformance.proof.terminal import summary
from messages_conformance.proof.trial import Trial
from messages_conformance.proof.trials import Key, Trials, default_jobs
from messages_conformance.report.text import counted
from messages_conformance.run import UsageError

HOLDS: Final = 0
FAILS: Final = 1
"""Exit codes. Wrong usage is 4, as for every command."""

DEFAULT_DEPTHS: Final = ("smoke", "standard")
DEFAULT_REPORT: Final = "reports/published/proof"
PROOF_FILES: Final = ("proof.json", "proof.html", "proof.md")


@dataclass(frozen=True, kw_only=True)
class ProofOptions:
    """The options of a proof, named as on the command line. Without `report`, only a whole proof is written."""

    jobs: int | None = None
    depths: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    profile: str | None = None
    report: str | None = None
    seed: int = 0

    @property
    def whole(self) -> bool:
        """Whether no option leaves anything out."""
        return not self.only and self.profile is None


def prove(
    options: ProofOptions, *, out: Console | None = None, give: Callable[[dict[str, Any]], None] = lambda _: None
) -> int:
    """Makes a proof, prints and writes it, and returns the exit code; raises UsageError for a wrong option.

    `give` gets the proof as data.
    """
    out = out or report.console()
    chosen = _chosen(options)
    depths = options.depths or DEFAULT_DEPTHS
    folder = _folder(options)
    wanted = _wanted(chosen, depths)
    out.print(f"{len(wanted):,} runs against {_counted(chosen)}; depth {', '.join(depths)}; seed {options.seed}")
    jobs = options.jobs or default_jobs()
    with Trials(wanted, jobs=jobs, seed=options.seed) as running:
        trials = [_reported(trial, out) for trial in running.as_they_end()]
    order = {key: place for place, key in enumerate(wanted)}
    trials.sort(key=lambda trial: order[trial.subject, trial.depth])
    matrix = Matrix(trials=tuple(trials), depths=depths, untried=_untried(options))
    summary(matrix, out, whole=options.whole)
    if folder is not None:
        for write in (write_json, write_page, write_markdown):
            write(matrix, folder, seed=options.seed, whole=options.whole)
        out.print(f"report: {folder}", soft_wrap=True)
    give(to_json(matrix, seed=options.seed, whole=options.whole))
    return FAILS if matrix.problems(whole=options.whole) else HOLDS


def _reported(trial: Trial, out: Console) -> Trial:
    """Prints at once what is wrong with a trial, because a proof takes minutes; returns the trial."""
    if problem := complaint(trial):
        out.print(problem, soft_wrap=True)
    return trial


def _counted(chosen: Iterable[Subject]) -> str:
    known = list(chosen)
    names = {(subject.kind, subject.name) for subject in known}
    faults = sum(kind == FAULT for kind, _ in names)
    profiles = {subject.profile for subject in known}
    pairs = sum(kind == PAIR for kind, _ in names)
    servers = counted(sum(kind == VARIANT for kind, _ in names), "correct server")
    both = f", {counted(pairs, 'pair')} of faults" if pairs else ""
    return f"{counted(faults, 'fault')}{both} and {servers} in {counted(len(profiles), 'profile')}"


def _wanted(chosen: Iterable[Subject], depths: tuple[str, ...]) -> list[Key]:
    """Every subject at every depth; also a deep run of those subjects that only a deep run finds."""
    deepest = DEPTHS[-1]
    asked = [(subject, depth) for subject in chosen for depth in depths]
    deep = [(subject, deepest) for subject, _ in asked if subject.depth == deepest and "standard" in depths]
    # A fault that only a deep run can find is not missed by the other runs.
    asked = [(subject, depth) for subject, depth in asked if subject.kind != PAIR or depth == "standard"]
    shown = [(s, d) for s, d in asked if s.kind != FAULT or DEPTHS.index(d) >= DEPTHS.index(s.depth) or d == DEPTHS[0]]
    return list(dict.fromkeys((*shown, *deep)))


def _chosen(options: ProofOptions) -> tuple[Subject, ...]:
    """The subjects that the options select; raises UsageError for an option that selects none."""
    if options.jobs is not None and options.jobs < 1:
        raise UsageError(f"--jobs is {options.jobs}; it must be 1 or more")
    for depth in options.depths:
        if depth not in DEPTHS:
            raise UsageError(f"unknown depth {depth!r}; valid: {', '.join(DEPTHS)}")
    if options.profile is not None and options.profile not in contract.profile_names():
        raise UsageError(f"unknown profile {options.profile!r}; valid: {', '.join(contract.profile_names())}")
    known = subjects()
    for glob in options.only:
        if not any(_matches(subject, glob) for subject in known):
            raise UsageError(_nothing_matches(glob, known))
    chosen = tuple(
        subject
        for subject in known
        if options.profile in (None, subject.profile)
        and (not options.only or any(_matches(subject, glob) for glob in options.only))
    )
    if not chosen:
        raise UsageError(f"nothing in --only is tried in profile {options.profile}; leave out --only or --profile")
    return chosen


def _matches(subject: Subject, glob: str) -> bool:
    return any(fnmatchcase(name, glob) for name in (subject.name, subject.category, subject.kind))


def _nothing_matches(glob: str, known: tuple[Subject, ...]) -> str:
    categories = sorted({subject.category for subject in known})
    near = get_close_matches(glob.replace("*", ""), [*categories, *(subject.name for subject in known)], n=3)
    hint = f"; did you mean {' or '.join(dict.fromkeys(near))}?" if near else ""
    return (
        f"no fault, variant or category matches {glob!r}{hint}; categories: {', '.join(categories)}; "
        f"`messages-conformance serve --list` shows all names"
    )


def _untried(options: ProofOptions) -> dict[str, str]:
    return untried() if options.whole else {}


def _folder(options: ProofOptions) -> Path | None:
    """The folder of the report; None for a part of the proof without --report. Raises UsageError."""
    named = options.report or (DEFAULT_REPORT if options.whole else None)
    if named is None:
        return None
    try:
        return report.prepare(named)
    except report.ReportError as error:
        raise UsageError(str(error)) from error
