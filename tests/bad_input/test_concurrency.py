"""Many requests at once give the verdict of one after the other, leave no connection open, and name a lack of files."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import COMMAND, environment, valid_report
from misbehaving import PATIENCE_S

from messages_conformance.contract import profile
from messages_conformance.engine import Engine
from messages_conformance.exchange import Ask
from messages_conformance.reference import API_KEY, Endpoint, HttpRequest, HttpResponse, serve_endpoint
from messages_conformance.rules import Judge
from messages_conformance.targets import open_target

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="counts files in /proc"),
    # A loop that is closed calls no transport again; whether its sockets are closed is what the test counts.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

BUFFERED = "stream.frame.incremental"
"""The slow endpoint sends each stream as a whole."""

DELAY_S = 1.0


class Slow(Endpoint):
    """Answers after a while, so that requests are in progress at the same time."""

    def handle(self, request: HttpRequest) -> HttpResponse:
        response = super().handle(request)
        return response.with_pieces(iter([(DELAY_S, response.body())]))


def question(number: int) -> Ask:
    messages = [{"role": "user", "content": f"Count from 1 to {number + 2}"}]
    return Ask(situation=f"n-{number}", body={"max_tokens": 64, "stream": number % 2 == 1, "messages": messages})


def outcomes(concurrency: int, count: int) -> tuple[dict[str, str], int]:
    """The verdicts about so many requests over sockets, and the most that were in progress at once."""
    asks = [question(number) for number in range(count)]
    chosen = profile("anthropic-2023-06-01")
    with serve_endpoint(Slow() if concurrency > 1 else Endpoint()) as server:
        target = open_target(server.base_url, key=server.api_key)
        engine = Engine(target, profile=chosen, model="reference-1", concurrency=concurrency)
        try:
            engine.plan(asks)
            engine.start()
            judge = Judge(chosen)
            for ask in asks:
                judge.add(engine.wait(ask)[-1])
        finally:
            engine.stop()
        peak = server.peak_concurrency
    found = {verdict.requirement: verdict.outcome for verdict in judge.verdicts()}
    del found[BUFFERED]
    return found, peak


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize("concurrency", [16, 64, 256])
def test_many_requests_at_once_have_the_verdict_of_one(concurrency: int) -> None:
    alone, _ = outcomes(1, concurrency)
    before = open_files()
    together, peak = outcomes(concurrency, concurrency)
    assert together == alone
    assert 1 < peak <= concurrency
    gc.collect()
    assert open_files() <= before


def test_too_few_open_files_are_named(tmp_path: Path) -> None:
    import resource

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_NOFILE, (16, 16))

    with serve_endpoint(Slow()) as server:
        words = ["run", server.base_url, "--model", "reference-1", "--profile", "anthropic-2023-06-01"]
        words += ["--depth", "smoke", "--concurrency", "64", "--report", str(tmp_path)]
        ran = subprocess.run(
            [*COMMAND, *words],
            env=environment(API_KEY),
            text=True,
            capture_output=True,
            preexec_fn=limit,
            timeout=PATIENCE_S,
            check=False,
        )
    assert ran.returncode == 2, ran.stdout + ran.stderr
    assert "this process has too many open files; raise its limit (ulimit -n), or lower --concurrency" in ran.stdout
    document = valid_report(tmp_path)
    assert document["counts"]["verified"] > 0
    assert not [row["id"] for row in document["requirements"] if row["verdict"] == "fail"]
