"""Recorded pairs become exchanges that say what they lack."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from command_line import environment

from messages_conformance.captures import CaptureError, lacks_of_headers, read_pairs
from messages_conformance.captures.__main__ import main
from messages_conformance.exchange import RecordingPart

PLAIN = frozenset({RecordingPart.TIMES, RecordingPart.CHUNK_BORDERS, RecordingPart.RAW_BODY, RecordingPart.PROBES})
HEADERS = RecordingPart.RESPONSE_HEADERS


def pair(*, path: str = "", notes: tuple[str, ...] = (), headers: Any = None, **answer: Any) -> dict[str, Any]:
    body = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 10, "output_tokens": 5},
        **answer,
    }
    sent = {"model": "m", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}
    usual = [["Content-Type", "application/json"], ["request-id", "req_1"], ["content-encoding", "gzip"]]
    return {
        **({"source": {"repo": "a/b", "path": path, "notes": list(notes)}} if path else {}),
        "request": {"method": "POST", "path": "/v1/messages", "headers": [], "body": json.dumps(sent)},
        "response": {"status": 200, "headers": usual if headers is None else headers, "body": json.dumps(body)},
    }


def written(folder: Path, *pairs: dict[str, Any], zipped: bool = False) -> Path:
    path = folder / "pairs.jsonl"
    data = "".join(json.dumps(one) + "\n" for one in pairs).encode()
    path.write_bytes(gzip.compress(data) if zipped else data)
    return path


@pytest.mark.parametrize("zipped", [False, True])
def test_lines_of_one_file_are_one_capture(tmp_path: Path, zipped: bool) -> None:
    path = written(tmp_path, pair(path="x.yaml"), pair(path="y.yaml"), pair(path="x.yaml"), pair(), zipped=zipped)
    captures = list(read_pairs(path))
    assert [(capture.name, len(capture.exchanges)) for capture in captures] == [
        ("a/b/x.yaml", 2),
        ("a/b/y.yaml", 1),
        ("line 4", 1),
    ]
    assert [exchange.number for exchange in captures[0].exchanges] == [1, 2]
    assert captures[0].origin == {"repo": "a/b", "path": "x.yaml"}


def test_a_pair_says_what_it_lacks(tmp_path: Path) -> None:
    path = written(
        tmp_path, pair(), pair(headers=[]), pair(path="z", notes=("no request recorded", "no headers recorded"))
    )
    complete, scrubbed, invented = (capture.exchanges[0] for capture in read_pairs(path))
    assert complete.lacks == PLAIN
    assert complete.response is not None
    assert [name for name, _ in complete.response.headers] == ["Content-Type", "request-id"]
    assert scrubbed.lacks == PLAIN | {HEADERS}
    assert invented.lacks == PLAIN | {HEADERS, RecordingPart.REQUEST}


def test_requests_to_other_apis_are_counted_and_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = pair(path="x", role="user")
    other["request"]["path"] = "/v1/chat/completions"
    path = written(tmp_path, pair(path="x"), other)
    (capture,) = read_pairs(path)
    assert (len(capture.exchanges), capture.skipped) == (1, 1)
    assert main([str(path)]) == 0
    assert "1 exchanges in 1 captures (1 of other APIs are not judged); 0 findings" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("headers", "complete"),
    [
        ([], False),
        ([("content-type", "application/json"), ("date", "Mon, 30 Nov 2026 12:00:00 GMT")], False),
        ([("content-type", "application/json"), ("retry-after", "10")], False),
        ([("request-id", "req_1")], True),
        ([("CF-Ray", "8a1b2c")], True),
        ([("apim-request-id", "2c1d")], True),
        ([("anthropic-organization-id", "00000000-0000-0000-0000-000000000000")], True),
        ([("request-id", "<REQUEST_ID>")], False),
        ([("request-id", "XXX"), ("cf-ray", "8a1b2c")], False),
        ([("request-id", "req_1"), ("anthropic-organization-id", "ORG-REDACTED")], False),
        ([("request-id", "[FILTERED]")], False),
        ([("request-id", "{{request_id}}")], False),
        ([("request-id", "***")], False),
        ([("request-id", "req_011CeCHHtY6QhuTaSTaFSc1b"), ("x-other", "XXX")], True),
    ],
)
def test_reduced_and_replaced_headers_are_recognised(headers: list[tuple[str, str]], complete: bool) -> None:
    assert lacks_of_headers(headers) == (frozenset() if complete else frozenset({HEADERS}))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"{", "line 1: it is not JSON"),
        (b"\n[1]\n", "line 2: an object with the objects request and response was expected"),
        (b'{"request": {}, "response": {}}', "line 1: not a recorded pair (KeyError: 'headers')"),
        (b"[" * 100_000, "line 1: it is nested too deeply"),
        (b"\x1f\x8b cut", "cannot read"),
    ],
)
def test_another_file_is_refused_with_its_line(
    tmp_path: Path, data: bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(data)
    with pytest.raises(CaptureError) as error:
        list(read_pairs(path))
    assert message in str(error.value)
    assert main([str(path)]) == 4
    assert message in capsys.readouterr().err


def test_a_reader_who_leaves_early_changes_no_exit_code(tmp_path: Path) -> None:
    path = written(tmp_path, *(pair(path=f"{number}", role="user") for number in range(3)))
    command = [sys.executable, "-m", "messages_conformance.captures", str(path)]
    reader, writer = os.pipe()
    os.close(reader)
    ran = subprocess.run(command, env=environment(), stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (ran.returncode, ran.stderr) == (1, "")


def test_the_command_lists_what_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(written(tmp_path, pair()))]) == 0
    assert capsys.readouterr().out == "1 exchanges in 1 captures; 0 findings\n"
    assert main([str(written(tmp_path, pair(), pair(path="x", role="user")))]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["2 exchanges in 2 captures; 1 findings", "MUST response.role.assistant: 1"]
    assert lines[2].startswith("    a/b/x, exchange 1: ")
    assert main([str(tmp_path / "none")]) == 4
    main([str(written(tmp_path, pair(path="y\x1b[31m", role="\x1b[31m")))])
    assert "\x1b" not in capsys.readouterr().out
    assert main([str(tmp_path / "pairs.jsonl"), "--profile", "none"]) == 4
