"""Runs generated requests of many seeds against correct servers: each finding is a false alarm.

    python benchmarks/false_alarms.py [--seeds 20] [--first 0] [--depth standard] [--jobs 2] [NAME ...]

The generated requests of each seed are sent to every variant of the reference endpoint (or to those named), in every
profile that the variant conforms to. The script prints one line for each alarm and the count at the end. The exit code
is 1 when there was an alarm.
"""

from __future__ import annotations

import argparse
import io
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from rich.console import Console

from messages_conformance import contract
from messages_conformance.generate import GENERATED_SETS
from messages_conformance.proof import subjects
from messages_conformance.proof.subjects import VARIANT, Subject
from messages_conformance.proof.trial import MODEL, TIMEOUT_S
from messages_conformance.report import Report
from messages_conformance.run import Options, Run

Job = tuple[Subject, int, str]


def generated_report(subject: Subject, seed: int, depth: str) -> Report:
    """The report of a run that sends only the generated requests of a seed."""
    options = Options(
        target=subject.target, profile=subject.profile, model=MODEL, timeout_s=TIMEOUT_S, depth=depth, seed=seed
    )
    run = Run(options, out=Console(file=io.StringIO()))
    try:
        run.begin([], [], GENERATED_SETS)
        for generated_set in GENERATED_SETS:
            run.judged(run.exchanges(generated_set))
        run.finish()
    finally:
        run.close()
    assert run.result is not None
    return run.result


def alarms(job: Job) -> tuple[Job, int, list[str]]:
    """(job, number of requests sent, a line for each finding) of one run."""
    report = generated_report(*job)
    lines = [f"harness error: {error.strip().splitlines()[-1]}" for error in report.harness_errors]
    if report.statement is not None:
        lines.append(report.statement.message)
    for verdict in report.verdicts:
        if verdict.outcome == "error":
            lines.append(f"{verdict.requirement}: {verdict.reason.splitlines()[-1]}")
        for finding in verdict.findings:
            exchange = report.exchanges.get(finding.exchange)
            origin = exchange.origin if exchange is not None else None
            name = "no generated request" if origin is None else f"{origin.name} {origin.pointer or ''} {origin.reason}"
            lines.append(f"{verdict.requirement}: {finding.found[:120]}, wanted {finding.wanted[:60]} ({name})")
    return job, report.spent.requests, lines


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--depth", default="standard")
    parser.add_argument("--jobs", type=int, default=2)
    given = parser.parse_args()
    judged = [
        subject
        for subject in subjects()
        if subject.kind == VARIANT and not contract.profile(subject.profile).judges
        if not given.names or subject.name in given.names
    ]
    seeds = range(given.first, given.first + given.seeds)
    todo: list[Job] = [(subject, seed, given.depth) for seed in seeds for subject in judged]
    requests = found = 0
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        for (subject, seed, _), sent, lines in pool.map(alarms, todo, chunksize=4):
            requests += sent
            found += len(lines)
            for line in lines:
                print(f"{subject.name} {subject.profile} seed {seed}: {line}", flush=True)
    print(f"{len(judged)} correct servers, {given.seeds} seeds, {requests} requests, {found} false alarms")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
