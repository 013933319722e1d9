import json
import os
from dataclasses import replace

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator
from report_samples import EVERY, FAILED, RUN, exchange, hostile, interrupted, red, report

from messages_conformance import resources
from messages_conformance.exchange import Failure
from messages_conformance.reference import API_KEY
from messages_conformance.report import ReportError, prepare, to_json, write_all

SCHEMA = json.loads(resources.text("schemas/report.json"))


WRITTEN = ["junit.xml", "matrix.json", "report.html", "report.json"]


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", EVERY)
def test_every_report_is_valid_by_both_validators(name):
    document = to_json(EVERY[name]())
    assert [error.message for error in Draft202012Validator(SCHEMA).iter_errors(document)] == []
    assert jsonschema_rs.validator_for(SCHEMA).is_valid(document)


@pytest.mark.parametrize("name", EVERY)
def test_every_report_survives_its_file(name, tmp_path):
    made = EVERY[name]()
    write_all(made, tmp_path)
    assert json.loads((tmp_path / "report.json").read_text(encoding="utf-8")) == json.loads(json.dumps(to_json(made)))


def test_a_finding_has_all_facts():
    document = to_json(red())
    found = next(row for row in document["requirements"] if row["id"] == "stream.order")
    assert (found["verdict"], found["severity"], found["judged"], len(found["findings"])) == ("fail", "fatal", 50, 50)
    first = found["findings"][0]
    assert first["exchange"] == 1
    assert first["situations"] == ["streamed-system"]
    assert first["place"] == {
        "event": 4,
        "event_type": "content_block_delta",
        "offset_bytes": 1204,
        "pointer": "/type",
        "header": None,
        "text": "event #4 content_block_delta, byte 1,204, /type",
    }
    assert (first["found"], first["wanted"]) == ("nothing after event #4", "message_delta or message_stop")
    assert first["impact"].startswith("fatal; hangs: cc 2.1")
    assert first["curl"].startswith("curl -isS -N -X POST http://127.0.0.1:4000/v1/messages")


def test_an_exchange_is_summarized():
    failed = exchange(2, failure=Failure(kind="refused", message="no"))
    first, second = to_json(report(exchanges={2: failed, 1: exchange(1)}))["exchanges"]
    assert (first["number"], first["status"], first["events"], first["ending"]) == (1, 200, 5, "complete")
    assert (first["first_byte_ms"], first["total_ms"]) == (250.0, 350.0)
    assert (second["status"], second["failure"]) == (None, {"kind": "refused", "message": "no"})


def test_an_interrupted_report_is_marked_incomplete():
    document = to_json(interrupted(FAILED))
    assert document["complete"] is False
    assert document["statement"]["kind"] == "interrupted"
    assert document["exit_code"] == 1


def test_a_finding_of_the_whole_run_has_no_exchange():
    whole = replace(FAILED, findings=(replace(FAILED.findings[0], exchange=0),))
    finding = to_json(report(whole))["requirements"][0]["findings"][0]
    assert (finding["exchange"], finding["curl"], finding["situations"]) == (None, None, [])


@pytest.mark.parametrize(
    ("target", "option"),
    [
        ("reference:", ""),
        ("reference:drop_message_stop", " --fault drop_message_stop"),
        ("reference:variant=crlf", " --variant crlf"),
    ],
)
def test_a_reference_target_says_how_to_start_it(target, option):
    made = report(FAILED, run=replace(RUN, target=target))
    command = to_json(made)["requirements"][0]["findings"][0]["curl"]
    assert command.splitlines()[0] == f"# first, in another terminal: messages-conformance serve --port 4010{option}"
    assert command.splitlines()[1] == f"# and here: export MESSAGES_API_KEY={API_KEY}"
    assert "http://127.0.0.1:4010/v1/messages" in command


def test_the_base_url_goes_before_the_target():
    made = report(FAILED, run=replace(RUN, target="reference:", base_url="http://127.0.0.1:9", key_variable="K"))
    command = to_json(made)["requirements"][0]["findings"][0]["curl"]
    assert command.startswith("curl -isS -N -X POST http://127.0.0.1:9/v1/messages")
    assert '"x-api-key: $K"' in command


def test_a_written_report_replaces_the_old_one_completely(tmp_path):
    write_all(hostile(), tmp_path)
    write_all(red(), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == WRITTEN
    assert json.loads((tmp_path / "report.json").read_text())["exit_code"] == 1


def test_a_failed_write_keeps_the_old_file_and_leaves_no_temporary_file(tmp_path, monkeypatch):
    write_all(red(), tmp_path)
    before = (tmp_path / "report.json").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(ReportError, match="No space left on device; free space or name another folder"):
        write_all(hostile(), tmp_path)
    assert (tmp_path / "report.json").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == WRITTEN


def test_a_folder_is_created_and_left_empty(tmp_path):
    folder = prepare(tmp_path / "a" / "b")
    assert folder.is_dir()
    assert list(folder.iterdir()) == []


def test_an_existing_file_in_place_of_the_folder_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(ReportError, match="a file is in the way"):
            prepare(folder)


def test_a_folder_without_write_permission_is_refused_with_the_cure(tmp_path, monkeypatch):
    def forbidden(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", forbidden)
    with pytest.raises(ReportError, match="Permission denied; name a folder that you may write to with --report"):
        prepare(tmp_path)


def test_a_name_that_is_not_a_report_is_refused():
    with pytest.raises(ReportError, match="name a folder"):
        prepare("a\x00b")
