"""Streams that lack a piece of the text that the same answers have without streaming."""

import pytest
from builders import FULL_PROFILE, answered, numbered, streamed, verdicts
from stream_frames import block, ends, over, start, stop, text

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, Verdict
from messages_conformance.rules.missing_text import chance, is_without_a_piece

COMPLETE = "stream.delta.text-complete"
WHOLE = "one, two, three, four, five"


def pair(number: int, piece: str, whole: str = WHOLE, *, tokens: int = 12, billed: int = 12) -> list[Exchange]:
    """A streamed and a whole answer to one question, with their output tokens."""
    asked = {"messages": [{"role": "user", "content": f"Question {number}"}]}
    usage = {"input_tokens": 10, "output_tokens": tokens}
    return [
        streamed([start(), block(), text(piece), stop(), ends(usage=billed), over()], ask=asked),
        answered({"content": [{"type": "text", "text": whole}], "usage": usage}, ask=asked),
    ]


def spoken(number: int, *pieces: str) -> list[Exchange]:
    """A streamed and a whole answer to one question; the stream has these text deltas."""
    asked = {"messages": [{"role": "user", "content": f"Question {number}"}]}
    deltas = [block(), *map(text, pieces), stop()]
    return [streamed([start(), *deltas, ends(usage=12), over()], ask=asked), pair(number, WHOLE)[1]]


def thoughtful(number: int, piece: str, whole: str = WHOLE, *, tokens: int = 40) -> list[Exchange]:
    """The same with thinking, which costs 30 of the tokens of the stream and of 40 tokens of the whole answer."""
    asked = {"messages": [{"role": "user", "content": f"Question {number}"}], "thinking": {"type": "adaptive"}}
    usage = {"input_tokens": 10, "output_tokens": 40, "output_tokens_details": {"thinking_tokens": 30}}
    thought = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    shown = [block(1), text(piece, 1), stop(1)] if piece else [block(1), stop(1)]
    return [
        streamed(
            [
                start(),
                block(0, "thinking"),
                stop(0),
                *shown,
                ends(usage={**usage, "output_tokens": tokens}),
                over(),
            ],
            ask=asked,
        ),
        answered({"content": [thought, {"type": "text", "text": whole}], "usage": usage}, ask=asked),
    ]


def judged(*pairs: list[Exchange]) -> Verdict:
    run = numbered(*[answer for both in pairs for answer in both])
    return verdicts(run, under=FULL_PROFILE, only=[COMPLETE])[COMPLETE]


@pytest.mark.parametrize("piece", ["one, ", "four, five", "one, five"], ids=["end", "beginning", "middle"])
def test_streams_that_are_billed_like_the_whole_answer_are_found(piece: str) -> None:
    verdict = judged(*[pair(number, piece) for number in range(3)])
    assert verdict.outcome == FAIL
    assert WHOLE in verdict.findings[0].wanted


def test_small_pieces_that_cost_nothing_less_are_found_in_three_streams_with_different_bills() -> None:
    run = [pair(number, WHOLE[:-5], billed=12 + number, tokens=12 + number) for number in range(3)]
    assert judged(*run).outcome == FAIL
    assert judged(*run[:2]).outcome != FAIL
    assert judged(*[pair(number, WHOLE[:-5]) for number in range(3)]).outcome != FAIL
    assert (
        judged(*[pair(number, WHOLE, WHOLE + ".", billed=9 + number, tokens=9 + number) for number in range(3)]).outcome
        != FAIL
    )


LONG = ", ".join(map(str, range(1, 400)))
SHOWN = "begin\n\n    four  blanks  \n\tone tab\n\nthe end"
BLANKS_LOST = "begin    four  blanks  one tab\n\nthe end"


def dictated(number: int, piece: str, *, tokens: int) -> list[Exchange]:
    """A streamed and a whole answer to a question that holds the whole text; both have the same bill."""
    asked = {"messages": [{"role": "user", "content": f"Text {number}:\n\n{SHOWN}"}]}
    usage = {"input_tokens": 10, "output_tokens": tokens}
    return [
        streamed([start(), block(), text(piece), stop(), ends(usage=tokens), over()], ask=asked),
        answered({"content": [{"type": "text", "text": SHOWN}], "usage": usage}, ask=asked),
    ]


def test_blanks_that_are_lost_from_dictated_texts_in_streams_only_are_found() -> None:
    run = [dictated(number, BLANKS_LOST, tokens=20 + number) for number in range(3)]
    assert judged(*run).outcome == FAIL
    assert judged(*run[:2]).outcome != FAIL
    assert (
        judged(*[dictated(number, SHOWN.replace("four", "five"), tokens=20 + number) for number in range(3)]).outcome
        != FAIL
    )


def test_pieces_of_one_long_text_are_found_if_the_bill_is_the_same() -> None:
    lost = LONG.replace("100, ", "").replace("200, ", "")
    assert judged(pair(0, lost, LONG, tokens=800, billed=800)).outcome == FAIL
    assert judged(pair(0, lost, LONG, tokens=800, billed=796)).outcome != FAIL


