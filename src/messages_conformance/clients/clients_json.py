"""The results of known clients as data that schemas/clients.json describes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from messages_conformance import __version__
from messages_conformance.clients.client_runs import ClientResult, ScenarioResult
from messages_conformance.masking import masked
from messages_conformance.report.files import replace
from messages_conformance.report.text import encodable, json_text

SCHEMA_ID: Final = "messages-conformance/clients/1"


def to_json(target: str, profile: str, results: Sequence[ClientResult]) -> dict[str, Any]:
    """A JSON object that is valid under schemas/clients.json."""
    document = {
        "schema": SCHEMA_ID,
        "version": __version__,
        "target": masked(target),
        "profile": profile,
        "clients": [_client(result) for result in results],
    }
    found: dict[str, Any] = encodable(document)
    return found


def write(path: Path, target: str, profile: str, results: Sequence[ClientResult]) -> None:
    """Writes the file, completely or not at all; raises ReportError."""
    replace(path, json_text(to_json(target, profile, results)))


def _client(result: ClientResult) -> dict[str, Any]:
    return {
        "client": result.client.name,
        "title": result.client.title,
        "version": result.version,
        "status": result.status or "unknown",
        "not_run": masked(result.not_run),
        "scenarios": [_scenario(one) for one in result.scenarios],
    }


def _scenario(one: ScenarioResult) -> dict[str, Any]:
    return {
        "scenario": one.scenario,
        "core": one.core,
        "outcome": one.outcome,
        "detail": one.detail,
        "violated": list(one.violated),
        "requests": one.requests,
    }
