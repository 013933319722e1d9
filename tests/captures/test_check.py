"""`check` judges recordings of every format: nobody is accused for what a format lacks, and faults are found."""

from __future__ import annotations

import gzip
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import writers
from builders import answered, numbered, refused, streamed

from messages_conformance.captures import Reading, read_all
from messages_conformance.cli import main
from messages_conformance.exchange import Chunk, Exchange, RecordingPart

HEADERS = {"date": "Mon, 30 Nov 2026 12:00:00 GMT", "transfer-encoding": "chunked"}
GOOD = numbered(
    answered(http={"headers": {**HEADERS, "request-id": "req_a1"}}),
    streamed(
        http={"headers": {**HEADERS, "request-id": "req_a2"}}, ask={"messages": [{"role": "user", "content": "é"}]}
    ),
    refused(
        400, {"request_id": "req_a3"}, http={"headers": {**HEADERS, "request-id": "req_a3"}}, ask={"max_tokens": ...}
    ),
)
WRONG_ROLE = numbered(answered({"id": "msg_9", "role": "user"}, http={"headers": {**HEADERS, "request-id": "req_b1"}}))
UNPROVOKED = ("--only", "response.*", "stream.*", "errors.*", "headers.*")


def check(path: Path | str, *arguments: str) -> int:
    return main(["check", str(path), *arguments])


def written(folder: Path, data: bytes, name: str = "capture.bin") -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def good() -> list[Exchange]:
    first, second, third = GOOD
    return [first, Exchange(**{**vars_of(second), "response": with_id(second, "msg_2")}), third]


def vars_of(exchange: Exchange) -> dict[str, Any]:
    return {name: getattr(exchange, name) for name in Exchange.__dataclass_fields__}


def with_id(exchange: Exchange, name: str) -> Any:
    assert exchange.response is not None
    data = exchange.response.body.replace(b"msg_1", name.encode())
    return replace(exchange.response, chunks=(Chunk(at_s=0.0, data=data),))


@pytest.mark.parametrize("form", writers.WRITERS)
def test_a_correct_recording_is_accused_of_nothing_in_any_format(
    form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, writers.WRITERS[form](good()))
    code = check(path)
    out = capsys.readouterr().out
    assert code == 0, out
    assert "CONFORMS to profile anthropic-2023-06-01" in out
    assert "3 exchanges in 1 file" in out


@pytest.mark.parametrize("form", writers.WRITERS)
def test_a_fault_is_found_in_every_format(form: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, writers.WRITERS[form](WRONG_ROLE))
    assert check(path) == 1
    out = capsys.readouterr().out
    assert "response.role.assistant  MUST" in out
    assert "where" in out


@pytest.mark.parametrize("form", sorted(set(writers.WRITERS) - {"own"}))
def test_every_format_says_that_it_has_no_times_and_no_probes(form: str, tmp_path: Path) -> None:
    path = written(tmp_path, writers.WRITERS[form](good()))
    exchanges = list(read_all([str(path)], reading=Reading()))
    assert [exchange.number for exchange in exchanges] == [1, 2, 3]
    for exchange in exchanges:
        assert {RecordingPart.TIMES, RecordingPart.CHUNK_BORDERS, RecordingPart.PROBES} <= exchange.lacks
        assert exchange.capture == str(path)


def test_a_request_and_its_answer_survive_every_format(tmp_path: Path) -> None:
    expected = [(e.request.fields, e.response.status, e.response.text.rstrip()) for e in good() if e.response]
    for form, writer in writers.WRITERS.items():
        if form == "vcrpy_parsed":  # it sorts the keys of bodies
            continue
        path = written(tmp_path, writer(good()), f"{form}.bin")
        read = list(read_all([str(path)], reading=Reading()))
        assert [(e.request.fields, e.response.status, e.response.text.rstrip()) for e in read if e.response] == expected


def test_a_gzip_file_and_standard_input_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = writers.har(good())
    assert check(written(tmp_path, gzip.compress(data))) == 0
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert check("-") == 0
    assert "3 exchanges in 1 file: 1 × HAR" in capsys.readouterr().out


