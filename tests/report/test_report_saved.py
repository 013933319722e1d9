"""Loading a saved run: nothing is lost, and an unreadable report is one message with its cure."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from report_samples import EVERY, FAILED, red

from messages_conformance import report
from messages_conformance.report import ReportError, append, load, to_json, write_all
from messages_conformance.report.page import to_html
from messages_conformance.report.run_info import FailedTest, Planned
from messages_conformance.shapes import Drift


def saved(made, folder):
    write_all(made, folder)
    for exchange in made.exchanges.values():
        append(folder / "exchanges.jsonl", exchange)
    return folder


@pytest.mark.parametrize("name", [name for name in EVERY if name != "hostile"])
def test_a_saved_report_is_loaded_completely(name, tmp_path):
    made = replace(
        EVERY[name](),
        planned=Planned(requests=60, output_tokens=900, duplicates=3),
        failed_tests=(FailedTest(name="test_ours", message="no"),),
        drifts=(Drift(situation="plain", path=".usage", before="object", after=None),),
    )
    read = load(saved(made, tmp_path))
    assert to_json(read) == to_json(made)
    assert to_html(read) == to_html(made)
    assert load(tmp_path / "report.json").verdicts == read.verdicts


def test_a_hostile_report_can_be_read_again_and_stays_harmless(tmp_path):
    read = load(saved(EVERY["hostile"](), tmp_path))
    assert "\x1b" not in to_html(read)


def test_without_the_exchanges_only_traces_and_times_are_missing(tmp_path):
    made = red()
    write_all(made, tmp_path)
    read = load(tmp_path)
    assert read.exchanges == {}
    page = to_html(read)
    assert "curl -isS -N -X POST http://127.0.0.1:4000/v1/messages" in page
    assert "Timeline" not in page
    assert "POST /v1/messages: event #4" in page
    assert to_json(read) == to_json(made)


def test_keys_of_later_versions_are_ignored(tmp_path):
    document = to_json(red())
    document |= {"novelty": 1, "run": {**document["run"], "mood": "good"}}
    document["requirements"][0]["colour"] = "blue"
    (tmp_path / "report.json").write_text(json.dumps(document))
    assert load(tmp_path).run.target == "http://127.0.0.1:4000"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "messages-conformance/report/2"}, "update messages-conformance to read it"),
        ({"schema": "messages-conformance/report/0"}, "this version reads messages-conformance/report/1"),
        ({"schema": "somebody/else/1"}, "is not a report of messages-conformance"),
        (
            {"requirements": [{"id": "x"}]},
            "is not a complete report: requirements\\[0\\]: object missing required field level",
        ),
        ({"requirements": None}, "is not a complete report"),
        ({"run": []}, "run: expected object, got array"),
        ({"run": {}}, "missing"),
    ],
)
def test_a_file_that_is_no_report_is_reported_with_the_cure(tmp_path, change, message):
    (tmp_path / "report.json").write_text(json.dumps({**to_json(red()), **change}))
    with pytest.raises(ReportError, match=message) as raised:
        load(tmp_path)
    assert "report.json" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ('{"schema": "messages-con', "was it cut off"),
        ("[1]", "is not a report of messages-conformance"),
        ("[" * 10**5, "nested too deeply"),
    ],
)
def test_a_truncated_file_is_reported(tmp_path, text, message):
    (tmp_path / "report.json").write_text(text)
    with pytest.raises(ReportError, match=message):
        load(tmp_path)


def test_a_folder_without_a_report_is_reported(tmp_path):
    for place in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(ReportError, match="could not be read"):
            load(place)


def test_a_finding_without_its_exchange_keeps_its_number(tmp_path):
    write_all(replace(red(), verdicts=(FAILED,)), tmp_path)
    assert [finding.exchange for finding in load(tmp_path).verdicts[0].findings] == list(range(1, 51))


@pytest.mark.skipif(os.name != "posix", reason="needs named pipes and links")
def test_a_pipe_or_a_stream_is_written_to_and_never_replaced(tmp_path: Path) -> None:
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        try:
            report.replace(path, "text")
            assert os.read(reader, 100) == b"text"
        finally:
            os.close(reader)
    assert pipe.is_fifo()
    assert link.is_symlink()
