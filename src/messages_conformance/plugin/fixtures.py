"""The fixtures of tests that ask a target."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from messages_conformance.exchange import Exchange
    from messages_conformance.httpx import JudgingTransport
    from messages_conformance.plugin.live_stream import LiveStream
    from messages_conformance.rules import Finding
    from messages_conformance.run import Run

RUN: Final[pytest.StashKey[Run]] = pytest.StashKey()

VALUE_CHARACTERS: Final = 200
"""Length to which the values in the message of a failed test are cut (our own choice)."""

PARAMETERS: Final = ("exchange", "dialogue", "generated")
"""Fixtures whose parameter is an Ask, a Dialogue or a GeneratedSet: what the test wants to be sent."""


class Violation(AssertionError):
    """The target violates MUST requirements; the message has their ids, and what was found and wanted."""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a run judges: the value of the fixture `target`."""

    name: str
    model: str
    profile: str


def run_of(config: pytest.Config) -> Run | None:
    """The run of this session; None without one."""
    return config.stash.get(RUN, None)


def asked_by(item: pytest.Item) -> Any:
    """The Ask, Dialogue or GeneratedSet that a test is parametrised with; None for any other test."""
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    return next((parameters[name] for name in PARAMETERS if name in parameters), None)


# -- sessions without a target --------------------------------------------------------------------------------------

NO_TARGET: Final = (
    "these tests ask a target, and none was given: add --target TARGET to pytest, or run "
    "`messages-conformance run TARGET --suite PATH`"
)

JUDGES_ITS_OWN_TRAFFIC: Final = "judged_transport"
"""The fixture that needs no target: the client of the test has one."""


def require_target(session: pytest.Session) -> None:
    """Refuses a session whose tests all ask a target, when it has none. In any other session each such test fails."""
    alone = session.items and not session.config.option.collectonly and not hasattr(session.config, "workerinput")
    if alone and all(asks_target(item) for item in session.items):
        raise pytest.UsageError(NO_TARGET)


def asks_target(item: pytest.Item) -> bool:
    """Whether a test uses a fixture that asks a target, and not one of the same name that its project defines."""
    known = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    used = [found[-1].func for name, found in known.items() if found and name != JUDGES_ITS_OWN_TRAFFIC]
    return any(function.__module__ == __name__ for function in used)


def required_run(request: pytest.FixtureRequest) -> Run:
    """The run of a test that asks a target; the test fails without one, because a skipped test looks green."""
    run = run_of(request.config)
    if run is None:
        pytest.fail(NO_TARGET, pytrace=False)
    return run


# -- fixtures -------------------------------------------------------------------------------------------------------


@pytest.fixture
def exchange(request: pytest.FixtureRequest) -> Exchange:
    """The exchange of the Ask that the test is parametrised with. Earlier attempts at it are judged here."""
    run = required_run(request)
    attempts = run.exchanges(request.param)
    run.judged(attempts[:-1])
    return attempts[-1]


@pytest.fixture
def dialogue(request: pytest.FixtureRequest) -> tuple[Exchange, ...]:
    """The exchanges of the Dialogue that the test is parametrised with, in the order of its steps."""
    run = required_run(request)
    return run.exchanges(request.param)


@pytest.fixture
def generated(request: pytest.FixtureRequest) -> tuple[Exchange, ...]:
    """The exchanges of the GeneratedSet of the test, reproduced and minimised, ready to be judged."""
    run = required_run(request)
    return run.exchanges(request.param)


def _violations(found: Iterable[Finding]) -> str:
    """One line for each requirement, with what its first finding found and wanted, and where."""
    from messages_conformance.report.text import inline

    first = {finding.requirement: finding for finding in reversed(list(found))}
    lines = [
        f"{name}: found {inline(one.found, VALUE_CHARACTERS)}, wanted {inline(one.wanted, VALUE_CHARACTERS)} "
        f"({inline(str(one.place), VALUE_CHARACTERS)})"
        for name, one in sorted(first.items())
    ]
    return "\n".join(lines)


@pytest.fixture
def judge(request: pytest.FixtureRequest) -> Callable[..., None]:
    """A function that judges exchanges by every rule that applies; a violated MUST fails the test."""
    run = required_run(request)

    def judge(*exchanges: Exchange) -> None:
        __tracebackhide__ = True  # the finding names the place, not these lines

        found, rows = run.judged(exchanges), run.judge.catalogue
        violated = sorted({finding.requirement for finding in found if rows[finding.requirement].level == "MUST"})
        if violated:
            raise Violation(_violations([one for one in found if one.requirement in violated]))
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

    run = required_run(request)
    snapshot = request.getfixturevalue("snapshot")

    def same_shape(exchange: Exchange) -> None:
        __tracebackhide__ = True
        if exchange.response is None:
            pytest.skip("no response")
        situation = asked_by(request.node).situation
        drifted = drifts_from_snapshot(snapshot, situation, shape(situation, exchange.response))
        run.drifted(drifted)
        if drifted:
            raise Violation("; ".join(map(str, drifted)))

    return same_shape


@pytest.fixture
def ask(request: pytest.FixtureRequest) -> Callable[..., Any]:
    """A function that sends a request and waits: `ask("Hi", max_tokens=5)` as in `generate.ask`, or `ask(Ask)`.

    It is for your own tests whose requests depend on earlier answers. In an `async def` test it is awaited, so several
    can be under way. The limits of the run hold. The test is skipped when there is no response.
    """
    run = required_run(request)

    def answered(exchange: Exchange) -> Exchange:
        if exchange.failure is not None:
            pytest.skip(exchange.failure.message)
        return exchange

    def ask(question: Any, **options: Any) -> Exchange:
        return answered(run.ask(_built(request, question, options)))

    async def ask_async(question: Any, **options: Any) -> Exchange:
        import asyncio

        return answered(await asyncio.wrap_future(run.submit(_built(request, question, options))))

    return ask_async if _is_async(request) else ask


@pytest.fixture
def stream(request: pytest.FixtureRequest) -> Callable[..., LiveStream]:
    """A function for `async def` tests that reads a stream as it arrives: `async with stream("Hi") as events`.

    Its arguments are those of `ask`. `async for event in events` yields the events; after the block, `events.exchange`
    is the recorded exchange.
    """
    run = required_run(request)
    if not _is_async(request):
        pytest.fail("the fixture `stream` is for `async def` tests; use `ask` in this one", pytrace=False)

    def stream(question: Any, **options: Any) -> LiveStream:
        from messages_conformance.plugin.live_stream import LiveStream

        return LiveStream(_built(request, question, {"stream": True, **options}), run.submit)

    return stream


def _built(request: pytest.FixtureRequest, question: Any, options: dict[str, Any]) -> Any:
    """The Ask for what a test gives to `ask` or `stream`."""
    from messages_conformance.exchange import Ask
    from messages_conformance.generate import ask as built

    return question if isinstance(question, Ask) else built(request.node.name, question, **options)


def _is_async(request: pytest.FixtureRequest) -> bool:
    """Whether the test is an `async def` function."""
    import inspect

    return inspect.iscoroutinefunction(getattr(request, "function", None))


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Subject:
    """What is judged: the name of the target, the model, and the profile."""
    run = required_run(request)
    return Subject(name=run.target.name, model=run.model, profile=run.profile.name)
