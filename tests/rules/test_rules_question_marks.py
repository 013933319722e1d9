"""Letters that come back as question marks."""

import pytest
from builders import answered, numbered, verdicts

from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS

UTF_8 = "transport.charset.utf8"


def outcome(prompt: str, text: str) -> str:
    ask = {"messages": [{"role": "user", "content": prompt}]}
    run = numbered(answered({"content": [{"type": "text", "text": text}]}, ask=ask))
    return verdicts(run, only=[UTF_8])[UTF_8].outcome


@pytest.mark.parametrize("text", ["caf?", "It is 'caf??'.", "caf?!"])
def test_question_marks_for_letters_are_found(text: str) -> None:
    assert outcome("Say 'café'.", text) == FAIL


def test_a_question_mark_of_the_text_is_none_that_replaces_a_letter() -> None:
    assert outcome("Say 'cafés? 漢字'.", "cafés? 漢字") == PASS
    assert outcome("Say 'cafés? 漢字'.", "Is it cafes? Yes") == NOT_VERIFIED
    assert outcome("Say 'é'.", "What is 'e'?") == NOT_VERIFIED


def test_an_answer_of_question_marks_alone_is_read_in_one_pass() -> None:
    assert outcome("Say 'Grüße, 漢字 عربى'.", "Gr" + "?" * 200_000) == NOT_VERIFIED
