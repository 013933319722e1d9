"""The table of the event grammar: complete, made of known requirements, with every exception to it named."""

import inspect
import re

import pytest

from messages_conformance.rules import CATALOGUE
from messages_conformance.stream import (
    END,
    ENDS_WELL,
    LEADS_TO,
    LEGAL,
    ORDERED,
    TABLE,
    State,
    grammar,
    legal_in,
    walker,
)


def test_every_state_has_a_cell_for_every_ordered_event_and_the_end() -> None:
    assert set(TABLE) == set(State)
    assert all(set(row) == {*ORDERED, END} for row in TABLE.values())


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
        (State.DONE, (END,)),
        (State.FAILED, (END,)),
    ],
)
def test_each_state_allows_the_events_of_the_grammar(state: State, legal: tuple[str, ...]) -> None:
    assert legal_in(state) == legal


def test_a_stream_ends_well_exactly_where_no_event_is_legal() -> None:
    assert {state for state in State if legal_in(state) == (END,)} == ENDS_WELL


def test_every_state_but_the_first_is_reached_by_a_legal_event() -> None:
    reached = {LEADS_TO[event] for state in State for event in legal_in(state) if event != END}
    assert reached == set(State) - {State.START}


def test_the_walk_makes_exactly_the_exceptions_that_the_grammar_lists() -> None:
    listed = re.findall(r"^([A-Z])\. ", inspect.getdoc(grammar) or "", re.MULTILINE)
    made = set(re.findall(r"exceptions? ([A-Z])\b", inspect.getsource(walker)))
    assert made == set(listed), "list the exception in the opening comment of stream/grammar.py, mark it in walker.py"
