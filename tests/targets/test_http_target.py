"""The HTTP target against servers that answer correctly, wrongly, without end or not at all."""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
import ssl
import subprocess
import threading
from pathlib import Path

import peer_time
import pytest
from scripted_server import STREAM_HEAD, Connection, answering, scripted, whole

from messages_conformance.exchange import (
    COMPLETE,
    CUT_OFF_BYTES,
    KEY_PLACEHOLDER,
    RESET,
    STALLED,
    TOO_LARGE,
    Exchange,
    Failure,
    Request,
    Response,
    to_record,
)
from messages_conformance.targets import Unreachable, body, open_target
from messages_conformance.targets.http import USER_AGENT
from messages_conformance.targets.simulated_time import SimulatedClock

KEY = "sk-very-secret-0123456789"
PATIENT_S = 30.0
"""A timeout that no test reaches, however busy the machine is."""

GREETING = Request(
    method="POST",
    path="/v1/messages",
    headers=(("x-api-key", KEY_PLACEHOLDER), ("Content-Type", "application/json")),
    body=b'{"hello":"w\xc3\xb6rld"}',
)


def sent(
    url: str,
    *,
    times: int = 1,
    timeout_s: float = PATIENT_S,
    request: Request = GREETING,
    silent: threading.Event | None = None,
) -> list[Response]:
    """The responses to some requests. With `silent`, time passes only while the peer keeps silent."""

    async def run() -> list[Response]:
        target = open_target(url, key=KEY, timeout_s=timeout_s)
        try:
            return [await target.send(request) for _ in range(times)]
        finally:
            await target.aclose()

    return asyncio.run(run()) if silent is None else peer_time.run(run(), silent)


def failed(url: str, *, timeout_s: float = PATIENT_S, silent: threading.Event | None = None) -> Failure:
    with pytest.raises(Unreachable) as caught:
        sent(url, timeout_s=timeout_s, silent=silent)
    assert KEY not in str(caught.value)
    return caught.value.failure


