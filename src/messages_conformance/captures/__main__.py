"""`python -m messages_conformance.captures FILE... [--profile NAME]`: judges recorded pairs and lists the findings.

It is meant for a corpus of traffic of a server that is known to be correct: each finding is then a false alarm of a
rule, or a trace of editing in the recording. Exit code: 0 without a finding, 1 with one, 4 for wrong usage.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from messages_conformance import contract
from messages_conformance.captures import Capture, CaptureError, read_pairs
from messages_conformance.contract import ContractError, Profile
from messages_conformance.report import StandardOutput
from messages_conformance.report.text import inline
from messages_conformance.rules import CATALOGUE, Finding, Judge

EXAMPLES: Final = 5
"""So many captures are named for each requirement."""


def findings(captures: Iterable[Capture], profile: Profile) -> Iterator[tuple[Capture, Finding]]:
    """Yields every finding with its capture. Each capture is judged alone."""
    for capture in captures:
        judge = Judge(profile)
        for exchange in capture.exchanges:
            judge.add(exchange)
        for verdict in judge.verdicts():
            yield from ((capture, finding) for finding in verdict.findings)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m messages_conformance.captures", allow_abbrev=False)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="recorded pairs, one JSON object a line")
    parser.add_argument("--profile", default="anthropic-2023-06-01", help="a built-in profile or a TOML file")
    parsed = parser.parse_args(arguments)
    try:
        profile = contract.profile(parsed.profile)
        captures = [capture for file in parsed.files for capture in read_pairs(file)]
        found = list(findings(captures, profile))
    except (CaptureError, ContractError) as error:
        print(inline(str(error)), file=sys.stderr)
        return 4
    out = StandardOutput()  # a closed pipe must not change the exit code
    out.write("".join(f"{line}\n" for line in _lines(captures, found)))
    out.flush()
    return 1 if found else 0


def _lines(captures: list[Capture], found: list[tuple[Capture, Finding]]) -> Iterator[str]:
    exchanges = sum(len(capture.exchanges) for capture in captures)
    skipped = sum(capture.skipped for capture in captures)
    others = f" ({skipped:,} of other APIs are not judged)" if skipped else ""
    yield f"{exchanges:,} exchanges in {len(captures):,} captures{others}; {len(found):,} findings"
    by_requirement: dict[str, list[tuple[Capture, Finding]]] = {}
    for capture, finding in found:
        by_requirement.setdefault(finding.requirement, []).append((capture, finding))
    for name, pairs in sorted(by_requirement.items(), key=lambda item: (-len(item[1]), item[0])):
        yield f"{CATALOGUE[name].level} {name}: {len(pairs):,}"
        yield from (f"    {line}" for line in _examples(pairs))


def _examples(pairs: list[tuple[Capture, Finding]]) -> Iterator[str]:
    """Names the first capture of each repository, with what was found in it."""
    first: Mapping[str, tuple[Capture, Finding]] = {
        capture.origin.get("repo", capture.name): (capture, finding) for capture, finding in reversed(pairs)
    }
    for capture, finding in list(first.values())[:EXAMPLES]:
        where = f"{inline(capture.name)}, exchange {finding.exchange}"
        yield f"{where}: {inline(finding.found)} ({inline(str(finding.place))}); wanted {inline(finding.wanted)}"
    if len(first) > EXAMPLES:
        yield f"and in {len(first) - EXAMPLES:,} more sources"


if __name__ == "__main__":
    sys.exit(main())
