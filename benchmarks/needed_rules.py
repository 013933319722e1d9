"""Takes each rule away in turn, and says which faults then pass: `needed_rules.py [--jobs N] [GLOB ...]`.

Every fault is run once, as `prove` does it; its recording is then judged again without one of the rules that tripped.
A rule that no fault trips would be missed by nobody: those are named last, and make the exit code 1.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from messages_conformance import contract
from messages_conformance.exchange import Exchange
from messages_conformance.proof import MODEL, Subject, run, subjects
from messages_conformance.proof.subjects import FAULT, NEVER_SHOWN
from messages_conformance.proof.trial import TIMEOUT_S, tripped
from messages_conformance.rules import CATALOGUE, Judge, matches

PASSES = "passes"
TOLD_IN_PART = "told in part"


def without(rule: str, subject: Subject, recording: Iterable[Exchange]) -> frozenset[str]:
    """What the judge finds in a recording when it does not know the rule."""
    judge = Judge(
        contract.profile(subject.profile), catalogue={name: row for name, row in CATALOGUE.items() if name != rule}
    )
    for exchange in recording:
        judge.add(exchange)
    return frozenset(verdict.requirement for verdict in judge.verdicts() if verdict.findings)


def survivals(subject: Subject, globs: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """(rule, fault, what becomes of it) for each rule that the fault trips."""
    _, report = run(subject.target, subject.profile, model=MODEL, timeout_s=TIMEOUT_S, depth=subject.depth)
    found = tripped(report)
    recording = [report.exchanges[number] for number in sorted(report.exchanges)]
    told = []
    for rule in sorted(found):
        if not globs or matches(rule, globs):
            left = without(rule, subject, recording)
            assert left == found - {rule}, f"{subject.name}: another rule depends on {rule}"
            told.append((rule, subject.name, TOLD_IN_PART if left else PASSES))
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("globs", nargs="*", metavar="GLOB", help="rules; all, when none is named")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    globs = tuple(options.globs)
    chosen = [
        one
        for one in subjects()
        if one.kind == FAULT and not one.statement and (not globs or any(matches(name, globs) for name in one.wanted))
    ]
    fates: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        for told in pool.map(survivals, chosen, [globs] * len(chosen)):
            for rule, fault, fate in told:
                fates[rule][fate].add(fault)
    rules = [name for name in CATALOGUE if not globs or matches(name, globs)]
    for rule in rules:
        said = "; ".join(f"{fate}: {', '.join(sorted(names))}" for fate, names in sorted(fates[rule].items()))
        print(f"{rule}: {said or NEVER_SHOWN.get(rule) or 'NOBODY NOTICES'}")
    unnoticed = [rule for rule in rules if not fates[rule] and rule not in NEVER_SHOWN]
    passing = sum(bool(fates[rule][PASSES]) for rule in rules)
    noticed = sum(bool(fates[rule]) for rule in rules)
    print(
        f"{len(rules)} rules. Without {passing} of them some fault passes unseen; without {noticed - passing} more "
        f"some fault is told in part, which tests/proof notices. {sum(rule in NEVER_SHOWN for rule in rules)} cannot "
        f"be shown. Nobody notices the lack of {', '.join(unnoticed) or 'none'}."
    )
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
