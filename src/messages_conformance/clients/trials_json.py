"""The trials of a client as data that schemas/client_trials.json describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from messages_conformance import __version__
from messages_conformance.clients.client_trials import ClientTrial, ClientTrials
from messages_conformance.masking import masked
from messages_conformance.report.files import replace
from messages_conformance.report.text import encodable, json_text

SCHEMA_ID: Final = "messages-conformance/client-trials/1"
OUTPUT_CHARACTERS: Final = 4_000
"""At most this many characters of the end of an output are kept (our own)."""


def to_json(trials: ClientTrials) -> dict[str, Any]:
    """A JSON object that is valid under schemas/client_trials.json."""
    document = {
        "schema": SCHEMA_ID,
        "version": __version__,
        "command": [masked(word) for word in trials.command],
        "control_requests": trials.control_requests,
        "broken": [trial.name for trial in trials.broken],
        "trials": [_trial(trial) for trial in trials.trials],
    }
    found: dict[str, Any] = encodable(document)
    return found


def write(trials: ClientTrials, path: Path) -> None:
    """Writes the file, completely or not at all; raises ReportError."""
    replace(path, json_text(to_json(trials)))


def _trial(trial: ClientTrial) -> dict[str, Any]:
    return {
        "kind": trial.kind,
        "name": trial.name,
        "summary": trial.summary,
        "outcome": trial.outcome,
        "detail": masked(trial.detail),
        "exit_code": trial.exit_code,
        "requests": trial.requests,
        "requests_shown": trial.shown,
        "output": masked(trial.output[-OUTPUT_CHARACTERS:]),
    }
