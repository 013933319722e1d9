"""matrix.json: the feature matrix of a run, as data that schemas/matrix.json describes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from messages_conformance.report.files import replace
from messages_conformance.report.model import Report
from messages_conformance.report.text import encodable, json_text

SCHEMA_ID: Final = "messages-conformance/matrix/1"
FILE_NAME: Final = "matrix.json"


def to_json(report: Report) -> dict[str, Any]:
    """The matrix as a JSON object that is valid under schemas/matrix.json."""
    run = report.run
    document: dict[str, Any] = encodable(
        {
            "schema": SCHEMA_ID,
            "target": run.target,
            "model": run.model,
            "profile": run.profile,
            **({"warning": run.warning} if run.warning else {}),
            "features": [asdict(row) for row in report.features],
        }
    )
    return document


def to_text(report: Report) -> str:
    """The text of matrix.json."""
    return json_text(to_json(report))


def write(report: Report, folder: Path | str) -> Path:
    """Writes matrix.json into the folder, completely or not at all; raises ReportError."""
    path = Path(folder) / FILE_NAME
    replace(path, to_text(report))
    return path
