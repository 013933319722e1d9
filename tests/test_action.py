"""The GitHub Action and the GitLab snippet: their steps run in a shell, as in the runners."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from command_line import SRC, environment
from misbehaving import PATIENCE_S

ROOT = SRC.parent
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
BASH = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c"]
"""The command with which a GitHub runner starts a step with shell bash."""

RED = "reference:drop_message_stop"


@dataclass
class Job:
    """A runner's folder, and what came of the steps so far."""

    folder: Path
    inputs: dict[str, str]
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    log: str = ""
    code: int = 0

    def value(self, text: str) -> str:
        """The text with its expressions replaced, as far as action.yml has any."""

        def replaced(match: re.Match[str]) -> str:
            where, _, name = match[1].rpartition(".")
            return self.inputs[name] if where == "inputs" else self.outputs[where.split(".")[1]][name]

        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", replaced, text)

    def run(self, step: dict[str, Any]) -> None:
        """Runs one step as the runner does; a failed one ends the job."""
        written = self.folder / "output"
        written.write_text("")
        env = environment(
            RUNNER_TEMP=str(self.folder / "temp"),
            GITHUB_ACTION_PATH=str(ROOT),
            GITHUB_OUTPUT=str(written),
            GITHUB_STEP_SUMMARY=str(self.folder / "summary.md"),
            **{name: self.value(text) for name, text in step.get("env", {}).items()},
        )
        ran = subprocess.run(
            [*BASH, step["run"]],
            cwd=self.folder,
            env=env,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        self.log += ran.stdout + ran.stderr
        self.code = ran.returncode
        lines = written.read_text("utf-8").splitlines()
        self.outputs[step.get("id", step["name"])] = dict(line.split("=", 1) for line in lines)


def job(folder: Path, *, install: bool = False, **given: str) -> Job:
    """A job with one use of the action."""
    folder.mkdir(exist_ok=True)
    inputs = {name: str(row.get("default", "")) for name, row in ACTION["inputs"].items()}
    made = Job(folder=folder, inputs={**inputs, "depth": "smoke", **given})
    if not install:
        command = folder / "temp" / "messages-conformance" / "bin" / "messages-conformance"
        command.parent.mkdir(parents=True, exist_ok=True)
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m messages_conformance "$@"\n')
        command.chmod(0o755)
    for step in ACTION["runs"]["steps"]:
        skipped = step["name"] == "Report" and made.outputs["run"]["exit-code"] == "4"
        if made.code == 0 and not skipped and (install or step["name"] != "Install"):
            made.run(step)
    return made


def test_a_violation_fails_the_job_and_is_annotated_and_summed_up(tmp_path: Path) -> None:
    made = job(tmp_path, target=RED)
    assert made.code == 1, made.log
    assert made.outputs["run"] == {"exit-code": "1"}
    assert made.outputs["report"]["verdict"].startswith("DOES NOT CONFORM to profile tokmodel: 1 of ")
    assert "\n::error title=stream.order.message-stop-once MUST::" in made.log
    assert (tmp_path / "summary.md").read_text("utf-8").startswith("## ❌ DOES NOT CONFORM")
    names = {path.name for path in (tmp_path / "messages-conformance-report").iterdir()}
    assert names == {"report.html", "report.json", "report.sarif", "junit.xml", "matrix.json", "exchanges.jsonl"}


def test_a_conforming_target_is_green_and_inputs_reach_the_command(tmp_path: Path) -> None:
    made = job(tmp_path, target="reference:", model="reference-1", arguments="--only stream.* --seed 7", report="a b")
    assert made.code == 0, made.log
    assert "seed 7" in made.log
    assert "only stream.*" in made.log
    assert "::notice title=messages-conformance::CONFORMS" in made.log
    assert (tmp_path / "a b" / "report.html").is_file()


def test_the_job_stays_green_where_that_is_asked_for(tmp_path: Path) -> None:
    made = job(tmp_path, target=RED, fail="false")
    assert (made.code, made.outputs["run"]["exit-code"]) == (0, "1")


def test_wrong_usage_is_exit_code_four_and_its_message(tmp_path: Path) -> None:
    made = job(tmp_path, target="reference:", profile="nonsense")
    assert made.code == 4
    assert "unknown profile 'nonsense'" in made.log


def test_nothing_in_an_input_is_run(tmp_path: Path) -> None:
    job(
        tmp_path,
        target='"; touch pwned; "',
        model="$(touch pwned)",
        arguments="`touch pwned` $(touch pwned) ; touch pwned",
    )
    assert not list(tmp_path.rglob("pwned*"))


def test_no_input_stands_in_a_script_and_every_one_is_used() -> None:
    steps = ACTION["runs"]["steps"]
    assert not [step["name"] for step in steps if "${{" in step["run"]]
    used = {
        name
        for step in steps
        for text in step.get("env", {}).values()
        for name in re.findall(r"inputs\.([\w-]+)", text)
    }
    assert used == set(ACTION["inputs"])
    assert all(step["shell"] == "bash" for step in steps)


@pytest.mark.slow
def test_the_action_installs_what_it_runs(tmp_path: Path) -> None:
    made = job(tmp_path, install=True, target="reference:")
    assert made.code == 0, made.log
    assert (tmp_path / "temp" / "messages-conformance" / "bin" / "messages-conformance").is_file()


# -- GitLab ---------------------------------------------------------------------------------------------------------


def test_the_gitlab_snippet_runs_and_leaves_what_it_keeps(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "run-in-ci.md").read_text("utf-8")
    snippet = re.search(r"```yaml title=\.gitlab-ci\.yml\n(.*?)```", page, re.DOTALL)
    assert snippet is not None
    [(_, made)] = yaml.safe_load(snippet[1]).items()
    install, *script = made["script"]
    assert install.startswith("pip install ")
    command = tmp_path / "bin" / "messages-conformance"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m messages_conformance "$@"\n')
    command.chmod(0o755)
    env = environment(PATH=f"{command.parent}{os.pathsep}{os.environ['PATH']}", TARGET=RED)
    ran = subprocess.run(["bash", "-ec", "\n".join(script)], cwd=tmp_path, env=env, check=False, timeout=PATIENCE_S)
    assert ran.returncode == 1
    junit = ElementTree.parse(tmp_path / made["artifacts"]["reports"]["junit"]).getroot()
    assert junit.get("failures") == "1"
    assert all((tmp_path / path).exists() for path in made["artifacts"]["paths"])
