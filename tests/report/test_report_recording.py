import json

import pytest
from report_samples import exchange, hostile

from messages_conformance.exchange import Failure, to_record
from messages_conformance.report import ReportError, append, read


def test_appended_exchanges_can_be_read(tmp_path):
    path = tmp_path / "exchanges.jsonl"
    made = [exchange(1), exchange(2, failure=Failure(kind="dns", message="x")), *hostile().exchanges.values()]
    for item in made:
        append(path, item)
    assert [to_record(item) for item in read(path)] == [to_record(item) for item in made]


def test_an_incomplete_last_line_is_ignored(tmp_path):
    path = tmp_path / "exchanges.jsonl"
    append(path, exchange(1))
    append(path, exchange(2))
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    for end in (first, first + 1, len(whole) - 2):
        path.write_bytes(whole[:end])
        assert [item.number for item in read(path)] == [1]


def test_a_last_line_without_its_newline_is_read(tmp_path):
    path = tmp_path / "exchanges.jsonl"
    append(path, exchange(1))
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    assert [item.number for item in read(path)] == [1]


def test_an_empty_recording_is_empty(tmp_path):
    (tmp_path / "r").write_bytes(b"")
    assert read(tmp_path / "r") == ()


@pytest.mark.parametrize(
    "line",
    [b"garbage", b"[1]", b"7", b"{}", b"\xff\xfe", b'{"request":7}', b"[" * 100_000, b'{"number":1,"request":{}}'],
)
def test_garbage_is_named_with_its_line(tmp_path, line):
    path = tmp_path / "exchanges.jsonl"
    append(path, exchange(1))
    with path.open("ab") as file:
        file.write(line + b"\n")
    with pytest.raises(ReportError, match="line 2 is not an exchange"):
        read(path)


def test_a_record_of_another_shape_is_refused(tmp_path):
    record = to_record(exchange(1))
    record["response"]["chunks"] = [[0.1]]
    (tmp_path / "r").write_text(json.dumps(record) + "\n")
    with pytest.raises(ReportError, match="is not a recording"):
        read(tmp_path / "r")


def test_the_message_for_a_missing_recording_says_where_recordings_come_from(tmp_path):
    with pytest.raises(ReportError, match=r"name the exchanges\.jsonl that a run with --report wrote"):
        read(tmp_path / "none")


def test_an_unwritable_recording_says_so(tmp_path):
    with pytest.raises(ReportError, match="could not be written"):
        append(tmp_path, exchange(1))
