"""A word that only another request contains shows that an answer belongs to that request."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, Verdict

OWN = "response.content.own-answer"
ASK = "Reply with only this word: {}"


def says(text: str, question: str, **more: Any) -> Exchange:
    asked = {"messages": [{"role": "user", "content": question}], **more}
    return answered({"content": [{"type": "text", "text": text}]}, ask=asked)


def judged(*run: Exchange) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[OWN])[OWN]


ZEBRA, OTTER = says("zebra-17", ASK.format("zebra-17")), says("Otter-26.", ASK.format("otter-26"))
LISTED = says("finch-22", "One of the code words is finch-22. List every code word.")
ROWS = {OWN: ([ZEBRA, OTTER, says("zebra-17", "Say ok.")], [ZEBRA, OTTER, says("ok", "Say ok.")])}


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (says("zebra-17", "Say ok."), "zebra-17"),
        (says("otter-26zebra-17", ASK.format("otter-26")), "zebra-17"),
        (says("It is finch-22.", "Say ok."), "finch-22"),
    ],
    ids=["in place of the answer", "beside the answer", "of a list"],
)
def test_a_word_of_another_request_was_given_to_the_wrong_caller(answer: Exchange, word: str) -> None:
    verdict = judged(ZEBRA, OTTER, LISTED, answer)
    assert verdict.outcome == FAIL
    assert f'with "{word}"' in verdict.findings[0].found


@pytest.mark.parametrize(
    "answer",
    [says("Bread and utf-16, covid-19.", "Name things."), says("zebra-17", "Say ok.", system="You are zebra-17.")],
    ids=["words that nobody asked for", "a word of the system prompt"],
)
def test_other_words_belong_to_nobody(answer: Exchange) -> None:
    assert judged(ZEBRA, OTTER, answer).outcome == PASS


def test_one_request_is_compared_with_none() -> None:
    assert judged(ZEBRA, says("ok", "Say ok.")).outcome == NOT_VERIFIED
