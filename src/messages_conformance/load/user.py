"""The user of Locust that judges every answer: the only module that imports Locust and gevent.

    from locust import between
    from messages_conformance.load.user import MessagesUser

    class Visitor(MessagesUser):
        host = "http://127.0.0.1:8787"
        wait_time = between(1, 3)

`locust -f that_file.py` then has its web UI, its workers and its shapes, and our failures among the failures. The key
is in MESSAGES_API_KEY; the options of `messages-conformance load` are in MESSAGES_CONFORMANCE_LOAD as JSON.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Final

import gevent
from locust import User, constant, events, runners, task
from locust.runners import MasterRunner, WorkerRunner

from messages_conformance.internal_errors import report_internal_error
from messages_conformance.load.in_progress import TICK_S
from messages_conformance.load.load_options import NOT_JUDGED, USAGE, from_environment
from messages_conformance.load.load_test import LoadTest, Outcome, described
from messages_conformance.load.received import Line, Received
from messages_conformance.load.safety import base_url, refusal
from messages_conformance.parent_process import end_with_parent
from messages_conformance.report import console
from messages_conformance.session import Clock, UsageError
from messages_conformance.targets.target import TargetError

CLOCK: Final = Clock(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)
REPORTED: Final = "messages_conformance"
"""The name of our part in what a worker reports to the master."""

LIVENESS: Final = 60
"""After this many seconds without a sign a worker counts as lost. Locust's 3 are too few: before the load, a worker
generates and judges its requests alone, without a pause (our own)."""


class Violation(Exception):
    """An answer violates a MUST."""


class NoAnswer(Exception):
    """A request got no answer."""


class Running:
    """The load test of this process, between the start and the stop of a test of Locust."""

    test: ClassVar[LoadTest | None] = None
    watching: ClassVar[Any] = None
    code: ClassVar[int | None] = None
    ending: ClassVar[bool] = False
    worker_codes: ClassVar[dict[str, int]] = {}


class MessagesUser(User):
    """Sends requests of the mix one after another on its own connection. Subclass it to set `host` and `wait_time`.

    `model`, `profile` and `report` are what the command has as options of these names; a variable that sets them, too,
    wins.
    """

    abstract = True
    wait_time = constant(0)
    model: ClassVar[str] = ""
    profile: ClassVar[str] = ""
    report: ClassVar[str] = ""

    def on_start(self) -> None:
        """The user's connection is made when it first sends: a worker starts users while requests are sent alone."""
        self.line: Line | None = None

    def on_stop(self) -> None:
        """Closes the connection."""
        if self.line is not None:
            self.line.close()

    @task
    def message(self) -> None:
        """Sends one request and judges its answer."""
        test = Running.test
        if test is None or test.stop_reason:  # not begun, or the end is near
            gevent.sleep(0.2)
            return
        if self.line is None:
            self.line = test.line()
        try:
            self._fire(test.one(self.line))
        except Exception as error:  # Locust would only count it
            test.fail(error)
        if test.stop_reason:
            gevent.spawn(_stop, self.environment)

    def _fire(self, outcome: Outcome) -> None:
        received, kind = outcome.received, outcome.kind
        refused = f" [{received.status}]" if received.status >= 400 else ""
        self.environment.events.request.fire(
            request_type="POST",
            name=f"{kind.name}{refused}",
            response_time=received.ended_at_s * 1000,
            response_length=received.size_bytes,
            exception=_exception(outcome, received),
            context={},
            start_time=time.time() - received.ended_at_s,
            url=kind.request.path,
            response=None,
        )


def _exception(outcome: Outcome, received: Received) -> Exception | None:
    if outcome.violations:
        return Violation(described(outcome.violations[0]))
    return NoAnswer(received.failure[1]) if received.failure[0] else None


def _is_ours() -> bool:
    """Whether the command `load` started this process."""
    return os.environ.get("MESSAGES_CONFORMANCE_LOAD_COMMAND") == "1"


@events.init.add_listener
def prepare_process(environment: Any, **_: Any) -> None:
    """The process of the command ends with its parent, and without a verdict it is never green."""
    if isinstance(environment.runner, MasterRunner):
        environment.runner.register_message(REPORTED, take_last_code)
    if not _is_ours():
        return
    environment.process_exit_code = NOT_JUDGED
    runners.HEARTBEAT_LIVENESS = max(runners.HEARTBEAT_LIVENESS, LIVENESS)
    end_with_parent()
    if hasattr(signal, "SIGHUP"):
        gevent.signal_handler(signal.SIGHUP, os.kill, os.getpid(), signal.SIGTERM)


