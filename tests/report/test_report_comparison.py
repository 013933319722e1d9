"""Comparisons of runs: labels, failures and clients, as Markdown and as a page."""

from dataclasses import replace

import pytest
from report_samples import FAILED, MINOR, PASSED, RUN, UNVERIFIED, WARNED, green, hostile, red, report, wrong_key
from test_report_page import Page

from messages_conformance.report import COMPARISONS, compare


def named(made, **changes):
    return replace(made, run=replace(made.run, **changes))


def test_rows_are_what_any_run_violates_the_worst_first():
    made = compare([report(replace(FAILED, outcome="pass", findings=()), MINOR, PASSED), red(), report(UNVERIFIED)])
    assert [(row.requirement, row.harm, row.outcomes) for row in made.rows] == [
        ("stream.order", "breaks", ("pass", "fail", "not in this run")),
        ("usage.present", "misbills", ("fail", "fail", "not in this run")),
        ("headers.request-id", "drifts", ("not in this run", "warn", "not in this run")),
    ]
    assert all(row.differs for row in made.rows)
    assert [column.exit_code for column in made.columns] == [1, 1, 2]


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ([{"target": "a"}, {"target": "b"}], ["a", "b"]),
        ([{"model": "m"}, {"model": "n"}], ["m", "n"]),
        (
            [{"target": "a"}, {"target": "a", "model": "n"}, {"target": "b"}],
            [f"a · {RUN.model}", "a · n", f"b · {RUN.model}"],
        ),
        ([{"version": "1"}, {"version": "2"}], ["1", "2"]),
        ([{}, {}], [f"{RUN.target} (1)", f"{RUN.target} (2)"]),
        ([{}], [RUN.target]),
    ],
)
def test_labels_are_made_of_what_differs(changes, labels):
    made = compare([named(green(), **change) for change in changes])
    assert [column.label for column in made.columns] == labels


@pytest.mark.parametrize("form", COMPARISONS)
def test_both_formats_show_which_run_fails_what(form):
    text = COMPARISONS[form](compare([named(green(), model="good"), named(red(), model="bad"), wrong_key()]))
    shown = Page(text).text if form == "html" else text
    for text in ("good", "bad", "stream.order", "breaks", "Claude Code 2.1.332", "COULD NOT BE JUDGED"):
        assert text in shown


def test_in_a_terminal_the_difference_comes_first_and_what_is_alike_last():
    alike = [replace(MINOR, requirement=f"usage.alike-{number}") for number in range(20)]
    passed = replace(FAILED, outcome="pass", findings=())
    text = COMPARISONS["terminal"](compare([report(FAILED, *alike), report(passed, *alike)], labels=["bad", "good"]))
    assert text.startswith("2 runs compared; 21 requirements are violated; they differ in 1\n")
    differing, same = text.split("REQUIREMENTS THAT DIFFER (1)")[1].split("VIOLATED ALIKE (20)")
    assert "stream.order breaks FAIL pass" in " ".join(differing.split())
    assert same.count("usage.alike-") == 12
    assert "and 8 more: --format markdown shows them" in same
    assert "  A  bad\n" in text


def test_rows_in_which_the_runs_differ_come_first():
    made = compare([report(FAILED, MINOR), report(FAILED, replace(MINOR, outcome="pass", findings=()))])
    assert [row.requirement for row in made.rows] == ["usage.present", "stream.order"]


def test_markdown_is_one_table_with_a_cell_for_each_run():
    lines = COMPARISONS["markdown"](compare([green(), red(), report(WARNED)])).splitlines()
    rows = [line for line in lines if line.startswith("| `stream.order`")]
    assert rows == ["| `stream.order` | breaks | not in this run | **fail** | not in this run |"]


def test_the_comparison_of_hostile_runs_is_harmless():
    made = compare([hostile(), hostile(), red()])
    page = Page(COMPARISONS["html"](made))
    assert not {tag for tag, _ in page.tags} & {"script", "img"}
    assert page.stack == []
    for form in COMPARISONS.values():
        assert not set(form(made)) & set("\x00\x07\x1b\x9b\r\u202e")


def test_a_comparison_without_violations_says_so():
    assert "No run violates a verified requirement." in COMPARISONS["html"](compare([green(), green()]))


def test_a_long_comparison_is_cut_with_a_note():
    names = [f"stream.many-{number}" for number in range(3000)]
    made = compare([report(*(replace(FAILED, requirement=name) for name in names))])
    assert len(COMPARISONS["markdown"](made).encode()) <= 60_000
    assert "2,000 more are not shown" in COMPARISONS["html"](made)
