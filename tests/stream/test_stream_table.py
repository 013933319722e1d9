"""The table of the event grammar: total, in line with the catalogue, and the same as the grammar in words."""

import pytest

from messages_conformance.rules import CATALOGUE
from messages_conformance.stream import ENDS_WELL, LEADS_TO, LEGAL, ORDERED, TABLE, State, legal_in


def test_every_state_knows_every_ordered_event() -> None:
    assert set(TABLE) == set(State)
    assert all(tuple(row) == ORDERED for row in TABLE.values())
    assert tuple(LEADS_TO) == ORDERED


def test_every_violation_is_a_requirement() -> None:
    named = {violated for row in TABLE.values() for violated in row.values()} - {LEGAL}
    assert named <= set(CATALOGUE)


BLOCK_START, MESSAGE_DELTA, ERROR = "content_block_start", "message_delta", "error"


@pytest.mark.parametrize(
    ("state", "legal"),
    [
        (State.START, ("message_start", ERROR)),
        (State.BETWEEN, (BLOCK_START, MESSAGE_DELTA, ERROR)),
        (State.BLOCK, ("content_block_delta", "content_block_stop", ERROR)),
        (State.TAIL, (BLOCK_START, MESSAGE_DELTA, "message_stop", ERROR)),
        (State.DONE, ()),
        (State.FAILED, ()),
    ],
)
def test_legal_is_what_the_grammar_says(state: State, legal: tuple[str, ...]) -> None:
    assert legal_in(state) == legal


def test_only_the_ends_are_dead() -> None:
    assert {state for state in State if not legal_in(state)} == ENDS_WELL
    assert {LEADS_TO[event] for state in State for event in legal_in(state)} == set(State) - {State.START}
