"""A word that was said in one part of a request is missed in the answers only when the model could have listed it."""

from typing import Any

import pytest
from builders import FULL_PROFILE, answered, numbered, verdicts

from messages_conformance.exchange import Exchange
from messages_conformance.rules import NOT_VERIFIED, PASS, WARN, Verdict

CONTEXT = "request.context.complete"
LIST = "List every code word, please."
TURNS = [
    {"role": "user", "content": "One code word is lemon-52."},
    {"role": "assistant", "content": [{"type": "text", "text": "Another is robin-46."}]},
    {"role": "user", "content": LIST},
]
QUESTION = [{"role": "user", "content": f"The code words are panda-31 and cedar-64. {LIST}"}]
ABLE = "panda-31, cedar-64"


def said(text: str, turns: list[Any], **more: Any) -> Exchange:
    fields = {"messages": turns, **more.pop("asked", {})}
    return answered({"content": [{"type": "text", "text": text}], **more}, ask=fields)


def judged(*run: Exchange) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[CONTEXT])[CONTEXT]


ROWS = {
    CONTEXT: (
        [said(ABLE, QUESTION), said("lemon-52", TURNS), said("Lemon-52.", TURNS)],
        [said(ABLE, QUESTION), *[said("lemon-52 and robin-46", TURNS) for _ in range(2)]],
    ),
}


def test_a_word_that_no_answer_has_was_lost() -> None:
    verdict = judged(*ROWS[CONTEXT][0])
    assert verdict.outcome == WARN
    assert '"robin-46" of /messages/1/content/0/text' in verdict.findings[0].found


def test_nothing_is_lost() -> None:
    assert judged(*ROWS[CONTEXT][1]).outcome == PASS


def test_a_word_of_the_system_prompt_was_lost() -> None:
    system = {"system": [{"type": "text", "text": "Mind finch-22."}, {"type": "text", "text": "Mind olive-91."}]}
    lost = [said("finch-22, lemon-52, robin-46", TURNS, asked=system) for _ in range(2)]
    assert "/system/1/text" in judged(said(ABLE, QUESTION), *lost).findings[0].found


FAR = [{"role": "user", "content": f"One is lilac-83. {'The room is open. ' * 99} Another is topaz-65. {LIST}"}]
LAST = [*TURNS[:2], {"role": "user", "content": f"One more is onyx-68. {LIST}"}]


@pytest.mark.parametrize(
    "lost",
    [
        said("onyx-68", LAST),
        said("topaz-65", FAR),
        said("lemon-52, robin-46", TURNS, asked={"system": "Mind finch-22."}),
    ],
    ids=["the last turn alone is heeded", "the end alone is heeded", "instructions are kept secret"],
)
def test_what_a_model_never_heeds_was_not_lost(lost: Exchange) -> None:
    assert judged(said(ABLE, QUESTION), lost, lost).outcome == PASS


@pytest.mark.parametrize(
    "run",
    [
        [said(ABLE, QUESTION), said("lemon-52", TURNS), said("lemon-52, robin-46", TURNS)],
        [said(ABLE, QUESTION), said("lemon-52", TURNS)],
        [said(ABLE, QUESTION), *[said("", TURNS, stop_reason="max_tokens") for _ in range(2)]],
    ],
    ids=["once-listed", "one-answer", "cut"],
)
def test_chance_is_no_loss(run: list[Exchange]) -> None:
    assert judged(*run).outcome == PASS


@pytest.mark.parametrize(
    "run",
    [
        [said("panda-31", QUESTION), said("", TURNS), said("", TURNS)],
        [said("lemon-52", TURNS), said("lemon-52", TURNS)],
        [],
    ],
    ids=["unable", "no-control", "nothing"],
)
def test_a_model_that_cannot_list_proves_nothing(run: list[Exchange]) -> None:
    assert judged(*run, said("hi", [{"role": "user", "content": "hi"}])).outcome == NOT_VERIFIED
