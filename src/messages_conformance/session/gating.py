"""The inputs of the gate, read before anything is judged: waivers, an edition of the catalogue, and a baseline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from messages_conformance import gate, report
from messages_conformance.report import FAIL_ON_REGRESSION, RunInfo
from messages_conformance.rules import CATALOGUE, editions
from messages_conformance.rules.catalogue import Requirement
from messages_conformance.rules.verdict import NOT_VERIFIED, Verdict
from messages_conformance.session.selection import UsageError
from messages_conformance.session.source import SessionOptions, Source


@dataclass(frozen=True, kw_only=True)
class Gating:
    """The inputs of the gate.

    `levels` are the levels of the edition by requirement id, None for the newest edition. `baseline` holds the outcomes
    of an earlier report by requirement id. `note` says how the baseline differs from this session, if it does.
    """

    edition: str
    levels: Mapping[str, str] | None
    waivers: tuple[gate.Waiver, ...]
    baseline: Mapping[str, str] | None
    only_regressions: bool
    note: str = ""

    def catalogue(self) -> Mapping[str, Requirement]:
        """Returns the catalogue with the levels of the edition."""
        return editions.of_edition(CATALOGUE, self.levels)

    def check_waivers(self) -> None:
        """Raises UsageError when a waiver names no requirement."""
        wrong = gate.unknown_requirement(self.waivers, CATALOGUE)
        if wrong:
            raise UsageError(wrong)

    def keeps(self, verdict: Verdict, blamed: str, excuses: Mapping[str, gate.Excuse]) -> bool:
        """Whether a failure that has a cause stays a failure, because nothing else would fail the run for it.

        That is so when the blamed requirement has an excuse: a waiver covers what it names and nothing else. A baseline
        that did not verify the requirement either has the same cause, so there is nothing new to report.
        """
        excuse = excuses.get(blamed)
        if excuse is None:
            return False
        before = None if self.baseline is None else self.baseline.get(verdict.requirement)
        return excuse.kind != gate.KNOWN or before != NOT_VERIFIED

    def applied(
        self, verdicts: tuple[Verdict, ...], *, model: str, profile: str, today: date, complete: bool
    ) -> gate.Gate:
        """Returns the gate over these verdicts. An incomplete session proves no waiver stale."""
        return gate.evaluate(
            verdicts,
            waivers=self.waivers,
            model=model,
            profile=profile,
            today=today,
            complete=complete,
            edition=self.edition,
            unscored=editions.added_after(CATALOGUE, self.levels),
            baseline=self.baseline,
            only_regressions=self.only_regressions,
        )


def read_gating(options: SessionOptions, source: Source) -> Gating:
    """Reads waivers, edition and baseline; raises UsageError when one of them cannot be used."""
    try:
        edition = editions.checked(options.edition)
        earlier = None if options.baseline is None else report.load(options.baseline)
        return Gating(
            edition=edition,
            levels=editions.frozen(edition),
            waivers=() if options.waivers is None else gate.read(Path(options.waivers)),
            baseline=None if earlier is None else {v.requirement: v.outcome for v in earlier.verdicts},
            only_regressions=options.fail_on == FAIL_ON_REGRESSION,
            note="" if earlier is None else _differences(earlier.run, options, source),
        )
    except (gate.GateError, editions.EditionError) as error:
        raise UsageError(str(error)) from error
    except report.ReportError as error:
        raise UsageError(f"--baseline: {error}") from error


def _differences(earlier: RunInfo, options: SessionOptions, source: Source) -> str:
    """Says in which way the baseline is another kind of run; empty when it is the same."""
    pairs = ((earlier.profile, options.profile, "profile"), (earlier.depth, source.depth, "depth"))
    differing = [f"{name} {before}, and this run {now}" for before, now, name in pairs if before != now]
    return f"the baseline has {'; '.join(differing)}" if differing else ""
