"""One run of our own suites without pytest: the same requests, engine and session, and no collection of tests.

Each of our tests waits for its own exchange and has it judged, and nothing else. So pytest adds only time to a run.
A suite of the user and snapshots need pytest.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from types import FrameType
from typing import Any, Final

from rich.console import Console

from messages_conformance.configuration import ConfigurationError
from messages_conformance.engine import EngineError
from messages_conformance.exchange import Ask
from messages_conformance.garbage import search_rarely
from messages_conformance.generate import Dialogue, GeneratedSet
from messages_conformance.internal_errors import described
from messages_conformance.masking import masked
from messages_conformance.options import OPTIONS
from messages_conformance.plugin import ending_signals
from messages_conformance.plugin.pytest_options import hidden_settings, run_options, settings
from messages_conformance.report.text import sentence
from messages_conformance.run import CostPlan, Options, Run, UsageError
from messages_conformance.run.scope import unknown_situations
from messages_conformance.suite_process import WRONG_USAGE
from messages_conformance.suite_process.suite_requests import requests_by_suite, suite_requests

PLAN: Final = "--plan"
REHEARSED: Final = "reference:transport=memory"


def judge(arguments: Sequence[str]) -> int:
    """Runs our suites with these options of a run, or prints their plan; returns the exit code."""
    logging.getLogger().addHandler(logging.NullHandler())  # as under pytest: libraries print nothing
    try:
        options = run_options(_parsed([word for word in arguments if word != PLAN]))
        return _planned(options) if PLAN in arguments else _judged(Run(options))
    except (ConfigurationError, UsageError) as error:
        print(f"ERROR: {sentence(masked(str(error)))}\n", file=sys.stderr)
        return WRONG_USAGE


def rehearse(folder: str) -> None:
    """Makes a smoke run of the reference endpoint in memory, with a report, and prints nothing."""
    run = Run(Options(target=REHEARSED, depth="smoke", report=folder), out=Console(file=io.StringIO()))
    try:
        _judge_all(run, _wanted(run))
        run.finish()
    finally:
        run.close()
    _parser()


@cache
def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for option in OPTIONS:
        if option.belongs_to == "run":
            parser.add_argument(option.flag, **settings(option))
            for alias in option.aliases:
                parser.add_argument(f"--{alias}", **hidden_settings(option))
    return parser


def _parsed(arguments: Sequence[str]) -> dict[str, Any]:
    found = vars(_parser().parse_args(list(arguments)))
    return {option.name: found.get(option.destination) for option in OPTIONS}


def _planned(options: Options) -> int:
    plan = CostPlan(options)
    _unblock_signals()
    plan.show(_wanted(plan))
    return 0


def _wanted(run: Run | CostPlan) -> Mapping[str, list[Any]]:
    """What the suites want to be sent in this run, by suite."""
    suites = {name: [asked for asked in suite if run.wants(asked)] for name, suite in requests_by_suite().items()}
    if not any(suites.values()) and (wrong := unknown_situations(run.options.situation, suite_requests())):
        raise UsageError(f"--situation: {wrong}")
    return {name: asked for name, asked in suites.items() if asked}


def _judged(run: Run) -> int:
    with _ended_by_signals(run), contextlib.closing(run):
        suites = _wanted(run)
        search_rarely()
        try:
            _judge_all(run, suites)
        except KeyboardInterrupt:
            run.end_early("the run was interrupted")
        return run.finish()


def _judge_all(run: Run, suites: Mapping[str, Sequence[Any]]) -> None:
    planned = [asked for suite in suites.values() for asked in suite]
    if not planned:
        return
    run.begin(
        [asked for asked in planned if isinstance(asked, Ask)],
        [asked for asked in planned if isinstance(asked, Dialogue)],
        [asked for asked in planned if isinstance(asked, GeneratedSet)],
        suites=suites,
    )
    for done, asked in enumerate(planned):
        if run.limit_is_reached or run.is_interrupted:
            run.end_early(f"the tests ended early: {done:,} of {len(planned):,} ran")
            return
        try:
            run.judged(run.exchanges(asked))
        except EngineError:
            pass  # our own error, which the run has noted
        except Exception as error:
            run.harness_errors.append(described(error))


@contextlib.contextmanager
def _ended_by_signals(run: Run) -> Iterator[None]:
    """Ends the run early, with a report, at Ctrl-C, SIGTERM or SIGHUP."""

    def end(number: int, frame: FrameType | None) -> None:
        run.interrupt()

    before = {number: signal.signal(number, end) for number in ending_signals()}
    _unblock_signals()
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _unblock_signals() -> None:
    """The command line starts this process with blocked signals: none is lost before its handler exists."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ending_signals())
