"""The option --snapshots of the real command: shapes are kept, compared, accepted; unusable folders are refused."""

import json
from pathlib import Path

import pytest
from command_line import run

pytestmark = pytest.mark.slow

SMOKE = ("--profile", "anthropic-2023-06-01", "--depth", "smoke")


def shaped(target: str, folder: Path, *more: str, report: Path | None = None):
    arguments = [*SMOKE, "--snapshots", str(folder), *more]
    return run("run", target, *arguments, *(["--report", str(report)] if report else []), folder=report)


def test_shapes_are_kept_compared_and_accepted(tmp_path):
    kept, report = tmp_path / "shapes", tmp_path / "report"
    assert shaped("reference:", kept, "--snapshot-update").code == 0
    files = {path.name: path.read_text() for path in kept.iterdir()}
    assert {"plain.shape", "plain.streamed.shape"} <= files.keys()

    assert shaped("reference:", kept).code == 0

    differing = shaped("reference:variant=unknown_fields", kept, report=report)
    assert differing.code == 1
    assert differing.report["counts"]["failed"] == 0
    assert {"situation": "plain", "path": "x_extra", "before": None, "after": "object"} in differing.report["drifts"]
    assert "SHAPES THAT DIFFER" in differing.out
    assert "from --snapshots (--snapshot-update accepts this)" in differing.last
    assert {path.name: path.read_text() for path in kept.iterdir()} == files

    assert shaped("reference:variant=unknown_fields", kept, "--snapshot-update").code == 0
    assert shaped("reference:variant=unknown_fields", kept).code == 0


def test_a_shape_that_is_no_text_is_reported_before_anything_is_sent(tmp_path):
    (tmp_path / "plain.shape").write_bytes(b"\xff\xfe")
    ran = shaped("reference:", tmp_path)
    assert ran.code == 4
    assert "plain.shape" in ran.error
    assert "restore it from your history, or remove it" in ran.error


def test_a_folder_that_cannot_be_used_is_wrong_usage(tmp_path):
    (tmp_path / "file").write_text("x")
    assert "there is no folder" in shaped("reference:", tmp_path / "none").error
    assert "a file is in the way" in shaped("reference:", tmp_path / "file", "--snapshot-update").error
    assert "needs --snapshots" in run("run", "reference:", "--snapshot-update").error


def test_a_run_without_snapshots_asks_for_no_shape(tmp_path):
    ran = run("run", "reference:", *SMOKE, "--report", str(tmp_path), folder=tmp_path)
    assert ran.code == 0
    assert json.dumps(ran.report["drifts"]) == "[]"
