"""A code word from one part of a request counts as lost only if the model could have listed it."""

import json
from typing import Any

import pytest
from builders import ANSWER, FULL_PROFILE, answered, numbered, streamed, verdicts
from stream_frames import block, ends, over, start, stop, text

from messages_conformance.exchange import Exchange
from messages_conformance.rules import FAIL, NOT_VERIFIED, PASS, WARN, Verdict

CONTEXT, COUNTED = "request.context.complete", "request.context.counted"
LIST = "List every code word, please."
TURNS = [
    {"role": "user", "content": "One of the code words is lemon-52."},
    {"role": "assistant", "content": [{"type": "text", "text": "One of the code words is robin-46."}]},
    {"role": "user", "content": LIST},
]
QUESTION = [{"role": "user", "content": f"The code words are panda-31 and cedar-64. {LIST}"}]
ABLE = "panda-31, cedar-64"
AGAIN = [*TURNS[:2], {"role": "user", "content": f"Please. {LIST}"}]


def lists(words: str, turns: list[Any], **more: Any) -> Exchange:
    fields = {"messages": turns, **more.pop("asked", {})}
    return answered({"content": [{"type": "text", "text": words}], **more}, ask=fields)


def judged(*run: Exchange, by: str = CONTEXT) -> Verdict:
    return verdicts(numbered(*run), under=FULL_PROFILE, only=[by])[by]


def streams(*texts: str) -> list[Exchange]:
    """Streamed answers with one delta each."""
    asked = {"messages": QUESTION}
    return [streamed([start(), block(), text(one), stop(), ends(), over()], ask=asked) for one in texts]


TEXT = "stream.delta.text-complete"
REMEMBERED = lists("lemon-52 and robin-46", AGAIN)
"""A model that lists words of earlier turns, of every role."""
LISTS = [lists(ABLE, QUESTION) for _ in range(5)]


def in_an_element(text: str) -> list[Any]:
    """A question with a word in its text and a text inside an element."""
    return [{"role": "user", "content": f"One of the code words is lemon-52. <note>{text}</note> {LIST}" + " " * 500}]


ROWS = {
    COUNTED: (
        [
            lists(ABLE, QUESTION),
            *[lists("lemon-52", in_an_element("One of the code words is ivory-77."))] * 3,
            lists("lemon-52", in_an_element("Yes.")),
        ],
        [lists(ABLE, QUESTION), lists("lemon-52, ivory-77", in_an_element("One of the code words is ivory-77."))],
    ),
    TEXT: ([*LISTS, *streams(*["-31, cedar-64"] * 5)], [*LISTS, *streams("-31, cedar-64", ABLE, "panda")]),
    CONTEXT: (
        [
            lists(ABLE, QUESTION),
            REMEMBERED,
            *[lists(words, TURNS) for words in ("lemon-52", "Lemon-52.", "It is lemon-52")],
        ],
        [lists(ABLE, QUESTION), *[lists("lemon-52 and robin-46", TURNS) for _ in range(2)]],
    ),
}


def test_an_element_whose_word_costs_nothing_does_not_reach_the_model() -> None:
    assert judged(*ROWS[COUNTED][0], by=COUNTED).outcome == FAIL
    assert judged(*ROWS[COUNTED][1], by=COUNTED).outcome == PASS
    # The other requirement leaves it to this one.
    assert judged(*ROWS[COUNTED][0]).outcome == NOT_VERIFIED


def test_a_model_may_leave_out_what_is_inside_markup() -> None:
    dearer = {"usage": {"input_tokens": 70, "output_tokens": 5}}
    withheld = [lists("lemon-52", in_an_element("One of the code words is ivory-77."), **dearer) for _ in range(3)]
    run = [lists(ABLE, QUESTION), REMEMBERED, *withheld, lists("lemon-52", in_an_element("Yes."))]
    assert (judged(*run).findings, judged(*run, by=COUNTED).findings) == ((), ())


def test_a_word_that_all_answers_lack_was_lost() -> None:
    verdict = judged(*ROWS[CONTEXT][0])
    assert verdict.outcome == WARN
    assert '"robin-46" of /messages/1/content/0/text' in verdict.findings[0].found


def test_nothing_is_lost() -> None:
    assert judged(*ROWS[CONTEXT][1]).outcome == PASS


def test_answers_without_any_word_are_not_lists() -> None:
    able = [
        lists(ABLE, QUESTION),
        lists("lemon-52, robin-46", [*TURNS[:2], {"role": "user", "content": f"Now. {LIST}"}]),
    ]
    assert not judged(*able, lists("lemon-52", TURNS), lists("Perhaps.", TURNS)).findings


def test_a_word_of_the_system_prompt_was_lost() -> None:
    system = {"system": [{"type": "text", "text": "Mind finch-22."}, {"type": "text", "text": "Mind olive-91."}]}
    lost = [lists("finch-22, lemon-52, robin-46", TURNS, asked=system) for _ in range(3)]
    assert "/system/1/text" in judged(lists(ABLE, QUESTION), *lost).findings[0].found


FAR = [{"role": "user", "content": f"One is lilac-83. {'The room is open. ' * 99} Another is topaz-65. {LIST}"}]
LAST = [*TURNS[:2], {"role": "user", "content": f"One more is onyx-68. {LIST}"}]


