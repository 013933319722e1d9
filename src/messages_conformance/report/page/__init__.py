"""report.html: the report of a run as one self-contained page.

The order: the verdict, what works, causes, failures, clients that can use the endpoint. The rest is folded: warnings,
areas, what was not verified, times, and the whole exchanges of failures. The page loads no script, font or picture; all
text of the target is escaped. Its own script filters failures and copies commands; without it, the page shows
everything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from messages_conformance.report.files import replace
from messages_conformance.report.model import Report
from messages_conformance.report.page import (
    background,
    charts,
    coverage_table,
    failing,
    features,
    overview,
    whole_exchanges,
)
from messages_conformance.report.page.document import Section, document, folded
from messages_conformance.report.text import inline

FILE_NAME: Final = "report.html"


def to_html(report: Report) -> str:
    """The page as HTML text."""
    return document(
        title=f"{inline(report.run.target, 80)} · messages-conformance",
        head=overview.headline(report),
        sections=(
            *_judged(report),
            background.cost(report),
            background.run_options(report),
        ),
        is_scripted=True,
    )


def _judged(report: Report) -> tuple[Section | None, ...]:
    """The sections that exist only when the target could be judged."""
    if report.unjudged:
        return ()
    return (
        features.features(report),
        failing.caused(report),
        failing.failed(report),
        failing.caused_beside(report),
        failing.own_tests(report),
        failing.excused(report),
        failing.drifted(report),
        background.changed(report),
        background.own_errors(report),
        overview.clients(report),
        folded(failing.warned(report)),
        overview.key_figures(report),
        folded(overview.matrix(report)),
        folded(background.unverified(report)),
        folded(charts.times(report)),
        folded(coverage_table.requests(report)),
        whole_exchanges.section(report),
    )


def write(report: Report, folder: Path | str) -> Path:
    """Writes report.html into the folder, completely or not at all; raises ReportError."""
    path = Path(folder) / FILE_NAME
    replace(path, to_html(report))
    return path
