"""The files for schedulers in the documentation are valid under the schema of their system."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from misbehaving import PATIENCE_S
from test_docs import DOCS, fences

KUBERNETES_VERSION = "1.30"
PAGE = "judge-many-targets.md"


def file_of(title: str) -> str:
    [found] = [fence.text for fence in fences(DOCS / PAGE) if fence.info.get("title") == title]
    return found


@pytest.mark.parametrize(
    ("title", "schema"),
    [
        (".github/workflows/fleet.yml", "vendor.github-workflows"),
        (".github/workflows/fleet-shards.yml", "vendor.github-workflows"),
        (".gitlab-ci.yml", "vendor.gitlab-ci"),
    ],
)
def test_workflows_are_valid(title: str, schema: str, tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yml", tmp_path / "bad.yml"
    good.write_text(file_of(title))
    bad.write_text(file_of(title).replace("strategy:", "strategies:").replace("parallel: 10", "parallel: many"))
    assert checked(good, schema) == 0
    assert checked(bad, schema) == 1


def checked(file: Path, schema: str) -> int:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(file)]
    return subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False).returncode


def test_the_manifest_for_kubernetes_is_valid() -> None:
    job = yaml.safe_load(file_of("fleet-job.yaml"))
    kubernetes_validate.validate(job, KUBERNETES_VERSION, strict=True)
    job["spec"]["completion"] = 10
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(job, KUBERNETES_VERSION, strict=True)


def test_the_task_of_airflow_is_python() -> None:
    compile(file_of("fleet_dag.py"), "fleet_dag.py", "exec")
