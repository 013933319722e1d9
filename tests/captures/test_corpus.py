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

from messages_conformance.captures import Reading, lacks_of_headers, read_all
from messages_conformance.captures.__main__ import main
from messages_conformance.exchange import Exchange, RecordingPart

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


def captures(path: Path) -> dict[str, list[Exchange]]:
    """The exchanges of a file by what was recorded together, and the reasons of what is not judged."""
    found: dict[str, list[Exchange]] = {}
    for exchange in read_all([str(path)], reading=Reading()):
        found.setdefault(exchange.capture.removeprefix(str(path)).removeprefix(": "), []).append(exchange)
    return found


@pytest.mark.parametrize("zipped", [False, True])
def test_lines_of_one_file_are_one_capture(tmp_path: Path, zipped: bool) -> None:
    path = written(tmp_path, pair(path="x.yaml"), pair(path="y.yaml"), pair(path="x.yaml"), pair(), zipped=zipped)
    assert {name: len(exchanges) for name, exchanges in captures(path).items()} == {
        "a/b/x.yaml": 2,
        "a/b/y.yaml": 1,
        "line 4": 1,
    }


def test_a_pair_says_what_it_lacks(tmp_path: Path) -> None:
    path = written(
        tmp_path, pair(), pair(headers=[]), pair(path="z", notes=("no request recorded", "no headers recorded"))
    )
    complete, scrubbed, invented = (one for exchanges in captures(path).values() for one in exchanges)
    assert complete.lacks == PLAIN
    assert complete.response is not None
    assert [name for name, _ in complete.response.headers] == ["Content-Type", "request-id"]
    assert scrubbed.lacks == PLAIN | {HEADERS}
    assert invented.lacks == PLAIN | {HEADERS, RecordingPart.REQUEST}


def test_requests_to_other_apis_are_counted_and_not_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = pair(path="x", role="user")
    other["request"]["path"] = "/v1/chat/completions"
    assert main([str(written(tmp_path, pair(path="x"), other))]) == 0
    assert capsys.readouterr().out == "1 exchange in 1 capture (1 more are not judged); 0 findings\n"


@pytest.mark.parametrize(
    ("headers", "complete"),
    [
        ([], False),
        ([("content-type", "application/json"), ("date", "Mon, 30 Nov 2026 12:00:00 GMT")], False),
        ([("content-type", "application/json"), ("retry-after", "10")], False),
        ([("request-id", "req_1")], True),
        ([("CF-Ray", "8a1b2c")], False),
        ([("CF-Ray", "8a1b2c"), ("Date", "Mon, 30 Nov 2026 12:00:00 GMT")], True),
        ([("apim-request-id", "2c1d")], True),
        ([("anthropic-organization-id", "00000000-0000-0000-0000-000000000000")], True),
        ([("request-id", "<REQUEST_ID>")], False),
        ([("request-id", "XXX"), ("cf-ray", "8a1b2c")], False),
        ([("request-id", "req_1"), ("anthropic-organization-id", "ORG-REDACTED")], False),
        ([("request-id", "[FILTERED]")], False),
        ([("request-id", "{{request_id}}")], False),
        ([("request-id", "***")], False),
        ([("request-id", "REQUEST-ID-XXX"), ("cf-ray", "8a1b2c")], False),
        ([("anthropic-organization-id", "anthropic_organization_id")], False),
        ([("cf-ray", "8a1b2c"), ("anthropic-ratelimit-requests-limit", "4000")], False),
        ([("apim-request-id", "2c1d"), ("anthropic-ratelimit-requests-limit", "4000")], True),
        ([("request-id", "req_011CeCHHtY6QhuTaSTaFSc1b"), ("x-other", "XXX")], True),
    ],
)
def test_reduced_and_replaced_headers_are_recognised(headers: list[tuple[str, str]], complete: bool) -> None:
    assert lacks_of_headers(headers) == (frozenset() if complete else frozenset({HEADERS}))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"request": {}\n{', "not JSON to its end"),
        (b'{"request": {}, "response": {"status": 200}}\n[1]\n', "line 2 is no JSON object"),
        (b"no recording", "pairs.jsonl"),
        (b"\x1f\x8b cut", "cannot be read"),
    ],
)
def test_a_damaged_file_is_refused(
    tmp_path: Path, data: bytes, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(data)
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
    assert capsys.readouterr().out == "1 exchange in 1 capture; 0 findings\n"
    assert main([str(written(tmp_path, pair(), pair(path="x", role="user")))]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["2 exchanges in 2 captures; 1 finding", "MUST response.role.assistant: 1"]
    assert ": a/b/x, exchange 1: " in lines[2]
    assert main([str(tmp_path / "none")]) == 4
    main([str(written(tmp_path, pair(path="y\x1b[31m", role="\x1b[31m")))])
    assert "\x1b" not in capsys.readouterr().out
    assert main([str(tmp_path / "pairs.jsonl"), "--profile", "none"]) == 4
