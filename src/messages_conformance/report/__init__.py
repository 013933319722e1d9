"""Reports: one model of a run, written for a terminal, for programs (report.json), people (report.html) and CI systems.

Build a `Report` from the verdicts, then read its `exit_code` and `verdict_sentence`, or write it to files. Call
`prepare` on the folder before the run, `append` exchanges to the recording during the run, and `write_all` at the end.
A report can also be written earlier: `complete=False` says that the run is not over.
"""

from pathlib import Path

from messages_conformance.report import json_report, junit, matrix_json, page
from messages_conformance.report.causes import Cause, explained
from messages_conformance.report.comparison import Comparison, compare
from messages_conformance.report.failure_text import FailureText, command, describe_failure, situations_of
from messages_conformance.report.feature_matrix import matrix
from messages_conformance.report.files import ReportError, claim, prepare, replace
from messages_conformance.report.generated_requests import escape_glob
from messages_conformance.report.impact_text import impact_sentence
from messages_conformance.report.json_report import to_json
from messages_conformance.report.junit import to_xml
from messages_conformance.report.model import (
    BUDGET,
    CONFORMANT,
    FAIL_ON_REGRESSION,
    INTERRUPTED,
    NO_COMMAND,
    NO_MESSAGE,
    NOT_JUDGED,
    NOTHING_ASKED,
    UNANSWERED,
    UNREACHABLE,
    UNREAD,
    UNWRITTEN,
    VIOLATIONS,
    WRONG_KEY,
    Counts,
    Headline,
    Report,
    Statement,
    counts,
    excused,
    exit_code,
    failures,
    harm_of,
    headline,
    not_verified,
    verdict_sentence,
    warnings,
)
from messages_conformance.report.output_formats import COMPARISONS, FORMATS
from messages_conformance.report.progress import Progress, RunProgress, SuiteProgress
from messages_conformance.report.recording import append, read
from messages_conformance.report.reproduction import curl
from messages_conformance.report.run_info import FailedTest, Planned, RunInfo, Spent
from messages_conformance.report.saved import load
from messages_conformance.report.schema_coverage import FieldCoverage, RequestCoverage, request_coverage
from messages_conformance.report.terminal import StandardOutput, console, header, note
from messages_conformance.report.terminal_summary import summary
from messages_conformance.report.trace import trace


def write_all(report: Report, folder: Path | str) -> tuple[Path, ...]:
    """Writes report.json, junit.xml, matrix.json and report.html, each completely or not at all; raises ReportError."""
    return *write_interim(report, folder), matrix_json.write(report, folder), page.write(report, folder)


def write_interim(report: Report, folder: Path | str) -> tuple[Path, ...]:
    """Writes the files that are updated during a run, report.json and junit.xml; raises ReportError."""
    return json_report.write(report, folder), junit.write(report, folder)


__all__ = [
    "BUDGET",
    "COMPARISONS",
    "CONFORMANT",
    "FAIL_ON_REGRESSION",
    "FORMATS",
    "INTERRUPTED",
    "NOTHING_ASKED",
    "NOT_JUDGED",
    "NO_COMMAND",
    "NO_MESSAGE",
    "UNANSWERED",
    "UNREACHABLE",
    "UNREAD",
    "UNWRITTEN",
    "VIOLATIONS",
    "WRONG_KEY",
    "Cause",
    "Comparison",
    "Counts",
    "FailedTest",
    "FailureText",
    "FieldCoverage",
    "Headline",
    "Planned",
    "Progress",
    "Report",
    "ReportError",
    "RequestCoverage",
    "RunInfo",
    "RunProgress",
    "Spent",
    "StandardOutput",
    "Statement",
    "SuiteProgress",
    "append",
    "claim",
    "command",
    "compare",
    "console",
    "counts",
    "curl",
    "describe_failure",
    "escape_glob",
    "excused",
    "exit_code",
    "explained",
    "failures",
    "harm_of",
    "header",
    "headline",
    "impact_sentence",
    "load",
    "matrix",
    "not_verified",
    "note",
    "prepare",
    "read",
    "replace",
    "request_coverage",
    "situations_of",
    "summary",
    "to_json",
    "to_xml",
    "trace",
    "verdict_sentence",
    "warnings",
    "write_all",
    "write_interim",
]
