"""The limits of reports, each on both sides, in numbers that do not come from the code."""

import io
import re
from dataclasses import replace

import pytest
from report_samples import FAILED, exchange, report, request

from messages_conformance.report import console, curl, header, summary
from messages_conformance.report.github import to_annotations
from messages_conformance.report.progress import RunProgress, lines
from messages_conformance.report.sarif import to_sarif
from messages_conformance.report.text import cut
from messages_conformance.report.trace import shown


def failing(count):
    return report(*(replace(FAILED, requirement=f"stream.many-{number:02}", findings=()) for number in range(count)))


def printed(made):
    out = console(io.StringIO(), columns=100)
    summary(out, made)
    return out.file.getvalue()


# -- events ---------------------------------------------------------------------------------------------------------


def test_fourteen_events_are_shown_completely():
    assert shown(14, None) == list(range(1, 15))


def test_of_fifteen_events_the_first_eight_and_the_last_five_are_shown():
    assert shown(15, None) == [*range(1, 9), *range(11, 16)]


def test_two_events_on_each_side_of_the_named_one_are_shown():
    assert shown(100, 50) == [*range(1, 9), *range(48, 53), *range(96, 101)]


# -- the terminal ---------------------------------------------------------------------------------------------------


def test_output_that_is_no_terminal_has_one_hundred_columns():
    assert console(io.StringIO()).width == 100


@pytest.mark.parametrize("count", [1, 5, 30, 300])
@pytest.mark.parametrize("columns", [60, 80, 120])
def test_a_report_has_sixty_lines_at_most_with_its_head(count, columns):
    made = failing(count)
    out = console(io.StringIO(), columns=columns)
    header(out, made.run)
    summary(out, made)
    rows = [-(-len(line) // columns) or 1 for line in out.file.getvalue().splitlines()]
    assert sum(rows) <= 60


@pytest.mark.parametrize(("count", "more"), [(20, False), (60, True)])
def test_failures_beyond_the_limit_are_counted(count, more):
    text = printed(failing(count))
    left = re.search(r"and ([0-9]+) more: -v and --report show them", text)
    assert bool(left) == more
    listed = len(set(re.findall(r"stream\.many-\d+", text)))
    assert listed + (int(left.group(1)) if left else 0) == count


# -- commands -------------------------------------------------------------------------------------------------------


def command(body):
    return curl(exchange(1, sent=request(body)), "http://127.0.0.1:1")


@pytest.mark.parametrize(("size", "removed"), [(1023, False), (1024, True)])
def test_from_1024_bytes_on_curl_must_not_send_expect(size, removed):
    assert ("-H expect:" in command(b"x" * size)) == removed


@pytest.mark.parametrize(("size", "inline"), [(65_536, True), (65_537, False)])
def test_a_body_of_64_kib_is_in_the_command_itself(size, inline):
    body = bytes(65 + number * number % 23 for number in range(size))
    assert ("--data-binary @-" not in command(body)) == inline


@pytest.mark.parametrize(("size", "octal"), [(2048, True), (2049, False)])
def test_a_binary_body_of_2_kib_is_in_octal(size, octal):
    assert ("printf '\\001" in command(b"\x01" * size)) == octal
    assert ("base64 -d" in command(b"\x01" * size)) != octal


# -- other formats --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "errors"), [(9, 10), (10, 10), (11, 10)])
def test_github_gets_ten_errors_at_most(count, errors):
    found = to_annotations(failing(count)).splitlines()
    assert sum(line.startswith("::error") for line in found) == errors
    assert ("more: see the summary of the job" in found[-1]) == (count > 9)


def test_sarif_has_twenty_results_of_one_requirement():
    results = to_sarif(report(FAILED))["runs"][0]["results"]
    assert len(FAILED.findings) == 50
    assert len(results) == 20
    assert "And 30 more places." in results[0]["message"]["text"]
    assert "more places" not in results[1]["message"]["text"]


@pytest.mark.parametrize(("done", "estimated"), [(4, False), (5, True)])
def test_five_exchanges_are_enough_for_an_estimate(done, estimated):
    assert (" left" in lines(RunProgress(planned=100, done=done, elapsed_s=1.0), 120)[-1]) == estimated


def test_a_text_is_cut_to_three_quarters_and_one_quarter():
    assert cut("a" * 10, 10) == "a" * 10
    assert cut("abcdefghijkl" * 9, 8) == "abcdef … 100 more characters … kl"


def test_a_text_is_not_cut_when_that_would_make_it_longer():
    assert cut("abcdefghijkl", 8) == "abcdefghijkl"
