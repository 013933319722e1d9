"""Compares several runs of different targets, models or releases: which run fails which requirement."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from messages_conformance import contract
from messages_conformance.report.failure_text import sentence_of
from messages_conformance.report.feature_matrix import UNKNOWN
from messages_conformance.report.figures import Figures, figures
from messages_conformance.report.markdown import CUT, MAX_BYTES, code, prose, table
from messages_conformance.report.model import Report, clients_of, exit_code, harm_of, verdict_sentence
from messages_conformance.report.text import sentence
from messages_conformance.rules.catalogue import HARMS
from messages_conformance.rules.verdict import FAIL, LEVELS, WARN

ABSENT: Final = "not in this run"
DEVIATIONS: Final = (FAIL, WARN)

_DISTINGUISHING: Final = ("target", "model", "profile", "version", "depth", "started_at")
"""Fields that distinguish runs, the most useful first."""


@dataclass(frozen=True, kw_only=True)
class Column:
    """One run. `client_statuses` are in the order of the measured clients, `contract.clients()`."""

    label: str
    verdict: str
    exit_code: int
    figures: Figures
    client_statuses: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One requirement that at least one run violates, with its outcome in each run."""

    requirement: str
    level: str
    harm: str
    sentence: str
    outcomes: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether the runs have different outcomes."""
        return len(set(self.outcomes)) > 1


@dataclass(frozen=True, kw_only=True)
class FeatureRow:
    """One feature of a request, with its results whole and streamed in each run; ABSENT where a run has none."""

    title: str
    results: tuple[tuple[str, str], ...]

    @property
    def shown(self) -> tuple[str, ...]:
        """The result of each run in words, such as `works` or `works, streamed: broken`."""
        return tuple(
            whole if whole == streamed else f"{whole}, streamed: {streamed}" for whole, streamed in self.results
        )


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The comparison. Rows in which the runs differ come first, then by harm, then by how many runs violate it.

    `without` are runs that have no report, by name, with the reason.
    """

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    features: tuple[FeatureRow, ...] = ()
    without: Mapping[str, str] = field(default_factory=dict)


def compare(
    reports: Sequence[Report], *, labels: Sequence[str] = (), without: Mapping[str, str] = MappingProxyType({})
) -> Comparison:
    """Compares runs in the given order. Without `labels`, each run is named after what distinguishes it.

    `without` are names of runs that have no report, with the reason.
    """
    labels = labels or _labels(reports)
    columns = tuple(_column(report, label) for report, label in zip(reports, labels, strict=True))
    return Comparison(
        columns=columns,
        rows=tuple(sorted(_rows(reports), key=_rank)),
        features=tuple(_features(reports)),
        without=without,
    )


def _column(report: Report, label: str) -> Column:
    return Column(
        label=label,
        verdict=verdict_sentence(report),
        exit_code=exit_code(report),
        figures=figures(report),
        client_statuses=tuple(found.status for found in clients_of(report)),
    )


def _labels(reports: Sequence[Report]) -> list[str]:
    """A name for each run, comparison of as few distinguishing fields as necessary."""
    chosen: list[str] = []
    for name in _DISTINGUISHING:
        if len(set(_named(reports, chosen))) == len(reports):
            break
        if len({getattr(report.run, name) for report in reports}) > 1:
            chosen.append(name)
    labels = _named(reports, chosen or ["target"])
    return [text if labels.count(text) == 1 else f"{text} ({place})" for place, text in enumerate(labels, start=1)]


def _named(reports: Sequence[Report], fields: Sequence[str]) -> list[str]:
    return [" · ".join(sentence(str(getattr(report.run, name))) for name in fields) for report in reports]


def _rows(reports: Sequence[Report]) -> Iterator[Row]:
    outcomes = [{verdict.requirement: verdict.outcome for verdict in report.verdicts} for report in reports]
    levels = {verdict.requirement: verdict.level for report in reports for verdict in report.verdicts}
    for name, level in levels.items():
        found = tuple(by.get(name, ABSENT) for by in outcomes)
        if set(found) & set(DEVIATIONS):
            first = next((report for report in reports if name in report.catalogue), reports[0])
            yield Row(
                requirement=name,
                level=level,
                harm=harm_of(first, name),
                sentence=sentence_of(first, name),
                outcomes=found,
            )


def _features(reports: Sequence[Report]) -> Iterator[FeatureRow]:
    """The features that at least one run sent, in the order of the first report that has them."""
    known = [{row.feature: row for row in report.features} for report in reports]
    for name, title in {row.feature: row.title for report in reports for row in report.features}.items():
        rows = [by_name.get(name) for by_name in known]
        results = tuple((ABSENT,) * 2 if row is None else (row.whole.result, row.streamed.result) for row in rows)
        if {result for pair in results for result in pair} - {UNKNOWN, ABSENT}:
            yield FeatureRow(title=title, results=results)


def _rank(row: Row) -> tuple[bool, int, int, int, str]:
    violating = sum(outcome in DEVIATIONS for outcome in row.outcomes)
    # A report of another version may have levels and harms that this version does not know.
    harm = HARMS.index(row.harm) if row.harm in HARMS else len(HARMS)
    level = LEVELS.index(row.level) if row.level in LEVELS else len(LEVELS)
    return not row.differs, harm, level, -violating, row.requirement


def to_markdown(comparison: Comparison, *, max_bytes: int = MAX_BYTES) -> str:
    """The comparison as Markdown, at most `max_bytes` long in UTF-8."""
    text, limit = "", max_bytes - len(CUT.encode())
    for part in _parts(comparison):
        if len((text + part).encode()) > limit:
            return text + CUT
        text += part
    return text


def _parts(comparison: Comparison) -> Iterator[str]:
    labels = [code(column.label) for column in comparison.columns]
    yield "## Comparison\n"
    yield table(
        ("run", "verified", "not verified", "verdict"),
        [
            (label, str(column.figures.coverage), f"{column.figures.unverified:,}", prose(column.verdict))
            for label, column in zip(labels, comparison.columns, strict=True)
        ]
        + [(code(label), "–", "–", f"NOT RUN: {prose(reason)}") for label, reason in comparison.without.items()],
    )
    if comparison.features:
        yield "\n### Which feature works with which run\n"
        yield table(("feature", *labels), [(prose(row.title), *row.shown) for row in comparison.features])
    by_client = zip(
        contract.clients(), zip(*(column.client_statuses for column in comparison.columns), strict=True), strict=True
    )
    yield "\n### Which client works with which run\n"
    yield table(("client", *labels), [(prose(client), *found) for client, found in by_client])
    yield f"\n### Which run fails which requirement ({len(comparison.rows):,})\n"
    yield table(("requirement", "harm", *labels), [])
    for row in comparison.rows:
        yield table_row((code(row.requirement), row.harm, *(_shown(outcome) for outcome in row.outcomes)))


def table_row(cells: Sequence[str]) -> str:
    """One more row of the table above."""
    return f"| {' | '.join(cells)} |\n"


def _shown(outcome: str) -> str:
    return f"**{outcome}**" if outcome == FAIL else outcome
