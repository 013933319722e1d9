"""proof.json: the whole proof as data that schemas/proof.json describes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from messages_conformance import __version__
from messages_conformance.proof.matrix import Matrix, complaint, outcome
from messages_conformance.proof.trial import Trial
from messages_conformance.proof.wording import verdict
from messages_conformance.report.figures import Share
from messages_conformance.report.files import replace

SCHEMA_ID: Final = "messages-conformance/proof/1"
FILE_NAME: Final = "proof.json"


def to_json(matrix: Matrix, *, seed: int, whole: bool) -> dict[str, Any]:
    """The proof as a JSON object that is valid under schemas/proof.json."""
    problems = matrix.problems(whole=whole)
    return {
        "schema": SCHEMA_ID,
        "version": __version__,
        "seed": seed,
        "whole": whole,
        "depths": list(matrix.depths),
        "holds": not problems,
        "sentence": verdict(matrix, whole=whole),
        "problems": list(problems),
        "faults": {depth: _share(matrix.caught(depth)) for depth in matrix.depths},
        "faults_of_musts": {depth: _share(matrix.caught(depth, musts=True)) for depth in matrix.depths},
        "headlines": {"right": matrix.headlines.part, "of": matrix.headlines.whole},
        "false_alarms": len(matrix.false_alarms),
        "categories": [_category(matrix, category) for category in matrix.categories],
        "curve": [
            {"depth": depth, "requests": spent, **_share(share)}
            for depth in matrix.depths
            for spent, share in matrix.curve(depth)
        ],
        "trials": [_trial(trial) for trial in matrix.trials],
        "untried": [{"name": name, "reason": reason} for name, reason in matrix.untried.items()],
    }


def write(matrix: Matrix, folder: Path, *, seed: int, whole: bool) -> Path:
    """Writes proof.json into the folder, completely or not at all; raises ReportError."""
    path = folder / FILE_NAME
    replace(path, json.dumps(to_json(matrix, seed=seed, whole=whole), ensure_ascii=False, indent=1) + "\n")
    return path


def _share(share: Share) -> dict[str, int]:
    return {"caught": share.part, "of": share.whole}


def _category(matrix: Matrix, category: str) -> dict[str, Any]:
    caught = {depth: _share(matrix.caught(depth, category=category)) for depth in matrix.depths}
    return {"category": category, "faults": caught}


def _trial(trial: Trial) -> dict[str, Any]:
    subject = trial.subject
    return {
        "kind": subject.kind,
        "name": subject.name,
        "category": subject.category,
        "profile": subject.profile,
        "depth": trial.depth,
        "outcome": outcome(trial),
        "wanted": sorted(subject.wanted),
        "found": sorted(trial.tripped),
        "headline": trial.headline,
        "headlines_wanted": sorted(subject.own),
        "statement": subject.statement and trial.statement,
        "complaint": complaint(trial),
        "requests": trial.requests,
        "found_after": trial.found_after,
    }