def test_every_second_of_many_streams_is_found_although_only_its_text_is_billed() -> None:
    pairs = [pair(number, WHOLE if number % 2 else "one, two", billed=5) for number in range(24)]
    assert judged(*pairs).outcome == FAIL


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param([pair(number, "one, ") for number in range(2)], id="two streams"),
        pytest.param([pair(number, "one, ", billed=3) for number in range(4)], id="four streams that cost less"),
        pytest.param(
            [*[pair(number, "one, ") for number in range(5)], pair(6, WHOLE, "one, two")], id="a whole answer, too"
        ),
        pytest.param([pair(number, "one, two, six") for number in range(20)], id="another text"),
        pytest.param(
            [*[pair(number, "one, ") for number in range(5)], pair(6, "Hi", "Hi", tokens=90, billed=90)],
            id="the model thinks without showing it",
        ),
    ],
)
def test_a_difference_that_the_model_may_have_made_is_no_finding(pairs: list[list[Exchange]]) -> None:
    assert judged(*pairs).findings == ()


def test_one_long_stream_is_enough_if_it_is_billed_like_the_whole_answer() -> None:
    assert judged(pair(0, LONG[:500], LONG, tokens=800, billed=800)).outcome == FAIL


@pytest.mark.parametrize(
    "long", [pair(0, LONG[:500], LONG, tokens=800, billed=240), pair(0, LONG[:500] + "!", LONG, tokens=800, billed=800)]
)
def test_a_long_stream_that_costs_less_or_says_something_else_is_no_finding(long: list[Exchange]) -> None:
    assert judged(long).findings == ()


PIECES = ["one, ", "two, ", "three, ", "four, ", "five, ", "six"]
NUMBERS = "".join(PIECES)


def limited(number: int, *pieces: str, whole: str = NUMBERS) -> list[Exchange]:
    """A stream with these text deltas, which costs what it shows, and a whole answer."""
    asked = {"messages": [{"role": "user", "content": f"Question {number}"}]}
    usage = {"input_tokens": 10, "output_tokens": 12}
    deltas = [block(), *map(text, pieces), stop()]
    return [
        streamed([start(), *deltas, ends(usage=len(pieces)), over()], ask=asked),
        answered({"content": [{"type": "text", "text": whole}], "usage": usage}, ask=asked),
    ]


SHORT = limited(8, "Hi", whole="Hi")


def test_streams_that_all_end_after_the_same_number_of_deltas_are_found() -> None:
    verdict = judged(*[limited(number, *PIECES[:5]) for number in range(3)], SHORT)
    assert verdict.outcome == FAIL
    assert "each after 5 text deltas" in verdict.findings[0].found


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param([limited(0, *PIECES[:5]), limited(1, *PIECES[:5]), SHORT], id="two requests"),
        pytest.param([*[limited(one, *PIECES[:5]) for one in range(3)], limited(4, *PIECES)], id="a longer stream"),
        pytest.param([*[limited(one, *PIECES[:4]) for one in range(3)]], id="few deltas, as in a front end"),
        pytest.param(
            [*[limited(one, *PIECES[:5]) for one in range(3)]]
            + [limited(one, *PIECES[:5], whole="".join(PIECES[:5])) for one in range(4, 8)],
            id="most texts are complete",
        ),
    ],
)
def test_streams_with_as_many_deltas_by_chance_are_no_finding(pairs: list[list[Exchange]]) -> None:
    assert judged(*pairs).findings == ()


@pytest.mark.parametrize("piece", ["", "two, three, four, five"], ids=["all", "beginning"])
def test_text_that_is_lost_after_thinking_is_found(piece: str) -> None:
    verdict = judged(*[thoughtful(number, piece) for number in range(3)])
    assert verdict.outcome == FAIL
    assert WHOLE in verdict.findings[0].wanted


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param([thoughtful(number, "") for number in range(2)], id="two streams"),
        pytest.param([thoughtful(number, "", tokens=31) for number in range(3)], id="only the thinking is billed"),
        pytest.param([*[thoughtful(number, "") for number in range(3)], thoughtful(3, WHOLE)], id="not always"),
        pytest.param([thoughtful(number, WHOLE, "") for number in range(3)], id="the whole answer is empty"),
    ],
)
def test_a_model_may_think_and_say_nothing(pairs: list[list[Exchange]]) -> None:
    assert judged(*pairs).findings == ()


TWICE = ("one", ", two", ", two", ", three, four, five")
ONCE = ("one", ", two", ", three, four, five")


def test_every_third_of_many_streams_with_one_delta_twice_is_found() -> None:
    verdict = judged(*[spoken(number, *(ONCE if number % 3 else TWICE)) for number in range(30)])
    assert verdict.outcome == FAIL
    assert "one, two, two, three" in verdict.findings[0].found


@pytest.mark.parametrize(
    "pairs",
    [
        pytest.param([spoken(number, *(ONCE if number else TWICE)) for number in range(30)], id="one stream"),
        pytest.param([spoken(number, "one, two, two", ", three, four, five") for number in range(30)], id="one delta"),
        pytest.param([spoken(number, "one", ", two", ", two", ", six") for number in range(30)], id="another text"),
        pytest.param(
            [*[spoken(number, *(ONCE if number % 3 else TWICE)) for number in range(29)], spoken(30, *ONCE[:2])],
            id="a whole answer that is longer",
        ),
    ],
)
def test_a_word_that_the_model_may_have_repeated_is_no_finding(pairs: list[list[Exchange]]) -> None:
    assert not any("twice" in finding.found for finding in judged(*pairs).findings)


def test_a_text_without_a_piece() -> None:
    assert is_without_a_piece("one, five", WHOLE)
    assert not is_without_a_piece(WHOLE, WHOLE)
    assert not is_without_a_piece("", WHOLE)
    assert not is_without_a_piece("two, one", WHOLE)


def test_many_shorter_streams_are_no_chance() -> None:
    assert chance(3, 27) > 0.001
    assert chance(9, 27) < 0.001
