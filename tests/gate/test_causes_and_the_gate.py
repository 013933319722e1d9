"""A cause hides nothing from the gate: a waiver covers what it names, and a baseline excuses only what it had."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import valid_report

from messages_conformance.proof import run

FAULT = "reference:refuse_streams,transport=memory"
PROFILE = "anthropic-2023-06-01"
OPTIONS = {"model": "reference-1"}
BLAMED = "transport.path.post-messages"


def waivers(folder: Path, requirement: str) -> str:
    path = folder / "waivers.toml"
    path.write_text(f'[[waiver]]\nrequirement = "{requirement}"\nreason = "r"\nowner = "o"\nexpires = 2999-01-01\n')
    return str(path)


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a report in which one cause explains other failures."""
    folder = tmp_path_factory.mktemp("baseline")
    code, made = run(FAULT, PROFILE, report=str(folder), **OPTIONS)
    assert code == 1
    assert made.causes[0].sentence == (
        'Every streamed request is refused with 400: "stream: streaming is not supported".'
    )
    return folder


def explained(folder: Path) -> set[str]:
    rows = valid_report(folder)["requirements"]
    return {row["id"] for row in rows if row["explained"]}


def test_what_a_cause_explains_is_in_the_report(baseline: Path) -> None:
    rows = {row["id"]: row for row in valid_report(baseline)["requirements"]}
    assert rows[BLAMED]["verdict"] == "fail"
    assert {rows[name]["verdict"] for name in explained(baseline)} == {"not-verified"}
    assert {rows[name]["cause"] for name in explained(baseline)} == {BLAMED}


def test_a_waiver_of_the_blamed_requirement_hides_no_other_failure(tmp_path: Path, baseline: Path) -> None:
    code, made = run(FAULT, PROFILE, waivers=waivers(tmp_path, BLAMED), **OPTIONS)
    assert code == 1
    assert {verdict.requirement for verdict in made.verdicts if verdict.findings} == explained(baseline) | {BLAMED}


def test_a_waiver_of_an_explained_requirement_is_not_stale(tmp_path: Path, baseline: Path) -> None:
    name = min(explained(baseline))
    _, made = run(FAULT, PROFILE, waivers=waivers(tmp_path, name), **OPTIONS)
    assert made.gate.problems == ()


def test_the_same_cause_as_in_the_baseline_is_no_regression(baseline: Path) -> None:
    code, made = run(FAULT, PROFILE, baseline=str(baseline), fail_on="regression", **OPTIONS)
    assert code == 0
    assert made.gate.difference is not None
    assert made.gate.difference.newly_failing == ()


def test_a_cause_that_is_new_is_a_regression(tmp_path: Path) -> None:
    green = tmp_path / "green"
    run("reference:transport=memory", PROFILE, report=str(green), **OPTIONS)
    code, made = run(FAULT, PROFILE, baseline=str(green), fail_on="regression", **OPTIONS)
    assert code == 1
    assert made.gate.difference is not None
    assert BLAMED in made.gate.difference.newly_failing
