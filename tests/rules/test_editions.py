"""Editions: every requirement belongs to one, and an older one has only its requirements, at its levels."""

from __future__ import annotations

from pathlib import Path

import pytest

from messages_conformance.rules import CATALOGUE
from messages_conformance.rules.catalogue import is_ours
from messages_conformance.rules.editions import (
    OPEN,
    EditionError,
    added_after,
    checked,
    editions,
    frozen,
    listing,
    of_edition,
)

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"
OLD = {"usage.present": "SHOULD"}


def is_open() -> bool:
    return OPEN is not None and frozen(OPEN) is None


def test_every_requirement_belongs_to_an_edition() -> None:
    assigned = {name for edition in editions() for name in frozen(edition) or ()}
    missing = sorted(name for name in CATALOGUE if is_ours(name) and name not in assigned)
    assert is_open() or missing == [], "set OPEN in rules/editions/__init__.py to the name of the next edition"


def test_a_release_leaves_no_edition_open() -> None:
    newest = next(line for line in CHANGELOG.read_text("utf-8").splitlines() if line.startswith("## "))
    assert "(unreleased)" in newest or not is_open(), "freeze it: python -m messages_conformance.rules.editions"


def test_a_frozen_edition_is_read_back_unchanged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from messages_conformance import resources

    folder = tmp_path / "rules" / "editions"
    folder.mkdir(parents=True)
    (folder / "2026.05.txt").write_text(listing(CATALOGUE), "utf-8")
    monkeypatch.setattr(resources, "_home", lambda top: tmp_path)
    assert frozen("2026.05") == {name: row.level for name, row in CATALOGUE.items() if is_ours(name)}
    assert editions()[0] == "2026.05"
    assert checked("2026.05") == "2026.05"
    frozen.cache_clear()


def test_the_latest_edition_is_the_default_and_an_unknown_one_is_an_error() -> None:
    assert checked(None) == editions()[-1]
    with pytest.raises(EditionError, match=r"unknown edition '2026\.1'; did you mean 2026\.1[0-9]\?"):
        checked("2026.1")


def test_an_older_edition_keeps_its_levels_and_its_requirements() -> None:
    assert CATALOGUE["usage.present"].level == "MUST"
    assert of_edition(CATALOGUE, OLD)["usage.present"].level == "SHOULD"
    assert of_edition(CATALOGUE, None) is CATALOGUE
    assert added_after(CATALOGUE, OLD) == {name for name in CATALOGUE if is_ours(name)} - {"usage.present"}
    assert added_after(CATALOGUE, None) == frozenset()
    assert not is_ours("acme.mine")
