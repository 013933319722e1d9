"""A load test survives a target that sends what no server should: it ends, in bounded memory, with a sentence."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from messages_conformance.exchange import TIMEOUT, TOO_LARGE
from messages_conformance.load import judging, received, spending
from messages_conformance.load.load_options import LoadOptions
from messages_conformance.load.load_test import LoadTest
from messages_conformance.load.received import Line, Received
from messages_conformance.reference import serve
from messages_conformance.session import Clock, UsageError
from messages_conformance.targets.body import MAX_RESPONSE_BYTES

CLOCK = Clock(now=lambda: datetime.now(UTC), monotonic_s=time.monotonic)


@pytest.mark.parametrize(
    ("stated", "pause_s"),
    [("-1", 0.0), ("nan", 0.5), ("1e999", 0.5), ("9" * 5_000, 0.5), ("\x00", 0.5), ("3", 3.0), ("9999", 5.0)],
)
def test_a_user_waits_no_time_that_a_target_made_up(stated: str, pause_s: float) -> None:
    answer = Received(began_s=0.0, status=429, headers=(("Retry-After", stated),))
    assert spending.backoff_s(answer) == pause_s


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
ANSWERS = {
    b"/endless": HEAD + b"\r\n",
    b"/headers": HEAD + b"x: y\r\n" * 500 + b"\r\n",
    b"/garbage": b"\x16\x03\x01 no http\r\n\r\n",
    b"/length": HEAD + b"content-length: -5\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
}


def _answer(sock: socket.socket) -> None:
    with contextlib.suppress(OSError), sock:
        path = sock.recv(65_536).split()[1]
        if path.startswith(b"/silent"):
            sock.recv(1)
        while path.startswith(b"/continues"):
            sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
            time.sleep(0.01)
        sock.sendall(ANSWERS.get(path, b""))
        while path == b"/endless":
            sock.sendall(b"x" * 65_536)


@pytest.fixture(scope="module")
def pouring() -> Iterator[int]:
    """The port of a server whose answers never end, or are no HTTP."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=_answer, args=(listener.accept()[0],), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join()


def line_to(port: int) -> Line:
    return Line("127.0.0.1", port, secure=False, heard=lambda: None)


def test_an_endless_answer_is_cut_off(pouring: int) -> None:
    found = line_to(pouring).send("GET", "/endless", [], b"")
    assert found.ending == TOO_LARGE
    assert MAX_RESPONSE_BYTES < found.size_bytes < 2 * MAX_RESPONSE_BYTES
    assert "cut off after" in found.detail


def test_an_answer_that_drips_for_ever_is_left(pouring: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received, "MOST_ANSWER_S", 0.0)
    found = line_to(pouring).send("GET", "/endless", [], b"")
    assert (found.ending, found.detail) == (TIMEOUT, "still not complete after 0 s in all")


@pytest.mark.parametrize("path", ["/silent", "/continues"])
def test_a_target_that_never_answers_for_its_models_is_named(pouring: int, path: str) -> None:
    options = LoadOptions(url=f"http://127.0.0.1:{pouring}{path}", silence_s=0.3)
    with pytest.raises(UsageError, match=r"no whole answer came within 0\.3 s"):
        LoadTest(options, clock=CLOCK, out=Console(quiet=True))


@pytest.mark.parametrize("path", ["/headers", "/garbage", "/length"])
def test_an_answer_that_is_no_http_is_a_failure(pouring: int, path: str) -> None:
    found = line_to(pouring).send("GET", path, [], b"")
    assert found.failure[0] or found.ending != "complete"


def test_long_answers_are_kept_within_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "KEPT_BYTES", 4_000)
    with serve() as server:
        test = LoadTest(LoadOptions(url=server.base_url, model="reference-1"), clock=CLOCK, out=Console(quiet=True))
        kept: Any = test.judge
        for number in range(10):
            kept._keep(number, (None, Received(began_s=0.0, chunks=[(0.0, b"x" * 1_000)])))
        assert [number for number, _ in kept._recent] == [6, 7, 8, 9]
        test.session.close()


def test_an_error_of_our_own_or_an_interruption_is_never_green() -> None:
    for break_it in (lambda test: test.fail(ZeroDivisionError("it broke")), lambda test: test.interrupt("interrupted")):
        with serve() as server:
            options = LoadOptions(url=server.base_url, model="reference-1", session={"only": ("response.id",)})
            test = LoadTest(options, clock=CLOCK, out=Console(quiet=True))
            break_it(test)
            assert test.finish() == 2
