"""A session without a target: a list of exchanges becomes every form of report."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import answered, numbered, refused, streamed, unanswered
from rich.console import Console

from messages_conformance import report
from messages_conformance.exchange import Exchange, Failure, RecordingPart
from messages_conformance.session import (
    Clock,
    Session,
    SessionOptions,
    Source,
    UsageError,
    judge_recordings,
    report_folder,
)

NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
CLOCK = Clock(now=lambda: NOON, monotonic_s=lambda: 0.0)
SOURCE = Source(name="a list", model="m")
WRONG_ROLE = {"role": "user"}


def options(**changes: Any) -> SessionOptions:
    return SessionOptions(**{"profile": "anthropic-2023-06-01", "only": ("response.role", "errors"), **changes})


def judged(exchanges: list[Exchange], source: Source = SOURCE, **changes: Any) -> tuple[int, report.Report]:
    out = Console(file=io.StringIO())
    return judge_recordings(source, exchanges, options=options(**changes), clock=CLOCK, out=out)


def failing(made: report.Report) -> list[str]:
    return [verdict.requirement for verdict in report.failures(made)]


def test_a_list_of_exchanges_becomes_every_form_of_report(tmp_path: Path) -> None:
    code, made = judged(numbered(answered(), streamed(), refused(), answered(WRONG_ROLE)), report=str(tmp_path))
    assert (code, failing(made)) == (1, ["response.role.assistant"])
    files = {"report.json", "junit.xml", "matrix.json", "report.html", "exchanges.jsonl"}
    assert {path.name for path in tmp_path.iterdir()} == files
    kept = tuple(replace(verdict, passed_on=()) for verdict in made.verdicts)
    assert report.load(tmp_path).verdicts == kept
    assert len(report.read(tmp_path / "exchanges.jsonl")) == 4
    for name, written in report.FORMATS.items():
        wanted = {"badge": "1 failure", "matrix": '"target": "a list"'}.get(name, "response.role.assistant")
        assert wanted in written(made), name


def test_the_exit_code_is_that_of_the_report() -> None:
    assert judged(numbered(answered(), refused()))[0] == 0
    assert judged(numbered(answered(), unanswered()))[0] == 2
    assert judged([])[0] == 2
    code, made = judged(numbered(answered(WRONG_ROLE), unanswered()))
    assert (code, failing(made)) == (1, ["response.role.assistant"])
    assert made.statement is not None
    assert made.statement.message.startswith("1 of 2 requests got no answer")


def test_an_exchange_is_judged_once_and_one_that_is_left_out_never() -> None:
    first, second = numbered(answered(WRONG_ROLE), answered(WRONG_ROLE))
    session = Session(SOURCE, options=options(), clock=CLOCK, out=Console(quiet=True))
    session.begin()
    for exchange in (first, second):
        session.record(exchange)
    assert len(session.judged((first,))) == 1
    assert session.judged((first,)) == ()
    session.leave_out(second)
    assert session.judged((second,)) == ()
    session.take_back(second)
    assert session.finish() == 1
    assert session.result is not None
    assert [len(verdict.findings) for verdict in report.failures(session.result)] == [2]


def test_what_the_source_lacks_is_a_lack_of_each_of_its_exchanges(tmp_path: Path) -> None:
    source = Source(name="a list", lacks=frozenset({RecordingPart.TIMES}))
    mine = Exchange(**{**vars(answered()), "lacks": frozenset({RecordingPart.RAW_BODY})})
    _, made = judged([mine], source, report=str(tmp_path))
    assert made.exchanges[1].lacks == {RecordingPart.TIMES, RecordingPart.RAW_BODY}
    assert report.read(tmp_path / "exchanges.jsonl")[0].lacks == made.exchanges[1].lacks


def test_a_report_is_written_while_exchanges_come_and_at_most_once_a_second(tmp_path: Path) -> None:
    # The session reads the clock when it is made, and each write before and after.
    assert written_counts(tmp_path, [10.0, 11.5, 11.5, 11.5, 12.0, 13.0, 13.0, 13.0]) == [1, 1, 3]


def test_a_session_that_ends_within_a_second_writes_no_report_in_between(tmp_path: Path) -> None:
    clock = Clock(now=lambda: NOON, monotonic_s=lambda: 5_000.0)
    session = Session(SOURCE, options=options(report=str(tmp_path)), clock=clock, out=Console(quiet=True))
    session.begin()
    session.judged(numbered(answered()))
    assert not (tmp_path / "report.json").exists()
    session.close()


def test_a_recording_has_an_end_and_the_report_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_folder, "MAX_RECORDING_BYTES", 100)
    exchanges = numbered(answered(), answered(WRONG_ROLE), answered())
    settings = options(report=str(tmp_path))
    code, result = judge_recordings(SOURCE, exchanges, options=settings, clock=CLOCK, out=Console(quiet=True))
    assert code == 1
    assert len((tmp_path / "exchanges.jsonl").read_text().splitlines()) == 1
    assert "exchanges.jsonl is full: it ends with exchange 1; all exchanges are judged" in result.run.notes


def test_reports_that_take_long_are_written_seldom(tmp_path: Path) -> None:
    assert written_counts(tmp_path, [8.0, 10.0, 10.0, 12.0, 50.0, 53.0, 53.0, 55.0]) == [1, 1, 3]


def written_counts(tmp_path: Path, times_s: list[float]) -> list[int]:
    """How many exchanges the report on disk has after each of three exchanges."""
    seconds = iter(times_s)
    clock = Clock(now=lambda: NOON, monotonic_s=lambda: next(seconds))
    session = Session(SOURCE, options=options(report=str(tmp_path)), clock=clock, out=Console(quiet=True))
    session.begin()
    counts = []
    for exchange in numbered(answered(), answered(), answered()):
        session.judged((exchange,))
        counts.append(len(json.loads((tmp_path / "report.json").read_text())["exchanges"]))
    session.close()
    return counts


def test_a_report_of_an_earlier_session_is_removed_when_a_new_one_begins(tmp_path: Path) -> None:
    judged(numbered(answered()), report=str(tmp_path))
    session = Session(SOURCE, options=options(report=str(tmp_path)), clock=CLOCK, out=Console(quiet=True))
    session.begin()
    assert list(tmp_path.iterdir()) == []
    session.close()


def test_a_waiver_expires_by_the_clock_of_the_session(tmp_path: Path) -> None:
    path = tmp_path / "waivers.toml"
    path.write_text(
        '[[waiver]]\nrequirement = "response.role.assistant"\nreason = "known"\nowner = "jo"\nexpires = 2026-11-30\n'
    )
    assert judged(numbered(answered(WRONG_ROLE)), waivers=str(path))[0] == 0
    later = Clock(now=lambda: NOON + timedelta(days=1), monotonic_s=lambda: 0.0)
    code, _ = judge_recordings(
        SOURCE,
        numbered(answered(WRONG_ROLE)),
        options=options(waivers=str(path)),
        clock=later,
        out=Console(quiet=True),
    )
    assert code == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"profile": "no-such"}, "no-such"),
        ({"only": ("respnse.role",)}, "no requirement matches 'respnse.role'; did you mean response."),
        ({"skip": ("zzz.*",)}, "ids begin with "),
        ({"edition": "1999.01"}, "1999.01"),
        ({"baseline": "/no/such/folder"}, "--baseline: "),
        ({"waivers": "/no/such/file"}, "/no/such/file"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused_before_anything_is_judged(
    changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message.replace(".", r"\.")):
        judged([], **changes)


def test_two_sessions_do_not_share_a_folder(tmp_path: Path) -> None:
    first = Session(SOURCE, options=options(report=str(tmp_path)), clock=CLOCK, out=Console(quiet=True))
    with pytest.raises(UsageError, match="another run is writing"):
        Session(SOURCE, options=options(report=str(tmp_path)), clock=CLOCK, out=Console(quiet=True))
    first.close()
    Session(SOURCE, options=options(report=str(tmp_path)), clock=CLOCK, out=Console(quiet=True)).close()


def test_a_recording_that_cannot_be_written_is_stated_and_the_violation_counts(tmp_path: Path) -> None:
    def judged_without_recording(*exchanges: Exchange) -> tuple[int, report.Report]:
        session = Session(SOURCE, options=options(report=str(tmp_path / "r")), clock=CLOCK, out=Console(quiet=True))
        session.begin()
        (tmp_path / "r" / "exchanges.jsonl").mkdir()
        for exchange in numbered(*exchanges):
            session.record(exchange)
            session.judged((exchange,))
        code = session.finish()
        session.close()
        (tmp_path / "r" / "exchanges.jsonl").rmdir()
        assert session.result is not None
        return code, session.result

    for exchanges, wanted in ((answered(), 2), (answered(WRONG_ROLE), 1)):
        code, made = judged_without_recording(exchanges, answered())
        assert code == wanted
        assert made.statement is not None
        assert made.statement.kind == report.UNWRITTEN
        assert made.statement.message.startswith("the report is not whole: ")
        assert "exchanges.jsonl" in made.statement.message
        written = json.loads((tmp_path / "r" / "report.json").read_text("utf-8"))
        assert (written["complete"], written["exit_code"]) == (False, wanted)


def test_requests_beyond_a_budget_are_counted() -> None:
    budget = Failure(kind="budget", message="did not fit into --max-requests")
    for number, words in ((1, "1 request did"), (3, "3 requests did")):
        made = judged(numbered(answered(), *[replace(answered(), response=None, failure=budget)] * number))[1]
        assert made.statement is not None
        assert made.statement.message == f"{words} not fit into --max-requests"
