"""report.html: the run as one page that needs nothing else, for people who were not there.

In order: the verdict, three figures, who can use the endpoint, the areas, what failed and why, what is left open, when
answers came, and what it cost. No script, no font, no picture from elsewhere; all text of the target is escaped.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from messages_conformance.report.files import replace
from messages_conformance.report.model import Report
from messages_conformance.report.page import background, charts, coverage_table, failing, overview
from messages_conformance.report.page.document import Section, document
from messages_conformance.report.text import inline

FILE_NAME: Final = "report.html"


def to_html(report: Report) -> str:
    """The whole page as text."""
    return document(
        title=f"{inline(report.run.target, 80)} · messages-conformance",
        head=overview.headline(report),
        sections=(*(() if report.void else _judged(report)), background.cost(report), background.reading(report)),
    )


def _judged(report: Report) -> tuple[Section | None, ...]:
    """What there is to say when the target could be judged at all."""
    return (
        overview.key_figures(report),
        overview.clients(report),
        overview.matrix(report),
        failing.failed(report),
        failing.excused(report),
        background.changed(report),
        failing.warned(report),
        failing.own_tests(report),
        failing.drifted(report),
        background.own_errors(report),
        background.unverified(report),
        charts.times(report),
        coverage_table.requests(report),
    )


def write(report: Report, folder: Path | str) -> Path:
    """Writes report.html into the folder, whole or not at all; a ReportError when it cannot."""
    path = Path(folder) / FILE_NAME
    replace(path, to_html(report))
    return path
