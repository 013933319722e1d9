"""Requests that httpx does not write: what a server receives, and all forms of answers."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import peer_time
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
TIMEOUT_S = 30.0
"""Never reached by a peer that answers, however busy the machine is."""


class Heard:
    """What a server received over one connection."""

    def __init__(self) -> None:
        self.bytes = b""


@contextmanager
def answering(script: Any) -> Iterator[tuple[str, Heard]]:
    """A server that runs a script for one connection."""
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


def sent(
    url: str, wire: str, *, body: bytes = BODY, headers: Any = HEADERS, silent: threading.Event | None = None
) -> Response:
    """The response. With `silent`, time passes only while the peer keeps silent."""

    async def send() -> Response:
        target: Target = open_target(url, key=KEY, timeout_s=TIMEOUT_S)
        try:
            return await target.send(Request(method="POST", path="/v1/messages", headers=headers, body=body, wire=wire))
        finally:
            await target.aclose()

    return asyncio.run(send()) if silent is None else peer_time.run(send(), silent)


def until(sock: Any, heard: Heard, end: bytes) -> None:
    while not heard.bytes.endswith(end):
        data = sock.recv(65_536)
        if not data:
            return
        heard.bytes += data


def whole(sock: Any, heard: Heard) -> None:
    until(sock, heard, BODY)
    sock.sendall(OK)


def test_http_1_0_changes_the_request_line_only() -> None:
    with answering(whole) as (url, heard):
        response = sent(url, HTTP_1_0)
    assert heard.bytes.startswith(b"POST /v1/messages HTTP/1.0\r\n")
    assert KEY.encode() in heard.bytes
    assert (response.status, response.body, response.ending) == (200, b"ok", COMPLETE)


@pytest.mark.parametrize("first", [b"HTTP/1.1 100 Continue\r\n\r\n", b""], ids=["continue", "nothing"])
def test_the_body_is_held_back_and_then_sent(first: bytes) -> None:
    def script(sock: Any, heard: Heard) -> None:
        until(sock, heard, b"\r\n\r\n")
        assert BODY not in heard.bytes
        sock.sendall(first)
        whole(sock, heard)

    with answering(script) as (url, heard):
        response = sent(url, EXPECT_CONTINUE, headers=(*HEADERS, ("expect", "100-continue")))
    assert (response.status, heard.bytes.count(BODY)) == (200, 1)


def test_a_body_is_not_sent_after_a_refused_expectation() -> None:
    def script(sock: Any, heard: Heard) -> None:
        until(sock, heard, b"\r\n\r\n")
        sock.sendall(b"HTTP/1.1 417 Expectation Failed\r\ncontent-length: 0\r\n\r\n")
        until(sock, heard, BODY)

    with answering(script) as (url, heard):
        response = sent(url, EXPECT_CONTINUE, headers=(*HEADERS, ("expect", "100-continue")))
    assert (response.status, BODY in heard.bytes) == (417, False)


def test_a_cut_body_is_followed_by_the_end_of_our_stream() -> None:
    def script(sock: Any, heard: Heard) -> None:
        until(sock, heard, b"never")
        sock.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\nno")

    with answering(script) as (url, heard):
        response = sent(url, CUT_BODY, headers=(*HEADERS, ("content-length", "113")))
    assert b"content-length: 113" in heard.bytes.lower()
    assert heard.bytes.endswith(BODY)
    assert (response.status, response.body) == (400, b"no")


@pytest.mark.parametrize("waits", [False, True], ids=["hangs up", "waits"])
def test_a_cut_body_may_stay_without_an_answer(waits: bool) -> None:
    gone, silent = threading.Event(), threading.Event()

    def script(sock: Any, heard: Heard) -> None:
        until(sock, heard, b"never")
        if waits:
            silent.set()
            gone.wait()

    with answering(script) as (url, _):
        with pytest.raises(Unreachable) as no_answer:
            sent(url, CUT_BODY, headers=(*HEADERS, ("content-length", "113")), silent=silent)
        gone.set()
    assert no_answer.value.failure.kind == SILENT


def test_no_answer_to_a_whole_request_is_a_failure() -> None:
    def script(sock: Any, heard: Heard) -> None:
        until(sock, heard, BODY)

    with answering(script) as (url, _), pytest.raises(Unreachable) as no_answer:
        sent(url, HTTP_1_0)
    assert no_answer.value.failure.kind == "disconnected"


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
def test_memory_takes_whole_requests_only(wire: str) -> None:
    with pytest.raises(Unreachable) as no_answer:
        sent("reference:transport=memory", wire)
    assert no_answer.value.failure.kind == SILENT


@pytest.mark.parametrize("target", ["reference:", "reference:transport=memory"])
def test_a_stream_is_left_after_its_first_delta(target: str) -> None:
    turn = {"role": "user", "content": "Count from 1 to 60."}
    question = json.dumps({"model": "reference-1", "max_tokens": 200, "stream": True, "messages": [turn]}).encode()
    response = sent(target, LEAVE_EARLY, body=question)
    assert response.ending == LEFT
    assert b"content_block_delta" in response.body
    assert b"message_stop" not in response.body


def test_a_response_without_a_stream_is_read_to_its_end() -> None:
    assert sent("reference:", LEAVE_EARLY, body=b"{}").ending == COMPLETE
