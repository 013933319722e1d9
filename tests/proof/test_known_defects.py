"""The list of what is known to go wrong is complete: each thing has its faults, or its variants, or its reason."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from messages_conformance.reference import faults, variants

TABLE: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "known_defects.toml").read_text("utf-8"))

LABELS = {
    "defects": "defects.json",
    "sdk_streams": "sdk_streams",
    "impact": "impact.json",
    "rejections": "impact.json",
    "deviations": "deviations",
}
"""What the `seen` of a fault calls each source."""

SIZES = {"defects": 134, "sdk_streams": 82, "impact": 126, "rejections": 30, "deviations": 59}

ROWS = {f"{source}: {known}": (source, known, what) for source, rows in TABLE.items() for known, what in rows.items()}


def cited(seen: str, source: str, known: str) -> bool:
    """Whether a fault's `seen` names the source and, where the source has ids, the id."""
    label, wanted = LABELS[source], f"reject_{known}" if source == "rejections" else known
    parts = [part.strip() for part in seen.split(";") if part.strip().startswith(label)]
    items = {item.strip() for part in parts for item in part.removeprefix(label).split(",")}
    return bool(parts) if source == "deviations" else wanted in items


def test_the_list_is_complete():
    assert {source: len(rows) for source, rows in TABLE.items()} == SIZES


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_each_known_thing_is_accounted_for(row):
    source, known, what = row
    if isinstance(what, str):
        assert what.endswith(".")
        assert len(what.split()) >= 5
    elif isinstance(what, dict):
        assert what["variants"]
        assert [name for name in what["variants"] if name not in variants()] == []
    else:
        assert what
        assert [name for name in what if name not in faults()] == []
        assert [name for name in what if not cited(faults()[name].seen, source, known)] == []


def test_no_fault_cites_what_is_not_listed():
    """A `seen` with a mistyped id would count for nothing."""
    listed = {label: set() for label in LABELS.values()}
    for source, rows in TABLE.items():
        listed[LABELS[source]] |= {f"reject_{known}" if source == "rejections" else known for known in rows}
    unknown = []
    for name, fault in faults().items():
        for part in (part.strip() for part in fault.seen.split(";")):
            for label in ("defects.json", "impact.json", "sdk_streams"):
                if part.startswith(label):
                    items = (item.strip() for item in part.removeprefix(label).split(","))
                    unknown += [(name, item) for item in items if item not in listed[label]]
    assert unknown == []
