"""The endpoint on a real socket: keep-alive, concurrency, streams, shutdown, and faults of the connection."""

from __future__ import annotations

import concurrent.futures
import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx
import pytest
from misbehaving import PATIENCE_S
from reference_support import accumulated, body, read_events, text_of

from messages_conformance.reference import Server, Settings, serve


def client(server: Server, **options: object) -> httpx.Client:
    headers = {"x-api-key": server.api_key, "anthropic-version": "2023-06-01"}
    return httpx.Client(base_url=server.base_url, headers=headers, timeout=PATIENCE_S, trust_env=False)


def test_serves_documents_and_streams_on_one_connection() -> None:
    with serve() as server, client(server) as http:
        for _ in range(3):
            assert text_of(http.post("/v1/messages", json=body()).json()) == "1, 2, 3, 4, 5, 6, 7, 8, 9"
            streamed = http.post("/v1/messages", json=body(stream=True))
            assert text_of(accumulated(read_events(streamed.content))) == "1, 2, 3, 4, 5, 6, 7, 8, 9"
            assert http.post("/v1/messages", json={}).status_code == 400
        assert server.count == 9
        assert server.log.connections == 1
        assert server.requests[0].request.method == "POST"


def test_serves_many_clients_at_once() -> None:
    settings = Settings(latency_s=0.05)
    gate = threading.Barrier(8)

    def ask(number: int) -> str:
        with client(server) as http:
            gate.wait(PATIENCE_S)
            return text_of(http.post("/v1/messages", json=body(f"Repeat exactly: canary {number}")).json())

    with serve(settings=settings) as server, concurrent.futures.ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [f"canary {number}" for number in range(8)]
        assert 1 <= server.peak_concurrency <= 8
        assert server.log.connections == 8


def test_survives_clients_that_leave() -> None:
    with serve(settings=Settings(piece_latency_s=0.01)) as server:
        for _ in range(3):
            with client(server) as http, http.stream("POST", "/v1/messages", json=body(stream=True)) as response:
                next(response.iter_raw())
        with client(server) as http:
            assert http.post("/v1/messages", json=body()).status_code == 200


def test_answers_invalid_http_with_an_error() -> None:
    with serve() as server:
        assert exchange(server, b"NONSENSE\r\n\r\n").startswith(b"HTTP/1.1 400")


def test_answers_head_without_a_body() -> None:
    with serve() as server, client(server) as http:
        assert http.head("/v1/messages").content == b""
        assert http.post("/v1/messages", json=body()).status_code == 200


def test_waits_for_the_announced_body() -> None:
    with serve() as server:
        head = b"POST /v1/messages HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n"
        with connected(server) as sock:
            sock.sendall(head)
            assert sock.recv(1000).startswith(b"HTTP/1.1 100")
            sock.sendall(b"{}")
            assert sock.recv(1000).startswith(b"HTTP/1.1 401")


def connected(server: Server) -> socket.socket:
    address = urlsplit(server.base_url)
    return socket.create_connection((address.hostname, address.port), timeout=PATIENCE_S)


def exchange(server: Server, data: bytes) -> bytes:
    with connected(server) as sock:
        sock.sendall(data)
        received = b""
        while part := sock.recv(65_536):
            received += part
        return received


def test_frees_its_port() -> None:
    with serve() as server:
        port = urlsplit(server.base_url).port
    assert port
    with serve(port=port) as server, client(server) as http:
        assert http.get("/v1/models").status_code == 200


def test_taken_port_is_an_error() -> None:
    with serve() as server:
        port = urlsplit(server.base_url).port
        assert port
        with pytest.raises(OSError, match="in use"), serve(port=port):
            pass


def test_ends_while_answers_are_pending() -> None:
    with serve(fault="never_answer") as server:
        sock = connected(server)
        sock.sendall(b"GET /v1/models HTTP/1.1\r\nhost: x\r\n\r\n")
        while not server.count:
            pass
    with sock:
        assert sock.recv(10) == b""


def stream_error(http: httpx.Client) -> None:
    http.post("/v1/messages", json=body(stream=True))


def document_error(http: httpx.Client) -> None:
    http.post("/v1/messages", json=body())


@pytest.mark.parametrize(
    ("fault", "send", "error"),
    [
        ("reset_in_stream", stream_error, httpx.ReadError),
        ("hang_up_in_stream", stream_error, httpx.RemoteProtocolError),
        ("omit_last_chunk", stream_error, httpx.RemoteProtocolError),
        ("hang_up_in_document", document_error, httpx.RemoteProtocolError),
        ("drop_connection", document_error, httpx.RemoteProtocolError),
        ("reset_connection", document_error, httpx.ReadError),
        ("answer_garbage", document_error, httpx.RemoteProtocolError),
    ],
)
def test_faults_break_the_connection(fault: str, send: Callable[[httpx.Client], None], error: type[Exception]) -> None:
    with serve(fault=fault) as server, client(server) as http, pytest.raises(error):
        send(http)


@pytest.mark.parametrize(
    "fault", ["hold_open_after_message_stop", "ping_for_ever", "stream_for_ever", "fall_silent_in_stream"]
)
def test_keeps_a_stream_open_until_the_client_leaves(fault: str) -> None:
    with serve(fault=fault) as server, client(server) as http:
        with http.stream("POST", "/v1/messages", json=body(stream=True)) as response:
            assert next(response.iter_raw())
        assert http.post("/v1/messages", json=body()).status_code == 200


def test_serves_a_huge_body_piece_by_piece() -> None:
    size = 0
    with serve(fault="answer_without_measure") as server, client(server) as http:
        with http.stream("POST", "/v1/messages", json=body()) as response:
            for part in response.iter_raw():
                size += len(part)
                if size > 1_000_000:
                    break
        assert http.get("/v1/models").status_code == 200


@pytest.mark.parametrize(
    "variant", ["close_delimited", "no_keep_alive", "capital_headers", "single_bytes", "compressed_streams"]
)
def test_serves_variants_over_a_socket(variant: str) -> None:
    with serve(variant=variant) as server, client(server) as http:
        for stream in (True, False, True):
            response = http.post("/v1/messages", json=body(stream=stream))
            message = accumulated(read_events(response.content)) if stream else response.json()
            assert text_of(message) == "1, 2, 3, 4, 5, 6, 7, 8, 9"
