"""The pytest plugin: options, fixtures, and the hooks that make one run out of one pytest session.

pytest loads it in every session of its environment, so it does nothing by default: without --target on the command
line, and without the ini value `messages_conformance`, it adds no option, imports nothing heavy and changes nothing.
--target is ours unless another plugin or a conftest.py of the project has an option of this name.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Generator
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import pytest

from messages_conformance.options import DEPTHS, OPTIONS
from messages_conformance.plugin.fixtures import (
    PARAMETERS,
    RUN,
    Subject,
    Violation,
    ask,
    asked_by,
    asks_target,
    dialogue,
    exchange,
    generated,
    judge,
    judged_transport,
    require_target,
    run_of,
    same_shape,
    stream,
    target,
)
from messages_conformance.plugin.pytest_options import hidden_settings, run_options, settings

if TYPE_CHECKING:
    from messages_conformance.run import CostPlan, Options, Run

__all__ = [
    "PARAMETERS",
    "SHAPES",
    "VERDICT",
    "Subject",
    "Violation",
    "ask",
    "dialogue",
    "exchange",
    "generated",
    "judge",
    "judged_transport",
    "same_shape",
    "stream",
    "target",
]

INI: Final = "messages_conformance"
TARGET: Final = "--target"
PLAN: Final[pytest.StashKey[CostPlan]] = pytest.StashKey()
VERDICT: Final[pytest.StashKey[int]] = pytest.StashKey()
"""The exit code of a run or a plan that has finished; absent otherwise."""

_FINISHED: Final[pytest.StashKey[set[str]]] = pytest.StashKey()
"""The ids of the tests that have ended, in any way."""

_OPTIONS_ADDED: Final[pytest.StashKey[bool]] = pytest.StashKey()
_HANDLERS: Final[pytest.StashKey[dict[int, Any]]] = pytest.StashKey()

ONE_PROCESS: Final = (
    "-n: a run has one plan and one budget, so it needs one process; its requests are sent concurrently: leave -n out, "
    "or write -n0, and use --concurrency"
)

SHAPES: Final = "same_shape"
"""The fixture of tests that run only with --snapshots."""


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    parser.addini(
        INI,
        "these tests ask a target: add the options of messages-conformance",
        type="bool",
        default=False,
    )
    config = pluginmanager.get_plugin("pytestconfig")
    # A conftest that names this module loads it after the hook below was called. The ini file is known by then.
    if config is not None and getattr(config, "inipath", None) is not None and config.getini(INI):
        _add_options(config, parser)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Generator[None, object, object]:
    if early_config.getini(INI):
        _add_options(early_config, parser)
    result = yield  # now the options of other plugins and of conftest.py files are known
    if any(word == TARGET or word.startswith(f"{TARGET}=") for word in args) and _is_free(parser, TARGET):
        _add_options(early_config, parser)
    return result


def _add_options(config: pytest.Config, parser: pytest.Parser) -> None:
    if config.stash.get(_OPTIONS_ADDED, False):
        return
    config.stash[_OPTIONS_ADDED] = True
    group = parser.getgroup("messages-conformance", "conformance of a Messages API endpoint")
    for option in OPTIONS:
        # An option of another plugin with the same name keeps its meaning.
        if option.belongs_to == "run" and _is_free(parser, option.flag):
            group.addoption(option.flag, **settings(option))
            for alias in option.aliases:
                group.addoption(f"--{alias}", **hidden_settings(option))
    if _is_free(parser, "--plan"):
        group.addoption("--plan", action="store_true", help="show what a run would send and cost; send nothing")


def _is_free(parser: pytest.Parser, name: str) -> bool:
    try:
        _, unknown = parser.parse_known_and_unknown_args([f"{name}=1"])
    except pytest.UsageError:
        return False  # another plugin has it, as an option of another kind
    return bool(unknown)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    config.stash[_FINISHED] = set()
    if not config.stash.get(_OPTIONS_ADDED, False) or config.option.collectonly or config.option.help:
        return
    if getattr(config.option, "numprocesses", None) or hasattr(config, "workerinput"):
        raise pytest.UsageError(ONE_PROCESS)
    from messages_conformance.run import CostPlan, Run, UsageError

    options = _options(config)
    if options.snapshots is not None:
        _prepare_snapshots(config)
    try:
        if config.getoption("plan", default=False) is True:
            config.stash[PLAN] = CostPlan(options)
        else:
            config.stash[RUN] = run = Run(options)
            config.pluginmanager.register(_InternalErrors(run))
    except UsageError as error:
        raise _usage_error(error) from error


def _usage_error(error: Exception) -> pytest.UsageError:
    """Returns the message of an error as wrong usage, without secrets and without control characters."""
    from messages_conformance.masking import masked
    from messages_conformance.report.text import sentence

    return pytest.UsageError(sentence(masked(str(error))))


def _prepare_snapshots(config: pytest.Config) -> None:
    if not config.pluginmanager.hasplugin("syrupy"):
        raise pytest.UsageError("--snapshots needs the pytest plugin syrupy: add -p syrupy")
    # Another profile or selection sends other requests, so a snapshot that this run does not use is not obsolete.
    config.option.disable_unused_snapshots = config.option.no_cleanup = True


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    run = run_of(session.config)
    if run is not None:

        def end(number: int, frame: FrameType | None) -> None:
            session.shouldstop = "interrupted"
            run.interrupt()

        # Ctrl-C and a cancelled CI job end a run the same way: only while nothing is half judged or half written.
        with contextlib.suppress(ValueError):  # not in the main thread
            handlers: dict[int, Any] = {number: signal.signal(number, end) for number in ending_signals()}
            session.config.stash[_HANDLERS] = handlers
    if hasattr(signal, "pthread_sigmask") and (run is not None or PLAN in session.config.stash):
        # The command line starts this process with blocked signals: none is lost before this handler exists.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ending_signals())


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    run = run_of(collector.config)
    if run is None or not isinstance(collector, pytest.File) or _is_own(collector.path):
        return (yield)
    try:
        with run.of_user():
            return (yield)
    except (SystemExit, _endless()) as error:
        raise _usage_error(_broken(error, collector.path)) from error


def _endless() -> type[BaseException]:
    from messages_conformance.run import EndlessTestError

    return EndlessTestError


@pytest.hookimpl(tryfirst=True)
def pytest_exception_interact(node: pytest.Item | pytest.Collector, call: pytest.CallInfo[Any]) -> None:
    """Refuses a suite of the user that cannot be imported, before anything is sent."""
    run = run_of(node.config)
    if run is not None and isinstance(node, pytest.Collector) and call.excinfo is not None and not _is_own(node.path):
        raise _usage_error(_broken(call.excinfo.value, node.path))


def _broken(error: BaseException, path: Path) -> Exception:
    from messages_conformance.broken_suites import place_of

    return ValueError(f"--suite: {place_of(error, path)}; nothing was sent")


class _InternalErrors:
    """Keeps an error that ends pytest for the report of the run, which has one line about it and no traceback."""

    def __init__(self, run: Run) -> None:
        self._run = run

    def pytest_internalerror(self, excinfo: pytest.ExceptionInfo[BaseException]) -> bool:
        from messages_conformance.internal_errors import described

        self._run.harness_errors.append(described(excinfo.value))
        return True


def pytest_unconfigure(config: pytest.Config) -> None:
    for number, handler in config.stash.get(_HANDLERS, {}).items():
        signal.signal(number, handler)


def ending_signals() -> tuple[signal.Signals, ...]:
    """The signals that end a run. SIGHUP is left out where it is ignored, as under nohup."""
    found = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    return tuple(one for one in found if one.name != "SIGHUP" or signal.getsignal(one) != signal.SIG_IGN)


def _options(config: pytest.Config) -> Options:
    """Returns the options from the command line, the environment and the nearest file."""
    from messages_conformance import configuration

    values = {option.name: config.getoption(option.destination, default=None) for option in OPTIONS}
    if getattr(config.option, "verbose", 0) < 0:
        values["quiet"] = True
    try:
        return replace(run_options(values), suites=_user_suites(config))
    except configuration.ConfigurationError as error:
        raise _usage_error(error) from error


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if run_of(pyfuncitem.config) is None or not asks_target(pyfuncitem):
        return None
    from messages_conformance.plugin.async_tests import run_async

    return run_async(pyfuncitem) or None


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    if argname not in PARAMETERS:
        return None
    name = getattr(val, "situation", None) or getattr(val, "name", None)
    return name if isinstance(name, str) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    run = config.stash.get(PLAN, None) or run_of(config)
    if run is None:
        return
    kept = [item for item in items if _is_wanted(item, run)]
    _check_situations(run, items, kept)
    dropped = [item for item in items if item not in kept]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        _name_left_out(dropped, run)
    items[:] = kept


def _check_situations(run: Run | CostPlan, items: list[pytest.Item], kept: list[pytest.Item]) -> None:
    """Refuses a --situation that is the name of no request of the suites."""
    if not run.options.situation or any(asked_by(item) is not None for item in kept):
        return
    from messages_conformance.run.scope import unknown_situations

    asked = [what for item in items if (what := asked_by(item)) is not None]
    if wrong := unknown_situations(run.options.situation, asked):
        raise pytest.UsageError(f"--situation: {wrong}")


def _name_left_out(dropped: list[pytest.Item], run: Run | CostPlan) -> None:
    """Says how many tests of the user this depth leaves out: a green run without them would be misread."""
    from messages_conformance import report
    from messages_conformance.report.text import counted

    depths = [asked.depth for item in dropped if not _is_own(item.path) and (asked := asked_by(item)) is not None]
    deeper = [depth for depth in depths if DEPTHS.index(depth) > DEPTHS.index(run.options.depth)]
    if deeper:
        needed = max(deeper, key=DEPTHS.index)
        text = (
            f"--depth {run.options.depth} leaves out {counted(len(deeper), 'test')} of your suite; "
            f"--depth {needed} runs them, or give their requests depth={run.options.depth!r}"
        )
        report.note(run.out, text)


def _is_wanted(item: pytest.Item, run: Run | CostPlan) -> bool:
    if SHAPES in getattr(item, "fixturenames", ()) and run.options.snapshots is None:
        return False
    asked = asked_by(item)
    return asked is None or run.wants(asked)


def _by_suite(items: list[pytest.Item]) -> dict[str, list[Any]]:
    """Returns what the tests of each file want to be sent, by the name of the file."""
    suites: dict[str, list[Any]] = {}
    for item in items:
        asked = asked_by(item)
        suites.setdefault(item.path.stem.removeprefix("test_"), []).extend([] if asked is None else [asked])
    return suites


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool | None:
    """Sends the requests of the tests, once all files are collected without an error."""
    planned = session.config.stash.get(PLAN, None)
    if planned is not None:
        planned.show(_by_suite(session.items))
        session.items.clear()
        return True
    run = run_of(session.config)
    if run is None:
        require_target(session)
    elif session.items and not session.testsfailed:
        _begin(session, run)
    return None


def _begin(session: pytest.Session, run: Run) -> None:
    from messages_conformance.generate import Dialogue, GeneratedSet
    from messages_conformance.run import UsageError

    asked = [what for item in session.items if (what := asked_by(item)) is not None]
    try:
        run.begin(
            [what for what in asked if not isinstance(what, Dialogue | GeneratedSet)],
            [what for what in asked if isinstance(what, Dialogue)],
            [what for what in asked if isinstance(what, GeneratedSet)],
            suites=_by_suite(session.items),
        )
    except UsageError as error:
        run.close()
        del session.config.stash[RUN]
        raise _usage_error(error) from error


@cache
def _user_suites(config: pytest.Config) -> tuple[str, ...]:
    """The files and folders of the user's tests, as the command names them."""
    paths = [word.partition("::")[0] for word in config.args]
    return tuple(os.path.relpath(path) for path in dict.fromkeys(paths) if not _is_own(Path(path)))


