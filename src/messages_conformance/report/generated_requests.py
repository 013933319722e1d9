"""The commands that ask only one thing again, and what a generated request is in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from messages_conformance.exchange import Exchange, Origin, header_placeholder
from messages_conformance.report.reproduction import quoted
from messages_conformance.report.run_info import RunInfo
from messages_conformance.rules.catalogue import CATALOGUE, RUN
from messages_conformance.rules.verdict import Finding

DEFAULT_DEPTH = "standard"
DEFAULT_KEY_VARIABLE = "MESSAGES_API_KEY"


def describe_generated(exchange: Exchange) -> str:
    """A generated request in words; empty for a request of a suite."""
    origin = exchange.origin
    if origin is None:
        return ""
    what = "request with one mistake" if origin.near_miss else "valid request"
    wrong = f": {origin.reason}, at {origin.pointer or 'the whole body'}" if origin.near_miss else ""
    shrunk = ", reduced to the smallest request that still shows this" if origin.shrunk else ""
    seen = "; seen once: the same request, sent again, did not show it" if exchange.intermittent else ""
    return f"a generated {what} (number {origin.number} of seed {origin.seed}){wrong}{shrunk}{seen}"


def repeat_command(run: RunInfo, exchange: Exchange) -> str:
    """The command that generates and sends only this request again; empty for a request of a suite."""
    origin = exchange.origin
    return "" if origin is None else f"{_run_command(run)} --generate {origin.name}"


def only_command(run: RunInfo, finding: Finding, situations: Sequence[str] = ()) -> str:
    """The command that judges only this requirement; with a situation, it sends only the requests of the situation."""
    requirement = finding.requirement
    row = CATALOGUE.get(requirement)
    over_run = row is not None and row.over == RUN  # compares several requests
    globs = [finding.ask_again] if finding.ask_again else [] if over_run else [*map(escape_glob, situations[:1])]
    words = [_run_command(run), f"--only {quoted(requirement)}"]
    words += [f"--depth {run.depth}"] if run.depth != DEFAULT_DEPTH else []
    words += [f"--situation {quoted(glob)}" for glob in globs]
    return " ".join(words)


def _run_command(run: RunInfo) -> str:
    words = ["messages-conformance run", quoted(run.target), f"--profile {quoted(run.profile)}"]
    words += [f"--model {quoted(run.model)}"] if run.model else []
    words += [f"--api-key-env {quoted(run.key_variable)}"] if run.key_variable != DEFAULT_KEY_VARIABLE else []
    words += [f'--header "{name}: {header_placeholder(name)}"' for name in run.headers]
    words += map(quoted, run.connection)
    words += [f"--suite {quoted(suite)}" for suite in run.suites]
    return " ".join(words)


def escape_glob(name: str) -> str:
    """A glob that matches only this name."""
    return re.sub(r"([*?\[])", r"[\1]", name)


def origin_record(origin: Origin) -> dict[str, Any]:
    """The origin of a generated request as report.json has it."""
    return {
        "name": origin.name,
        "seed": origin.seed,
        "number": origin.number,
        "pointer": origin.pointer,
        "reason": origin.reason,
        "shrunk": origin.shrunk,
    }