@events.test_start.add_listener
def begin(environment: Any, **_: Any) -> None:
    """Sends each request alone, before the users start. An error of our own ends the test; Locust would go on."""
    try:
        _begin(environment)
    except Exception as error:
        report_internal_error(error)
        Running.test, Running.code = None, NOT_JUDGED
        environment.process_exit_code = NOT_JUDGED
        gevent.spawn(_stop, environment)


def _begin(environment: Any) -> None:
    if _is_ours():
        logging.getLogger("locust.stats_logger").setLevel(logging.ERROR)  # the command has a summary of its own
    if isinstance(environment.runner, MasterRunner):
        return
    user = next((one for one in environment.user_classes if issubclass(one, MessagesUser)), None)
    if user is None:
        return
    try:
        options = from_environment(url=environment.host or user.host or "", model=user.model)
        session = {**{"profile": user.profile, "report": user.report}, **options.session}
        if session.get("report") and isinstance(environment.runner, WorkerRunner):
            session["report"] = str(Path(session["report"]) / f"worker-{environment.runner.worker_index}")
        kept = {name: value for name, value in session.items() if value}
        options = replace(options, url=base_url(options.url), session=kept)
        if wrong := refusal(options):
            raise UsageError(wrong)
        salt = int.from_bytes(os.urandom(6), "big")
        test = LoadTest(options, clock=CLOCK, out=console(), salt=salt)
    except (UsageError, TargetError, ValueError) as error:
        _end(environment, str(error))
        return
    Running.test, Running.ending = None, False
    Running.watching = gevent.spawn(_watch, test)
    if not test.prepare():
        Running.code = environment.process_exit_code = test.finish()
        gevent.spawn(_stop, environment)
        return
    Running.test = test
    if _is_ours() and options.seconds:
        gevent.spawn_later(options.seconds, _stop, environment)


def _end(environment: Any, message: str) -> None:
    print(f"ERROR: {message}", file=sys.stderr, flush=True)
    Running.code = environment.process_exit_code = USAGE
    gevent.spawn(_stop, environment)


def _stop(environment: Any) -> None:
    """Ends the test once, and the process, too, if it was started for this test."""
    if not Running.ending:
        Running.ending = True
        runner = environment.runner
        runner.quit() if _is_ours() else runner.stop()


def _watch(test: LoadTest) -> None:
    while True:
        gevent.sleep(TICK_S)
        test.watch()


@events.test_stop.add_listener
def end(environment: Any, **_: Any) -> None:
    """Sends some requests again, writes the report and sets the exit code."""
    test, Running.test = Running.test, None
    if test is not None:
        try:
            Running.code = environment.process_exit_code = test.finish()
        except Exception as error:
            report_internal_error(error)
            Running.code = environment.process_exit_code = NOT_JUDGED
        if Running.watching is not None:
            Running.watching.kill()
    if isinstance(environment.runner, WorkerRunner) and Running.code is not None:
        environment.runner.send_message(REPORTED, Running.code)  # before it quits; reports come every few seconds
    if isinstance(environment.runner, MasterRunner):
        _take_worst(environment)


def _take_worst(environment: Any) -> None:
    if Running.worker_codes:
        environment.process_exit_code = max(Running.worker_codes.values(), key=_weight)


def _weight(code: int) -> int:
    """Violations weigh more than what could not be judged, and that more than a report without either."""
    return {0: 0, USAGE: 1, NOT_JUDGED: 2, 1: 3}.get(code, 2)


@events.quitting.add_listener
def stop_first(environment: Any, **_: Any) -> None:
    """Ends a test that is still running before Locust decides about the exit code."""
    if Running.test is not None and environment.runner is not None and not Running.ending:
        Running.ending = True
        if _is_ours():
            Running.test.interrupt("the load test was interrupted")
        environment.runner.stop()


def take_last_code(environment: Any, msg: Any, **_: Any) -> None:
    """The master takes the exit code of a worker that ends."""
    Running.worker_codes[msg.node_id] = msg.data
    _take_worst(environment)


@events.report_to_master.add_listener
def report_code(client_id: str, data: dict[str, Any], **_: Any) -> None:
    """A worker reports its exit code, as soon as it has one."""
    if Running.code is not None:
        data[REPORTED] = Running.code


@events.worker_report.add_listener
def take_code(client_id: str, data: dict[str, Any], **_: Any) -> None:
    """The master keeps the exit code of each worker."""
    if REPORTED in data:
        Running.worker_codes[client_id] = data[REPORTED]
