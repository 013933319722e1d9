"""A text is lost in one form only if the model knows it in the other form, in the same prompt."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, Verdict

FORMS = "request.context.equal-forms"
LIST = "List every code word, please."
WORD = "One of the code words is finch-22."
OTHER = "One of the code words is olive-91."
STRING = {"system": f"{WORD}\n{OTHER}"}
BLOCKS = {"system": [{"type": "text", "text": WORD}, {"type": "text", "text": OTHER}]}
ONE_BLOCK = {"system": [{"type": "text", "text": f"{WORD}\n{OTHER}"}]}
BOTH = "finch-22, olive-91"
NEITHER = "I know no code words."


def lists(words: str, system: dict[str, Any]) -> Exchange:
    asked = {"messages": [{"role": "user", "content": LIST}], **system}
    return answered({"content": [{"type": "text", "text": words}]}, ask=asked)


def judged(*run: Exchange) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[FORMS])[FORMS]


def times(words: str, system: dict[str, Any], number: int = 5) -> list[Exchange]:
    return [lists(words, system) for _ in range(number)]


ROWS = {
    FORMS: (
        [*times(NEITHER, BLOCKS), *times(BOTH, STRING)],
        [*times(BOTH, BLOCKS), *times(BOTH, STRING)],
    )
}


@pytest.mark.parametrize("form", [BLOCKS, ONE_BLOCK], ids=["two blocks", "one block"])
def test_words_that_only_strings_carry_were_lost_in_blocks(form: dict[str, Any]) -> None:
    verdict = judged(*times(NEITHER, form), *times(BOTH, STRING))
    assert verdict.outcome == FAIL
    assert '"finch-22" of /system/0/text' in verdict.findings[0].found
    assert "the same text in /system (exchange 6)" in verdict.findings[0].wanted


def test_words_that_only_blocks_carry_were_lost_in_strings() -> None:
    verdict = judged(*times(NEITHER, STRING), *times(BOTH, BLOCKS))
    assert verdict.outcome == FAIL
    assert '"finch-22" of /system (' in verdict.findings[0].found


def test_another_word_with_the_same_number_is_no_misspelling() -> None:
    assert judged(*times("olive-22, olive-91", BLOCKS), *times(BOTH, STRING)).outcome == FAIL


@pytest.mark.parametrize(
    "run",
    [
        [*times(NEITHER, BLOCKS, 4), *times(BOTH, STRING)],
        [*times(NEITHER, BLOCKS), *times(BOTH, STRING, 4)],
        [*times(NEITHER, BLOCKS, 4), lists("finch-22", BLOCKS), lists("olive-91", BLOCKS), *times(BOTH, STRING)],
        [*times(NEITHER, BLOCKS), *times(BOTH, STRING, 5), lists(NEITHER, STRING)],
        [*times(NEITHER, BLOCKS), *times(BOTH, {"system": f"{WORD} {OTHER} Really."})],
        [*times(NEITHER, BLOCKS), *times(NEITHER, STRING)],
        [*times("fnich-22, olive-91", BLOCKS), *times(BOTH, STRING)],
        [*times("finch\N{NON-BREAKING HYPHEN}22 and Olive 91", BLOCKS), *times(BOTH, STRING)],
    ],
    ids=[
        "four of one",
        "four of the other",
        "known once",
        "forgotten once",
        "another text",
        "a model without words",
        "misspelled",
        "another hyphen",
    ],
)
def test_chance_and_weak_models_are_not_a_lost_form(run: list[Exchange]) -> None:
    assert judged(*run).findings == ()


def test_both_forms_were_read() -> None:
    assert judged(lists(BOTH, BLOCKS), lists(BOTH, STRING)).outcome == PASS
    assert judged(lists(BOTH, BLOCKS)).outcome == NOT_VERIFIED
