"""`python -m messages_conformance.captures FILE... [--profile NAME]`: lists what rules find in a corpus of recordings.

Use it for traffic of a server that is known to be correct. Then each finding is a false alarm of a rule, or shows that
the recording was edited. It reads what the command `check` reads, and judges what was recorded together alone. Exit
code: 0 without a finding, 1 with one, 4 for wrong usage or a damaged file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from messages_conformance import contract
from messages_conformance.captures import CaptureError, Reading, problems, read_all, shortfall
from messages_conformance.contract import ContractError, Profile
from messages_conformance.exchange import Exchange
from messages_conformance.garbage import search_rarely
from messages_conformance.report import StandardOutput
from messages_conformance.report.text import counted, inline
from messages_conformance.rules import CATALOGUE, Finding, Judge

EXAMPLES: Final = 5
"""At most this many captures are named for each requirement."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """One finding in what was recorded together; `exchange` counts from 1 within it."""

    capture: str
    finding: Finding


def findings(exchanges: Sequence[Exchange], profile: Profile) -> Iterator[Finding]:
    """Yields every finding in exchanges that were recorded together."""
    judge = Judge(profile)
    for number, exchange in enumerate(exchanges, start=1):
        judge.add(replace(exchange, number=number))
    for verdict in judge.verdicts():
        yield from verdict.findings


def main(arguments: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m messages_conformance.captures", allow_abbrev=False)
    parser.add_argument("files", nargs="+", metavar="FILE", help="recordings of any format that `check` reads")
    parser.add_argument("--profile", default="anthropic-2023-06-01", help="a built-in profile or a TOML file")
    parsed = parser.parse_args(arguments)
    reading = Reading()
    try:
        profile = contract.profile(parsed.profile)
        captures = _captures(parsed.files, reading)
        found = [Found(capture=name, finding=one) for name in captures for one in findings(captures[name], profile)]
    except (CaptureError, ContractError) as error:
        print(inline(str(error)), file=sys.stderr)
        return 4
    out = StandardOutput()  # a closed pipe must not change the exit code
    out.write("".join(f"{line}\n" for line in _lines(captures, reading, found)))
    out.flush()
    return 1 if found else 0


def _captures(files: Sequence[str], reading: Reading) -> dict[str, list[Exchange]]:
    captures: dict[str, list[Exchange]] = {}
    for exchange in read_all(files, reading=reading):
        captures.setdefault(exchange.capture, []).append(exchange)
    if problems(reading):
        raise CaptureError(problems(reading))
    if shortfall(reading):
        raise CaptureError(f"{', '.join(files)}: {shortfall(reading)}")
    return captures


def _lines(captures: dict[str, list[Exchange]], reading: Reading, found: list[Found]) -> Iterator[str]:
    skipped = sum(reading.skipped.values())
    others = f" ({skipped:,} more are not judged)" if skipped else ""
    exchanges, groups = counted(reading.exchanges, "exchange"), counted(len(captures), "capture")
    yield f"{exchanges} in {groups}{others}; {counted(len(found), 'finding')}"
    by_requirement: dict[str, list[Found]] = {}
    for one in found:
        by_requirement.setdefault(one.finding.requirement, []).append(one)
    for name, group in sorted(by_requirement.items(), key=lambda item: (-len(item[1]), item[0])):
        yield f"{CATALOGUE[name].level} {name}: {len(group):,}"
        yield from (f"    {line}" for line in _examples(group))


def _examples(group: list[Found]) -> Iterator[str]:
    """Names the first finding of each of the first captures."""
    first = {one.capture: one for one in reversed(group)}
    for one in sorted(first.values(), key=lambda one: one.capture)[:EXAMPLES]:
        found, place, wanted = (
            inline(str(text)) for text in (one.finding.found, one.finding.place, one.finding.wanted)
        )
        yield f"{inline(one.capture)}, exchange {one.finding.exchange}: {found} ({place}); wanted {wanted}"
    if len(first) > EXAMPLES:
        yield f"and in {len(first) - EXAMPLES:,} more captures"


if __name__ == "__main__":
    search_rarely()
    sys.exit(main())
