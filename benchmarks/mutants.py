"""Changes the code at random places, and lists the changes that no test of the package notices.

    mutants.py [--count 200] [--seed 0] [--jobs 2] [--package NAME ...] [--at FILE:LINE]

cosmic-ray makes the changes, such as `and` for `or`, `<=` for `<`, or 4 for 3. Each one is made in a copy of the
project, where the package's own tests run until one fails. The same seed chooses the same changes as long as the code
is the same. The exit code is 1 when fewer than 90 % of the changes are noticed.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from subprocess import DEVNULL
from typing import IO, Final

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

ROOT: Final = Path(__file__).resolve().parent.parent
SOURCE: Final = Path("src") / "messages_conformance"

TESTS: Final = {
    "rules": ("tests/rules",),
    "stream": ("tests/stream",),
    "wire": ("tests/test_wire.py",),
    "engine": ("tests/engine",),
    "session": ("tests/session",),
    "report": ("tests/report",),
}
"""The packages that are changed, and the tests that have to notice it."""

LEAST_SHARE: Final = 0.9
"""The share of changes that tests have to notice (origin: our own aim)."""

LEAST_TIMEOUT_S: Final = 60.0
TIMEOUT_FACTOR: Final = 8.0
"""A change that makes the tests take this many times as long has made something endless, and counts as noticed."""

NO_DIFFERENCE: Final = ("_Eq_Is", "_NotEq_IsNot", "_Is_Eq", "_IsNot_NotEq")
"""Identity in place of equality, and the reverse: the same for None, for small numbers and for most literals."""

NO_DIFFERENCE_LINES: Final = ("@cache", "@lru_cache", "__slots__", "@overload", "if TYPE_CHECKING")
"""Lines on which a change alters speed or types only."""


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


# -- the changes ------------------------------------------------------------------------------------------------------


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
                yield Mutant(package=package, path=path, operator=name, occurrence=occurrence, line=line, column=column)


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


# -- the tests --------------------------------------------------------------------------------------------------------


class Copy:
    """A copy of the project in which one mutant at a time is tried."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / name)
        # Compared by hash: a change may leave a file's size and time, in seconds, as they were.
        compiled = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "src", "tests"]
        subprocess.run(compiled, cwd=folder, check=True)

    def tests_pass(self, package: str, timeout_s: float | None = None, output: IO[bytes] | int = DEVNULL) -> bool:
        """Runs the package's own tests until one fails. A run that takes too long has failed."""
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-p", "no:cacheprovider", *TESTS[package]]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        environment |= {"PYTHONPATH": str(self.folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        try:
            ended = subprocess.run(
                command,
                cwd=self.folder,
                env=environment,
                stdin=DEVNULL,
                stdout=output,
                stderr=output,
                timeout=timeout_s,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        return ended.returncode == 0

    def result(self, mutant: Mutant, timeout_s: float) -> Result:
        """Makes the change, runs the tests, and takes the change back."""
        path, began_s = self.folder / mutant.path, time.monotonic()
        source = path.read_text("utf-8")
        changed = mutant.changed(source)
        path.write_text(changed, "utf-8")
        try:
            noticed = not self.tests_pass(mutant.package, timeout_s)
        finally:
            path.write_text(source, "utf-8")
        return Result(
            mutant=mutant,
            noticed=noticed,
            difference=difference(source, changed),
            elapsed_s=time.monotonic() - began_s,
        )


def difference(before: str, after: str) -> str:
    """The lines that differ, with - and + before them."""
    compared = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return "\n".join(line for line in list(compared)[2:] if not line.startswith("@@"))


def timeouts_s(copy: Copy, packages: Sequence[str]) -> dict[str, float]:
    """How long the tests of each package may take; ends the program when they fail without any change."""
    found = {}
    for package in packages:
        began_s = time.monotonic()
        with tempfile.TemporaryFile() as output:
            if not copy.tests_pass(package, output=output):
                output.seek(0)
                sys.exit(f"{output.read().decode()}\nthe tests of {package} fail without any change")
        elapsed_s = time.monotonic() - began_s
        print(f"{package}: its tests take {elapsed_s:.1f} s", flush=True)
        found[package] = max(LEAST_TIMEOUT_S, TIMEOUT_FACTOR * elapsed_s)
    return found


def results(mutants: Sequence[Mutant], jobs: int) -> Iterator[Result]:
    """The results in the order of the mutants; as many at a time as there are jobs."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(jobs) as pool:
        copies = [Copy(Path(folder) / str(number)) for number in range(jobs)]
        limits_s = timeouts_s(copies[0], sorted({mutant.package for mutant in mutants}))
        idle: SimpleQueue[Copy] = SimpleQueue()
        for copy in copies:
            idle.put(copy)

        def result(mutant: Mutant) -> Result:
            copy = idle.get()
            try:
                return copy.result(mutant, limits_s[mutant.package])
            finally:
                idle.put(copy)

        yield from pool.map(result, mutants)


# -- the command ------------------------------------------------------------------------------------------------------


def summary(found: Sequence[Result]) -> str:
    """Survivors with their lines, then the share of each package and of all."""
    survivors = [result for result in found if not result.noticed]
    blocks = [
        f"{result.mutant.place}  {result.mutant.operator.removeprefix('core/')}\n{result.difference}"
        for result in sorted(survivors, key=lambda result: (str(result.mutant.path), result.mutant.line))
    ]
    total = Counter(result.mutant.package for result in found)
    noticed = Counter(result.mutant.package for result in found if result.noticed)
    rows = [f"{package:8} {noticed[package]:4} of {total[package]:4} noticed" for package in TESTS if total[package]]
    all_noticed = sum(noticed.values())
    rows.append(f"{'all':8} {all_noticed:4} of {len(found):4} noticed, {all_noticed / len(found):.1%}")
    return "\n\n".join(["SURVIVORS", *blocks, "\n".join(rows)] if blocks else ["\n".join(rows)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="the number of changes")
    parser.add_argument("--seed", type=int, default=0, help="chooses other changes")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="test runs at a time")
    parser.add_argument("--package", nargs="+", choices=TESTS, default=list(TESTS), help="only these packages")
    parser.add_argument("--at", metavar="FILE:LINE", help="every change on this line, in place of a random choice")
    options = parser.parse_args()
    mutants = at(options.at) if options.at else chosen(options.package, options.count, options.seed)
    if not mutants:
        sys.exit("there is nothing to change")
    found = []
    for result in results(mutants, options.jobs):
        found.append(result)
        state = "noticed " if result.noticed else "SURVIVED"
        print(f"{len(found):4} {state} {result.elapsed_s:5.1f} s  {result.mutant.place}", flush=True)
    print(f"\n{summary(found)}")
    return 0 if sum(result.noticed for result in found) >= LEAST_SHARE * len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
