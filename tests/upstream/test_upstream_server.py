"""The upstream on a socket: records, releases, silence, clients that leave, and many conversations at once."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from command_line import ended, started
from misbehaving import PATIENCE_S
from upstream_support import PATHS, TALK, body, prompt

from messages_conformance.cli import main
from messages_conformance.upstream import (
    Chunking,
    Failure,
    Interruption,
    Pause,
    Script,
    Text,
    Upstream,
    UpstreamExchange,
)
from messages_conformance.upstream.record import as_json

HEADERS = {"authorization": "Bearer upstream-key", "X-Case": "a"}
LONG_S = 500.0
"""A silence that no test waits for."""


def post(upstream: Upstream, script: Script, **fields: Any) -> httpx.Response:
    url = upstream.base_url + PATHS["openai-chat"]
    asked = body("openai-chat", prompt(script), **fields)
    return httpx.post(url, json=asked, headers=HEADERS, timeout=PATIENCE_S, trust_env=False)


def stream(upstream: Upstream, script: Script) -> Any:
    url = upstream.base_url + PATHS["openai-chat"]
    asked = body("openai-chat", prompt(script), stream=True)
    return httpx.stream("POST", url, json=asked, headers=HEADERS, timeout=PATIENCE_S, trust_env=False)


def test_a_record_has_both_sides() -> None:
    script = Script(case="record", blocks=(Text("ab"),), chunking=Chunking(sizes=(1,)))
    with Upstream("openai-chat") as upstream:
        answer = post(upstream, script, stream=True)
        httpx.get(f"{upstream.base_url}/v1/models", timeout=PATIENCE_S, trust_env=False)
        (exchange,) = upstream.wait_ended(script.token(), timeout_s=PATIENCE_S)
        assert [one.path for one in upstream.records("")] == ["/v1/models"]
        assert len(upstream.records()) == 2
        upstream.forget(script.token().upper())
        assert len(upstream.records()) == 1
    assert (exchange.method, exchange.path, exchange.status, exchange.ending) == (
        "POST",
        "/v1/chat/completions",
        200,
        "complete",
    )
    assert exchange.body["messages"][0]["content"] == prompt(script)
    assert json.loads(exchange.raw_body) == exchange.body
    assert exchange.header_values("Authorization") == ("Bearer upstream-key",)
    assert ("X-Case", "a") in exchange.headers
    assert exchange.response_body == answer.content
    assert len(exchange.chunks) == 5  # role, two deltas, finish reason, [DONE]
    times = [exchange.arrived_s, *(chunk.at_s for chunk in exchange.chunks), exchange.ended_s]
    assert times == sorted(times)  # type: ignore[type-var]
    assert exchange.left_s is None


def test_a_record_as_json_has_no_key() -> None:
    exchange = UpstreamExchange(
        number=1,
        dialect="anthropic",
        headers=(("X-Api-Key", "secret"), ("authorization", "Bearer secret")),
        body={"a": "\ud83d"},
    )
    written = json.dumps(as_json(exchange))
    assert "secret" not in written
    digests = [value.rpartition(" ")[2] for _, value in json.loads(written)["headers"]]
    assert digests[0] == digests[1]
    assert json.loads(written)["body"] == {"a": "\ud83d"}


def test_each_chunk_is_sent_when_it_comes_and_held_until_its_release() -> None:
    script = Script(case="hold", blocks=(Text("abc"),), chunking=Chunking(sizes=(1,)), hold=True, hold_limit_s=LONG_S)
    token = script.token()
    with Upstream("openai-chat") as upstream, stream(upstream, script) as response:
        lines = (line for line in response.iter_lines() if '"content":"' in line and '"role"' not in line)
        for number, letter in enumerate("abc", start=1):
            assert f'"content":"{letter}"' in next(lines)
            (exchange,) = upstream.records(token)
            assert exchange.ended_s is None
            assert len(exchange.chunks) <= 1 + number
            upstream.release(token)
        assert list(lines) == []
        assert upstream.wait_ended(token, timeout_s=PATIENCE_S)[0].held_out == 0


def test_a_release_that_does_not_come_is_in_the_record() -> None:
    script = Script(blocks=(Text("abc"),), chunking=Chunking(sizes=(1,)), hold=True, hold_limit_s=0.01)
    with Upstream("openai-chat") as upstream:
        assert post(upstream, script, stream=True).text.endswith("data: [DONE]\n\n")
        assert upstream.records(script.token())[0].held_out == 1


@pytest.mark.parametrize(
    "script",
    [
        Script(case="before", wait_before_headers_s=LONG_S),
        Script(case="headers", wait_before_events_s=LONG_S),
        Script(case="middle", pauses=(Pause(after=1, seconds=LONG_S),)),
        Script(case="hang", interruption=Interruption(after=1, how="hang")),
        Script(case="hold", hold=True, hold_limit_s=LONG_S),
    ],
    ids=lambda script: script.case,
)
def test_a_client_that_leaves_in_a_silence_is_noticed(script: Script) -> None:
    asked = json.dumps(body("openai-chat", prompt(script), stream=True)).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: {len(asked)}\r\n\r\n".encode()
    with Upstream("openai-chat") as upstream:
        with socket.create_connection(("127.0.0.1", upstream.port), PATIENCE_S) as connection:
            connection.sendall(head + asked)
            if script.case != "before":
                assert connection.recv(10) == b"HTTP/1.1 2"
        (exchange,) = upstream.wait_ended(script.token(), timeout_s=PATIENCE_S)
    assert exchange.ending == "left"
    assert exchange.left_s is not None
    assert exchange.left_s - exchange.arrived_s < LONG_S


def test_the_server_ends_while_answers_are_in_progress() -> None:
    script = Script(wait_before_headers_s=LONG_S)

    def ask() -> None:
        with pytest.raises(httpx.HTTPError):
            post(upstream, script)

    asked = threading.Thread(target=ask)
    with Upstream("openai-chat") as upstream:
        asked.start()
        while not upstream.records():
            time.sleep(0.01)
    asked.join(PATIENCE_S)
    assert not asked.is_alive()
    assert upstream.records()[0].ending == "stopped"


def test_silence_and_slow_starts_take_their_time() -> None:
    script = Script(wait_before_headers_s=0.05, pauses=(Pause(after=1, seconds=0.05, keep_alive_s=0.02),))
    with Upstream("openai-chat") as upstream:
        assert post(upstream, script, stream=True).text.count(": keep-alive\n\n") == 2
        (exchange,) = upstream.wait_ended(script.token(), timeout_s=PATIENCE_S)
    assert exchange.ended_s is not None
    assert exchange.ended_s - exchange.arrived_s >= 0.1


def test_64_conversations_do_not_block_each_other() -> None:
    slow = Script(case="slow", pauses=(Pause(after=1, seconds=LONG_S),))
    scripts = [Script(case=str(number), blocks=(Text(f"nonce {number}"),)) for number in range(64)]

    async def ask(client: httpx.AsyncClient, script: Script) -> str:
        answer = await client.post(PATHS["openai-chat"], json=body("openai-chat", prompt(script)))
        text: str = answer.json()["choices"][0]["message"]["content"]
        return text

    async def ask_all(url: str) -> list[str]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S, limits=limits, trust_env=False) as client:
            return await asyncio.gather(*(ask(client, script) for script in scripts))

    with Upstream("openai-chat") as upstream, stream(upstream, slow) as waiting:
        chunks = waiting.iter_raw()
        next(chunks)
        assert asyncio.run(ask_all(upstream.base_url)) == [f"nonce {number}" for number in range(64)]
        assert all(len(upstream.records(script.token())) == 1 for script in scripts)
        assert upstream.records(slow.token())[0].ended_s is None


def test_a_connection_serves_several_requests_also_after_an_error() -> None:
    with (
        Upstream("openai-chat") as upstream,
        httpx.Client(base_url=upstream.base_url, timeout=PATIENCE_S, trust_env=False) as client,
    ):
        for script in (TALK, Script(failure=Failure(status=503)), TALK):
            client.post(PATHS["openai-chat"], json=body("openai-chat", prompt(script)), timeout=PATIENCE_S)
        assert [exchange.status for exchange in upstream.records()] == [200, 503, 200]


def test_bytes_that_are_not_http_get_an_error() -> None:
    with (
        Upstream("openai-chat") as upstream,
        socket.create_connection(("127.0.0.1", upstream.port), PATIENCE_S) as connection,
    ):
        connection.sendall(b"NONSENSE\r\n\r\n")
        assert connection.recv(12) == b"HTTP/1.1 400"


# -- the command ------------------------------------------------------------------------------------------------------


def test_the_command_prints_and_records_each_exchange(tmp_path: Path) -> None:
    record = tmp_path / "upstream.jsonl"
    process = started("upstream", "--speaks", "openai-chat", "--port", "0", "--record", str(record))
    try:
        assert process.stdout is not None
        words = process.stdout.readline().split()
        assert words[:3] == ["speaking", "openai-chat", "on"]
        for value in (body("openai-chat", prompt(TALK)), {"model": "m", "messages": [{"role": "\x1b[1m"}]}):
            httpx.post(f"{words[3]}/chat/completions", json=value, headers=HEADERS, timeout=PATIENCE_S, trust_env=False)
        printed = [process.stdout.readline() for _ in range(2)]
    finally:
        process.terminate()
        assert ended(process).code == 0
    assert printed[0] == "POST /v1/chat/completions  200  scripted  complete\n"
    assert printed[1].startswith(
        "POST /v1/chat/completions  400  without a script  refused: Invalid value: '\\x1b[1m'."
    )
    first, second = (json.loads(line) for line in record.read_text("utf-8").splitlines())
    assert (first["token"], first["status"], second["status"]) == (TALK.token(), 200, 400)
    assert b"chat.completion" in base64.b64decode(first["chunks"][0][1])
    assert "upstream-key" not in record.read_text("utf-8")


def test_the_command_reports_wrong_options(capsys: pytest.CaptureFixture[str]) -> None:
    with Upstream("anthropic") as upstream:
        messages = {
            (): "no --speaks was given; valid: anthropic, openai-chat, openai-responses",
            ("--speaks", "openai"): "there is no dialect 'openai'; did you mean openai-chat?",
            ("--speaks", "anthropic", "--port", str(upstream.port)): "cannot be used (Address already in use)",
            ("--speaks", "anthropic", "--port", "70000"): "--port is 70000",
            ("--speaks", "anthropic", "--record", "/no/such/file"): "'/no/such/file' cannot be written (No such file",
        }
        for options, message in messages.items():
            assert main(["upstream", *options]) == 4
            assert message in capsys.readouterr().err
    with pytest.raises(ValueError, match="no dialect 'openai'"):
        Upstream("openai")  # type: ignore[arg-type]
