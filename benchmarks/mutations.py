"""Changes of the code at random places, made with cosmic-ray."""

from __future__ import annotations

import ast
import difflib
import random
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = Path("src") / "messages_conformance"

RECORDS: Final = "tests/test_records.py"
TESTS: Final = {
    "rules": ("tests/rules", "tests/gateways", "tests/test_catalogue.py", RECORDS),
    "stream": ("tests/stream", RECORDS),
    "wire": ("tests/test_wire.py", RECORDS),
    "engine": ("tests/engine", RECORDS),
    "session": ("tests/session", RECORDS),
    "report": ("tests/report", RECORDS),
}
"""The packages that are changed, and the tests that have to notice it."""

NO_DIFFERENCE: Final = ("_Eq_Is", "_NotEq_IsNot", "_Is_Eq", "_IsNot_NotEq")
"""Identity in place of equality, and the reverse: the same for None, for small numbers and for most literals."""

NO_DIFFERENCE_LINES: Final = ("@cache", "@lru_cache", "__slots__", "@overload", "if TYPE_CHECKING")
"""Lines on which a change alters speed or types only."""

NO_STATUS: Final = re.compile(r"\b[345]00\b")
"""The first status of a class. One less, as in `status < 399`, is the same: no server answers with 399."""

STRICT: Final = "strict=True"
"""`zip` of texts of the same length by construction: the argument only guards against a mistake in our code."""


@dataclass(frozen=True, kw_only=True)
class Mutant:
    """One change: the operator's occurrence in a file, and the place where it begins (line from 1, column from 0)."""

    package: str
    path: Path
    operator: str
    occurrence: int
    line: int
    column: int

    @property
    def place(self) -> str:
        return f"{self.path}:{self.line}"

    def changed(self, source: str) -> str:
        """The text of the file with the change."""
        text = mutate_code(source, get_operator(self.operator)(), self.occurrence)
        assert isinstance(text, str), f"{self.place}: {self.operator} changes nothing"
        return text


@dataclass(frozen=True, kw_only=True)
class Result:
    """What the tests made of a mutant; `difference` holds the changed lines, before and after."""

    mutant: Mutant
    noticed: bool
    difference: str
    elapsed_s: float


def files_of(package: str) -> list[Path]:
    """The modules of a package, relative to the root."""
    folder = ROOT / SOURCE / package
    found = sorted(folder.rglob("*.py")) if folder.is_dir() else [folder.with_suffix(".py")]
    return [path.relative_to(ROOT) for path in found]


def mutants_of(package: str, path: Path) -> Iterator[Mutant]:
    """Every change of a file that can make a difference."""
    source = (ROOT / path).read_text("utf-8")
    skipped, lines = frozenset(_lines_of_types(source)), source.splitlines()
    tree = get_ast(source)
    for name in operator_names():
        operator = get_operator(name)
        if operator.arguments() or name.endswith(NO_DIFFERENCE):
            continue
        places = (place for node in ast_nodes(tree) for place in operator().mutation_positions(node))
        for occurrence, ((line, column), _) in enumerate(places):
            if (line, column) not in skipped and not any(word in lines[line - 1] for word in NO_DIFFERENCE_LINES):
                mutant = Mutant(
                    package=package, path=path, operator=name, occurrence=occurrence, line=line, column=column
                )
                if not _is_without_effect(mutant, source, lines[line - 1]):
                    yield mutant


def _is_without_effect(mutant: Mutant, source: str, line: str) -> bool:
    """Whether a change makes another status of one that no server sends, or only drops the check of `zip`."""
    status, name = NO_STATUS.search(line), mutant.operator
    if name.endswith("NumberReplacer") and status is not None and "status" in line:
        return str(int(status[0]) - 1) in mutant.changed(source).splitlines()[mutant.line - 1]
    if name.endswith("ReplaceTrueWithFalse") and STRICT in line:
        return STRICT not in mutant.changed(source).splitlines()[mutant.line - 1]
    return False


def _lines_of_types(source: str) -> Iterator[tuple[int, int]]:
    """The places inside annotations, which are never evaluated: there `|` is no operation."""
    lines = source.splitlines()
    for node in ast.walk(ast.parse(source)):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(part, ast.expr):
                first, last = (part.lineno, part.col_offset), (part.end_lineno or 0, part.end_col_offset or 0)
                for line in range(first[0], last[0] + 1):
                    for column in range(len(lines[line - 1])):
                        if first <= (line, column) < last:
                            yield line, column


def chosen(packages: Iterable[str], count: int, seed: int) -> list[Mutant]:
    """A random choice: places first, then one change for each place, so that no kind of operator prevails."""
    by_place: dict[tuple[str, int, int], list[Mutant]] = {}
    for package in packages:
        for path in files_of(package):
            for mutant in mutants_of(package, path):
                by_place.setdefault((str(path), mutant.line, mutant.column), []).append(mutant)
    generator = random.Random(seed)
    places = generator.sample(sorted(by_place), min(count, len(by_place)))
    return [generator.choice(by_place[place]) for place in places]


def at(place: str) -> list[Mutant]:
    """Every change on one line, `FILE:LINE`."""
    name, _, line = place.rpartition(":")
    path = (Path.cwd() / name).resolve().relative_to(ROOT)
    package = path.relative_to(SOURCE).with_suffix("").parts[0]
    return [mutant for mutant in mutants_of(package, path) if mutant.line == int(line)]


def result_of(mutant: Mutant, noticed: bool, elapsed_s: float) -> Result:
    source = (ROOT / mutant.path).read_text("utf-8")
    changed = difference(source, mutant.changed(source))
    return Result(mutant=mutant, noticed=noticed, difference=changed, elapsed_s=elapsed_s)


def difference(before: str, after: str) -> str:
    """The lines that differ, with - and + before them."""
    compared = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in list(compared)[2:] if not line.startswith("@@"))
