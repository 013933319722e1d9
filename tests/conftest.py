"""Shared by the tests of the whole command: one server that misbehaves in every way, and the command itself."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import Outcome, run
from hypothesis import HealthCheck, settings
from misbehaving import Endpoints

from messages_conformance.reference import serve_endpoint

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")  # a busy machine is slow: time decides no test


def pytest_configure(config: pytest.Config) -> None:
    """Lets all processes of the tests share compiled modules where PYTHONDONTWRITEBYTECODE is set.

    Otherwise each of some three hundred commands would compile the whole package. Also restores Ctrl-C, which a shell
    ignores in its background jobs: the commands that the tests start would inherit that.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        config.add_cleanup(folder.cleanup)
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = folder.name


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Runs single test files in this process: to start workers takes longer. `-n 2` starts them all the same.

    One worker more than cores, because many tests wait for a process or a time.
    """
    if config.args and all(".py" in argument for argument in config.args):
        return 0
    return (os.cpu_count() or 1) + 1


TESTS = Path(__file__).parent
SLOW = tomllib.loads((TESTS / "slow_tests.toml").read_text("utf-8"))
"""By file and test: the parts of the names of the rows that the default run keeps; the others are slow."""


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks the tests of slow_tests.toml, but for those that CI leaves out."""
    if item.get_closest_marker("proof"):
        return
    rows = SLOW.get(item.path.relative_to(TESTS).as_posix(), {}) if item.path.is_relative_to(TESTS) else {}
    name, _, row = item.name.partition("[")
    if name in rows and not any(part in row for part in rows[name]):
        item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def endpoints() -> Iterator[Endpoints]:
    """Endpoints that misbehave; `endpoints.url(name)` is the address of one."""
    endpoints = Endpoints()
    with serve_endpoint(endpoints) as server:
        endpoints.base_url = server.base_url
        yield endpoints


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., Outcome]:
    """Runs `messages-conformance run` with a report, under the profile with the most rules."""

    def judge(
        target: str, *options: str, key: str | None = None, model: str | None = "reference-1", peak: Path | None = None
    ) -> Outcome:
        arguments = ["run", target, "--profile", "anthropic-2023-06-01", "--report", str(tmp_path / "report")]
        arguments += ["--model", model] if model is not None else []
        return run(*arguments, *options, key=key, folder=tmp_path / "report", peak=peak)

    return judge
