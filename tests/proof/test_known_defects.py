"""The list of known defects is complete: each has its faults, its variants, or a reason why it has none."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from messages_conformance.reference import faults, variants
from messages_conformance.reference_gateway.change_list import changes

TABLE: dict[str, dict[str, Any]] = tomllib.loads((Path(__file__).parent / "known_defects.toml").read_text("utf-8"))

LABELS = {
    "defects": "defects.json",
    "sdk_streams": "sdk_streams",
    "impact": "impact.json",
    "rejections": "impact.json",
    "deviations": "deviations",
}
"""The name of each source in the `seen` of a fault."""

THREADS = "threads"
"""The section of public GitHub threads: a fault cites the thread itself. Unlike the other sources, it grows."""

GATEWAYS = "gateways"
"""The section of what only both sides of a gateway show: its faults are those of the reference gateway. It grows."""

SIZES = {"defects": 134, "sdk_streams": 82, "impact": 126, "rejections": 30, "deviations": 59}

THREAD = re.compile(r"[\w.-]+/[\w.-]+#\d+")
"""A GitHub thread: owner, repository and number."""

ROWS = {
    f"{source}: {defect}": (source, defect, covered_by)
    for source, rows in TABLE.items()
    if source != GATEWAYS
    for defect, covered_by in rows.items()
}


def cites(seen: str, source: str, defect: str) -> bool:
    """Whether a fault's `seen` names the source and, where the source has ids, the id."""
    if source == THREADS:
        return defect in {part.strip() for part in seen.split(";")}
    label, expected = LABELS[source], f"reject_{defect}" if source == "rejections" else defect
    parts = [part.strip() for part in seen.split(";") if part.strip().startswith(label)]
    items = {item.strip() for part in parts for item in part.removeprefix(label).split(",")}
    return bool(parts) if source == "deviations" else expected in items


def test_the_list_is_complete():
    assert {source: len(rows) for source, rows in TABLE.items() if source not in (THREADS, GATEWAYS)} == SIZES


def test_every_thread_that_a_fault_cites_is_listed():
    cited = {
        part.strip() for fault in faults().values() for part in fault.seen.split(";") if THREAD.fullmatch(part.strip())
    }
    assert sorted(cited - set(TABLE[THREADS])) == []


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
def test_each_known_defect_is_covered(row):
    source, defect, covered_by = row
    if isinstance(covered_by, str):
        assert covered_by.endswith(".")
        assert len(covered_by.split()) >= 5
    elif isinstance(covered_by, dict):
        assert covered_by["variants"]
        assert [name for name in covered_by["variants"] if name not in variants()] == []
    else:
        assert covered_by
        assert [name for name in covered_by if name not in faults()] == []
        assert [name for name in covered_by if not cites(faults()[name].seen, source, defect)] == []


def test_faults_cite_only_listed_defects():
    """A mistyped id in a `seen` would cover no defect."""
    listed = {label: set() for label in LABELS.values()}
    for source, rows in TABLE.items():
        if source in (THREADS, GATEWAYS):
            continue
        listed[LABELS[source]] |= {f"reject_{defect}" if source == "rejections" else defect for defect in rows}
    unknown = []
    for name, fault in faults().items():
        for part in (part.strip() for part in fault.seen.split(";")):
            for label in ("defects.json", "impact.json", "sdk_streams"):
                if part.startswith(label):
                    items = (item.strip() for item in part.removeprefix(label).split(","))
                    unknown += [(name, item) for item in items if item not in listed[label]]
    assert unknown == []


@pytest.mark.parametrize("defect", TABLE[GATEWAYS])
def test_each_known_defect_of_a_gateway_has_its_faults(defect):
    known = {change.name for change in changes("fault")}
    assert TABLE[GATEWAYS][defect]
    assert [name for name in TABLE[GATEWAYS][defect] if name not in known] == []
