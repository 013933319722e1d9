"""Which tests of a package execute the line that a change is on: recorded once, by coverage."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import coverage
from mutations import ROOT, Mutant

LEAST_TIMEOUT_S: Final = 30.0
TIMEOUT_FACTOR: Final = 8.0
"""A change that makes the tests take this many times as long has made something endless, and counts as noticed."""

AT_IMPORT: Final = ""
"""The context of lines that are executed before any test: imports and the collection of tests."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A change with the tests that can notice it, the most promising first; `in_fork`: it is inside a function."""

    mutant: Mutant
    tests: Sequence[str]
    in_fork: bool
    timeout_s: float


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The tests that execute each line, by file (relative to the root), and the CPU seconds of each test."""

    lines: Mapping[str, Mapping[int, Sequence[str]]]
    seconds: Mapping[str, float]

    @staticmethod
    def read(data: Path, seconds: Path, folder: Path) -> Recorded:
        """What `coverage` and the plugin `mutant_trials` wrote about the project in `folder`."""
        measured = coverage.CoverageData(str(data))
        measured.read()
        lines = {
            Path(name).relative_to(folder).as_posix(): measured.contexts_by_lineno(name)
            for name in measured.measured_files()
        }
        return Recorded(lines=lines, seconds=json.loads(seconds.read_text("utf-8")))

    @staticmethod
    def load(path: Path) -> Recorded | None:
        """What `save` wrote; None if there is no such file."""
        if not path.exists():
            return None
        read = json.loads(path.read_text("utf-8"))
        lines = {name: {int(line): tests for line, tests in rows.items()} for name, rows in read["lines"].items()}
        return Recorded(lines=lines, seconds=read["seconds"])

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"lines": self.lines, "seconds": self.seconds}), "utf-8")

    def trial(self, mutant: Mutant) -> Trial:
        """The tests that execute the statement; all tests of the package if it is also executed at import."""
        path = mutant.path.as_posix()
        tree = ast.parse((ROOT / mutant.path).read_text("utf-8"))
        by_line = self.lines.get(path, {})
        contexts = {name for line in _lines(tree, mutant.line) for name in by_line.get(line, ())}
        close = self._in_order(contexts - {AT_IMPORT})
        at_import = AT_IMPORT in contexts
        if at_import:
            of_file = {name for names in by_line.values() for name in names} - {AT_IMPORT, *close}
            close += self._in_order(of_file)
            close += self._in_order(self.seconds.keys() - {*close})
        return Trial(
            mutant=mutant,
            tests=close,
            in_fork=not at_import,
            timeout_s=max(LEAST_TIMEOUT_S, TIMEOUT_FACTOR * sum(self.seconds[name] for name in close)),
        )

    def _in_order(self, names: set[str]) -> list[str]:
        """The tests by file, so that fixtures of a file are made once; quick files and quick tests first."""
        by_file: dict[str, list[str]] = {}
        for name in sorted(names & self.seconds.keys(), key=lambda name: (self.seconds[name], name)):
            by_file.setdefault(name.partition("::")[0], []).append(name)
        cost = {name: sum(self.seconds[test] for test in tests) for name, tests in by_file.items()}
        return [test for name in sorted(by_file, key=lambda name: cost[name]) for test in by_file[name]]


def _lines(tree: ast.Module, line: int) -> range:
    """The lines of the innermost statement on this line; of a statement with a body, those of its head."""
    best = range(line, line + 1)
    size = None
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            found = _head(node)
            if line in found and (size is None or len(found) <= size):
                best, size = found, len(found)
    return best


def _head(node: ast.stmt) -> range:
    decorators: Sequence[ast.expr] = getattr(node, "decorator_list", ())
    first = min([node.lineno, *(one.lineno for one in decorators)])
    body = getattr(node, "body", None) or getattr(node, "cases", None)
    if not body:
        return range(first, (node.end_lineno or first) + 1)
    inner = body[0].pattern if isinstance(body[0], ast.match_case) else body[0]
    return range(first, max(first + 1, inner.lineno))
