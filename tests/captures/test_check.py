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

from messages_conformance import contract
from messages_conformance.captures import Reading, read_all
from messages_conformance.captures.__main__ import findings
from messages_conformance.captures.pair import Damage
from messages_conformance.captures.routes import base_url as address_before_messages
from messages_conformance.captures.saved_runs import SavedRun, read_records
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
UNPROVOKED = ("--only", "response.*", "--only", "stream.*", "--only", "errors.*", "--only", "headers.*")


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
        assert exchange.capture.startswith(str(path))


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


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b'{"request": {"body_base64": ""}, "x": "\xff"}\n', "byte 40 is not UTF-8"),
        (b'{"request": {"body_base64": ""} "x"}\n', "it is not JSON (Expecting ',' delimiter, at character 33)"),
        (b'{"request": {"body_base64": ""}}\n', "request: object missing required field method"),
        (b'{"request": {"body_base64": ""}, "x": ' + b"[" * 100_000 + b"\n", "it is nested too deeply"),
    ],
)
def test_a_damaged_line_is_named_in_plain_words(line: bytes, reason: str) -> None:
    (damage,) = read_records(io.BytesIO(line), SavedRun())
    assert isinstance(damage, Damage)
    assert f"line 1 is no exchange of a recording: {reason}" in damage.message


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


def read(folder: Path, data: bytes) -> list[Exchange]:
    return list(read_all([str(written(folder, data))], reading=Reading()))


@pytest.mark.parametrize("name", ["msg_XXX", "msg_xxxxxxxx", "<MESSAGE_ID>", "[ID]", "msg_000000000000", "REDACTED"])
def test_placeholder_ids_are_no_ids(name: str, tmp_path: Path) -> None:
    twice = numbered(*(Exchange(**{**vars_of(one), "response": with_id(one, name)}) for one in (GOOD[0], GOOD[0])))
    for exchange in read(tmp_path, writers.har(twice)):
        assert {RecordingPart.IDS, RecordingPart.RESPONSE_HEADERS} <= exchange.lacks
    assert check(tmp_path / "capture.bin") == 0


def test_an_id_that_only_repeats_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = GOOD[0], answered(http={"headers": {**HEADERS, "request-id": "req_a9"}})
    assert check(written(tmp_path, writers.har(numbered(first, second)))) == 1
    assert "response.id.unique  MUST" in capsys.readouterr().out


def test_rules_over_several_exchanges_hold_within_one_file(tmp_path: Path) -> None:
    written(tmp_path, writers.har(GOOD[:1]), "a.har")
    written(tmp_path, writers.har(GOOD[:1]), "b.har")
    assert check(tmp_path) == 0
    assert check(tmp_path, "--report", str(tmp_path.parent / "report")) == 0
    assert check(tmp_path.parent / "report") == 0


def test_a_key_in_a_recording_is_written_nowhere(tmp_path: Path) -> None:
    document = json.loads(writers.har(WRONG_ROLE))
    key = "sk-ant-api03-0123456789abcdef"
    for name, value in (("x-api-key", key), ("Authorization", f"Bearer {key}"), ("Cookie", f"s={key}")):
        document["log"]["entries"][0]["request"]["headers"].append({"name": name, "value": value})
    path = written(tmp_path, json.dumps(document).encode())
    assert check(path, "--report", str(tmp_path / "report")) == 1
    for file in (tmp_path / "report").iterdir():
        assert key not in file.read_text(), file
    assert "$MESSAGES_API_KEY" in (tmp_path / "report" / "exchanges.jsonl").read_text()


def test_decoded_bodies_with_their_old_headers_are_read_as_decoded(tmp_path: Path) -> None:
    old = {**HEADERS, "content-encoding": "gzip", "content-length": "12"}
    for writer in (writers.har, writers.vcrpy_yaml, writers.curl_dump):
        (exchange,) = read(tmp_path, writer([answered(http={"headers": old})]))
        assert exchange.response is not None
        assert exchange.response.json["id"] == "msg_1"
        assert exchange.response.header("content-encoding") is None
        assert RecordingPart.RAW_BODY in exchange.lacks


def test_the_beginning_of_a_stream_in_a_cassette_of_go_vcr_blames_nobody(tmp_path: Path) -> None:
    body = streamed().response.body  # type: ignore[union-attr]
    beginning, unstopped = body.partition(b"event: message_delta")[0], body.partition(b"event: message_stop")[0]
    for writer, part, found in (
        (writers.go_vcr, beginning, False),
        (writers.vcrpy_yaml, beginning, True),
        (writers.go_vcr, unstopped, True),
    ):
        (exchange,) = read(tmp_path, writer([streamed(part, http={"headers": HEADERS})]))
        accused = {one.requirement for one in findings([exchange], contract.profile("anthropic-2023-06-01"))}
        assert any(name.startswith("stream.") for name in accused) == found


