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


def judged(*pairs: list[Exchange]) -> Verdict:
    run = numbered(*[answer for both in pairs for answer in both])
    return verdicts(run, under=FULL_PROFILE, only=[COMPLETE])[COMPLETE]


@pytest.mark.parametrize("piece", ["one, ", "four, five", "one, five"], ids=["end", "beginning", "middle"])
def test_streams_that_are_billed_like_the_whole_answer_are_found(piece: str) -> None:
    verdict = judged(*[pair(number, piece) for number in range(3)])
    assert verdict.outcome == FAIL
    assert WHOLE in verdict.findings[0].wanted


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


def test_a_text_without_a_piece() -> None:
    assert is_without_a_piece("one, five", WHOLE)
    assert not is_without_a_piece(WHOLE, WHOLE)
    assert not is_without_a_piece("", WHOLE)
    assert not is_without_a_piece("two, one", WHOLE)


def test_many_shorter_streams_are_no_chance() -> None:
    assert chance(3, 27) > 0.001
    assert chance(9, 27) < 0.001