def test_sends_exactly_the_request_with_the_key_in_its_place() -> None:
    seen: list[bytes] = []

    def script(connection: Connection) -> None:
        seen.append(connection.request())
        connection.send(whole(b"{}"))

    with scripted(script) as server:
        sent(server.url + "/prefix/v1/")
    head, _, body = seen[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST /prefix/v1/messages HTTP/1.1"
    assert sorted(lines[1:], key=bytes.lower) == [
        b"accept-encoding: gzip, deflate",
        b"Content-Length: 18",
        b"Content-Type: application/json",
        b"Host: 127.0.0.1:%d" % server.port,
        b"user-agent: " + USER_AGENT.encode(),
        b"x-api-key: " + KEY.encode(),
    ]
    assert body == GREETING.body


def test_leaves_out_the_key_header_without_a_key() -> None:
    seen: list[bytes] = []

    def script(connection: Connection) -> None:
        seen.append(connection.request())
        connection.send(whole(b"{}"))

    async def run(url: str) -> None:
        target = open_target(url, key=None)
        await target.send(GREETING)
        await target.aclose()

    with scripted(script) as server:
        asyncio.run(run(server.url))
    assert b"x-api-key" not in seen[0]
    assert KEY_PLACEHOLDER.encode() not in seen[0]


def test_keeps_one_connection_alive_and_sends_no_cookies() -> None:
    response = whole(b"{}", headers=b"set-cookie: a=b; Path=/\r\n")
    seen: list[bytes] = []

    def script(connection: Connection) -> None:
        while True:
            seen.append(connection.request())
            connection.send(response)

    with scripted(script) as server:
        sent(server.url, times=3)
        assert len(server.connections) == 1
    assert len(seen) == 3
    assert not any(b"cookie:" in request.lower() for request in seen)


def test_records_headers_and_bytes_as_they_came() -> None:
    def script(connection: Connection) -> None:
        connection.request()
        connection.send(STREAM_HEAD.replace(b"\r\n\r\n", b"\r\nX-Odd-Case: \xe9\r\nx-twice: 1\r\nX-Twice: 2\r\n\r\n"))
        for piece in (b"event: a\n", b"data: 1\n\n", b"\xff\xfe"):
            connection.chunk(piece)
        connection.send(b"0\r\n\r\n")

    with scripted(script) as server:
        (response,) = sent(server.url)
    assert (response.status, response.ending, response.http_version) == (200, COMPLETE, "HTTP/1.1")
    assert response.headers[-3:] == (("X-Odd-Case", "\xe9"), ("x-twice", "1"), ("X-Twice", "2"))
    assert [chunk.data for chunk in response.chunks] == [b"event: a\n", b"data: 1\n\n", b"\xff\xfe"]
    times = [response.headers_at_s, *(chunk.at_s for chunk in response.chunks), response.ended_at_s]
    assert times == sorted(times)
    assert times[0] >= 0


def test_records_gzip_as_it_came() -> None:
    packed = gzip.compress(b'{"a": 1}')
    with scripted(answering(whole(packed, headers=b"content-encoding: gzip\r\n"))) as server:
        (response,) = sent(server.url)
    assert b"".join(chunk.data for chunk in response.chunks) == packed
    assert response.json == {"a": 1}


def test_does_not_follow_redirects() -> None:
    redirect = b"HTTP/1.1 307 Temporary Redirect\r\nlocation: http://other.invalid/\r\ncontent-length: 0\r\n\r\n"
    with scripted(answering(redirect)) as server:
        (response,) = sent(server.url)
    assert response.status == 307


@pytest.mark.parametrize("length", [b"content-length: 100\r\n", b"transfer-encoding: chunked\r\n"])
def test_a_body_that_breaks_off_ends_in_reset(length: bytes) -> None:
    def script(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n5\r\nhello\r\n")

    with scripted(script) as server:
        (response,) = sent(server.url)
    assert response.ending == RESET
    assert "before the body was complete" in response.detail
    assert b"hello" in response.body


def test_a_reset_connection_keeps_what_came() -> None:
    def script(connection: Connection) -> None:
        connection.request()
        connection.send(STREAM_HEAD)
        connection.chunk(b"data: 1\n\n")
        connection.send(b"zz\r\n")  # no chunk size: the reader has to notice

    with scripted(script) as server:
        (response,) = sent(server.url)
    assert response.ending == RESET
    assert response.detail


def test_a_body_that_stops_coming_is_stalled() -> None:
    def script(connection: Connection) -> None:
        connection.request()
        connection.send(STREAM_HEAD)
        connection.chunk(b"data: 1\n\n")
        connection.hold()

    with scripted(script) as server:
        (response,) = sent(server.url, silent=server.silent)
    assert (response.ending, response.body) == (STALLED, b"data: 1\n\n")
    assert response.detail == "no byte came for 30 s"
    assert response.ended_at_s == pytest.approx(PATIENT_S)


@pytest.mark.parametrize("packed", [False, True])
def test_a_stream_held_open_after_message_stop_ends_after_the_grace(packed: bool) -> None:
    stop = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'

    def script(connection: Connection) -> None:
        connection.request()
        extra = b"\r\ncontent-encoding: gzip\r\n\r\n" if packed else b"\r\n\r\n"
        connection.send(STREAM_HEAD.replace(b"\r\n\r\n", extra))
        data = gzip.compress(stop) if packed else stop
        connection.chunk(data[:20])
        connection.chunk(data[20:])
        connection.hold()

    with scripted(script) as server:
        (response,) = sent(server.url, silent=server.silent)
    assert (response.ending, response.detail) == (STALLED, "still open 5 s after message_stop")
    assert response.ended_at_s == pytest.approx(body.HELD_OPEN_GRACE_S)
    assert response.body == stop


@pytest.mark.parametrize(
    ("held_open", "ended", "grace_s"),
    [(0, 0, 5.0), (2, 0, 5.0), (3, 0, 0.5), (3, 3, 0.5), (3, 4, 5.0), (9, 80, 5.0)],
)
def test_only_a_target_that_usually_holds_streams_open_is_left_early(
    held_open: int, ended: int, grace_s: float
) -> None:
    assert body.SizeLimit(held_open=held_open, ended=ended).grace_s == grace_s


async def _left_after_s(limit: body.SizeLimit, *, received_s: list[float]) -> float:
    """When a body is left that stays open, while the target sends something to others at these times."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    for at_s in received_s:
        loop.call_at(began_s + at_s, setattr, limit, "received_at_s", began_s + at_s)
    limit.received_at_s = began_s
    limit.waiting += 1
    try:
        async with asyncio.timeout_at(began_s + 90) as deadline:
            body._OpenEnd(limit, deadline).begin(began_s, latest_s=began_s + 90)
            await asyncio.sleep(1_000)
    except TimeoutError:
        pass
    return loop.time() - began_s


@pytest.mark.parametrize(
    ("others", "received_s", "left_s"),
    [
        (0, [], 5.0),  # nobody else waits, so nothing shows a standstill
        (1, [4.0], 5.0),  # the target answers others: this body alone is held open
        (1, [8.0], 9.25),  # it stood still for 8 s, and still does not end the body
        (1, [], 30.0),
    ],
)
def test_a_target_that_stands_still_has_time_to_end_its_streams(
    others: int, received_s: list[float], left_s: float
) -> None:
    loop = SimulatedClock().new_event_loop()
    try:
        limit = body.SizeLimit(waiting=others)
        assert loop.run_until_complete(_left_after_s(limit, received_s=received_s)) == pytest.approx(left_s, abs=0.3)
    finally:
        loop.close()


def test_a_stream_that_ends_is_counted() -> None:
    def script(connection: Connection) -> None:
        connection.request()
        connection.send(STREAM_HEAD)
        connection.chunk(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
        connection.send(b"0\r\n\r\n")

    limits: list[body.SizeLimit] = []

    class Recorded(body.SizeLimit):
        def keep(self, chunks: object) -> None:
            limits.append(self)

    with pytest.MonkeyPatch.context() as patched, scripted(script) as server:
        patched.setattr("messages_conformance.targets.http.SizeLimit", Recorded, raising=False)
        sent(server.url)
    assert [(one.held_open, one.ended) for one in limits] == [(0, 1)]


def test_a_text_about_message_stop_does_not_shorten_a_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body, "HELD_OPEN_GRACE_S", 0.0)
    text = rb'{"text":"\"type\":\"message_stop\"\nevent: message_stop\n"}'

    def script(connection: Connection) -> None:
        connection.request()
        connection.send(STREAM_HEAD)
        connection.chunk(b"data: " + text + b"\n\n")
        connection.stopping.wait(0.1)
        connection.chunk(b"data: 2\n\n")
        connection.send(b"0\r\n\r\n")

    with scripted(script) as server:
        (response,) = sent(server.url)
    assert response.ending == COMPLETE
    assert len(response.events) == 2


def test_a_huge_body_is_cut_at_the_cap() -> None:
    def script(connection: Connection) -> None:
        connection.request()
        connection.send(b"HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n")
        for _ in range(100):
            connection.send(b"x" * 1_000_000)

    with scripted(script) as server:
        (response,) = sent(server.url)
    assert response.ending == TOO_LARGE
    assert sum(len(chunk.data) for chunk in response.chunks) == CUT_OFF_BYTES
    assert f"{body.MAX_RESPONSE_BYTES:,}" in response.detail


def test_the_key_is_never_in_a_record() -> None:
    body = json.dumps({"error": f"no such key: {KEY}"}).encode()
    cut = body.index(KEY.encode()) + 7

    def script(connection: Connection) -> None:
        connection.request()
        connection.send(STREAM_HEAD.replace(b"\r\n\r\n", b"\r\nx-echo: " + KEY.encode() + b"\r\n\r\n"))
        connection.chunk(body[:cut])
        connection.chunk(body[cut:])
        connection.send(b"0\r\n\r\n")

    with scripted(script) as server:
        (response,) = sent(server.url)
    record = to_record(Exchange(number=1, request=GREETING, response=response))
    assert KEY not in json.dumps(record)
    assert response.header("x-echo") == KEY_PLACEHOLDER
    assert response.json == {"error": f"no such key: {KEY_PLACEHOLDER}"}
    assert len(response.chunks) == 2


def test_a_server_that_never_answers_times_out() -> None:
    def script(connection: Connection) -> None:
        connection.request()
        connection.hold()

    with scripted(script) as server:
        failure = failed(server.url, silent=server.silent)
    assert failure.kind == "timeout"
    assert "did not begin to answer within 30 s" in failure.message
    assert "--timeout" in failure.message


def test_a_server_that_hangs_up_is_disconnected() -> None:
    def script(connection: Connection) -> None:
        connection.request()

    with scripted(script) as server:
        failure = failed(server.url)
    assert failure.kind == "disconnected"
    assert "without an answer" in failure.message


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x00\x01garbage\r\n\r\n", b"220 mail ready\r\n\r\n"])
def test_garbage_instead_of_http_is_shown(garbage: bytes) -> None:
    def script(connection: Connection) -> None:
        connection.request()
        connection.send(garbage)

    with scripted(script) as server:
        failure = failed(server.url)
    assert failure.kind == "disconnected"
    assert "does not speak HTTP: " in failure.message


def test_a_closed_port_refuses() -> None:
    with scripted(lambda connection: None) as server:
        url = server.url
    failure = failed(url)
    assert failure.kind == "refused"
    assert "is the server running" in failure.message


def test_an_unknown_name_is_a_dns_failure() -> None:
    failure = failed("http://no-such-host.invalid")
    assert failure.kind == "dns"
    assert "'no-such-host.invalid'" in failure.message


def test_plain_http_addressed_as_https_names_the_cure() -> None:
    def script(connection: Connection) -> None:
        connection.sock.recv(1)
        connection.send(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")

    with scripted(script) as server:
        failure = failed(server.url.replace("http:", "https:"))
    assert failure.kind == "tls"
    assert f"write {server.url}" in failure.message


def test_a_tls_handshake_without_an_answer_times_out() -> None:
    with scripted(Connection.hold) as server:
        failure = failed(server.url.replace("http:", "https:"), silent=server.silent)
    assert failure.kind == "timeout"
    assert "no TLS handshake within 30 s" in failure.message


@pytest.fixture
def self_signed(tmp_path: Path) -> ssl.SSLContext:
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("needs the openssl command to make a certificate")
    command = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    names = ["-subj", "/CN=localhost", "-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "cert"), "-days", "1"]
    subprocess.run(command + names, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert", tmp_path / "key")
    return context


def test_a_self_signed_certificate_is_a_tls_failure_with_its_cure(self_signed: ssl.SSLContext) -> None:
    with scripted(answering(whole(b"{}")), tls=self_signed) as server:
        failure = failed(server.url.replace("http:", "https:"))
    assert failure.kind == "tls"
    assert "certificate" in failure.message
    assert "SSL_CERT_FILE" in failure.message


def test_https_addressed_as_http_is_not_an_answer(self_signed: ssl.SSLContext) -> None:
    with scripted(answering(whole(b"{}")), tls=self_signed) as server:
        failure = failed(server.url)
    assert failure.kind == "disconnected"


def test_loopback_is_reached_past_a_proxy_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:1")
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:1")
    with scripted(answering(whole(b"{}"))) as server:
        (response,) = sent(server.url)
    assert response.status == 200


def test_a_header_that_http_cannot_carry_is_our_own_error() -> None:
    odd = Request(method="GET", path="/v1/models", headers=(("x-odd", f"a\nb{KEY_PLACEHOLDER}"),), body=b"")
    with scripted(answering(whole(b"{}"))) as server, pytest.raises(ValueError, match="cannot be sent") as caught:
        sent(server.url, request=odd)
    assert KEY not in str(caught.value)
