"""The examples in the documentation work: the test writes their files, runs their commands and compares the output.

A fence "```LANGUAGE title=PATH" is a file that the reader writes. A fence "```console exit=CODE" has commands (`$ ...`)
and their output. A line "..." matches any number of lines, and "..." inside a line matches any characters.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from command_line import environment
from misbehaving import PATIENCE_S

DOCS = Path(__file__).parents[2] / "docs"
FENCE = re.compile(r"^```(?P<language>\w+)(?P<info>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Fence:
    """One fenced block of a page."""

    language: str
    info: dict[str, str]
    text: str


def fences(page: Path) -> list[Fence]:
    return [
        Fence(
            language=match["language"],
            info=dict(pair.split("=", 1) for pair in match["info"].split() if "=" in pair),
            text=match["text"],
        )
        for match in FENCE.finditer(page.read_text("utf-8"))
    ]


def commands(text: str) -> list[tuple[str, list[str]]]:
    """Each command of a console block with the lines of its output."""
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif found and found[-1][0].endswith("\\"):
            found[-1] = (f"{found[-1][0][:-1].rstrip()} {line.strip()}", [])
        else:
            found[-1][1].append(line)
    return found


def prints(expected: list[str]) -> re.Pattern[str]:
    """The pattern that the whole output must match; without lines it matches any output."""
    lines = [r"(?:[^\n]*\n)*?" if line == "..." else _pattern(line) for line in expected] or [r"(?:[^\n]*\n)*?"]
    return re.compile("".join(lines) + r"(?:report: [^\n]*\n)?")


def _pattern(line: str) -> str:
    return r"[^\n]*".join(re.escape(part) for part in line.split("...")) + r"\n"


@pytest.fixture
def bin_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the commands `messages-conformance`, which needs no installed package, and `python`."""
    folder = tmp_path_factory.mktemp("bin")
    for name, module in (("messages-conformance", " -m messages_conformance"), ("python", "")):
        script = folder / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}"{module} "$@"\n')
        script.chmod(0o755)
    return folder


PAGES = sorted(path.name for path in DOCS.glob("*.md"))
QUICK = {"first-run.md", "read-a-failure.md", "write-a-profile.md"}
"""The pages that the default tests try; the other pages take minutes together."""


@pytest.mark.parametrize(
    "page", [pytest.param(page, marks=() if page in QUICK else pytest.mark.slow) for page in PAGES]
)
def test_the_examples_of_a_page_work(page: str, tmp_path: Path, bin_folder: Path) -> None:
    env = environment(PATH=f"{bin_folder}{os.pathsep}{os.environ['PATH']}")
    for fence in fences(DOCS / page):
        if "title" in fence.info:
            path = tmp_path / fence.info["title"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(fence.text, "utf-8")
        if fence.language != "console":
            continue
        for command, expected in commands(fence.text):
            ran = subprocess.run(
                command,
                shell=True,
                cwd=tmp_path,
                env=env,
                text=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=PATIENCE_S,
                check=False,
            )
            assert ran.returncode == int(fence.info.get("exit", "0")), f"$ {command}\n{ran.stdout}"
            printed = re.sub(r"\n{2,}", "\n", ran.stdout.strip("\n") + "\n")
            wanted = [line for line in expected if line.strip()]
            assert prints(wanted).fullmatch(printed), f"$ {command}\n{ran.stdout}\nwanted:\n" + "\n".join(wanted)


def test_every_link_of_a_page_has_a_target() -> None:
    for page in DOCS.glob("*.md"):
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_output_that_differs_from_the_page_is_found() -> None:
    assert prints(["...", "CONFORMS ... verified"]).fullmatch("a\nb\nCONFORMS to x: 3 verified\n")
    assert not prints(["CONFORMS ... verified"]).fullmatch("a\nCONFORMS to x: 3 verified\n")
    assert not prints(["...", "CONFORMS"]).fullmatch("DOES NOT CONFORM\n")
