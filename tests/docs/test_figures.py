"""The figures in the documentation are those of the code and of the published proof."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from messages_conformance.proof import run as trial
from messages_conformance.proof import subjects
from messages_conformance.proof.subjects import FAULT, VARIANT
from messages_conformance.reference import conditional_faults
from messages_conformance.rules.requirement_list import JUDGED, listed
from messages_conformance.run.scope import DEPTHS

ROOT = Path(__file__).parents[2]
PROOF = "reports/published/proof/proof.json"
NUMBER = re.compile(r"\d[\d,]*")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A number in a page: the words around it, with # for the number, and how to count it."""

    page: str
    words: str
    count: Callable[[], int]

    def problem(self, text: str) -> str:
        """What to write in place of the number in the text; empty when it is right."""
        before, _, after = self.words.partition("#")
        pattern = re.compile(f"{re.escape(before)}({NUMBER.pattern}){re.escape(after)}")
        wanted = f"{before}{self.count():,}{after}"
        found = pattern.search(" ".join(text.split()))
        if found is None:
            return f"{self.page}: write {wanted!r} somewhere; digits, not words"
        return "" if found[0] == wanted else f"{self.page}: write {wanted!r} in place of {found[0]!r}"


def tried(kind: str) -> int:
    """The number of faults, or of correct servers, that the proof tries."""
    return len({subject.name for subject in subjects() if subject.kind == kind})


@cache
def proof() -> dict[str, Any]:
    """The published proof."""
    document: dict[str, Any] = json.loads((ROOT / PROOF).read_text("utf-8"))
    return document


def found_at(depth: str) -> int:
    """The number of faults that runs of this depth find."""
    caught: int = proof()["faults"][depth]["caught"]
    return caught


def only_at_last_depth() -> int:
    return len(
        {trial["name"] for trial in proof()["trials"] if trial["kind"] == FAULT and trial["depth"] == DEPTHS[-1]}
    )


def correct_runs() -> int:
    """The number of runs against correct servers."""
    return Counter(trial["kind"] for trial in proof()["trials"])[VARIANT]


FIGURES = {
    "faults": Figure(page="README.md", words="one fault at a time: # faults", count=lambda: tried(FAULT)),
    "conditional faults": Figure(
        page="README.md", words="(# of them under a condition", count=lambda: len(conditional_faults())
    ),
    "correct servers": Figure(page="README.md", words="against # correct servers", count=lambda: tried(VARIANT)),
    "found at smoke": Figure(page="README.md", words="`smoke` finds # faults", count=lambda: found_at("smoke")),
    "found at deep alone": Figure(page="README.md", words="all but the # that need", count=only_at_last_depth),
    "false alarms": Figure(page="README.md", words="; # false alarms", count=lambda: int(proof()["false_alarms"])),
    "runs of correct servers": Figure(page="README.md", words="false alarms in # runs", count=correct_runs),
    "requirements": Figure(
        page="docs/what-we-judge.md", words="The contract has # requirements", count=lambda: len(listed())
    ),
    "judged requirements": Figure(
        page="docs/what-we-judge.md",
        words="**Judged** (# requirements)",
        count=lambda: sum(row.kind == JUDGED for row in listed()),
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_that_of_the_code(name: str) -> None:
    figure = FIGURES[name]
    assert figure.problem((ROOT / figure.page).read_text("utf-8")) == ""


def test_the_published_proof_found_all_that_it_tried() -> None:
    assert proof()["whole"]
    assert proof()["holds"]
    assert found_at("standard") + only_at_last_depth() == proof()["faults"]["standard"]["of"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("It has 1,234 rows.", ""),
        ("It has\n1,234 rows.", ""),
        ("It has 1,233 rows.", "PAGE: write 'has 1,234 rows' in place of 'has 1,233 rows'"),
        ("It has many rows.", "PAGE: write 'has 1,234 rows' somewhere; digits, not words"),
    ],
)
def test_a_wrong_figure_says_what_to_write_where(text: str, problem: str) -> None:
    assert Figure(page="PAGE", words="has # rows", count=lambda: 1_234).problem(text) == problem


@pytest.mark.parametrize("words", ["23 to 30", "150 to 600", "5,000 to 9,000 output tokens"])
def test_the_pages_agree_about_what_a_run_sends(words: str) -> None:
    for page in ("README.md", "docs/first-run.md"):
        assert words in (ROOT / page).read_text("utf-8"), f"{page} has other numbers than {words!r}"


@pytest.mark.parametrize("profile", ["tokmodel", "claude-code"])
def test_a_run_sends_as_many_requests_as_the_pages_say(profile: str) -> None:
    _, report = trial("reference:transport=memory", profile, seed=0, depth="smoke")
    assert 23 <= report.spent.requests <= 30
