"""What tests of the whole command share: one server that misbehaves in every way, and the command itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command_line import Outcome, run
from misbehaving import Menagerie

from messages_conformance.reference import serve_endpoint


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int | None:
    """Runs single test files in this process: to start workers takes longer. `-n 2` starts them all the same."""
    return 0 if config.args and all(".py" in argument for argument in config.args) else None


@pytest.fixture(scope="session")
def zoo() -> Iterator[Menagerie]:
    """Endpoints that misbehave; `zoo.url(name)` is where one is found."""
    menagerie = Menagerie()
    with serve_endpoint(menagerie) as server:
        menagerie.base_url = server.base_url
        yield menagerie


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., Outcome]:
    """`messages-conformance run` with a report, under the profile whose rules are all there."""

    def judge(target: str, *options: str, key: str | None = None, model: str | None = "reference-1") -> Outcome:
        arguments = ["run", target, "--profile", "anthropic-2023-06-01", "--report", str(tmp_path / "report")]
        arguments += ["--model", model] if model is not None else []
        return run(*arguments, *options, key=key, folder=tmp_path / "report")

    return judge
