"""The comparison of the table of clients with the clients, as text and as data."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from messages_conformance import __version__
from messages_conformance.clients.predictions import Prediction, figures
from messages_conformance.masking import masked
from messages_conformance.report.files import replace
from messages_conformance.report.text import encodable, inline, json_text, listed

SCHEMA_ID: Final = "messages-conformance/client-predictions/1"
DETAIL_CHARACTERS: Final = 100
SHOWN: Final = 2


def prediction_lines(predictions: Sequence[Prediction]) -> Iterator[str]:
    """Each wrong prediction, then the share of right ones of each client."""
    for one in predictions:
        if not one.is_right:
            because = listed(one.because, SHOWN) or "no effect"
            failed = inline("; ".join(one.failed[:SHOWN]), DETAIL_CHARACTERS) or "nothing failed"
            predicted = f"predicted {one.predicted!r} ({because})"
            yield f"{one.fault}: {one.client}: {predicted}, happened: {one.happened} ({failed})"
    for row in figures(predictions):
        share = f"{row.right} of {row.compared} predictions are right ({row.right / row.compared:.0%})"
        yield f"{row.client}: {share}; not known: {row.not_known}; false works: {row.false_works}"


def to_json(profile: str, predictions: Sequence[Prediction], *, left_out: bool = True) -> dict[str, Any]:
    """A JSON object that is valid under schemas/client_predictions.json.

    `left_out` says that no fault was predicted with what was observed with it.
    """
    document = {
        "schema": SCHEMA_ID,
        "version": __version__,
        "profile": profile,
        "day": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "left_out": left_out,
        "figures": [asdict(row) for row in figures(predictions)],
        "predictions": [{**asdict(one), "right": one.is_right} for one in predictions],
    }
    found: dict[str, Any] = encodable(document)
    return found


def write(path: Path, profile: str, predictions: Sequence[Prediction]) -> None:
    """Writes the file, completely or not at all; raises ReportError."""
    replace(path, masked(json_text(to_json(profile, predictions))))
