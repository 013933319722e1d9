"""The page about attacks names tests and parts of benchmarks that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "attacks.md"
ROWS = [line for line in PAGE.read_text("utf-8").splitlines() if re.match(r"\| (?!attack |---)", line)]
ROWS += [line for line in (ROOT / "SECURITY.md").read_text("utf-8").splitlines() if "| `tests/" in line]
FEWEST_ROWS = 40
RAISES = {"test_one_round_finds_no_crash"}
"""Tests without an assertion: what they call raises an error for what it finds."""


@cache
def functions_of(path: str) -> dict[str, ast.AST]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def checks_something(test: ast.AST) -> bool:
    """Whether the test, or a function of its file that it calls, has an assertion."""
    return any(isinstance(node, (ast.Assert, ast.With)) for node in ast.walk(test))


def called_names(test: ast.AST) -> list[str]:
    calls = [node.func for node in ast.walk(test) if isinstance(node, ast.Call)]
    return [called.id for called in calls if isinstance(called, ast.Name)]


def test_the_page_has_its_rows() -> None:
    assert len(ROWS) >= FEWEST_ROWS


@pytest.mark.parametrize("row", ROWS, ids=[row.split("|")[1].strip()[:40] for row in ROWS])
def test_each_attack_has_a_test_or_a_benchmark_that_exists(row: str) -> None:
    named = re.findall(r"`((?:tests|benchmarks)/[^`]*)`", row)
    assert named, row
    for name in named:
        path, _, test = name.partition("::")
        path, _, part = path.partition(" --part ")
        assert (ROOT / path).exists(), name
        if part:
            assert f'"{part}"' in (ROOT / path).read_text("utf-8"), name
        if test:
            assert test in functions_of(path), name
            calls = called_names(functions_of(path)[test])
            bodies = [functions_of(path)[called] for called in calls if called in functions_of(path)]
            checks = any(map(checks_something, [functions_of(path)[test], *bodies]))
            assert checks or test in RAISES, f"{name} checks nothing"
