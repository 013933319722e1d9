"""What a target may be called, and what is said when it is called something else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from messages_conformance.exchange import Chunk, Exchange, Failure, Request, Response, to_record
from messages_conformance.targets import Target, TargetError, Unreachable, open_target

QUESTION = Request(method="POST", path="/v1/messages", headers=(("accept", "*/*"),), body=b"{}")


def closed(target: Target) -> Target:
    asyncio.run(target.aclose())
    return target


@pytest.mark.parametrize(
    ("spec", "name", "noted"),
    [
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000", False),
        (" http://127.0.0.1:8000/ ", "http://127.0.0.1:8000", False),
        ("HTTPS://Api.Example.com/v1", "https://api.example.com", True),
        ("https://api.example.com/v1/messages", "https://api.example.com", True),
        ("https://api.example.com/api/v1/", "https://api.example.com/api", True),
        ("https://api.example.com/v1beta", "https://api.example.com/v1beta", False),
        ("http://[::1]:9", "http://[::1]:9", False),
        ("http://user:hunter22@127.0.0.1:9", "http://127.0.0.1:9", True),
    ],
)
def test_a_url_is_cut_to_its_base_and_says_so(spec: str, name: str, noted: bool) -> None:
    target = closed(open_target(spec, key="sk-test-key"))
    assert target.name == name
    assert bool(target.notes) is noted
    assert not any("hunter22" in note for note in target.notes)


@pytest.mark.parametrize(
    ("spec", "hint"),
    [
        ("", "no target was given"),
        ("localhost:8000", "did you mean http://localhost:8000?"),
        ("api.example.com", "did you mean https://api.example.com?"),
        ("http:/host", "did you mean http://host?"),
        ("htp://host", "did you mean http://host?"),
        ("ftp://user:hunter22@host/x", "did you mean https://host/x?"),
        ("htps://user:hunter22@host/x", "did you mean https://host/x?"),
        ("refrence:", "did you mean reference:?"),
        ("drop_message_stop", "did you mean reference:drop_message_stop?"),
        ("run/exchanges.jsonl", "did you mean replay:run/exchanges.jsonl?"),
        ("replay:", "lacks its file"),
        ("http://", "names no host"),
        ("http://host:99999", "is not a URL"),
        ("http://host:0", "port 0"),
        ("http://ho st", "names no host"),
        ("http://host?a=b", "has no '?a=…'"),
        ("reference:level=9", "not understood at 'level=9'"),
    ],
)
def test_what_is_no_target_gets_its_cure_and_the_valid_forms(spec: str, hint: str) -> None:
    with pytest.raises(TargetError) as caught:
        open_target(spec, key=None)
    assert hint in str(caught.value)
    assert "valid: http(s)://" in str(caught.value)
    assert "hunter22" not in str(caught.value)


def test_an_unknown_fault_is_named() -> None:
    with pytest.raises(TargetError, match="no_such_fault_at_all"):
        open_target("reference:no_such_fault_at_all", key=None)


@pytest.mark.parametrize("key", ["sk-key\n", " sk-key", "sk\x00key", "schlüssel-ß", "sk-„key“"])
def test_a_key_that_no_header_can_carry_is_refused_unseen(key: str) -> None:
    with pytest.raises(TargetError, match="the key holds") as caught:
        open_target("http://127.0.0.1:1", key=key)
    assert key.strip() not in str(caught.value)


def test_the_reference_endpoint_runs_while_it_is_open() -> None:
    async def run() -> int:
        target = open_target("reference:", key="ignored-key-1")
        try:
            models = Request(method="GET", path="/v1/models", headers=(("x-api-key", "$MESSAGES_API_KEY"),), body=b"")
            assert target.key != "ignored-key-1"
            return (await target.send(models)).status
        finally:
            await target.aclose()

    assert asyncio.run(run()) == 200


def saved(path: Path, *exchanges: Exchange, tail: str = "") -> str:
    lines = "".join(json.dumps(to_record(exchange)) + "\n" for exchange in exchanges)
    path.write_text(lines + tail)
    return f"replay:{path}"


def exchange_of(number: int, body: bytes | None) -> Exchange:
    response = None
    if body is not None:
        chunks = (Chunk(at_s=0.1, data=body),)
        response = Response(status=200, headers=(), chunks=chunks, headers_at_s=0.1, ended_at_s=0.2)
    failure = None if body is not None else Failure(kind="refused", message="it was down")
    return Exchange(number=number, request=QUESTION, response=response, failure=failure)


def test_a_saved_run_answers_in_recorded_order(tmp_path: Path) -> None:
    spec = saved(tmp_path / "run.jsonl", exchange_of(1, b"one"), exchange_of(2, b"two"), tail='{"number": 3, "requ')
    target = open_target(spec, key=None)
    assert target.offline
    assert [asyncio.run(target.send(QUESTION)).body for _ in range(3)] == [b"one", b"two", b"two"]


def test_a_saved_run_fails_as_it_failed_and_where_it_was_not_asked(tmp_path: Path) -> None:
    target = open_target(saved(tmp_path / "run.jsonl", exchange_of(1, None)), key=None)
    with pytest.raises(Unreachable, match="it was down"):
        asyncio.run(target.send(QUESTION))
    other = Request(method="GET", path="/v1/models", headers=(), body=b"")
    with pytest.raises(Unreachable, match="holds no answer to this GET /v1/models") as raised:
        asyncio.run(target.send(other))
    assert raised.value.failure.kind == "unrecorded"  # and no rule takes it for silence of the target


@pytest.mark.parametrize("text", ["", "not json\n", '{"number": 1}\n', "[]\n\n", '"text"\n1\n'])
def test_a_file_that_is_no_saved_run_is_said_to_be_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.jsonl").write_text(text)
    with pytest.raises(TargetError, match=r"exchange"):
        open_target(f"replay:{tmp_path / 'x.jsonl'}", key=None)
