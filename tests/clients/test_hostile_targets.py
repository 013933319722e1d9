"""`clients` against targets that are dead, are no HTTP servers or never end: one message, or an end within limits."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from messages_conformance.cli import main
from messages_conformance.clients import client_runs, driven_target, recording
from messages_conformance.clients.client_runs import FAILS, HANGS, NOT_COUNTED, Endpoint, ScenarioResult, run_client
from messages_conformance.clients.installing import Installation
from messages_conformance.clients.known_clients import KnownClient, Scenario
from messages_conformance.clients.reaching import Unreachable, check_reachable
from messages_conformance.clients.recording import Recorder

FAKE = KnownClient(name="fake", title="Fake", manager="npm", packages={}, driver="", scenarios=())
DRIVER = Path(__file__).with_name("fake_driver.py")
PROFILE = "anthropic-2023-06-01"
HANG_S = 2.0
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
LARGE = 10_000_000
"""Characters of a text that is larger than any answer of a model."""

Answer = Callable[[socket.socket], None]


@contextlib.contextmanager
def hostile(answer: Answer) -> Iterator[str]:
    """The address of a server whose connections `answer` serves."""
    stopped = threading.Event()

    def served(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            answer(connection)
            # To close a connection whose request was not read to its end resets it, and the answer is lost.
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    def serve() -> None:
        while not stopped.is_set():
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                threading.Thread(target=served, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        stopped.set()


def garbage(connection: socket.socket) -> None:
    connection.sendall(bytes(range(256)) * 40)


def without_end(connection: socket.socket) -> None:
    connection.sendall(HEAD + b"transfer-encoding: chunked\r\n\r\n")
    while True:
        connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def never(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


def large(connection: socket.socket) -> None:
    text = b'{"content": [{"type": "text", "text": "' + b"x" * LARGE + b'"}], "stop_reason": "end_turn", "usage": {}}'
    connection.sendall(HEAD + b"content-length: %d\r\nconnection: close\r\n\r\n" % len(text) + text)


def driven(target: str, *names: str, limit_s: float = HANG_S) -> dict[str, ScenarioResult]:
    installation = Installation(client=FAKE, folder=Path(), command=(sys.executable, "-S", str(DRIVER)))
    asked = [Scenario(name=name, ask={"prompt": "Hi"}, expects={"text": ""}, core=True) for name in names]
    with Recorder(target, PROFILE) as recorder:
        endpoint = Endpoint(base_url=recorder.base_url, model="m", key="sk-test", limit_s=limit_s)
        result = run_client(installation, asked, endpoint, recorder)
    return {one.scenario: one for one in result.scenarios}


def closed_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def test_a_dead_port_is_exit_2_with_one_message(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def not_reached(*_: object) -> None:
        raise AssertionError("a client was driven")

    monkeypatch.setenv("MESSAGES_API_KEY", "sk-test")
    monkeypatch.setattr(driven_target, "_driven", not_reached)
    target = f"http://127.0.0.1:{closed_port()}"
    code = main(["clients", target, "--model", "m", "--client", "anthropic-python", "--cache", str(tmp_path)])
    shown = capsys.readouterr()
    assert code == 2, shown
    assert shown.err.startswith(f"ERROR: the clients could not be judged: the target {target} did not answer"), (
        shown.err
    )
    assert len(shown.err.splitlines()) == 1
    assert shown.out == ""


def test_bytes_that_are_no_http_are_named() -> None:
    with (
        hostile(garbage) as target,
        Recorder(target, PROFILE) as recorder,
        pytest.raises(Unreachable, match=f"the target {target} did not answer .RemoteProtocolError"),
    ):
        check_reachable(recorder)


def test_one_broken_route_is_not_a_dead_target() -> None:
    asked: list[bytes] = []

    def half(connection: socket.socket) -> None:
        asked.append(b"")
        if len(asked) > 1:
            connection.sendall(HEAD + b"content-length: 2\r\n\r\n{}")

    with hostile(half) as target, Recorder(target, PROFILE) as recorder:
        check_reachable(recorder)
    assert len(asked) == 2


def test_an_answer_without_end_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "MOST_BYTES", 1_000_000)
    with hostile(without_end) as target:
        found = driven(target, "a")
    assert found["a"].outcome == FAILS
    assert "hung" not in found["a"].detail


def test_a_large_answer_is_judged() -> None:
    with hostile(large) as target:
        found = driven(target, "a", limit_s=60.0)  # a busy machine needs long for 10 MB
    assert found["a"].outcome == FAILS
    assert f"TooLong: the result has {LARGE // 1000}" in found["a"].detail.replace(",", "")[:40]


def test_after_three_scenarios_that_hang_the_others_are_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_runs, "GIVES_UP_AFTER", 2)
    with hostile(never) as target:
        found = driven(target, *"abcde")
    assert [one.outcome for one in found.values()] == [HANGS, HANGS, *[NOT_COUNTED] * 3]
    assert found["e"].detail == "not tried: the 2 scenarios before hang"
