"""The events of a streamed message: their grammar, a walk that continues after an error, and the message they build.

Read `grammar` first: it holds the rules of the protocol and one table of all states. `walker` applies the table to the
events of one response; `block_tracker` knows which block an event belongs to; `content_block` builds the content of a
block from its deltas; `stop_lookahead` answers whether a block is stopped later; `event_reading` reads single events.
"""

from messages_conformance.stream.content_block import Block
from messages_conformance.stream.event_reading import (
    DONE_SENTINEL,
    is_complete_message,
    is_made_by_code,
    is_sentinel,
    known_event,
    logical_events,
)
from messages_conformance.stream.grammar import (
    BLOCK_DELTA,
    BLOCK_START,
    BLOCK_STOP,
    END,
    ENDS_WELL,
    ERROR,
    LEADS_TO,
    LEGAL,
    MESSAGE_DELTA,
    MESSAGE_START,
    MESSAGE_STOP,
    ORDERED,
    PING,
    TABLE,
    State,
    legal_in,
)
from messages_conformance.stream.walker import Deviation, Walk, forget_long_stream, walk

__all__ = [
    "BLOCK_DELTA",
    "BLOCK_START",
    "BLOCK_STOP",
    "DONE_SENTINEL",
    "END",
    "ENDS_WELL",
    "ERROR",
    "LEADS_TO",
    "LEGAL",
    "MESSAGE_DELTA",
    "MESSAGE_START",
    "MESSAGE_STOP",
    "ORDERED",
    "PING",
    "TABLE",
    "Block",
    "Deviation",
    "State",
    "Walk",
    "forget_long_stream",
    "is_complete_message",
    "is_made_by_code",
    "is_sentinel",
    "known_event",
    "legal_in",
    "logical_events",
    "walk",
]
