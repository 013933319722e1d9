"""Writes one page about files of `clients --json` and `clients --judge-predictions --json`.

    python -m messages_conformance.clients.publishing FOLDER

The page is FOLDER/README.md: how many predictions about each client are right, and which client works with which
target.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from messages_conformance.clients import clients_json, predictions_text
from messages_conformance.report.markdown import prose, table

PAGE: Final = "README.md"
WRONG: Final = "## Wrong predictions where observations are left out"


def page(documents: Sequence[Mapping[str, Any]]) -> str:
    """The page as Markdown."""
    predictions = [one for one in documents if one.get("schema") == predictions_text.SCHEMA_ID]
    runs = [one for one in documents if one.get("schema") == clients_json.SCHEMA_ID]
    return "\n".join([*_figures(predictions), *_targets(runs), *_wrong(predictions)])


def _figures(documents: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "# Real clients\n"
    yield "How many predictions of the table of clients are right, for faults of the reference endpoint that a client"
    yield "meets. Where observations are left out, a fault is predicted from the other faults alone, like one that"
    yield "nobody measured.\n"
    rows = [
        (
            prose(f"{row['client']} {row.get('version', '')}".strip()),
            one["profile"],
            one.get("day", ""),
            "left out" if one.get("left_out", True) else "used",
            f"{row['right']} of {row['compared']} ({row['right'] / row['compared']:.0%})",
            str(row["not_known"]),
            str(row["false_works"]),
        )
        for one in documents
        for row in one["figures"]
    ]
    yield table(("client", "profile", "day", "observations", "right", "not known", 'false "works"'), rows)


def _targets(documents: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not documents:
        return
    yield "## Clients by targets\n"
    status = {(one["target"], row["title"]): _status(row) for one in documents for row in one["clients"]}
    targets = list(dict.fromkeys(target for target, _ in status))
    clients = list(dict.fromkeys(client for _, client in status))
    rows = [(prose(client), *(status.get((target, client), "–") for target in targets)) for client in clients]
    yield table(("client", *map(prose, targets)), rows)


def _status(row: Mapping[str, Any]) -> str:
    if row["not_run"]:
        return "not run"
    passed = sum(one["outcome"] == "ok" for one in row["scenarios"])
    return f"{row['status']} ({passed} of {len(row['scenarios'])})"


def _wrong(documents: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield f"{WRONG}\n"
    rows = [
        (prose(one["fault"]), prose(one["client"]), one["predicted"], one["happened"])
        for document in documents
        if document.get("left_out", True)
        for one in document["predictions"]
        if not one["right"]
    ]
    yield table(("fault", "client", "predicted", "happened"), rows)


def main(arguments: Sequence[str]) -> int:
    """Reads every JSON file of the folder and writes the page."""
    folder = Path(arguments[0])
    documents = [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*.json"))]
    (folder / PAGE).write_text(page(documents), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