def test_other_routes_are_counted_and_other_apis_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = json.loads(writers.har(good()))
    document["log"]["entries"][0]["request"]["url"] = "https://api.openai.com/v1/chat/completions"
    document["log"]["entries"][1]["request"]["url"] = "https://gw.example/anthropic/v1/messages?beta=true"
    path = written(tmp_path, json.dumps(document).encode())
    assert check(path) == 0
    assert "not judged: 1 to other routes (1 of OpenAI chat completions)" in " ".join(capsys.readouterr().out.split())
    for entry in document["log"]["entries"]:
        entry["request"]["url"] = "https://api.openai.com/v1/chat/completions"
    assert check(written(tmp_path, json.dumps(document).encode())) == 2
    said = " ".join(capsys.readouterr().out.split())
    assert "all 3 exchanges are of another API (OpenAI chat completions)" in said


def test_a_report_of_checked_recordings_can_be_checked_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, writers.har(WRONG_ROLE))
    assert check(path, "--report", str(tmp_path / "first")) == 1
    assert check(tmp_path / "first", "--report", str(tmp_path / "second")) == 1
    first, second = (json.loads((tmp_path / name / "report.json").read_text()) for name in ("first", "second"))
    verdicts = [{row["id"]: row["verdict"] for row in each["requirements"]} for each in (first, second)]
    assert verdicts[0] == verdicts[1]
    capsys.readouterr()


BAD_INPUT = {
    "empty": (b"", "is empty; was the recording saved?"),
    "binary": (bytes(range(256)) * 40, "is binary, and no recording"),
    "zip": (b"PK\x03\x04rest", "is a ZIP archive"),
    "mitmproxy": (b"1234:7:version;2:21#}", "is a flow file of mitmproxy"),
    "prose": (b"Dear reader,\nthis is a letter.\n", "is no recording (it begins with 'Dear reader,"),
    "cut har": (writers.har(WRONG_ROLE)[:600], "the HAR cannot be read after entry 0"),
    "cut yaml": (writers.vcrpy_yaml(WRONG_ROLE)[:500] + b"\n  'unfinished", "the cassette cannot be read after"),
    "cut gzip": (gzip.compress(writers.har(WRONG_ROLE))[:200], "cannot be read"),
    "no exchange": (b'{"log": {"version": "1.2", "entries": []}}', "the recording has no exchange"),
    "cut json": (b'{"id": "msg_1", "type": "mess', "the file is not JSON to its end"),
}


@pytest.mark.parametrize("name", BAD_INPUT)
def test_bad_input_is_one_message_with_its_cure(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, message = BAD_INPUT[name]
    assert check(written(tmp_path, data)) == 2
    printed = capsys.readouterr()
    assert message in " ".join(printed.out.split())
    assert "Traceback" not in printed.out + printed.err


def test_a_missing_file_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(tmp_path / "none.har") == 4
    assert "there is no file or folder" in capsys.readouterr().err


def test_a_folder_with_other_files_is_searched_and_they_are_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    written(tmp_path, writers.har(good()), "a.har")
    written(tmp_path, writers.vcrpy_yaml(WRONG_ROLE), "b.yaml")
    written(tmp_path, b"# Read me\n", "README.md")
    assert check(tmp_path) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "4 exchanges in 2 files: 1 × HAR, 1 × a VCR cassette in YAML" in said
    assert "1 other file in the folders, no recordings" in said


def test_what_is_before_a_cut_is_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = writers.har([*WRONG_ROLE, *good()])
    assert check(written(tmp_path, data[:-900])) == 1
    data = writers.har(good())
    assert check(written(tmp_path, data[:-900])) == 2
    assert "INCOMPLETE:" in capsys.readouterr().out


def test_a_har_comes_out_and_its_reading_gives_the_same_verdicts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check(written(tmp_path, writers.own([*WRONG_ROLE, *good()])), "--report", str(tmp_path / "r"))
    assert main(["report", str(tmp_path / "r"), "--format", "har", "--output", str(tmp_path / "out.har")]) == 0
    entries = json.loads((tmp_path / "out.har").read_text())["log"]["entries"]
    assert [entry["response"]["status"] for entry in entries] == [200, 200, 200, 400]
    assert entries[0]["comment"].endswith("violates response.role.assistant")
    capsys.readouterr()
    assert check(tmp_path / "out.har") == 1
    assert "1 of " in capsys.readouterr().out
