import io
from dataclasses import replace

import pytest
from report_samples import (
    CATALOGUE,
    EVERY,
    FAILED,
    HOSTILE,
    RUN,
    WARNED,
    exchange,
    hostile,
    red,
    report,
    request,
    wrong_key,
)
from rich.cells import cell_len

from messages_conformance.report import console, header, summary, verdict_sentence


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch):
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)


class Terminal(io.StringIO):
    """A file that says it is a terminal."""

    encoding = "utf-8"

    def isatty(self):
        return True


def printed(made, *, columns=100, verbose=False, file=None):
    file = file or io.StringIO()
    out = console(file, columns=columns)
    header(out, made.run)
    summary(out, made, verbose=verbose)
    return file.getvalue()


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_red_report_reads_well(snapshot, columns):
    assert printed(red(), columns=columns) == snapshot


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_red_report_reads_well_with_its_traces(snapshot, columns):
    assert printed(red(), columns=columns, verbose=True) == snapshot


@pytest.mark.parametrize("name", [name for name in EVERY if name not in ("red", "hostile")])
def test_every_other_report_reads_well(snapshot, name):
    assert printed(EVERY[name]()) == snapshot


@pytest.mark.parametrize("columns", [60, 80, 120])
@pytest.mark.parametrize("name", ["green", "interrupted", "harness"])
def test_narrow_and_wide_reports_read_well(snapshot, name, columns):
    assert printed(EVERY[name](), columns=columns) == snapshot


def test_five_thousand_findings_stay_readable():
    names = [f"stream.many-{number}" for number in range(100)]
    failed = [replace(FAILED, requirement=name) for name in names]
    text = printed(report(*failed, catalogue=dict.fromkeys(names, CATALOGUE["stream.order"])))
    assert len(text.splitlines()) <= 60
    assert text.count("  MUST\n") == 1


def test_verbose_output_has_every_failure_in_full():
    names = [f"stream.many-{number}" for number in range(60)]
    failed = [replace(FAILED, requirement=name) for name in names]
    text = printed(report(*failed), verbose=True)
    assert text.count("  MUST\n") == 60


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("verbose", [False, True])
def test_the_verdict_is_the_last_line(name, verbose):
    made = EVERY[name]()
    assert printed(made, verbose=verbose).splitlines()[-1] == verdict_sentence(made)


def test_the_facts_of_a_failure_come_in_their_order():
    text = printed(red(), verbose=True)
    text = text[text.index("stream.order  MUST") :]  # the verdict sentence has some of the facts, too
    facts = (
        "stream.order  MUST",
        "The stream ends with message_stop.",
        "breaks: a client fails or hangs",
        "crashes: sdk-py 2.12.0",
        "streamed POST /v1/messages: event #4 content_block_delta, byte 1,204, /type",
        "in 50 of 50 answers",
        "nothing after event #4",
        "message_delta or message_stop",
        "streaming page, 2026-11-22",
        "--only stream.order",
        "curl -isS",
        "#1  byte 0",
    )
    places = [text.index(fact) for fact in facts]
    assert places == sorted(places)


def test_the_sections_come_in_their_order():
    text = printed(red())
    titles = ("DOES NOT CONFORM", "1 passed, 2 failed", "FAILED (2)", "WARNINGS (1)", "NOT VERIFIED (1)")
    places = [text.index(title) for title in titles]
    assert places == sorted(places)


def test_fifty_failing_exchanges_are_one_description():
    text = printed(report(FAILED))
    assert text.count("stream.order  MUST") == 1
    assert text.count("curl -isS") == 1
    assert len(text.splitlines()) < 30


def test_traces_are_shown_only_when_verbose():
    assert "#1  byte 0" not in printed(red())


def test_the_same_request_is_printed_once():
    text = printed(red())
    assert text.count("curl -isS") == 1
    assert "curl     as for stream.order above" in text


def test_a_command_is_never_wrapped():
    text = printed(red(), columns=60)
    assert "\n  -H 'anthropic-version: 2023-06-01' -H 'content-type: application/json' -H 'accept" in text


def test_a_giant_command_is_only_in_the_json_report():
    giant = exchange(1, sent=request({"text": "".join(map(str, range(3000)))}))
    text = printed(report(FAILED, exchanges={1: giant}))
    assert "characters long: it is in report.json under stream.order" in text
    assert len(text) < 4000


def test_a_run_that_could_not_be_judged_shows_one_statement_instead_of_failures():
    text = printed(wrong_key(FAILED, WARNED))
    assert "FAILED (" not in text
    assert "WARNINGS" not in text
    assert text.splitlines()[-1].startswith("COULD NOT BE JUDGED: the target answers 401")


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_prose_stays_within_the_columns(columns):
    lines = printed(red(), columns=columns).splitlines()
    unwrapped = ("curl", "  -H", "  --data", "  again", verdict_sentence(red()))
    assert all(cell_len(line) <= columns for line in lines if not line.startswith(unwrapped))


def test_wide_characters_are_counted_as_wide():
    made = report(FAILED, catalogue={}, run=RUN)
    wide = console(io.StringIO(), columns=60)
    header(wide, made.run.__class__(**{**made.run.__dict__, "notes": ("世界" * 50,)}))
    assert all(cell_len(line) <= 60 for line in wide.file.getvalue().splitlines())


@pytest.mark.parametrize("terminal", [False, True])
@pytest.mark.parametrize("verbose", [False, True])
def test_hostile_text_never_reaches_the_terminal_raw(monkeypatch, terminal, verbose):
    monkeypatch.setenv("TERM", "xterm-256color")
    text = printed(hostile(), verbose=verbose, file=Terminal() if terminal else io.StringIO())
    for raw in ("\x1b[2J", "\x1b]0", "\x07", "\x00", "\x9b", "\u202e", "\ud800", "\x0c", "\r"):
        assert raw not in text
    assert "[bold]not markup[/bold]" in text
    assert "\\x1b[2J" in text
    text.encode("utf-8")
    assert len(text) < 20_000


def test_plain_when_it_is_no_terminal():
    assert "\x1b" not in printed(red())


def test_coloured_in_a_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    assert "\x1b[1;31m" in printed(red(), file=Terminal())


def test_plain_in_ci(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("CI", "true")
    assert "\x1b" not in printed(red(), file=Terminal())


def test_no_colour_with_no_color(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    text = printed(red(), file=Terminal())
    assert "31m" not in text
    assert "FAILED (2)" in text


def test_a_smaller_encoding_does_not_crash():
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii", newline="\n") as file:
        for made in (hostile(), report(FAILED, exchanges={1: exchange(1, situation="grüße")})):
            summary(console(file, columns=100), made)
        file.flush()
        text = raw.getvalue().decode("ascii")
    assert "gr\\xfc\\xdfe" in text


def test_options_that_limit_a_run_are_in_the_header():
    out = console(io.StringIO(), columns=100)
    header(out, hostile().run)
    assert "only " in out.file.getvalue()
    assert HOSTILE not in out.file.getvalue()
