import shutil
import socket
import subprocess
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
from misbehaving import PATIENCE_S
from report_samples import exchange, request

from messages_conformance.exchange import KEY_PLACEHOLDER
from messages_conformance.report import curl

KEY = "sk-te$t \"quoted\" 'key' `id` \\ !"

JSON = (("content-type", "application/json"), ("accept", "application/json"))

BODIES = {
    "plain": b'{"model":"m","stream":true}',
    "quotes": b"""{"text":"it's \\"quoted\\" `id` $HOME $(id) \\\\ ! # %s"}""",
    "lines": b'{\n  "a": 1\n}\n',
    "trailing lines": b"{}\n\n\n",
    "unicode": '{"text":"Grüße, 世界 👩‍👩‍👧"}'.encode(),
    "invisible": '{"text":"\u202e\u00a0\ufeff"}'.encode(),
    "carriage returns": b"a\r\nb\tc",
    "binary": bytes(range(256)),
    "invalid utf-8": b'{"a":"\xff\xfe%s\\n\'"}',
    "octal then digits": b"\x00123\xff456",
    "hyphen": b"-n\xff",
    "at sign": b"@/etc/hostname",
    "long binary": bytes(range(256)) * 20,
    "a little too long": b'{"text":"' + bytes(33 + n % 90 for n in range(0, 70_000, 7)) * 12 + b'"}',
    "one long repetition": b'{"text":"' + b"x" * 400_000 + b'"}',
    "a repeated word": b'{"text":"' + "wörd ".encode() * 60_000 + b'","a":"\'"}',
    "long random": bytes((n * n * 31 + n // 7) % 256 for n in range(90_000)),
    "empty": b"",
}


def _receive(listener, received):
    connection, _ = listener.accept()
    with connection, connection.makefile("rb") as stream:
        head = []
        while (line := stream.readline()) not in (b"\r\n", b""):
            head.append(line.rstrip(b"\r\n"))
        headers = [tuple(part.strip() for part in line.split(b":", 1)) for line in head[1:]]
        length = next((int(value) for name, value in headers if name.lower() == b"content-length"), 0)
        received.append((head[0], headers, stream.read(length)))
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok")


@contextmanager
def listening():
    received = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        thread = threading.Thread(target=_receive, args=(listener, received))
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
        thread.join()


def replayed(sent, *, prefix="", shell="sh", variable="MESSAGES_API_KEY"):
    with listening() as (base_url, received):
        command = curl(exchange(1, sent=sent), base_url + prefix, key_variable=variable)
        assert KEY not in command
        done = subprocess.run(
            [shell],
            input=command.encode("utf-8", "surrogateescape"),
            env={"PATH": "/usr/bin:/bin:/usr/local/bin", variable: KEY, "LC_ALL": "C"},
            capture_output=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 0, (done.stderr, command[:2000])
        assert done.stdout.endswith(b"ok")
    return received[0]


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@needs_curl
@pytest.mark.parametrize("name", BODIES)
def test_the_exact_bytes_arrive(name):
    line, headers, body = replayed(request(BODIES[name], headers=JSON))
    assert body == BODIES[name]
    assert line == b"POST /v1/messages HTTP/1.1"
    names = [name.lower() for name, _ in headers]
    assert sorted(set(names) - {b"host", b"user-agent", b"content-length"}) == [b"accept", b"content-type"]


@needs_curl
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_headers_arrive_as_they_were_and_the_key_is_filled_in(shell):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    sent = (
        ("authorization", f"Bearer {KEY_PLACEHOLDER}"),
        ("x-api-key", KEY_PLACEHOLDER),
        ("x-odd", f"\"$HOME\" {KEY_PLACEHOLDER}_tail 'x' `id`"),
        ("x-quoted", 'a "b" $HOME \\ `id` it\'s'),
        ("x-empty", ""),
        ("x-latin", "caf\xe9"),
        ("anthropic-beta", "a"),
        ("anthropic-beta", "b"),
    )
    _, headers, _ = replayed(request(b"{}", headers=sent), shell=shell)
    got = [(name.decode(), value.decode("latin-1")) for name, value in headers]
    own = {"host", "user-agent", "content-length"}
    expected = [(name, value.replace(KEY_PLACEHOLDER, KEY)) for name, value in sent]
    assert [pair for pair in got if pair[0].lower() not in own] == expected


@needs_curl
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/v1/models?limit=1&after_id=a%20b", b""),
        ("GET", "/v1/messages", b"{}"),
        ("DELETE", "/v1/messages", b""),
        ("POST", "/v1/../v1/messages", b"{}"),
        ("POST", "/v1/messages?x=[1]{2}'\"$HOME", b"{}"),
        ("PUT", "/v1/messages", b""),
    ],
)
def test_method_and_path_arrive_as_they_were(method, path, body):
    line, headers, got = replayed(request(body, method=method, path=path, headers=()), prefix="/prefix/")
    assert line == f"{method} /prefix{path} HTTP/1.1".encode()
    assert got == body
    assert {name.lower() for name, _ in headers} <= {b"host", b"user-agent", b"content-length"}


@needs_curl
def test_another_variable_holds_the_key():
    _, headers, _ = replayed(request(b"{}", headers=(("x-api-key", KEY_PLACEHOLDER),)), variable="OTHER_KEY")
    assert (b"x-api-key", KEY.encode()) in headers


@needs_curl
def test_a_head_request_does_not_wait_for_a_body():
    with listening() as (base_url, received):
        command = curl(exchange(1, sent=request(b"", method="HEAD", headers=())), base_url)
        done = subprocess.run(["sh", "-c", command], capture_output=True, timeout=PATIENCE_S, check=False)
    assert done.returncode == 0
    assert received[0][0] == b"HEAD /v1/messages HTTP/1.1"


def test_a_stream_is_not_buffered():
    assert " -N " in curl(exchange(1), "http://h")
    assert " -N " not in curl(exchange(1, sent=request({"stream": False})), "http://h")


def test_the_command_reads_well():
    assert curl(exchange(1), "http://127.0.0.1:4000/") == (
        'curl -isS -N -X POST http://127.0.0.1:4000/v1/messages -H "x-api-key: $MESSAGES_API_KEY" \\\n'
        "  -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' -H 'accept: application/json' \\\n"
        '  --data-binary \'{"model": "m", "max_tokens": 16, "stream": true, "messages": [{"role": "user", "content": '
        "\"It'\\''s 5 o'\\''clock\"}]}'"
    )


def test_https_stays_on_the_protocol_that_was_used():
    assert " --http1.1 " in curl(exchange(1), "https://host")


@pytest.mark.parametrize("name", ["one long repetition", "a repeated word"])
def test_a_giant_body_makes_a_short_command(name):
    assert len(curl(exchange(1, sent=request(BODIES[name], headers=JSON)), "http://h")) < 600


@pytest.mark.parametrize("name", BODIES)
def test_the_command_has_no_control_characters(name):
    command = curl(exchange(1, sent=request(BODIES[name], headers=JSON)), "http://h")
    assert all(c.isprintable() or c in "\n\u200d" for c in command)


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ("http-1.0", "--http1.0"),
        ("cut-body", "--max-time"),
        ("leave-early", "| head -c"),
    ],
)
def test_an_unusual_request_is_sent_in_its_form(wire, expected):
    length = (("content-length", "113"),) if wire == "cut-body" else ()
    sent = replace(request(headers=(*JSON, *length), body=b'{"stream":true}'), wire=wire)
    with listening() as (url, received):
        command = curl(exchange(1, sent=sent), url)
        subprocess.run(["sh", "-c", command], capture_output=True, timeout=PATIENCE_S, check=False)
    line, headers, body = received[0]
    assert expected in command
    assert line.endswith(b"HTTP/1.0" if wire == "http-1.0" else b"HTTP/1.1")
    assert body == sent.body
    assert (b"content-length", b"113") in [(name.lower(), value) for name, value in headers] or not length


def test_a_recorded_request_has_no_header_of_another_connection() -> None:
    headers = (("Host", "127.0.0.1:41979"), ("Connection", "keep-alive"), ("accept-encoding", "gzip"), ("x-a", "1"))
    recorded = exchange(1, sent=request(headers=headers, body=b"{}"))
    text = curl(recorded, "https://gateway.example", is_recorded=True)
    assert "41979" not in text
    assert "keep-alive" not in text
    assert "--compressed" in text
    assert "-H 'x-a: 1'" in text
    assert "41979" in curl(recorded, "https://gateway.example")