def test_a_cassette_of_two_lists_is_read(tmp_path: Path) -> None:
    (first, second) = read(tmp_path, writers.two_lists_yaml([*GOOD[:1], *WRONG_ROLE]))
    assert [one.response.json["role"] for one in (first, second) if one.response] == ["assistant", "user"]
    assert RecordingPart.REQUEST in first.lacks  # nobody knows where it was sent


def test_a_body_that_cannot_be_decoded_is_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    brotli = answered(b"\x8b\x03\x80\xff\xfe", http={"headers": {**HEADERS, "content-encoding": "br"}})
    assert check(written(tmp_path, writers.har([brotli]))) == 2
    assert "1 whose response body cannot be decoded" in capsys.readouterr().out


def test_a_browser_that_aborted_a_stream_blames_nobody(tmp_path: Path) -> None:
    half = streamed(streamed().response.body[:200], http={"headers": HEADERS})  # type: ignore[union-attr]
    document = json.loads(writers.har([half]))
    document["log"]["entries"][0]["response"]["_error"] = "net::ERR_ABORTED"
    assert check(written(tmp_path, json.dumps(document).encode())) in (0, 2)
    del document["log"]["entries"][0]["response"]["_error"]
    document["log"]["entries"][0]["response"]["content"]["size"] = 9999
    assert check(written(tmp_path, json.dumps(document).encode())) in (0, 2)
    document["log"]["entries"][0]["response"]["content"]["size"] = 200
    assert check(written(tmp_path, json.dumps(document).encode())) == 1


def test_the_answer_to_a_preflight_of_a_browser_is_not_judged(tmp_path: Path) -> None:
    document = json.loads(writers.har(GOOD[:1]))
    entry = json.loads(json.dumps(document["log"]["entries"][0]))
    entry["request"] |= {"method": "OPTIONS", "postData": None}
    entry["response"] |= {"status": 204, "headers": [], "content": {"size": 0}}
    document["log"]["entries"].append(entry)
    assert check(written(tmp_path, json.dumps(document).encode())) == 0


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        (
            json.dumps({"object": "chat.completion", "choices": []}).encode(),
            2,
            "of another API (OpenAI chat completions)",
        ),
        (
            b'data: {"object":"chat.completion.chunk","choices":[]}\n\ndata: [DONE]\n\n',
            2,
            "of another API (OpenAI chat",
        ),
        (b'{"input_tokens": 12}', 2, "that are no messages, errors or streams of messages"),
        (b'{"name": "my-package", "version": "1.0"}', 2, "that are no messages, errors or streams of messages"),
    ],
)
def test_a_bare_body_of_another_api_is_not_judged(
    data: bytes, code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(written(tmp_path, data)) == code
    assert said in " ".join(capsys.readouterr().out.split())


def test_bare_bodies_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    answer, stream, refusal = (one.response.body for one in GOOD if one.response is not None)
    wrong = WRONG_ROLE[0].response
    assert wrong is not None
    events = [json.loads(line[6:]) for line in stream.decode().splitlines() if line.startswith("data: ")]
    lines = b"".join(json.dumps(event).encode() + b"\n" for event in events)
    for data in (answer, stream, refusal, lines, json.dumps(events).encode(), stream.rstrip()):
        assert check(written(tmp_path, data)) == 0, data
    assert check(written(tmp_path, wrong.body)) == 1
    assert check(written(tmp_path, stream.replace(b'"index": 0', b'"index": 7', 1))) == 1
    capsys.readouterr()


def test_a_dump_with_noise_and_no_command_is_read(tmp_path: Path) -> None:
    dump = writers.curl_dump(GOOD[:1], command=False)
    noise = b"*   Trying 127.0.0.1:80...\n* Connected\n> POST /v1/messages HTTP/1.1\r\n> Host: x\r\n> \r\n"
    for data in (dump, noise + dump, b"HTTP/1.1 100 Continue\r\n\r\n" + dump, dump.replace(b"\r\n", b"\n")):
        (exchange,) = read(tmp_path, data)
        assert exchange.response is not None
        assert exchange.response.json["id"] == "msg_1"
        assert RecordingPart.REQUEST in exchange.lacks
    assert check(tmp_path / "capture.bin") == 0


def test_a_dump_in_utf_16_is_read(tmp_path: Path) -> None:
    (exchange,) = read(tmp_path, writers.curl_dump(GOOD[:1]).decode().encode("utf-16"))
    assert exchange.response is not None
    assert exchange.response.json["id"] == "msg_1"


def test_lines_of_a_log_are_read_with_a_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"in": {"b": GOOD[0].request.fields}, "out": [{"b": WRONG_ROLE[0].response.json}]}  # type: ignore[union-attr]
    path = written(tmp_path, json.dumps(row).encode() + b"\n" + json.dumps({"in": {}}).encode() + b"\n")
    assert check(path, "--map", "request=$.in.b", "--map", "response=$.out[0]['b']") == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "response.role.assistant MUST" in said
    assert "line 2 has no response where the map says" in said
    assert check(path, "--map", "request=in.b") == 4
    assert check(path, "--map", "answer=$.x") == 4
    assert check(path, "--map", "request") == 4
    assert "write FIELD=PATH" in capsys.readouterr().err


