"""Every level that is lower than a measured effect suggests has its reason, and every MUST has a source."""

from __future__ import annotations

import tomllib
from pathlib import Path

from messages_conformance import contract
from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.verdict import MUST

DECISIONS: dict[str, str] = tomllib.loads(Path(__file__).with_name("level_decisions.toml").read_text("utf-8"))
BREAKING = frozenset({"fatal", "major"})


def test_each_lower_level_has_its_reason() -> None:
    lower = {name for name, row in CATALOGUE.items() if row.level != MUST and contract.severity(name) in BREAKING}
    assert lower == set(DECISIONS), "tests/rules/level_decisions.toml: write why it is no MUST, or make it one"
    assert all(len(reason) > 60 for reason in DECISIONS.values())


def test_a_reason_names_requirements_that_are_must() -> None:
    named = [(name, word.strip(".,")) for name, reason in DECISIONS.items() for word in reason.split()]
    found = [(name, word) for name, word in named if word in CATALOGUE]
    assert len(found) > 5
    assert [pair for pair in found if CATALOGUE[pair[1]].level != MUST] == []


def test_each_must_has_a_source() -> None:
    assert [name for name, row in CATALOGUE.items() if row.level == MUST and len(row.source) < 15] == []
