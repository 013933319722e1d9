"""The log of events keeps every line, whatever a target wrote, and says when it could not be written."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from messages_conformance.session import UsageError
from messages_conformance.session.event_log import EventLog


def now() -> datetime:
    return datetime(2026, 11, 30, tzinfo=UTC)


def test_text_that_is_no_unicode_and_commands_cost_no_line(tmp_path: Path) -> None:
    log = EventLog(str(tmp_path / "events"), now=now)
    for text in ("\ud800", "::error file=x::y", "##vso[task.x]y", "z"):
        log.write("verdict", reason=text)
    log.close()
    lines = (tmp_path / "events").read_text("utf-8").splitlines()
    assert [json.loads(row)["reason"] for row in lines] == ["\ud800", "::error file=x::y", "##vso[task.x]y", "z"]
    assert "::error" not in "".join(lines)
    assert "##vso[" not in "".join(lines)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs a device that is always full")
def test_a_full_disk_is_said() -> None:
    log = EventLog("/dev/full", now=now)
    log.write("start")
    log.write("end")
    assert log.problem == "No space left on device"


def test_a_file_that_cannot_be_opened_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^--events: .* cannot be written \(Is a directory\); name another file$"):
        EventLog(str(tmp_path), now=now)
