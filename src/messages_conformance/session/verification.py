"""Checks a saved report: is the recording the one that it was made of, and does judging it again give its verdicts?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from messages_conformance import __version__, report
from messages_conformance.exchange import NOT_KEPT, Exchange
from messages_conformance.report import Report, ReportError
from messages_conformance.report.recording import FILE_NAME, digest, read
from messages_conformance.report.text import counted
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.judge import matches
from messages_conformance.rules.verdict import FAIL, NOT_VERIFIED, WARN, Verdict
from messages_conformance.session.judging import judge_recordings
from messages_conformance.session.source import Clock, SessionOptions, Source

SHOWN: Final = 20
"""How many verdicts that differ are listed (our own choice: a screen)."""
TEXT_SHOWN: Final = 60
"""How many characters of a finding are quoted (our own choice: a line)."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """What was found. `problems` say that the report cannot be trusted; `notes` say what could not be checked."""

    compared: int
    exchanges: int
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def verified(place: Path | str, *, clock: Clock) -> Verification:
    """Judges the recording of a report again and compares. Needs no network.

    Raises ReportError when a file cannot be read, and UsageError when the profile of the report is not known.
    """
    saved = report.load(place)
    folder = Path(place) if Path(place).is_dir() else Path(place).parent
    recording = folder / FILE_NAME
    if not recording.is_file():
        raise ReportError(f"{str(folder)!r} has no {FILE_NAME}: without the recording, no verdict can be checked")
    recorded = len(read(recording))
    if recording.stat().st_size and not recorded:
        raise ReportError(f"{str(recording)!r} is not a recording: none of its lines is an exchange")
    again = _judged_again(saved, clock)
    cut = frozenset(number for number, exchange in saved.exchanges.items() if _is_cut(exchange))
    differing = tuple(_differences(saved, again, cut))
    missing = sorted(number for number in saved.saved_exchanges if number not in saved.exchanges)
    problems = (
        *_of_digest(saved, recording),
        *_of_missing(missing),
        *differing[:SHOWN],
        *([f"and {len(differing) - SHOWN:,} more verdicts differ"] if differing[SHOWN:] else []),
        *([] if differing else _of_exit_code(saved)),
    )
    return Verification(
        compared=len(again),
        exchanges=len(saved.exchanges),
        problems=problems,
        notes=tuple(_notes(saved, again, recorded=recorded)),
    )


def _judged_again(saved: Report, clock: Clock) -> Mapping[str, Verdict]:
    """Judges what the run judged, but for the rules of its own suites. Raises ReportError when nothing else is left."""
    run = saved.run
    only, skip = ([glob for glob in globs if _is_known(glob)] for globs in (run.only, run.skip))
    if run.only and not only:
        raise ReportError(
            f"the run judged only {', '.join(run.only[:3])}, which is not known here: "
            f"only who has the suite of that run can judge it again"
        )
    source = Source(name=run.target, model=run.model, depth=run.depth)
    options = SessionOptions(
        profile=run.profile, only=tuple(only), skip=tuple(skip), edition=run.edition or None, fail_on="must"
    )
    exchanges = [saved.exchanges[number] for number in sorted(saved.exchanges)]
    _, result = judge_recordings(source, exchanges, options=options, clock=clock, out=Console(quiet=True))
    return {verdict.requirement: verdict for verdict in result.verdicts}


def _is_known(glob: str) -> bool:
    return any(matches(name, (glob,)) for name in CATALOGUE)


def _of_digest(saved: Report, recording: Path) -> Iterator[str]:
    stated, found = saved.recording_sha256, digest(recording)
    if stated and found != stated:
        yield f"{FILE_NAME} was changed: its SHA-256 is {found}, and the report says {stated}"


def _of_missing(numbers: list[int]) -> Iterator[str]:
    if numbers:
        yield f"the recording lacks {counted(len(numbers), 'exchange')} of the report: {_some(numbers)}"


def _is_cut(exchange: Exchange) -> bool:
    return exchange.failure is not None and exchange.failure.kind == NOT_KEPT


def _differences(saved: Report, again: Mapping[str, Verdict], cut: frozenset[int]) -> Iterator[str]:
    """The verdicts that differ, but for those that only exchanges of which the recording has a part can show."""
    for verdict in saved.verdicts:
        found = again.get(verdict.requirement)
        unseen = cut and (
            (found is not None and found.outcome == NOT_VERIFIED)
            or (verdict.findings and {one.exchange for one in verdict.findings} <= cut)
        )
        if found is not None and _outcome(verdict) != _outcome(found) and not unseen:
            yield (
                f"{verdict.requirement}: the report says {_outcome(verdict)}, and the recording shows {_outcome(found)}"
            )
        elif found is not None and not unseen and saved.run.version == __version__:
            yield from _other_findings(verdict, found, cut)
    stated = {verdict.requirement for verdict in saved.verdicts}
    for requirement, found in again.items():
        if requirement not in stated and _outcome(found) in (FAIL, WARN):
            yield f"{requirement}: the report lacks it, and the recording shows {_outcome(found)}"


def _other_findings(stated: Verdict, found: Verdict, cut: frozenset[int]) -> Iterator[str]:
    """The first finding of the report that the recording does not show."""
    shown = {(one.exchange, one.found, one.wanted) for one in (*found.findings, *found.explained)}
    for one in (*stated.findings, *stated.explained):
        if one.exchange not in cut and (one.exchange, one.found, one.wanted) not in shown:
            yield (
                f"{stated.requirement}: the report says found {one.found[:TEXT_SHOWN]}, "
                f"wanted {one.wanted[:TEXT_SHOWN]}; the recording does not show that"
            )
            return


def _outcome(verdict: Verdict) -> str:
    """The outcome. A deviation with a common cause counts as one: which requirement is blamed depends on waivers."""
    if verdict.explained:
        return FAIL if verdict.level == "MUST" else WARN
    return verdict.outcome


def _of_exit_code(saved: Report) -> Iterator[str]:
    """What report.json states about the whole run, computed again from its own verdicts."""
    stated, found = saved.stated_exit_code, report.exit_code(saved)
    if stated is not None and stated != found:
        yield f"report.json says exit code {stated}, and its own verdicts give {found}"


def _notes(saved: Report, again: Mapping[str, Verdict], *, recorded: int) -> Iterator[str]:
    if (extra := recorded - len(saved.exchanges)) > 0:
        yield f"the report judges all of the recording but {counted(extra, 'exchange')}, which helped to judge others"
    if cut := [number for number, exchange in sorted(saved.exchanges.items()) if _is_cut(exchange)]:
        yield f"the recording has only a part of {counted(len(cut), 'exchange')}, which cannot be judged: {_some(cut)}"
    if not saved.recording_sha256:
        yield "the report has no digest of its recording: it is from an older version, or its run ended early"
    if saved.run.version != __version__:
        yield f"the report was made by version {saved.run.version}, and this is {__version__}: rules may differ"
    unknown = [verdict.requirement for verdict in saved.verdicts if verdict.requirement not in again]
    if unknown:
        number = counted(len(unknown), "requirement of the report is", "requirements of the report are")
        yield f"{number} not known here: {_some(unknown)}"
    if saved.failed_tests or saved.drifts:
        yield "failed tests and changed shapes of answers cannot be checked from a recording"


def _some(names: list[str] | list[int]) -> str:
    more = f" and {len(names) - 3} more" if names[3:] else ""
    return ", ".join(map(str, names[:3])) + more
