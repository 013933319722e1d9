"""Requests that httpx does not write, as a server receives them, and every way in which they are answered."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from messages_conformance.exchange import (
    COMPLETE,
    CUT_BODY,
    EXPECT_CONTINUE,
    HTTP_1_0,
    KEY_PLACEHOLDER,
    LEAVE_EARLY,
    LEFT,
    RESET,
    SILENT,
    Request,
    Response,
)
from messages_conformance.targets import Target, Unreachable, open_target

BODY = b'{"model":"m"}'
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
HEADERS = (("x-api-key", KEY_PLACEHOLDER), ("content-type", "application/json"))
KEY = "sk-a-key-of-thirty-two-characters"


class Heard:
    """One connection of a server: what came over it."""

    def __init__(self) -> None:
        self.bytes = b""


@contextmanager
def answering(script: Any) -> Iterator[tuple[str, Heard]]:
    """A server for one connection, whose script is a function of it."""
    heard = Heard()

    def serve(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        sock.settimeout(10)
        with sock:
            script(sock, heard)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
        thread.join()


def sent(url: str, wire: str, *, body: bytes = BODY, headers: Any = HEADERS, timeout_s: float = 5.0) -> Response:
    async def send() -> Response:
        target: Target = open_target(url, key=KEY, timeout_s=timeout_s)
        try:
            return await target.send(Request(method="POST", path="/v1/messages", headers=headers, body=body, wire=wire))
        finally:
            await target.aclose()

    return asyncio.run(send())


def until(sock: Any, heard: Heard, end: bytes) -> None:
    while not heard.bytes.endswith(end):
        data = sock.recv(65_536)
        if not data:
            return
        heard.bytes += data


def whole(sock: Any, heard: Heard) -> None:
    until(sock, heard, BODY)
    sock.sendall(OK)


def test_http_1_0_is_said_in_the_request_line_alone() -> None:
    with answering(whole) as (url, heard):
        response = sent(url, HTTP_1_0)
    assert heard.bytes.startswith(b"POST /v1/messages HTTP/1.0\r\n")
    assert KEY.encode() in heard.bytes
    assert (response.status, response.body, response.ending) == (200, b"ok", COMPLETE)


@pytest.mark.parametrize("first", [b"HTTP/1.1 100 Continue\r\n\r\n", b""], ids=["continue", "nothing"])
def test_the_body_is_held_back_and_sent_all_the_same(first: bytes) -> None:
    def script(sock: Any, heard: Heard) -> None:
        until(sock, heard, b"\r\n\r\n")
        assert BODY not in heard.bytes
        sock.sendall(first)
        whole(sock, heard)

    with answering(script) as (url, heard):
        response = sent(url, EXPECT_CONTINUE, headers=(*HEADERS, ("expect", "100-continue")))
    assert (response.status, heard.bytes.count(BODY)) == (200, 1)


def test_a_refused_expectation_keeps_the_body_here() -> None:
    def script(sock: Any, heard: Heard) -> None:
        until(sock, heard, b"\r\n\r\n")
        sock.sendall(b"HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n")
        until(sock, heard, BODY)

    with answering(script) as (url, heard):
        response = sent(url, EXPECT_CONTINUE, headers=(*HEADERS, ("expect", "100-continue")))
    assert (response.status, BODY in heard.bytes) == (417, False)


def test_a_cut_body_is_followed_by_the_end_of_what_we_say() -> None:
    def script(sock: Any, heard: Heard) -> None:
        until(sock, heard, b"never")
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\nno")

    with answering(script) as (url, heard):
        response = sent(url, CUT_BODY, headers=(*HEADERS, ("content-length", "113")))
    assert b"content-length: 113" in heard.bytes.lower()
    assert heard.bytes.endswith(BODY)
    assert (response.status, response.body) == (400, b"no")


@pytest.mark.parametrize("wait_s", [0.0, 3.0], ids=["hangs up", "waits"])
def test_a_cut_body_may_stay_without_an_answer(wait_s: float) -> None:
    gone = threading.Event()

    def script(sock: Any, heard: Heard) -> None:
        until(sock, heard, b"never")
        gone.wait(wait_s)

    with answering(script) as (url, _):
        with pytest.raises(Unreachable) as silence:
            sent(url, CUT_BODY, headers=(*HEADERS, ("content-length", "113")), timeout_s=0.5)
        gone.set()
    assert silence.value.failure.kind == SILENT
    assert silence.value.final


def test_silence_on_a_whole_request_is_a_failure() -> None:
    def script(sock: Any, heard: Heard) -> None:
        until(sock, heard, BODY)

    with answering(script) as (url, _), pytest.raises(Unreachable) as silence:
        sent(url, HTTP_1_0)
    assert silence.value.failure.kind == "disconnected"


def test_a_body_that_breaks_off_is_recorded() -> None:
    def script(sock: Any, heard: Heard) -> None:
        until(sock, heard, BODY)
        sock.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok")

    with answering(script) as (url, _):
        response = sent(url, HTTP_1_0)
    assert (response.ending, response.body) == (RESET, b"ok")


def test_a_refused_connection_is_reported_as_usual() -> None:
    with pytest.raises(Unreachable) as refused:
        sent("http://127.0.0.1:9", HTTP_1_0)
    assert refused.value.failure.kind == "refused"


@pytest.mark.parametrize("wire", [HTTP_1_0, EXPECT_CONTINUE, CUT_BODY])
def test_memory_carries_whole_requests_only(wire: str) -> None:
    with pytest.raises(Unreachable) as silence:
        sent("reference:transport=memory", wire)
    assert silence.value.failure.kind == SILENT


@pytest.mark.parametrize("target", ["reference:", "reference:transport=memory"])
def test_a_stream_is_left_after_its_first_delta(target: str) -> None:
    turn = {"role": "user", "content": "Count from 1 to 60."}
    question = json.dumps({"model": "reference-1", "max_tokens": 200, "stream": True, "messages": [turn]}).encode()
    response = sent(target, LEAVE_EARLY, body=question)
    assert response.ending == LEFT
    assert b"content_block_delta" in response.body
    assert b"message_stop" not in response.body


def test_what_is_no_stream_is_read_to_its_end() -> None:
    assert sent("reference:", LEAVE_EARLY, body=b"{}").ending == COMPLETE
