"""Runs of the suites without pytest in between: the same asks, engine, judge and report, many times in one process."""

import importlib.util
import io
from dataclasses import dataclass
from functools import cache
from typing import Any

from rich.console import Console

from messages_conformance import resources
from messages_conformance.report import Report
from messages_conformance.run import Options, Run

MODEL = "anthropic/claude-opus-4-5"
TIMEOUT_S = 3.0
"""Patience with faults that fall silent; a correct answer of the reference endpoint takes milliseconds."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run came to, in a form that crosses processes."""

    exit_code: int
    tripped: frozenset[str]
    outcomes: dict[str, str]
    reasons: dict[str, str]
    statement: str
    harness_errors: tuple[str, ...]


@cache
def asked() -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """(asks, dialogues): what every test of the suites is parametrised with."""
    found: dict[str, list[Any]] = {"exchange": [], "dialogue": []}
    for path in sorted(resources.path("suites").glob("test_*.py")):
        spec = importlib.util.spec_from_file_location(f"suite_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, function in vars(module).items():
            if name.startswith("test_"):
                for mark in function.pytestmark:
                    found[mark.args[0]] += mark.args[1]
    return tuple(found["exchange"]), tuple(found["dialogue"])


def run(target: str, profile: str, **options: Any) -> tuple[int, Report]:
    """(exit code, report) of a whole run against a target."""
    judged = Run(Options(target=target, profile=profile, **options), out=Console(file=io.StringIO()))
    try:
        asks = [ask for ask in asked()[0] if judged.wants(ask)]
        dialogues = [dialogue for dialogue in asked()[1] if judged.wants(dialogue)]
        judged.begin(asks, dialogues)
        for what in (*asks, *dialogues):
            judged.judged(judged.exchanges(what))
        exit_code = judged.finish()
        assert judged.result is not None
        return exit_code, judged.result
    finally:
        judged.close()


def tripped(report: Report) -> frozenset[str]:
    """The requirements that failed or warned."""
    return frozenset(verdict.requirement for verdict in report.verdicts if verdict.findings)


def outcome(target: str, profile: str) -> Outcome:
    """The outcome of a standard run."""
    exit_code, report = run(target, profile, model=MODEL, timeout_s=TIMEOUT_S)
    return Outcome(
        exit_code=exit_code,
        tripped=tripped(report),
        outcomes={verdict.requirement: verdict.outcome for verdict in report.verdicts},
        reasons={verdict.requirement: verdict.reason for verdict in report.verdicts},
        statement=report.statement.message if report.statement is not None else "",
        harness_errors=report.harness_errors,
    )