def test_a_log_without_a_map_is_told_about_the_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = json.dumps({"in": {"b": {}}, "out": {}}).encode() + b"\n"
    assert check(written(tmp_path, row * 3)) == 2
    assert "name their parts: --map request='$.req.body'" in " ".join(capsys.readouterr().out.split())


def test_waivers_and_levels_apply(tmp_path: Path) -> None:
    path = written(tmp_path, writers.har(WRONG_ROLE))
    waivers = written(
        tmp_path,
        b'[[waiver]]\nrequirement = "response.role.assistant"\nreason = "known"\nowner = "jo"\nexpires = 2999-01-01\n',
        "waivers.toml",
    )
    assert check(path, "--waivers", str(waivers)) == 0
    assert check(path, "--skip", "response.role") == 0
    assert check(path, "--profile", "no-such-profile") == 4


@pytest.mark.parametrize("url", ["http://[::1/v1/messages", "//[", "", "v1/messages"])
def test_an_address_that_is_none_is_another_route(url: str, tmp_path: Path) -> None:
    document = json.loads(writers.har(GOOD[:1]))
    document["log"]["entries"][0]["request"]["url"] = url
    assert check(written(tmp_path, json.dumps(document).encode())) == 2


def test_failures_in_several_saved_runs_name_the_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, recorded in (("a", good()), ("b", WRONG_ROLE)):
        check(written(tmp_path, writers.own(recorded)), "--report", str(tmp_path / name))
    capsys.readouterr()
    assert main(["check", str(tmp_path / "a"), str(tmp_path / "b"), "--report", str(tmp_path / "both")]) == 1
    said = " ".join(capsys.readouterr().out.split())
    assert "4 exchanges in 2 files: 2 × a recording of messages-conformance" in said
    assert "exchange 1: POST /v1/messages" in said
    assert main(["check", str(tmp_path / "both")]) == 1


def test_thousands_of_files_are_judged_in_one_call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data = writers.vcrpy_yaml(GOOD[:1])
    for number in range(2_000):
        (tmp_path / f"{number}.yaml").write_bytes(data)
    assert check(tmp_path, "--only", "response.role", "--only", "response.id") == 0
    assert "2,000 exchanges in 2,000 files" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("url", "base_url"),
    [
        ("https://api.acme.example/v1/messages", "https://api.acme.example"),
        ("http://jo:pass@127.0.0.1:8080/anthropic/v1/messages?beta=true", "http://127.0.0.1:8080/anthropic"),
        ("/v1/messages", ""),
        ("https://api.acme.example/v2/chat", ""),
        ("https://[broken/v1/messages", ""),
    ],
)
def test_the_address_of_a_recorded_request_is_that_of_its_url(url: str, base_url: str) -> None:
    assert address_before_messages(url) == base_url


def test_commands_have_the_address_of_the_recording(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    har = writers.WRITERS["har"](WRONG_ROLE)
    path = written(tmp_path, har)
    address = json.loads(har)["log"]["entries"][0]["request"]["url"].removesuffix("/v1/messages")
    assert check(path) == 1
    said = capsys.readouterr().out
    assert f"{address}/v1/messages" in said
    assert "your-endpoint.example" not in said


def test_no_command_is_invented_for_a_recording_without_requests(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert WRONG_ROLE[0].response is not None
    dump = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n" + WRONG_ROLE[0].response.body
    assert check(written(tmp_path, dump, "dump.txt")) == 1
    said = capsys.readouterr().out
    assert "response.role.assistant" in said
    assert "curl -" not in said
