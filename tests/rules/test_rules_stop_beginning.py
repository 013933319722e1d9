"""Texts that end with the beginning of the stop sequence that ended them."""

import pytest
from builders import FULL_PROFILE, answered, numbered, streamed, verdicts
from stream_frames import block, ends, over, start, stop, text

from messages_conformance.exchange import Exchange
from messages_conformance.rules import PASS, WARN, Verdict

WHOLE, STREAM = "stop.stop_sequence.excluded-from-text", "stop.stop_sequence.stream-no-leak"
FULL = "5, 6, 7, 8, 9, 10"


def said(written: str, *, at: str | None = None, question: int = 1) -> Exchange:
    """An answer that is not streamed, and ends at a stop sequence if one is given."""
    asked = {"messages": [{"role": "user", "content": f"Question {question}"}]}
    ending = {"stop_reason": "stop_sequence", "stop_sequence": at} if at else {}
    content = [{"type": "text", "text": written}]
    return answered({"content": content, **ending}, ask={**asked, **({"stop_sequences": [at]} if at else {})})


def streaming(written: str, at: str) -> Exchange:
    asked = {"messages": [{"role": "user", "content": "Question 1"}], "stop_sequences": [at]}
    ending = ends("stop_sequence", stop_sequence=at)
    return streamed([start(), block(), text(written), stop(), ending, over()], ask=asked)


def judged(requirement: str, *run: Exchange) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[requirement])[requirement]


def test_the_first_token_of_a_sequence_is_found() -> None:
    verdict = judged(WHOLE, said("5, 6, 7,", at=", 8,"), said(FULL), said("5, 6,", at=", 7,"))
    assert verdict.outcome == WARN
    assert [finding.exchange for finding in verdict.findings] == [1]


@pytest.mark.parametrize("requirement", [WHOLE, STREAM])
def test_whole_answers_and_streams_confirm_each_other(requirement: str) -> None:
    verdict = judged(requirement, said("5, 6, 7,", at=", 8,"), said(FULL), streaming("5, 6, 7, ", ", 8,"))
    assert len(verdict.findings) == 1


@pytest.mark.parametrize(
    "run",
    [
        pytest.param([said("5, 6, 7", at=", 8,"), said("5, 6", at=", 7,"), said(FULL)], id="the text before it"),
        pytest.param([said("5, 6, 7,", at=", 8,"), said("5, 6", at=", 7,"), said(FULL)], id="one answer"),
        pytest.param([said("5, 6, 7,", at=", 8,"), said("5, 6,", at=", 7,")], id="no control"),
        pytest.param([said("Five, six,", at=", 8,"), said("Five,", at=", 7,"), said(FULL)], id="another text"),
        pytest.param(
            [said("{a}", at="}}"), said("{a}", at="}}", question=2), said("{a}}}"), said("{a}}}", question=2)],
            id="a later place",
        ),
        pytest.param([*[said("5 ", at=" \n")] * 3, said("5 \n6")], id="only a blank"),
    ],
)
def test_a_text_that_the_model_may_have_written_is_no_finding(run: list[Exchange]) -> None:
    verdict = judged(WHOLE, *run)
    assert (verdict.outcome, verdict.findings) == (PASS, ())
