"""Changes the code at random places, and lists the changes that no test of the package notices.

    mutants.py [--count 200] [--seed 0] [--package NAME ...] [--at FILE:LINE] [--recorded FOLDER]

cosmic-ray makes the changes, such as `and` for `or`, `<=` for `<`, or 4 for 3. Each one is made in a copy of the
project, where those tests of the package run that execute the changed line, until one fails. The same seed chooses the
same changes as long as the code is the same. The exit code is 1 when fewer than 90 % of the changes are noticed.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from subprocess import DEVNULL
from typing import IO, Final

from mutant_tests import Recorded, Trial
from mutant_trials import NOTICED, UNFIT, WAITING
from mutations import ROOT, SOURCE, TESTS, Mutant, Result, at, chosen, result_of

LEAST_SHARE: Final = 0.9
"""The share of changes that tests have to notice (origin: our own aim)."""

# -- the tests --------------------------------------------------------------------------------------------------------


class Copy:
    """A copy of the project in which the changes are tried."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._cases = folder / "project", folder / "cases"
        self._cases.mkdir()
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.folder / name)
        # Compared by hash: a change may leave a file's size and time, in seconds, as they were.
        compiled = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "checked-hash", "src", "tests"]
        subprocess.run(compiled, cwd=self.folder, check=True)

    def recorded(self, package: str) -> Recorded:
        """Runs the tests of a package once; ends the program when they fail without any change."""
        data, seconds = self._cases / f"{package}.coverage", self._cases / f"{package}.json"
        source = self.folder / SOURCE / package
        measured = f"--source={source}" if source.is_dir() else f"--include={source.with_suffix('.py')}"
        with tempfile.TemporaryFile() as output:
            before = ("coverage", "run", f"--data-file={data}", measured, "-m")
            if not self._passes(TESTS[package], before=before, output=output, MUTANT_RECORD=str(seconds)):
                output.seek(0)
                sys.exit(f"{output.read().decode()}\nthe tests of {package} fail without any change")
        return Recorded.read(data, seconds, self.folder)

    def tried_in_forks(self, package: str, trials: Sequence[Trial]) -> Iterator[tuple[Trial, int, float]]:
        """Yields each change inside functions with how its fork ended and the seconds."""
        rows = []
        for number, trial in enumerate(trials):
            after = self._cases / f"{package}{number}.py"
            after.write_text(trial.mutant.changed((ROOT / trial.mutant.path).read_text("utf-8")), "utf-8")
            path = str(self.folder / trial.mutant.path)
            rows.append({"number": number, "path": path, "before": path, "after": str(after), "tests": trial.tests})
            rows[-1]["timeout_s"] = trial.timeout_s
        jobs, results = self._cases / f"{package}-jobs.json", self._cases / f"{package}-results.jsonl"
        results.touch()
        given = {"source": str(self.folder / "src"), "results": str(results), "jobs": rows}
        jobs.write_text(json.dumps(given), "utf-8")
        self._passes(TESTS[package], MUTANT_JOBS=str(jobs))
        ended = {number: (how, elapsed_s) for number, how, elapsed_s in map(json.loads, results.open(encoding="utf-8"))}
        for number, trial in enumerate(trials):
            yield trial, *ended.get(number, (UNFIT, 0.0))

    def tried_alone(self, trial: Trial) -> Result:
        """Makes the change in the file, runs the tests in a process of their own, and takes the change back."""
        mutant, began_s = trial.mutant, time.monotonic()
        path = self.folder / mutant.path
        source = path.read_text("utf-8")
        order = self._cases / "order.json"
        order.write_text(json.dumps(trial.tests), "utf-8")
        files = sorted({name.partition("::")[0] for name in trial.tests})
        path.write_text(mutant.changed(source), "utf-8")
        try:
            limit_s = WAITING * trial.timeout_s
            noticed = not self._passes(files, timeout_s=limit_s, MUTANT_ORDER=str(order))
        finally:
            path.write_text(source, "utf-8")
        return result_of(mutant, noticed, time.monotonic() - began_s)

    def _passes(
        self,
        tests: Sequence[str],
        *,
        before: Sequence[str] = (),
        timeout_s: float | None = None,
        output: IO[bytes] | int = DEVNULL,
        **variables: str,
    ) -> bool:
        """Runs tests until one fails. A run that takes too long has failed."""
        options = ("-q", "-x", "-n", "0", "-p", "no:cacheprovider", "-p", "mutant_trials")
        command = [sys.executable, "-m", *before, "pytest", *options, *tests]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
        path = os.pathsep.join(str(self.folder / name) for name in ("src", "benchmarks"))
        environment |= {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **variables}
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


def results(mutants: Sequence[Mutant], saved: Path | None) -> Iterator[Result]:
    """The results, by package; first of the changes that no test executes, then those in forks, then the others."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Copy(Path(folder))
        for package in sorted({mutant.package for mutant in mutants}):
            recorded = (Recorded.load(saved / f"{package}.json") if saved else None) or copy.recorded(package)
            if saved:
                recorded.save(saved / f"{package}.json")
            print(f"{package}: its tests take {sum(recorded.seconds.values()):.1f} s of CPU", flush=True)
            trials = [recorded.trial(mutant) for mutant in mutants if mutant.package == package]
            yield from (result_of(trial.mutant, False, 0.0) for trial in trials if not trial.tests)
            alone = [trial for trial in trials if trial.tests and not trial.in_fork]
            forked = [trial for trial in trials if trial.tests and trial.in_fork]
            for trial, ended, elapsed_s in copy.tried_in_forks(package, forked):
                if ended == UNFIT:
                    alone.append(trial)
                else:
                    yield result_of(trial.mutant, ended == NOTICED, elapsed_s)
            yield from map(copy.tried_alone, alone)


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
    parser.add_argument("--package", nargs="+", choices=TESTS, default=list(TESTS), help="only these packages")
    parser.add_argument("--at", metavar="FILE:LINE", help="every change on this line, in place of a random choice")
    parser.add_argument("--recorded", type=Path, metavar="FOLDER", help="keeps there which test executes which line")
    options = parser.parse_args()
    mutants = at(options.at) if options.at else chosen(options.package, options.count, options.seed)
    if not mutants:
        sys.exit("there is nothing to change")
    found = []
    for result in results(mutants, options.recorded):
        found.append(result)
        state = "noticed " if result.noticed else "SURVIVED"
        print(f"{len(found):4} {state} {result.elapsed_s:5.1f} s  {result.mutant.place}", flush=True)
    print(f"\n{summary(found)}")
    return 0 if sum(result.noticed for result in found) >= LEAST_SHARE * len(found) else 1


if __name__ == "__main__":
    sys.exit(main())
