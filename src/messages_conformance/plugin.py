"""The pytest plugin: options, fixtures, and the hooks that make one run out of one pytest session.

pytest loads it in every session of its environment, so it does nothing by default: without the ini value
`messages_conformance` it adds no option, imports nothing heavy and changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, Final

import pytest

from messages_conformance.options import OPTIONS

if TYPE_CHECKING:
    from messages_conformance.exchange import Exchange
    from messages_conformance.httpx import JudgingTransport
    from messages_conformance.run import CostPlan, Options, Run

INI: Final = "messages_conformance"
RUN: Final[pytest.StashKey[Run]] = pytest.StashKey()
PLAN: Final[pytest.StashKey[CostPlan]] = pytest.StashKey()
_OPTIONS_ADDED: Final[pytest.StashKey[bool]] = pytest.StashKey()
_HANDLERS: Final[pytest.StashKey[dict[int, Any]]] = pytest.StashKey()
PARAMETERS: Final = ("exchange", "dialogue", "generated")
"""Fixtures whose parameter is an Ask, a Dialogue or a GeneratedSet: what the test wants to be sent."""

SHAPES: Final = "same_shape"
"""The fixture of tests that run only with --snapshots."""


class Violation(AssertionError):
    """The target violates MUST requirements; the message lists their ids."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a run judges: the value of the fixture `target`."""

    name: str
    model: str
    profile: str


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    parser.addini(
        INI,
        "these tests ask a target: add the options of messages-conformance",
        type="bool",
        default=False,
    )
    config = pluginmanager.get_plugin("pytestconfig")
    # A conftest that names this module loads it after the hook below was called. The ini file is known by then.
    if config is not None and getattr(config, "inipath", None) is not None:
        _add_options(config, parser)


def pytest_load_initial_conftests(early_config: pytest.Config, parser: pytest.Parser) -> None:
    _add_options(early_config, parser)


def _add_options(config: pytest.Config, parser: pytest.Parser) -> None:
    if config.stash.get(_OPTIONS_ADDED, False) or not config.getini(INI):
        return
    config.stash[_OPTIONS_ADDED] = True
    group = parser.getgroup("messages-conformance", "conformance of a Messages API endpoint")
    for option in OPTIONS:
        # An option of another plugin with the same name keeps its meaning.
        if option.belongs_to == "run" and _is_free(parser, option.flag):
            group.addoption(option.flag, **option.settings)
            for alias in option.aliases:
                group.addoption(f"--{alias}", **option.hidden_settings)
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
    if not config.getini(INI) or config.option.collectonly or config.option.help:
        return
    from messages_conformance.run import CostPlan, Run, UsageError

    options = _options(config)
    if options.snapshots is not None:
        _prepare_snapshots(config)
    try:
        if config.getoption("plan", default=False) is True:
            config.stash[PLAN] = CostPlan(options)
        else:
            config.stash[RUN] = Run(options)
    except UsageError as error:
        raise _usage_error(error) from error


def _usage_error(error: Exception) -> pytest.UsageError:
    """Returns the message of an error as wrong usage, without secrets."""
    from messages_conformance.masking import masked

    return pytest.UsageError(masked(str(error)))


def _prepare_snapshots(config: pytest.Config) -> None:
    if not config.pluginmanager.hasplugin("syrupy"):
        raise pytest.UsageError("--snapshots needs the pytest plugin syrupy: add -p syrupy")
    # Another profile or selection sends other requests, so a snapshot that this run does not use is not obsolete.
    config.option.disable_unused_snapshots = config.option.no_cleanup = True


@pytest.hookimpl(tryfirst=True)
def pytest_collection(session: pytest.Session) -> None:
    run = _run(session.config)
    if run is None:
        return

    def end(number: int, frame: FrameType | None) -> None:
        session.shouldstop = "interrupted"
        run.interrupt()

    # Ctrl-C and a cancelled CI job end a run the same way: only while nothing is half judged or half written.
    with contextlib.suppress(ValueError):  # not in the main thread
        handlers: dict[int, Any] = {number: signal.signal(number, end) for number in _signals()}
        session.config.stash[_HANDLERS] = handlers
        if hasattr(signal, "pthread_sigmask"):
            # The command line starts this process with blocked signals: none is lost before this handler exists.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _signals())


def pytest_unconfigure(config: pytest.Config) -> None:
    for number, handler in config.stash.get(_HANDLERS, {}).items():
        signal.signal(number, handler)


