"""Progress: live lines in a terminal, one line for each quarter elsewhere."""

import io
import time

import pytest
from misbehaving import PATIENCE_S
from rich.cells import cell_len

from messages_conformance.report import Progress, RunProgress, SuiteProgress, console
from messages_conformance.report.progress import lines


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch):
    for name in ("CI", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "TERM"):
        monkeypatch.delenv(name, raising=False)


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


BUSY = RunProgress(
    planned=220,
    done=55,
    in_flight=16,
    waiting=2,
    failed=3,
    tokens=1234,
    tokens_most=20_000,
    elapsed_s=30,
    suites=(
        SuiteProgress(name="messages", planned=40, done=40),
        SuiteProgress(name="conversations", planned=20, done=10, in_flight=6),
        SuiteProgress(name="probes", planned=160, done=5, in_flight=10, waiting=2),
        SuiteProgress(name="a_suite_of_the_user_with_a_long_name", planned=1, done=0),
    ),
)


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_every_unfinished_suite_has_a_line(snapshot, columns):
    shown = lines(BUSY, columns)
    assert all(cell_len(line) <= columns for line in shown)
    assert "\n".join(shown) == snapshot


def test_the_line_of_the_run_has_tokens_limit_and_remaining_time():
    assert lines(BUSY, 200)[-1] == (
        "55 of 220 planned requests · 16 in flight · 2 waiting for a rate limit · 1,234 of 20,000 tokens · "
        "about 1 min 30 s left · 3 requirements failed so far"
    )


@pytest.mark.parametrize(
    ("spent", "most", "words"),
    [
        (7, 0, "7 tokens"),
        (4, 5, "4 of 5 tokens"),
        (5, 5, "5 of 5 tokens"),
        (7, 5, "7 tokens, over the limit of 5"),
        (0, 5, "0 of 5 tokens"),
    ],
)
def test_tokens_above_their_limit_are_no_part_of_it(spent, most, words):
    shown = lines(RunProgress(planned=9, done=1, tokens=spent, tokens_most=most), 200)
    assert shown[-1].endswith(f" · {words}")


@pytest.mark.parametrize(("done", "elapsed_s"), [(0, 10), (4, 10), (220, 10), (100, 0)])
def test_the_remaining_time_is_estimated_only_with_enough_data(done, elapsed_s):
    assert "left" not in lines(RunProgress(planned=220, done=done, elapsed_s=elapsed_s), 200)[-1]


def test_wide_names_and_control_characters_keep_to_their_place():
    shown = lines(
        RunProgress(planned=2, done=0, suites=(SuiteProgress(name="世界" * 20 + "\x1b[2J\n", planned=2, done=0),)), 60
    )
    assert all(cell_len(line) <= 60 and "\x1b" not in line and "\n" not in line for line in shown)


def test_outside_a_terminal_progress_is_one_line_for_each_quarter():
    file, done = io.StringIO(), iter(range(9))
    out = console(file, columns=100)
    with Progress(out, lambda: RunProgress(planned=8, done=next(done), in_flight=2, waiting=1, failed=1)) as progress:
        for _ in range(9):
            progress.update()
    shown = file.getvalue().splitlines()
    assert [line.split(" ·")[0] for line in shown] == [f"{done} of 8 planned requests" for done in (2, 4, 6, 8)]
    assert shown[0].endswith("2 in flight · 1 waiting for a rate limit · 1 requirement failed so far")


def test_ci_is_no_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("CI", "true")
    file = Terminal()
    with Progress(console(file, columns=100), lambda: BUSY) as progress:
        progress.update()
    assert file.getvalue().startswith("55 of 220 planned requests")
    assert "\x1b" not in file.getvalue()


def test_nothing_planned_is_no_progress():
    file = io.StringIO()
    with Progress(console(file, columns=100), lambda: RunProgress(planned=0, done=0)) as progress:
        progress.update()
    assert file.getvalue() == ""


def test_in_a_terminal_progress_refreshes_and_disappears(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    file, reads = Terminal(), []

    def read():
        reads.append(1)
        return BUSY

    with Progress(console(file, columns=100), read) as progress:
        progress.update()
        until_s = time.monotonic() + PATIENCE_S
        while len(reads) < 3 and time.monotonic() < until_s:
            time.sleep(0.05)
    text = file.getvalue()
    assert len(reads) >= 3
    assert "conversations" in text
    assert "██████████··········" in text
    assert text.rstrip().endswith("\x1b[2K")


def test_no_colour_is_needed(monkeypatch):
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("NO_COLOR", "1")
    file = Terminal()
    with Progress(console(file, columns=100), lambda: BUSY):
        pass
    assert not any(f"\x1b[{code}m" in file.getvalue() for code in range(30, 38))
