"""Many runs as data: rows, implementations by models, what changed; and how runs are found in folders."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
from msgspec import structs

from messages_conformance.fleet import comparing
from messages_conformance.fleet.cells import Cell
from messages_conformance.fleet.collecting import SavedRun, collected
from messages_conformance.fleet.fleet_document import FleetError, fleet_of, write
from messages_conformance.fleet.results import without_report

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"
GONE = SavedRun(id="gone", name="gone", model="m", profile="", depth="", exit_code=4, reason="a wrong option")


@pytest.fixture(scope="module")
def red() -> SavedRun:
    return collected([PUBLISHED / "aimock-1.43.0"])[0]


def changed(run: SavedRun, requirement: str, verdict: str) -> SavedRun:
    assert run.summary is not None
    rows = (structs.replace(row, verdict=verdict) if row.id == requirement else row for row in run.summary.requirements)
    return replace(run, summary=structs.replace(run.summary, requirements=tuple(rows)))


def test_each_violation_is_a_row_and_so_is_a_run_without_a_report(red: SavedRun) -> None:
    found = list(comparing.rows([red, GONE]))
    assert red.summary is not None
    assert len(found) == len(red.summary.deviating) + 1
    assert (found[-1]["run"], found[-1]["outcome"], found[-1]["exit_code"]) == ("gone", "no report", 4)


def test_only_what_changed_is_a_row(red: SavedRun) -> None:
    assert not list(comparing.rows([red, GONE], [red, GONE]))
    repaired = changed(red, "errors.envelope.type", "pass")
    [row] = comparing.rows([repaired], [red])
    assert (row["requirement"], row["before"], row["outcome"]) == ("errors.envelope.type", "fail", "pass")
    renamed = replace(red, id="another id")
    assert not list(comparing.rows([renamed], [red])), "the same implementation, model, profile and depth"
    unseen = changed(red, "stream.order.message-stop-last", "not-verified")
    assert not list(comparing.rows([unseen], [red]))


def test_the_pivot_has_the_worst_outcome_of_each_model(red: SavedRun) -> None:
    green = replace(collected([PUBLISHED / "reference"])[0], name=red.name, model=red.model)
    models, table = comparing.pivot([green, red, GONE])
    assert models == (red.model, "m")
    assert table == {red.name: {red.model: "45 fail"}, "gone": {"m": "misconfigured"}}


@pytest.mark.parametrize("form", comparing.FORMATS)
def test_every_form_has_every_run(red: SavedRun, form: str) -> None:
    runs = [replace(red, id="=1+1"), GONE]
    text = comparing.FORMATS[form](runs, comparing.rows(runs))
    assert "gone" in text
    if form == "csv":
        assert {row["run"] for row in csv.DictReader(StringIO(text))} == {"'=1+1", "gone"}
    if form == "json":
        assert [run["run"] for run in json.loads(text)["runs"]] == ["=1+1", "gone"]
    assert "gone" in comparing.pivot_text(runs, form)


def test_runs_are_found_in_fleets_and_folders(tmp_path: Path) -> None:
    shutil.copytree(PUBLISHED / "aimock-1.43.0", tmp_path / "a" / "one")
    wrong = without_report(Cell(id="wrong", name="wrong"), "why", code=4)
    cells = [
        structs.replace(wrong, id="x:m", name="x", exit_code=1, outcome="violations", report="a/one"),
        structs.replace(wrong, id="lost", report="a/lost"),
        wrong,
    ]
    write(fleet_of(cells, version="", started_at="", ended_at="", complete=True), tmp_path / "fleet.json")
    (tmp_path / "deeper").mkdir()
    (tmp_path / "deeper" / "fleet.json").write_text('{"of": "another program"}')
    shutil.copytree(PUBLISHED / "reference", tmp_path / "b" / "two")
    found = {run.id: run for run in collected([tmp_path, tmp_path / "nowhere"])}
    assert list(found) == ["x:m", "lost", "wrong", "b/two", "nowhere"]
    assert [run.summary is not None for run in found.values()] == [True, False, False, True, False]
    assert found["wrong"].reason == "why"
    assert (found["b/two"].name, found["b/two"].exit_code) == ("b", 0)


def test_two_runs_of_one_name_stay_two(tmp_path: Path) -> None:
    found = collected([PUBLISHED / "reference", PUBLISHED / "reference"])
    assert [run.id for run in found] == ["reference", "reference (2)"]


def test_a_fleet_that_cannot_be_read_is_no_empty_fleet(tmp_path: Path) -> None:
    (tmp_path / "fleet.json").write_text("{")
    with pytest.raises(FleetError):
        collected([tmp_path])
