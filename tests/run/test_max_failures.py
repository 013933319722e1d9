"""A run with a limit of failures ends soon after it, however fast the answers come."""

import io

from rich.console import Console

from messages_conformance.run import Options, Run
from messages_conformance.suite_process.own_suites import _judge_all, _wanted

MOST_REQUESTS = 120
"""Asking may run ahead of judging by 32 answers, some of them sent twice; a whole run has about 590 requests."""


def test_asking_runs_little_ahead_of_judging() -> None:
    options = Options(
        target="reference:omit_usage,transport=memory",
        profile="anthropic-2023-06-01",
        model="claude-opus-4-5",
        max_failures=1,
    )
    run = Run(options, out=Console(file=io.StringIO()))
    try:
        _judge_all(run, _wanted(run))
        run.finish()
    finally:
        run.close()
    assert run.result is not None
    assert run.result.statement is not None
    assert "--max-failures 1" in run.result.statement.message
    assert run.result.spent.requests < MOST_REQUESTS