@pytest.mark.parametrize(
    "lost",
    [
        lists("onyx-68", LAST),
        lists("topaz-65", FAR),
        lists("lemon-52, robin-46", TURNS, asked={"system": "Mind finch-22."}),
    ],
    ids=["the last turn alone is heeded", "the end alone is heeded", "instructions are kept secret"],
)
def test_a_part_that_the_model_always_ignores_was_not_lost(lost: Exchange) -> None:
    assert judged(lists(ABLE, QUESTION), lost, lost, lost).findings == ()


def test_a_system_prompt_that_costs_nothing_was_lost() -> None:
    system = {"system": [{"type": "text", "text": "One of the code words is finch-22."}]}
    lost = [lists("lemon-52, robin-46", TURNS, asked=system) for _ in range(3)]
    control = lists("lemon-52, robin-46", TURNS, asked={"system": [{"type": "text", "text": "Yes."}]})
    assert "/system/0/text" in judged(lists(ABLE, QUESTION), *lost, control, by=COUNTED).findings[0].found


def test_a_word_that_costs_tokens_was_withheld_by_the_model() -> None:
    dearer = {"usage": {"input_tokens": 70, "output_tokens": 5}}
    system = {"system": [{"type": "text", "text": "One of the code words is finch-22."}]}
    kept = [lists("lemon-52, robin-46", TURNS, asked=system, **dearer) for _ in range(3)]
    control = lists("lemon-52, robin-46", TURNS, asked={"system": [{"type": "text", "text": "Yes."}]})
    assert judged(lists(ABLE, QUESTION), *kept, control).outcome == NOT_VERIFIED


@pytest.mark.parametrize(
    "run",
    [
        [lists(ABLE, QUESTION), *[lists("lemon-52", TURNS)] * 2, lists("lemon-52, robin-46", TURNS)],
        [lists(ABLE, QUESTION), *[lists("lemon-52", TURNS)] * 2],
        [lists(ABLE, QUESTION), *[lists("", TURNS, stop_reason="max_tokens") for _ in range(3)]],
    ],
    ids=["once-listed", "two-answers", "cut"],
)
def test_chance_is_not_a_loss(run: list[Exchange]) -> None:
    assert judged(*run).outcome == PASS


@pytest.mark.parametrize(
    "run",
    [
        [lists("panda-31", QUESTION), lists("", TURNS), lists("", TURNS)],
        [lists("lemon-52", TURNS), lists("lemon-52", TURNS)],
        [],
    ],
    ids=["unable", "no-control", "nothing"],
)
def test_a_model_that_cannot_list_words_verifies_nothing(run: list[Exchange]) -> None:
    assert judged(*run, lists("hi", [{"role": "user", "content": "hi"}])).outcome == NOT_VERIFIED


def test_words_that_all_streams_lack_were_lost_in_streaming() -> None:
    verdict = judged(*ROWS[TEXT][0], by=TEXT)
    assert verdict.outcome == FAIL
    assert "panda-31, cedar-64" in verdict.findings[0].wanted


@pytest.mark.parametrize("listed", [ABLE, f"{ABLE}."])
def test_one_stream_that_lists_them_is_enough(listed: str) -> None:
    assert judged(*LISTS, *streams("-31", "cedar", listed), by=TEXT).outcome == PASS


@pytest.mark.parametrize(
    "run",
    [
        [*LISTS[3:], *streams(*["cedar-64"] * 3)],
        [*LISTS[2:], *streams(*["cedar-64"] * 3)],
        [*LISTS, *streams(*["cedar-64"] * 2)],
        [*LISTS, lists(f"Sure: {ABLE}", QUESTION), *streams(*["cedar-64"] * 3)],
    ],
    ids=["two-whole", "three-each", "two-streams", "talkative"],
)
def test_a_model_that_adds_or_omits_words_verifies_nothing(run: list[Exchange]) -> None:
    assert judged(*run, by=TEXT).outcome == NOT_VERIFIED


def test_a_model_that_reads_only_the_last_of_two_user_messages_lost_nothing() -> None:
    in_a_row = [{"role": "user", "content": "One of the code words is cobra-57."}, {"role": "user", "content": LIST}]
    parrot = [lists(f"You said: {LIST}", in_a_row) for _ in range(3)]
    assert judged(lists(ABLE, QUESTION), *parrot).outcome == NOT_VERIFIED


def test_a_target_that_counts_nothing_does_not_show_what_a_word_costs() -> None:
    uncounted = {"usage": {"input_tokens": 0, "output_tokens": 0}}
    system = {"system": [{"type": "text", "text": "One of the code words is finch-22."}]}
    kept = [lists("lemon-52, robin-46", TURNS, asked=system, **uncounted) for _ in range(3)]
    control = lists("lemon-52, robin-46", TURNS, asked={"system": [{"type": "text", "text": "Yes."}]}, **uncounted)
    assert judged(lists(ABLE, QUESTION), *kept, control).outcome == NOT_VERIFIED


def test_half_a_surrogate_pair_raises_in_no_rule() -> None:
    halved = answered(json.dumps({**ANSWER, "content": [{"type": "text", "text": "\ud83d"}]}).encode())
    assert judged(halved, by="stream.final.same-kinds").outcome == NOT_VERIFIED
    assert judged(halved, by="response.content.array").outcome == PASS
