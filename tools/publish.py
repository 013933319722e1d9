"""Makes the folder of a run small enough to be committed: three findings of each requirement, and no recording.

python tools/publish.py reports/published/NAME [TERMINAL.txt]
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any, Final

FINDINGS: Final = 3
"""Findings of a requirement that are kept; a report names the plainest first (our own choice)."""

RECORDING: Final = "exchanges.jsonl"


def trimmed(document: dict[str, Any]) -> dict[str, Any]:
    """report.json with the first findings of each requirement."""
    return {**document, "requirements": [_trimmed_row(row) for row in document["requirements"]]}


def _trimmed_row(row: dict[str, Any]) -> dict[str, Any]:
    """A requirement with its first findings. Where some are left out, `judged` counts only the exchanges of the others:
    a share of all answers would be wrong."""
    findings, explained = row["findings"][:FINDINGS], row["explained"][:FINDINGS]
    is_cut = len(findings) < len(row["findings"])
    judged = len({one["exchange"] for one in findings}) if is_cut else row["judged"]
    return {**row, "findings": findings, "explained": explained, "judged": judged}


def main(folder: Path, terminal: Path | None = None) -> None:
    """Trims report.json, removes the recording, and copies the output of the run."""
    path = folder / "report.json"
    document = trimmed(json.loads(path.read_text("utf-8")))
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", "utf-8")
    (folder / RECORDING).unlink(missing_ok=True)
    if terminal is not None:
        shutil.copyfile(terminal, folder / "terminal.txt")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
