"""The order of the events of a streamed message, as one table.

The protocol in five lines (documentation, "Streaming messages", section "Event types"):

    stream  = *noise message_start *noise *( block *noise ) 1*( message_delta *noise ) message_stop *noise END
    block i = content_block_start(i) *( content_block_delta(i) / noise ) content_block_stop(i)     i = 0, 1, 2, ...
    noise   = ping / an event type that this edition of the contract does not know
    failure = any prefix of a stream, then error, then END
    content = block 0, block 1, ...; a block begins as its content_block_start describes it, then each delta changes it

The rules of this file:

1. `TABLE` has a row for each state and a column for each event whose order is fixed, and for the end of the stream. The
   cell is LEGAL, or the requirement that the event violates in this state.
2. `LEADS_TO` gives the state after an event, whether the event was legal or not. The walk never stops at an error: it
   continues where the event leads. So one fault is one deviation: a stream without message_start has this one fault,
   not a fault in every later event.
3. Noise is in no row. It is legal in every state and changes nothing.
4. Each state quotes the sentence of the documentation that its row enforces.

A state does not know which blocks are open or what comes later. Where that matters, the walk (`walker.py`) does not do
what the table says. These are all the exceptions; the walk names each by its letter:

A. The index decides about a delta or a stop, in every state. If it names no block, the event violates ORPHAN_DELTA or
   ORPHAN_STOP; if it names a stopped block, DELTA_AFTER_STOP or CLOSED_ONCE. The index of a start must be the
   position of the block in the content, or the start violates INDEX_IN_ORDER. The schemas report an index that is not
   an integer of 0 or more. The walk then assumes the open block, or the next one.
B. A content_block_start inside a block violates SEQUENTIAL if the open block is stopped later, and CLOSED_ONCE if
   not.
C. A message_delta inside a block is illegal only if it carries the stop_reason.
D. A message_stop inside a block violates CLOSED_ONCE for each open block. It violates DELTA_PRESENT only if the
   stream has no message_delta at all. A late message_delta is reported at its own place, as an event after
   message_stop.
E. A message_start after other events does not violate START_ONCE if it is the first one: START_FIRST is reported.
F. The type of a delta must fit the type of its block (DELTA_FITS). Unknown types of either are legal.
G. From message_start to message_stop, the next state also depends on what came before: BLOCK while a block is open,
   else TAIL after a message_delta, else BETWEEN.
H. Nothing is reported twice. Of the events after the end, only the first one is a deviation. After the walk assumed a
   block, or reported a fault of it, the block is excused: no later event of it is a deviation.
I. A connection that breaks violates TRUNCATED in TAIL too. The end is no deviation if we caused it ourselves (time
   limit, size limit, on purpose).
J. A message that is complete in message_start leads to TAIL. After programmatic tool calls, message_start has the
   calls that the code made and the stop_reason, and message_stop follows. Its content is that of message_start.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class State(StrEnum):
    """How far a stream is; the value completes the phrase "an event came ..."."""

    START = "before message_start"
    BETWEEN = "between content blocks"
    BLOCK = "inside a content block"
    TAIL = "after message_delta"
    DONE = "after message_stop"
    FAILED = "after error"


MESSAGE_START: Final = "message_start"
BLOCK_START: Final = "content_block_start"
BLOCK_DELTA: Final = "content_block_delta"
BLOCK_STOP: Final = "content_block_stop"
MESSAGE_DELTA: Final = "message_delta"
MESSAGE_STOP: Final = "message_stop"
ERROR: Final = "error"
PING: Final = "ping"
END: Final = "the end of the stream"
"""Not an event: the body ends."""

START_FIRST: Final = "stream.order.message-start-first"
START_ONCE: Final = "stream.order.message-start-once"
ORPHAN_DELTA: Final = "stream.order.block-start-before-delta"
ORPHAN_STOP: Final = "stream.order.block-start-before-stop"
CLOSED_ONCE: Final = "stream.order.block-closed-once"
DELTA_AFTER_STOP: Final = "stream.order.no-delta-after-stop"
SEQUENTIAL: Final = "stream.order.blocks-sequential"
INDEX_IN_ORDER: Final = "stream.block.index-sequential"
DELTA_PRESENT: Final = "stream.order.message-delta-present"
STOP_LAST: Final = "stream.order.message-stop-last"
STOP_ONCE: Final = "stream.order.message-stop-once"
ERROR_LAST: Final = "stream.error.event-shape"
TRUNCATED: Final = "stream.error.no-silent-truncation"
DELTA_FITS: Final = "stream.delta.type-matches-block"

LEADS_TO: Final[Mapping[str, State]] = {
    MESSAGE_START: State.BETWEEN,
    BLOCK_START: State.BLOCK,
    BLOCK_DELTA: State.BLOCK,
    BLOCK_STOP: State.BETWEEN,
    MESSAGE_DELTA: State.TAIL,
    MESSAGE_STOP: State.DONE,
    ERROR: State.FAILED,
}
"""The state after an event, legal or not (exception G)."""

ORDERED: Final = tuple(LEADS_TO)
"""The events whose order is fixed."""

LEGAL: Final = ""

TABLE: Final[Mapping[State, Mapping[str, str]]] = {
    # "message_start: contains a Message object with empty content." (event flow, step 1)
    State.START: {
        MESSAGE_START: LEGAL,
        BLOCK_START: START_FIRST,
        BLOCK_DELTA: START_FIRST,
        BLOCK_STOP: START_FIRST,
        MESSAGE_DELTA: START_FIRST,
        MESSAGE_STOP: START_FIRST,
        ERROR: LEGAL,
        END: TRUNCATED,
    },
    # "A series of content blocks, each of which has a content_block_start, one or more content_block_delta events, and
    # a content_block_stop event." (step 2). A block without deltas is legal: the same page describes one (fallback).
    State.BETWEEN: {
        MESSAGE_START: START_ONCE,
        BLOCK_START: LEGAL,
        BLOCK_DELTA: ORPHAN_DELTA,  # exception A
        BLOCK_STOP: ORPHAN_STOP,  # exception A
        MESSAGE_DELTA: LEGAL,
        MESSAGE_STOP: DELTA_PRESENT,  # exception D
        ERROR: LEGAL,
        END: TRUNCATED,
    },
    # "Each content_block_delta event contains a delta of a type that updates the content block at a given index."
    # (section "Content block delta types"). "Each content block has an index that corresponds to its index in the final
    # Message content array." (step 2), so blocks follow one another.
    State.BLOCK: {
        MESSAGE_START: START_ONCE,
        BLOCK_START: CLOSED_ONCE,  # exception B
        BLOCK_DELTA: LEGAL,  # exceptions A and F
        BLOCK_STOP: LEGAL,  # exception A
        MESSAGE_DELTA: CLOSED_ONCE,  # exception C
        MESSAGE_STOP: DELTA_PRESENT,  # exception D
        ERROR: LEGAL,
        END: TRUNCATED,
    },
    # "One or more message_delta events, indicating top-level changes to the final Message object." (step 3)
    State.TAIL: {
        MESSAGE_START: START_ONCE,
        BLOCK_START: LEGAL,  # no source says whether a block may start after a message_delta
        BLOCK_DELTA: ORPHAN_DELTA,  # exception A
        BLOCK_STOP: ORPHAN_STOP,  # exception A
        MESSAGE_DELTA: LEGAL,
        MESSAGE_STOP: LEGAL,
        ERROR: LEGAL,
        END: STOP_ONCE,  # exception I
    },
    # "A final message_stop event." (step 4)
    State.DONE: {**dict.fromkeys(ORDERED, STOP_LAST), MESSAGE_STOP: STOP_ONCE, END: LEGAL},
    # "The API may occasionally send errors in the event stream." (section "Error events")
    State.FAILED: {**dict.fromkeys(ORDERED, ERROR_LAST), END: LEGAL},
}
"""What each event violates in each state: the whole order of a stream, apart from the exceptions above."""

ENDS_WELL: Final = frozenset(state for state, row in TABLE.items() if row[END] == LEGAL)
"""The states in which a stream may end."""


def legal_in(state: State) -> tuple[str, ...]:
    """What may come next in a state, END included; `ping` and unknown events always may."""
    return tuple(event for event, violated in TABLE[state].items() if violated == LEGAL)
