"""The list of slow tests names tests that exist."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SLOW = tomllib.loads((TESTS / "slow_tests.toml").read_text("utf-8"))


@pytest.mark.parametrize("name", sorted(SLOW))
def test_a_listed_test_exists(name: str) -> None:
    defined = set(re.findall(r"^(?:async )?def (test_\w+)\(", (TESTS / name).read_text("utf-8"), re.MULTILINE))
    assert SLOW[name].keys() - defined == set()