def _signals() -> tuple[signal.Signals, ...]:
    return signal.SIGINT, signal.SIGTERM


def _options(config: pytest.Config) -> Options:
    """Returns the options from the command line, the environment and the nearest file."""
    from messages_conformance import configuration
    from messages_conformance.run import Options

    values = {option.name: config.getoption(option.destination, default=None) for option in OPTIONS}
    given = {name: value for name, value in values.items() if value is not None}
    try:
        file = configuration.read(Path.cwd(), configuration.file_of(given, os.environ))
        found = configuration.settings(given, file, os.environ)
    except configuration.ConfigurationError as error:
        raise _usage_error(error) from error
    fields: dict[str, Any] = {"target": None}
    for option in OPTIONS:
        if option.name in found and option.belongs_to != "command line":
            value = found[option.name].value
            fields[option.destination] = tuple(value) if isinstance(value, list) else value
    fields.pop("config", None)
    return Options(**fields)


def _run(config: pytest.Config) -> Run | None:
    return config.stash.get(RUN, None)


def _asked(item: pytest.Item) -> Any:
    """Returns the Ask, Dialogue or GeneratedSet that a test is parametrised with; None for any other test."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return next((parameters[name] for name in PARAMETERS if name in parameters), None)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    if argname not in PARAMETERS:
        return None
    name = getattr(val, "situation", None) or getattr(val, "name", None)
    return name if isinstance(name, str) else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    run = config.stash.get(PLAN, None) or _run(config)
    if run is None:
        return
    kept = [item for item in items if _is_wanted(item, run)]
    dropped = [item for item in items if item not in kept]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
    items[:] = kept


def _is_wanted(item: pytest.Item, run: Run | CostPlan) -> bool:
    if SHAPES in getattr(item, "fixturenames", ()) and run.options.snapshots is None:
        return False
    asked = _asked(item)
    return asked is None or run.wants(asked)


def _by_suite(items: list[pytest.Item]) -> dict[str, list[Any]]:
    """Returns what the tests of each file want to be sent, by the name of the file."""
    suites: dict[str, list[Any]] = {}
    for item in items:
        asked = _asked(item)
        suites.setdefault(item.path.stem.removeprefix("test_"), []).extend([] if asked is None else [asked])
    return suites


def pytest_collection_finish(session: pytest.Session) -> None:
    planned = session.config.stash.get(PLAN, None)
    if planned is not None:
        planned.show(_by_suite(session.items))
        session.items.clear()
        return
    run = _run(session.config)
    if run is None or not session.items:
        return
    from messages_conformance.generate import Dialogue, GeneratedSet
    from messages_conformance.run import UsageError

    asked = [what for item in session.items if (what := _asked(item)) is not None]
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


@pytest.fixture
def exchange(request: pytest.FixtureRequest) -> Exchange:
    """The exchange of the Ask that the test is parametrised with. Earlier attempts at it are judged here."""
    run = _run(request.config)
    if run is None:
        pytest.skip("no target")
    attempts = run.exchanges(request.param)
    run.judged(attempts[:-1])
    return attempts[-1]


@pytest.fixture
def dialogue(request: pytest.FixtureRequest) -> tuple[Exchange, ...]:
    """The exchanges of the Dialogue that the test is parametrised with, in the order of its steps."""
    run = _run(request.config)
    if run is None:
        pytest.skip("no target")
    return run.exchanges(request.param)


@pytest.fixture
def generated(request: pytest.FixtureRequest) -> tuple[Exchange, ...]:
    """The exchanges of the GeneratedSet of the test, reproduced and minimised, ready to be judged."""
    run = _run(request.config)
    if run is None:
        pytest.skip("no target")
    return run.exchanges(request.param)


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Callable[..., None]:
    """A function that judges exchanges by every rule that applies; a violated MUST fails the test."""
    run = _run(request.config)
    if run is None:
        pytest.skip("no target")

    def judge(*exchanges: Exchange) -> None:
        __tracebackhide__ = True  # the finding names the place, not these lines

        found, rows = run.judged(exchanges), run.judge.catalogue
        violated = sorted({finding.requirement for finding in found if rows[finding.requirement].level == "MUST"})
        if violated:
            raise Violation(", ".join(violated))
        unanswered = [exchange.failure for exchange in exchanges if exchange.failure is not None]
        if unanswered:
            pytest.skip(unanswered[0].message)

    return judge


@pytest.fixture
def judged_transport(request: pytest.FixtureRequest) -> Generator[JudgingTransport]:
    """A transport for httpx and httpx2 clients; the test fails if the endpoint violates a MUST in what it receives.

    The profile is the option `profile` of the environment or of the configuration file.
    """
    from messages_conformance import configuration
    from messages_conformance.httpx import JudgingTransport, NotConformant
    from messages_conformance.live import DEFAULT_PROFILE

    found = configuration.settings({}, configuration.read(request.config.rootpath), os.environ)
    profile = found["profile"].value if "profile" in found else DEFAULT_PROFILE
    transport = JudgingTransport(profile=profile)
    yield transport
    try:
        transport.assert_conforms()
    except NotConformant as error:
        pytest.fail(str(error), pytrace=False)


@pytest.fixture
def same_shape(request: pytest.FixtureRequest) -> Callable[[Exchange], None]:
    """A function that compares the shape of an answer with the one in `--snapshots`; a difference fails the test."""
    from messages_conformance.shapes import shape
    from messages_conformance.shapes.snapshots import drifts_from_snapshot

    run = _run(request.config)
    assert run is not None  # the test is deselected otherwise
    snapshot = request.getfixturevalue("snapshot")

    def same_shape(exchange: Exchange) -> None:
        __tracebackhide__ = True
        if exchange.response is None:
            pytest.skip("no response")
        situation = _asked(request.node).situation
        drifted = drifts_from_snapshot(snapshot, situation, shape(situation, exchange.response))
        run.drifted(drifted)
        if drifted:
            raise Violation("; ".join(map(str, drifted)))

    return same_shape


@pytest.fixture
def ask(request: pytest.FixtureRequest) -> Callable[..., Exchange]:
    """A function that sends a request and waits: `ask("Hi", max_tokens=5)` as in `generate.ask`, or `ask(Ask)`.

    It is for your own tests whose requests depend on earlier answers. The limits of the run hold. The test is skipped
    when there is no response.
    """
    from messages_conformance.exchange import Ask
    from messages_conformance.generate import ask as built

    run = _run(request.config)
    if run is None:
        pytest.skip("no target")

    def ask(question: Any, **options: Any) -> Exchange:
        asked = question if isinstance(question, Ask) else built(request.node.name, question, **options)
        exchange = run.ask(asked)
        if exchange.failure is not None:
            pytest.skip(exchange.failure.message)
        return exchange

    return ask


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Subject:
    """What is judged: the name of the target, the model, and the profile."""
    run = _run(request.config)
    if run is None:
        pytest.skip("no target")
    return Subject(name=run.target.name, model=run.model, profile=run.profile.name)


def _is_ours(item: pytest.Item) -> bool:
    from messages_conformance import resources

    return resources.path("suites").resolve() in item.path.resolve().parents


def _mask(report: pytest.TestReport) -> None:
    """Masks secrets in the traceback and the output of a test, which pytest prints."""
    from messages_conformance.masking import known_secrets, masked

    if known_secrets():
        shown = str(report.longrepr)
        if report.longrepr is not None and masked(shown) != shown:
            report.longrepr = masked(shown)
        report.sections = [(title, masked(text)) for title, text in report.sections]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    run = _run(item.config)
    if run is None:
        return report
    _mask(report)
    if call.excinfo is not None and not call.excinfo.errisinstance((Violation, pytest.skip.Exception)):
        from messages_conformance.engine import EngineError

        if call.excinfo.errisinstance(AssertionError) and not _is_ours(item):
            run.failed_test(item.name, str(call.excinfo.value) or "an assertion does not hold")
        elif not call.excinfo.errisinstance(EngineError):  # the run has noted those
            run.harness_errors.append(f"{item.name}: {call.excinfo.exconly()}")
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_report_teststatus(report: pytest.TestReport, config: pytest.Config) -> tuple[str, str, str] | None:
    # With -q the verdict is the only output, without the letters that pytest prints.
    if _run(config) is None or config.option.verbose >= 0:
        return None
    return report.outcome if report.when == "call" or report.skipped else "", "", ""


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if PLAN in session.config.stash and exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
        session.exitstatus = pytest.ExitCode.OK
    run = _run(session.config)
    if run is None:
        return
    del session.config.stash[RUN]
    if exitstatus in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.INTERNAL_ERROR):
        run.close()
        return
    if exitstatus == pytest.ExitCode.INTERRUPTED:
        run.interrupt()
    session.exitstatus = run.finish()
