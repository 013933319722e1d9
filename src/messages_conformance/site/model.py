"""What the pages show, computed once: runs by target, and what each violates, supports and works with."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from messages_conformance import contract
from messages_conformance.fleet.cells import slug
from messages_conformance.fleet.collecting import SavedRun
from messages_conformance.report.summarized import SummaryRow
from messages_conformance.rules.catalogue import HARMS
from messages_conformance.rules.verdict import FAIL, LEVELS, WARN

TONES: Final = {0: "good", 1: "bad", 2: "open", 4: "none"}
WORDS: Final = {0: "passes", 1: "violations", 2: "not judged", 4: "misconfigured"}
"""The exit code of a run in words."""

VIOLATED: Final = (FAIL, WARN)


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One requirement that at least one run violates, with the runs by outcome."""

    id: str
    level: str
    harm: str
    sentence: str
    source: str
    failing: tuple[SavedRun, ...]
    warning: tuple[SavedRun, ...]
    verified: int

    @property
    def path(self) -> str:
        """The place of its page."""
        return f"requirements/{slug(self.id)}.html"


@dataclass(frozen=True, kw_only=True)
class Site:
    """All runs of a site, by target."""

    runs: tuple[SavedRun, ...]

    @property
    def targets(self) -> Mapping[str, tuple[SavedRun, ...]]:
        """The runs by the name of their target, in the order of the runs."""
        found: dict[str, list[SavedRun]] = defaultdict(list)
        for run in self.runs:
            found[run.name].append(run)
        return {name: tuple(runs) for name, runs in found.items()}


def run_path(run: SavedRun) -> str:
    """The place of the page of a run."""
    return f"runs/{slug(run.id)}.html"


def target_path(name: str) -> str:
    """The place of the page of a target with several runs."""
    return f"targets/{slug(name)}.html"


def codes(runs: Iterable[SavedRun]) -> Counter[int]:
    """Runs by exit code."""
    return Counter(run.exit_code for run in runs)


def requirements(runs: Sequence[SavedRun]) -> tuple[Requirement, ...]:
    """The requirements that are violated anywhere: the most harmful first, then those of most runs."""
    rows: dict[str, SummaryRow] = {}
    failing: dict[str, list[SavedRun]] = defaultdict(list)
    warning: dict[str, list[SavedRun]] = defaultdict(list)
    verified: Counter[str] = Counter()
    for run in runs:
        for row in run.summary.requirements if run.summary is not None else ():
            if row.verdict in ("pass", *VIOLATED):
                verified[row.id] += 1
            if row.verdict in VIOLATED:
                rows.setdefault(row.id, row)
                (failing if row.verdict == FAIL else warning)[row.id].append(run)
    found = [
        Requirement(
            id=name,
            level=row.level,
            harm=row.harm,
            sentence=row.sentence,
            source=row.source,
            failing=tuple(failing[name]),
            warning=tuple(warning[name]),
            verified=verified[name],
        )
        for name, row in rows.items()
    ]
    return tuple(sorted(found, key=_rank))


def _rank(row: Requirement) -> tuple[int, int, int, str]:
    # A report of another version may have levels and harms that this version does not know.
    harm = HARMS.index(row.harm) if row.harm in HARMS else len(HARMS)
    level = LEVELS.index(row.level) if row.level in LEVELS else len(LEVELS)
    return level, harm, -len(row.failing) - len(row.warning), row.id


def features(runs: Sequence[SavedRun]) -> dict[str, tuple[str, str]]:
    """The title and area of each feature that any run has, in the order of the reports."""
    return {
        row.feature: (row.title, row.area)
        for run in reversed(runs)
        if run.summary is not None
        for row in run.summary.features
    }


def results(runs: Sequence[SavedRun], feature: str) -> Counter[str]:
    """How often a feature works, is broken and so on; the whole and the streamed form that differ are both named."""
    found: Counter[str] = Counter()
    for run in runs:
        for row in run.summary.features if run.summary is not None else ():
            if row.feature == feature:
                whole, streamed = row.whole.result, row.streamed.result
                found[whole if whole == streamed else f"{whole}, streamed: {streamed}"] += 1
    return found


def clients(runs: Sequence[SavedRun]) -> dict[str, Counter[str]]:
    """How many runs each measured client works with, by status."""
    found: dict[str, Counter[str]] = {name: Counter() for name in contract.clients()}
    for run in runs:
        for row in run.summary.clients if run.summary is not None else ():
            found.setdefault(row.client, Counter())[row.status] += 1
    return found
