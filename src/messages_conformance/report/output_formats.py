"""The output formats of a report and of a comparison, by name."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from messages_conformance.report import comparison, comparison_text, json_report, matrix_json
from messages_conformance.report.badge import to_badge
from messages_conformance.report.comparison import Comparison
from messages_conformance.report.github import to_annotations
from messages_conformance.report.har import to_har
from messages_conformance.report.junit import to_xml
from messages_conformance.report.markdown import to_markdown
from messages_conformance.report.model import Report, verdict_sentence
from messages_conformance.report.page import brief, to_html
from messages_conformance.report.page.comparison_page import to_html as comparison_to_html
from messages_conformance.report.sarif import to_sarif
from messages_conformance.report.terminal import PLAIN_COLUMNS, console, header
from messages_conformance.report.terminal_summary import summary
from messages_conformance.report.text import encodable, json_text


def _terminal(report: Report) -> str:
    out = console(io.StringIO(), columns=PLAIN_COLUMNS)
    header(out, report.run)
    summary(out, report)
    text = out.file.getvalue()  # type: ignore[attr-defined]  # it is the StringIO above
    return str(text)


FORMATS: Final[Mapping[str, Callable[[Report], str]]] = MappingProxyType(
    {
        "html": to_html,
        "brief": brief.to_html,
        "markdown": to_markdown,
        "sarif": lambda report: json_text(to_sarif(report)),
        "junit": to_xml,
        "github": to_annotations,
        "badge": lambda report: json_text(to_badge(report)),
        "json": json_report.to_text,
        "matrix": matrix_json.to_text,
        "har": lambda report: json_text(encodable(to_har(report))),
        "terminal": _terminal,
        "verdict": lambda report: f"{verdict_sentence(report)}\n",
    }
)

COMPARISONS: Final[Mapping[str, Callable[[Comparison], str]]] = MappingProxyType(
    {"terminal": comparison_text.to_text, "markdown": comparison.to_markdown, "html": comparison_to_html}
)
