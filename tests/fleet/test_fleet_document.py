"""fleet.json: its schema, its reader, and the results of cells."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jsonschema
import pytest

from messages_conformance import __version__, resources
from messages_conformance.configuration import ConfigurationError, Setting
from messages_conformance.fleet import results
from messages_conformance.fleet.cells import Cell
from messages_conformance.fleet.fleet_document import FleetError, exit_code_of, fleet_of, load, write
from messages_conformance.report.summarized import summarized
from messages_conformance.run import Options

PUBLISHED = Path(__file__).parents[2] / "reports" / "published"
SCHEMA = json.loads(resources.text("schemas/fleet.json"))


def cell(folder: Path, **values: str) -> Cell:
    options = {"target": "https://a.example", "report": str(folder), **values}
    return Cell(id="a", name="a", options={name: Setting(value=value, origin="") for name, value in options.items()})


def test_a_fleet_is_valid_under_its_schema_and_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = PUBLISHED / "aimock-1.43.0"
    judged = results.result_of(cell(folder), PUBLISHED, code=1, before=None, output="", elapsed_s=1.5)
    missing = results.without_report(cell(tmp_path), "no \ud800 fault\x1b", code=4)
    fleet = fleet_of([judged, missing], version="1", started_at="s", ended_at="e", complete=True)
    write(fleet, tmp_path / "fleet.json")
    text = (tmp_path / "fleet.json").read_text("utf-8")
    jsonschema.validate(json.loads(text), SCHEMA)
    assert load(tmp_path / "fleet.json").cells[0] == judged
    assert (fleet.exit_code, fleet.counts.violations, fleet.counts.wrong_usage) == (1, 1, 1)
    assert judged.report == "aimock-1.43.0"
    assert judged.failing
    assert set(judged.failing) == {
        row["id"]
        for row in json.loads((folder / "report.json").read_text())["requirements"]
        if row["verdict"] == "fail"
    }


@pytest.mark.parametrize(("codes", "code"), [((0, 4, 2, 1), 1), ((0, 4, 2), 2), ((0, 4), 4), ((0,), 0), ((), 2)])
def test_the_exit_code_names_violations_first(codes: Iterable[int], code: int) -> None:
    assert exit_code_of(codes) == code


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"schema": "messages-conformance/fleet/2"}', "\xff", "[" * 10_000])
def test_another_file_is_no_fleet(tmp_path: Path, text: str) -> None:
    (tmp_path / "fleet.json").write_text(text)
    with pytest.raises(FleetError, match=r"fleet\.json"):
        load(tmp_path / "fleet.json")


def test_an_older_report_is_not_the_result_of_a_run_that_wrote_none() -> None:
    found = cell(PUBLISHED / "aimock-1.43.0")
    row = results.result_of(
        found, PUBLISHED, code=2, before=results.stamp_of(found), output="x\nERROR: no space\n", elapsed_s=1
    )
    assert (row.outcome, row.verdict, row.report) == ("not-judged", "no space", "")


def test_a_process_that_ends_green_without_a_report_is_not_green(tmp_path: Path) -> None:
    row = results.result_of(cell(tmp_path), tmp_path, code=0, before=None, output="", elapsed_s=1)
    assert row.exit_code == 2


# -- --skip-done ----------------------------------------------------------------------------------------------------


def saved(folder: Path, **run: object) -> Path:
    document = json.loads((PUBLISHED / "aimock-1.43.0" / "report.json").read_text("utf-8"))
    document["run"] |= {"version": __version__, **run}
    folder.mkdir()
    (folder / "report.json").write_text(json.dumps(document))
    return folder


def is_done(found: Cell, hours: float) -> bool:
    started = datetime.fromisoformat(str(summarized(found.folder or "").run.started_at))
    return results.done(found, Path(), age=timedelta(hours=1), now=started + timedelta(hours=hours)) is not None


def test_only_the_same_young_run_is_done(tmp_path: Path) -> None:
    run = summarized(PUBLISHED / "aimock-1.43.0").run
    same = {"target": run.target, "model": run.model, "profile": run.profile, "depth": run.depth}
    folder = saved(tmp_path / "a")
    assert is_done(cell(folder, **same), 0.5)
    assert not is_done(cell(folder, **same), 1.5)
    assert not is_done(cell(folder, **same), -0.5)
    for key in same:
        other = {**same, key: "claude-code" if key == "profile" else "smoke" if key == "depth" else "https://o.example"}
        assert not is_done(cell(folder, **other), 0.5), key
    assert is_done(cell(folder, **same, edition=run.edition), 0.5)
    assert not is_done(cell(folder, **same, edition="1999.01"), 0.5)
    assert not is_done(cell(saved(tmp_path / "b", version="0.0.1"), **same), 0.5)
    assert not is_done(cell(saved(tmp_path / "c", only=["stream.*"]), **same), 0.5)


def test_a_run_that_was_not_judged_is_not_done(tmp_path: Path) -> None:
    folder = saved(tmp_path / "a")
    document = json.loads((folder / "report.json").read_text())
    run = summarized(folder).run
    (folder / "report.json").write_text(json.dumps({**document, "exit_code": 2}))
    values = {"target": run.target, "model": run.model, "profile": run.profile, "depth": run.depth}
    now = datetime.now(UTC)
    assert results.done(cell(folder, **values), Path(), age=timedelta(days=3000), now=now) is None


@pytest.mark.parametrize("text", ["", "12", "h", "-1h", "1y", "1e9d", "99999999w", "١h"])
def test_another_age_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="--skip-done"):
        results.age_of(text)


def test_the_defaults_are_those_of_a_run() -> None:
    options = Options(target=None)
    assert {"profile": options.profile, "depth": options.depth} == results.DEFAULTS


# -- the summary of a report ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", sorted(path.parent for path in PUBLISHED.rglob("report.json")), ids=str)
def test_a_summary_counts_as_the_report_does(folder: Path) -> None:
    found, whole = summarized(folder), json.loads((folder / "report.json").read_text())
    counts = whole["counts"]
    assert (found.verified, found.not_verified) == (counts["verified"], counts["not_verified"])
    assert len(found.failing) == counts["failed"] - counts.get("excused", 0)
