"""The GitHub Action and the GitLab snippet: their steps run in a shell, as in the runners."""

from __future__ import annotations

import json
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

from messages_conformance.options import OPTIONS

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

        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", lambda match: self._looked_up(match[1]), text)

    def runs(self, step: dict[str, Any]) -> bool:
        """Whether the condition of a step holds; only the words of action.yml are known."""
        condition = step.get("if", "success()").replace("&&", "and").replace("||", "or")
        condition = condition.replace("always()", "True").replace("success()", str(self.code == 0))
        return bool(
            eval(re.sub(r"(?:inputs|steps)\.[\w.-]+", lambda match: repr(self._looked_up(match[0])), condition))
        )

    def _looked_up(self, path: str) -> str:
        where, _, name = path.rpartition(".")
        if where == "inputs":
            return self.inputs[name]
        return "token" if where == "github" else self.outputs.get(where.split(".")[1], {}).get(name, "")

    def run(self, step: dict[str, Any]) -> None:
        """Runs one step as the runner does; a failed one ends the job."""
        written = self.folder / "output"
        written.write_text("")
        event = self.folder / "event.json"
        event.write_text(json.dumps({"pull_request": {"number": 7}}))
        env = environment(
            PATH=f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            GITHUB_EVENT_PATH=str(event),
            GITHUB_REPOSITORY="owner/repository",
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
        self.code = self.code or ran.returncode
        lines = written.read_text("utf-8").splitlines()
        self.outputs[step.get("id", step["name"])] = dict(line.split("=", 1) for line in lines)


def job(folder: Path, *, install: bool = False, **given: str) -> Job:
    """A job with one use of the action."""
    folder.mkdir(exist_ok=True)
    inputs = {name: str(row.get("default", "")) for name, row in ACTION["inputs"].items()}
    made = Job(folder=folder, inputs={**inputs, "depth": "smoke", "upload": "false", **given})
    if not install:
        command = folder / "temp" / "messages-conformance" / "bin" / "messages-conformance"
        command.parent.mkdir(parents=True, exist_ok=True)
        command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m messages_conformance "$@"\n')
        command.chmod(0o755)
        (command.parent / "python").symlink_to(sys.executable)
    for step in ACTION["runs"]["steps"]:
        if "run" in step and made.runs(step) and (install or step["name"] != "Install"):
            made.run(step)
    return made


def with_gh(folder: Path, answer: str) -> Path:
    """A `gh` that prints the answer to each question and notes its arguments, one call on each line of the log."""
    log = folder / "gh.log"
    command = folder / "bin" / "gh"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\necho "$@" >> "{log}"\necho "{answer}"\n')
    command.chmod(0o755)
    return log


def test_a_violation_fails_the_job_and_is_annotated_and_summed_up(tmp_path: Path) -> None:
    made = job(tmp_path, target=RED)
    assert made.code == 1, made.log
    assert made.outputs["run"] == {"exit-code": "1"}
    assert made.outputs["report"]["verdict"].startswith("DOES NOT CONFORM to profile tokmodel: 1 of ")
    assert "\n::error title=stream.order.message-stop-once MUST::" in made.log
    assert (tmp_path / "summary.md").read_text("utf-8").startswith("## ❌ DOES NOT CONFORM")
    names = {path.name for path in (tmp_path / "messages-conformance-report").iterdir()}
    assert names == {"report.html", "report.json", "report.sarif", "junit.xml", "matrix.json", "exchanges.jsonl"}


def test_the_runner_executes_nothing_that_the_command_prints(tmp_path: Path) -> None:
    made = job(tmp_path, target="reference:")
    token = re.search(r"^::stop-commands::([0-9a-f]{64})$", made.log, re.MULTILINE)
    assert token is not None
    stopped, begins, after = made.log.partition(f"\n::{token[1]}::\n")
    assert begins
    assert "profile  tokmodel" in stopped
    assert not re.search(r"^::(?!stop-commands)", stopped, re.MULTILINE)
    assert "::notice title=messages-conformance::CONFORMS" in after
    assert job(tmp_path / "again", target="reference:").log.count(token[1]) == 0


def test_a_conforming_target_is_green_and_inputs_reach_the_command(tmp_path: Path) -> None:
    made = job(tmp_path, target="reference:", model="reference-1", arguments="--only stream.* --seed 7", report="a b")
    assert made.code == 0, made.log
    assert "seed 7" in made.log
    assert "only stream.*" in made.log
    assert "::notice title=messages-conformance::CONFORMS" in made.log
    assert (tmp_path / "a b" / "report.html").is_file()


@pytest.mark.parametrize(
    ("report", "name"), [("reports/staging", "reports-staging"), ("./out/", "out"), ("for model: m*", "for model- m")]
)
def test_the_artifact_has_a_name_that_the_upload_accepts(tmp_path: Path, report: str, name: str) -> None:
    made = job(tmp_path, target="reference:", report=report)
    assert (made.code, made.outputs["report"]["artifact"]) == (0, name), made.log
    (upload,) = [step for step in ACTION["runs"]["steps"] if step["name"] == "Upload"]
    assert upload["with"]["name"] == "${{ steps.report.outputs.artifact }}"


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
    scripts = [step for step in ACTION["runs"]["steps"] if "run" in step]
    assert not [step["name"] for step in scripts if "${{" in step["run"]]
    assert set(re.findall(r"inputs\.([\w-]+)", str(ACTION["runs"]))) == set(ACTION["inputs"])
    assert all(step["shell"] == "bash" for step in scripts)


FOR_A_TERMINAL = {"target", "output", "quiet", "open"}
"""The target is an input of its own; the others change what a terminal shows."""


def test_every_option_of_a_run_is_an_input() -> None:
    (run,) = [step for step in ACTION["runs"]["steps"] if step["name"] == "Run"]
    options = {option.variable: option.name for option in OPTIONS if option.name not in FOR_A_TERMINAL}
    assert {name: text for name, text in run["env"].items() if name in options} == {
        variable: f"${{{{ inputs.{name} }}}}" for variable, name in options.items()
    }
    assert set(run["env"]) - set(options) == {"TARGET", "ARGUMENTS"}


def test_the_words_of_several_lines_and_in_quotes_reach_the_command(tmp_path: Path) -> None:
    arguments = "--max-requests 40\n--only 'stream.*'\n  --seed 7 \n"
    made = job(tmp_path, target="reference:transport=memory", arguments=arguments)
    assert made.code == 0, made.log
    for text in ("40 requests", "only stream.*", "seed 7"):
        assert text in made.log


def test_a_quotation_mark_without_its_second_one_is_wrong_usage(tmp_path: Path) -> None:
    made = job(tmp_path, target="reference:", arguments="--only 'stream.*")
    assert made.code == 4
    assert "::error title=messages-conformance::the input arguments has" in made.log


@pytest.mark.slow
@pytest.mark.parametrize(
    ("known", "call"),
    [
        ("", "api --silent repos/owner/repository/issues/7/comments --field body=@"),
        ("31", "api --silent --method PATCH repos/owner/repository/issues/comments/31 --field body=@"),
    ],
)
def test_the_result_is_one_comment_on_the_pull_request(tmp_path: Path, known: str, call: str) -> None:
    log = with_gh(tmp_path, known)
    made = job(tmp_path, target="reference:transport=memory", only="stream.order.*", comment="true")
    assert made.code == 0, made.log
    assert log.read_text("utf-8").splitlines()[1].startswith(call)
    text = (tmp_path / "temp" / "comment.md").read_text("utf-8")
    assert text.startswith("<!-- messages-conformance: reference:transport=memory -->\n## ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("target", "known", "call"),
    [
        (RED, "", "issue create --title Messages API conformance: "),
        (RED, "5", "issue edit 5 --body-file "),
        ("reference:", "5", "issue close 5 --comment "),
    ],
)
def test_violations_open_one_issue_that_a_run_without_them_closes(
    tmp_path: Path, target: str, known: str, call: str
) -> None:
    log = with_gh(tmp_path, known)
    job(tmp_path, target=target, only="stream.order.*", issue="true", fail="false")
    assert log.read_text("utf-8").splitlines()[1].startswith(call)


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
