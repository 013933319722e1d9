"""The commands `report` and `compare`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from command_line import SRC, ended, run, started

PUBLISHED = SRC.parent / "reports" / "published"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("run") / "report"
    outcome = run("run", "reference:drop_message_stop", "--depth", "smoke", "--report", str(place))
    assert outcome.code == 1, outcome.all
    return place


def test_a_format_made_again_equals_the_one_that_the_run_wrote(folder: Path, tmp_path: Path) -> None:
    for form, name in (("json", "report.json"), ("junit", "junit.xml"), ("html", "report.html")):
        outcome = run("report", str(folder), "--format", form, "--output", str(tmp_path / name))
        assert (outcome.code, outcome.all) == (0, "")
        assert (tmp_path / name).read_text("utf-8") == (folder / name).read_text("utf-8"), form


def test_the_terminal_form_is_the_default_and_ends_with_the_verdict(folder: Path) -> None:
    outcome = run("report", str(folder))
    assert outcome.code == 0
    assert outcome.last.startswith("DOES NOT CONFORM to profile tokmodel: 1 of ")


def test_annotations_go_to_the_log_and_markdown_to_the_summary(folder: Path, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    process = started("report", str(folder), "--format", "github", GITHUB_STEP_SUMMARY=str(summary))
    outcome = ended(process)
    assert outcome.code == 0, outcome.all
    assert outcome.out.startswith("::error title=messages-conformance::DOES NOT CONFORM")
    assert summary.read_text().startswith("before\n## ❌ DOES NOT CONFORM")


def test_reports_without_their_exchanges_can_be_compared(tmp_path: Path) -> None:
    folders = sorted(str(path) for path in (PUBLISHED / "litellm-1.106.2").iterdir())
    names = [argument for folder in folders for argument in ("--name", Path(folder).name)]
    outcome = run("compare", *folders, *names, "--format", "markdown")
    assert outcome.code == 0, outcome.all
    assert (
        "| requirement | harm | `mock` | `via-anthropic` | `via-hosted-vllm` | `via-openai` | `via-reference` |"
        in outcome.out
    )
    page = tmp_path / "comparison.html"
    assert run("compare", *folders, "--format", "html", "--output", str(page)).code == 0
    assert "<h1>5 runs compared</h1>" in page.read_text("utf-8")


def test_compare_is_readable_in_a_terminal_and_names_the_runs(folder: Path) -> None:
    outcome = run("compare", str(folder), str(folder), "--name", "old", "--name", "new")
    assert outcome.code == 0, outcome.all
    assert outcome.out.startswith("2 runs compared; ")
    assert "  A  old\n" in outcome.out
    assert "  B  new\n" in outcome.out
    assert "--name is given 1 times for 2 reports" in run("compare", str(folder), str(folder), "--name", "x").error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("report", "nowhere"), "'nowhere' could not be read"),
        (("report", "."), "name the folder that a run with --report wrote"),
        (("report", ".", "--format", "pdf"), "--format is 'pdf'; valid: html, brief"),
        (("report",), "no [verify] DIR was given: folder that a run"),
        (("compare",), "no REPORT was given: folder that a run"),
        (("compare", ".", "nowhere"), "could not be read"),
    ],
)
def test_wrong_usage_is_one_message(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    outcome = run(*arguments, cwd=tmp_path)
    assert outcome.code == 4
    assert message in outcome.error


def test_the_message_for_a_newer_report_says_what_to_do(folder: Path, tmp_path: Path) -> None:
    document = json.loads((folder / "report.json").read_text("utf-8"))
    (tmp_path / "report.json").write_text(json.dumps({**document, "schema": "messages-conformance/report/2"}))
    outcome = run("report", str(tmp_path))
    assert outcome.code == 4
    assert "update messages-conformance to read it" in outcome.error


def test_a_truncated_report_is_reported(folder: Path, tmp_path: Path) -> None:
    text = (folder / "report.json").read_bytes()
    (tmp_path / "report.json").write_bytes(text[: len(text) // 2])
    assert "was it cut off?" in run("report", str(tmp_path)).error


def test_an_incomplete_last_line_of_the_recording_costs_only_itself(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "cut")
    lines = (folder / "exchanges.jsonl").read_bytes()
    (tmp_path / "cut" / "exchanges.jsonl").write_bytes(lines[:-20])
    assert run("report", str(tmp_path / "cut"), "--format", "markdown").code == 0


def test_an_unwritable_file_is_reported(folder: Path, tmp_path: Path) -> None:
    outcome = run("report", str(folder), "--format", "badge", "--output", str(tmp_path / "no" / "badge.json"))
    assert outcome.code == 4
    assert "name another file with --output" in outcome.error