def _is_own(path: Path) -> bool:
    """Whether a file is one of our suites, or a folder of them."""
    from messages_conformance import resources

    suites = resources.path("suites").resolve()
    return path.resolve() == suites or suites in path.resolve().parents


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    run = run_of(item.config)
    if run is None:
        return (yield)
    with contextlib.nullcontext() if _is_own(item.path) else run.of_user():
        result = yield
    item.config.stash[_FINISHED].add(item.nodeid)
    if run.limit_is_reached:
        item.session.shouldstop = "--max-failures"
    return result


def _make_harmless(report: pytest.TestReport) -> None:
    """Masks secrets, and disarms commands of CI systems, in the traceback and output of a test, which pytest prints."""
    from messages_conformance.ci_commands import disarmed
    from messages_conformance.masking import masked

    shown = str(report.longrepr)
    harmless = disarmed(masked(shown))
    if report.longrepr is not None and harmless != shown:
        report.longrepr = harmless
    report.sections = [(title, disarmed(masked(text))) for title, text in report.sections]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    run = run_of(item.config)
    if run is None:
        return report
    _make_harmless(report)
    if call.excinfo is not None and not call.excinfo.errisinstance((Violation, pytest.skip.Exception)):
        from messages_conformance.engine import EngineError

        if call.excinfo.errisinstance(AssertionError) and not _is_own(item.path):
            run.failed_test(item.name, str(call.excinfo.value) or "an assertion does not hold")
        elif not call.excinfo.errisinstance(EngineError):  # the run has noted those
            run.harness_errors.append(f"{item.name}: {call.excinfo.exconly()}")
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, str] | None:
    # With -q the verdict is the only output, without the letters that pytest prints.
    if run_of(config) is None or config.option.verbose >= 0:
        return None
    return report.outcome if report.when == "call" or report.skipped else "", "", ""


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if PLAN in session.config.stash and exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = session.config.stash[VERDICT] = pytest.ExitCode.OK
    run = run_of(session.config)
    if run is None:
        return
    del session.config.stash[RUN]
    if exitstatus == pytest.ExitCode.USAGE_ERROR:
        run.close()
        return
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        run.interrupt()
    ran, wanted = len(session.config.stash[_FINISHED]), len(session.items)
    if ran < wanted:
        run.end_early(f"the tests ended early: {ran:,} of {wanted:,} ran")
    session.exitstatus = session.config.stash[VERDICT] = run.finish()
