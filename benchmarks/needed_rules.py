"""Removes each rule in turn and shows which faults then pass: `needed_rules.py [--jobs N] [GLOB ...]`.

Each fault is run once, as by `prove`. Then its recording is judged again, each time without one of the rules that found
it. Rules that no fault violates are listed at the end; they make the exit code 1.
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
FOUND_IN_PART = "found in part"


def without(rule: str, subject: Subject, recording: Iterable[Exchange]) -> frozenset[str]:
    """The requirements that fail in a recording when the judge does not have the rule."""
    judge = Judge(
        contract.profile(subject.profile), catalogue={name: row for name, row in CATALOGUE.items() if name != rule}
    )
    for exchange in recording:
        judge.add(exchange)
    return frozenset(verdict.requirement for verdict in judge.verdicts() if verdict.findings)


def effects(subject: Subject, globs: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """(rule, fault, effect of removing the rule) for each rule that finds the fault."""
    _, report = run(subject.target, subject.profile, model=MODEL, timeout_s=TIMEOUT_S, depth=subject.depth)
    found = tripped(report)
    recording = [report.exchanges[number] for number in sorted(report.exchanges)]
    found_effects = []
    for rule in sorted(found):
        if not globs or matches(rule, globs):
            left = without(rule, subject, recording)
            assert left == found - {rule}, f"{subject.name}: another rule depends on {rule}"
            found_effects.append((rule, subject.name, FOUND_IN_PART if left else PASSES))
    return found_effects


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("globs", nargs="*", metavar="GLOB", help="requirements; default: all")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    globs = tuple(options.globs)
    chosen = [
        one
        for one in subjects()
        if one.kind == FAULT and not one.statement and (not globs or any(matches(name, globs) for name in one.wanted))
    ]
    by_rule: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        for rows in pool.map(effects, chosen, [globs] * len(chosen)):
            for rule, fault, effect in rows:
                by_rule[rule][effect].add(fault)
    rules = [name for name in CATALOGUE if not globs or matches(name, globs)]
    for rule in rules:
        text = "; ".join(f"{effect}: {', '.join(sorted(names))}" for effect, names in sorted(by_rule[rule].items()))
        print(f"{rule}: {text or NEVER_SHOWN.get(rule) or 'NO FAULT NEEDS IT'}")
    unnoticed = [rule for rule in rules if not by_rule[rule] and rule not in NEVER_SHOWN]
    passing = sum(bool(by_rule[rule][PASSES]) for rule in rules)
    noticed = sum(bool(by_rule[rule]) for rule in rules)
    print(
        f"{len(rules)} rules. Without {passing} of them a fault passes. Without {noticed - passing} others a fault is "
        f"found only in part, which tests/proof report. {sum(rule in NEVER_SHOWN for rule in rules)} cannot be tested. "
        f"No fault needs: {', '.join(unnoticed) or 'none'}."
    )
    return 1 if unnoticed else 0


if __name__ == "__main__":
    sys.exit(main())
