"""The walk over the events of one response: applies the table of `grammar`, and never stops at an error.

Each exception to the table is marked with its letter; `grammar` lists them all.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final
from weakref import WeakKeyDictionary

from messages_conformance.exchange import COMPLETE, RESET, Response, StreamEvent
from messages_conformance.stream.block_tracker import BlockTracker
from messages_conformance.stream.content_block import Block, started_block
from messages_conformance.stream.event_reading import (
    forget_events,
    index_of,
    is_complete_message,
    is_sentinel,
    logical_events,
)
from messages_conformance.stream.grammar import (
    BLOCK_DELTA,
    BLOCK_START,
    BLOCK_STOP,
    CLOSED_ONCE,
    DELTA_AFTER_STOP,
    DELTA_FITS,
    DELTA_PRESENT,
    END,
    ENDS_WELL,
    ERROR,
    INDEX_IN_ORDER,
    LEADS_TO,
    LEGAL,
    MESSAGE_DELTA,
    MESSAGE_START,
    MESSAGE_STOP,
    ORPHAN_DELTA,
    ORPHAN_STOP,
    SEQUENTIAL,
    START_FIRST,
    TABLE,
    TRUNCATED,
    State,
    legal_in,
)
from messages_conformance.stream.stop_lookahead import StopLookahead

_SET_BY_MESSAGE_START: Final = frozenset({"id", "type", "role", "model", "content", "usage"})
"""Members that only message_start sets: in the `delta` of a message_delta they are unknown fields, which are legal."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deviation:
    """One place where the stream leaves the grammar, and the requirement that this violates.

    `event` is None when the end of the stream is wrong. `pointer` is a JSON pointer into the event's data.
    """

    requirement: str
    found: str
    wanted: str
    event: StreamEvent | None = None
    pointer: str | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """A stream read to its end: its deviations, and the message that it adds up to.

    `message` is None without a usable message_start. `events` are the logical events, noise included.
    """

    deviations: tuple[Deviation, ...]
    blocks: tuple[Block, ...]
    state: State
    message: Mapping[str, Any] | None
    message_start: StreamEvent | None
    message_deltas: tuple[StreamEvent, ...]
    error: StreamEvent | None
    events: tuple[StreamEvent, ...]

    @cached_property
    def text(self) -> str:
        """All text of text blocks, concatenated."""
        return "".join(
            block.content["text"]
            for block in self.blocks
            if block.type == "text" and isinstance(block.content.get("text"), str)
        )

    @property
    def complete(self) -> bool:
        """Whether message_stop came."""
        return self.state is State.DONE

    def of(self, requirement: str) -> tuple[Deviation, ...]:
        """The deviations that violate one requirement."""
        return tuple(deviation for deviation in self.deviations if deviation.requirement == requirement)


_walks: WeakKeyDictionary[Response, Walk] = WeakKeyDictionary()


def walk(response: Response) -> Walk:
    """The walk over a response's events; the same object for the same response."""
    if response not in _walks:
        _walks[response] = _Walker(response).run()
    return _walks[response]


LONG_STREAM_EVENTS: Final = 2_000
"""The events of a longer stream are forgotten once it is judged: each one takes 2 KiB (measured; our own limit)."""

KEPT_MESSAGE_DELTAS: Final = 8
"""At most this many message_delta events of a long stream are kept: a correct one has one or two (our own)."""


def forget_long_stream(response: Response, *, most_events: int = LONG_STREAM_EVENTS) -> int:
    """Releases the memory of the events of a stream that has more; returns how many events stay in memory.

    Its message and its deviations stay; its deltas do not.
    """
    walked = _walks.get(response)
    if walked is None:
        return 0
    if len(walked.events) <= min(most_events, LONG_STREAM_EVENTS):
        return len(walked.events)
    _walks[response] = replace(
        walked,
        events=(),
        blocks=tuple(replace(block, deltas=[], pieces={}) for block in walked.blocks),
        message_deltas=walked.message_deltas[-KEPT_MESSAGE_DELTAS:],
    )
    forget_events(response)
    response.release()
    return 0


class _Walker:
    """One pass over the events of one response."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self.events = logical_events(response)
        self.state = State.START
        """Where the stream is."""
        self.tracker = BlockTracker()
        """The blocks so far, and which of them are open."""
        self.lookahead = StopLookahead(self.events)
        """Answers what comes later in the stream."""
        self.deviations: list[Deviation] = []
        """What was reported so far."""
        self.overlapped: set[Block] = set()
        """The open blocks inside which another start was reported already (exception H)."""
        self.reported_after_end = False
        """Whether an event after the end was reported already (exception H)."""
        self.message: dict[str, Any] | None = None
        """The message as message_start describes it; None until then, and when that is not an object."""
        self.message_start: StreamEvent | None = None
        """The first message_start."""
        self.is_complete_at_start = False
        """Whether message_start holds the whole message, calls made by code included (exception J)."""
        self.message_deltas: list[StreamEvent] = []
        """Every message_delta so far, in order."""
        self.error: StreamEvent | None = None
        """The error event that ended the stream."""

    def run(self) -> Walk:
        for event in self.events:
            kind = event.type
            if kind is not None and kind in LEADS_TO and not is_sentinel(event):
                self._step(event, kind)
        self._end()
        self._accumulate()
        return Walk(
            deviations=tuple(self.deviations),
            blocks=tuple(self.tracker.blocks),
            state=self.state,
            message=self.message,
            message_start=self.message_start,
            message_deltas=tuple(self.message_deltas),
            error=self.error,
            events=self.events,
        )

    # -- one step ---------------------------------------------------------------------------------------------------

    def _step(self, event: StreamEvent, kind: str) -> None:
        violated = TABLE[self.state][kind]
        if self.state in ENDS_WELL:
            self._after_end(event, kind, violated)
            return
        if violated == START_FIRST:
            self._report_illegal(violated, event)
        _HANDLERS[kind](self, event, violated)
        self.state = self._state_after(kind)

    def _state_after(self, kind: str) -> State:
        """Where the event leads; within the message, open blocks and earlier events decide (exception G)."""
        led_to = LEADS_TO[kind]
        if led_to in ENDS_WELL:
            return led_to
        if self.tracker.open_blocks():
            return State.BLOCK
        return State.TAIL if self.message_deltas or self.is_complete_at_start else State.BETWEEN

    def _report(
        self, requirement: str, event: StreamEvent | None, found: str, wanted: str, pointer: str | None = None
    ) -> None:
        self.deviations.append(
            Deviation(requirement=requirement, event=event, found=found, wanted=wanted, pointer=pointer)
        )

    def _report_illegal(self, violated: str, event: StreamEvent) -> None:
        """Reports an event that is illegal in this state; what the table allows here is wanted instead."""
        self._report(violated, event, f"{event.type} {self.state}", " or ".join(legal_in(self.state)))

    def _report_unclosed(self, block: Block, event: StreamEvent, found: str) -> None:
        self._report(CLOSED_ONCE, event, found, f"content_block_stop of block {block.index} first")

    # -- the events -------------------------------------------------------------------------------------------------

    def _on_message_start(self, event: StreamEvent, violated: str) -> None:
        if violated and self.message_start is not None:  # else it is late, but the first one (exception E)
            self._report_illegal(violated, event)
            self.tracker.start_over()
            return
        self.message_start = event
        message = event.fields.get("message")
        self.message = copy.deepcopy(message) if isinstance(message, dict) else None
        self.is_complete_at_start = is_complete_message(message)

    def _on_block_start(self, event: StreamEvent, violated: str) -> None:
        stated = index_of(event)
        index = self.tracker.expected_index if stated is None else stated
        block, previous = started_block(event, index), self.tracker.latest(index)
        if previous is not None and previous.start is None and not previous.closed:
            self.tracker.start_late(previous, block)  # reported when its first delta came (exception H)
            return
        unclosed = [other for other in self.tracker.open_blocks() if other.index != index]
        if unclosed:
            self._on_start_inside(unclosed[-1], event)
        if not self.tracker.has_position(index):  # exception A
            wanted = f"index {self.tracker.expected_index}: the position in the content"
            self._report(INDEX_IN_ORDER, event, f"index {index}", wanted, "/index")
        self.tracker.start(block, event)

    def _on_start_inside(self, block: Block, event: StreamEvent) -> None:
        """Another block starts while this one is open: the two overlap, or the stop is missing (exception B)."""
        if not self.lookahead.is_stopped_after(event, block.index):
            self._report_unclosed(block, event, f"{event.type} while block {block.index} is open and never stopped")
            block.closed = True
        elif block not in self.overlapped:
            self.overlapped.add(block)
            found = f"block {index_of(event)} starts while block {block.index} is open"
            self._report(SEQUENTIAL, event, found, f"content_block_stop of block {block.index} first", "/index")

    def _on_block_delta(self, event: StreamEvent, violated: str) -> None:
        block = self.tracker.referred(event)
        if violated == START_FIRST:
            self._append(block or self.tracker.assume(event), event, report=False)
        elif block is None:  # exception A
            found = f"a delta for block {_stated_index(event)}, which never started"
            self._report(ORPHAN_DELTA, event, found, self.tracker.wanted(), "/index")
            self._append(self.tracker.block_for_misdirected(event), event, report=False)
        elif block.closed and not block.excused:  # exception A
            found = f"a delta for block {block.index}, which was stopped"
            self._report(DELTA_AFTER_STOP, event, found, self.tracker.wanted(), "/index")
            block.excused = True
            self._append(block, event, report=False)
        else:
            self._append(block, event, report=not block.excused)

    def _append(self, block: Block, event: StreamEvent, *, report: bool) -> None:
        """Lets the delta build its block; reports one of a type that does not fit (exception F)."""
        fitting = block.append(event)
        if report and fitting is not None:
            found = f"{event.fields['delta']['type']} in a {block.type} block"
            self._report(DELTA_FITS, event, found, fitting, "/delta/type")

    def _on_block_stop(self, event: StreamEvent, violated: str) -> None:
        block = self._stopped_block(event, violated)
        if block is not None and not block.closed:
            self.tracker.stop(block, event)
        elif block is None and index_of(event) == self.tracker.expected_index:
            self.tracker.skip_position()

    def _stopped_block(self, event: StreamEvent, violated: str) -> Block | None:
        """The block that a stop was meant for; reports a stop without a block of its own (exception A)."""
        block = self.tracker.referred(event)
        if violated == START_FIRST:
            return block
        if block is None:
            if not self.tracker.is_misdirected(event):
                found = f"a stop of block {_stated_index(event)}, which never started"
                self._report(ORPHAN_STOP, event, found, self.tracker.wanted(), "/index")
            return self._block_without_stop(event)
        if block.closed and not block.superseded and not block.excused:
            self._report(CLOSED_ONCE, event, f"a second stop of block {block.index}", self.tracker.wanted(), "/index")
            block.excused = True
            return self._block_without_stop(event)
        return block

    def _block_without_stop(self, event: StreamEvent) -> Block | None:
        """The open block that no later event stops: a stop with a wrong index was meant for it."""
        unstopped = [
            block for block in self.tracker.open_blocks() if not self.lookahead.is_stopped_after(event, block.index)
        ]
        return unstopped[-1] if unstopped else None

    def _on_message_delta(self, event: StreamEvent, violated: str) -> None:
        delta = event.fields.get("delta")
        if violated == CLOSED_ONCE and isinstance(delta, dict) and delta.get("stop_reason") is not None:  # exception C
            for block in self.tracker.open_blocks():
                found = f"message_delta with a stop_reason while block {block.index} is open"
                self._report_unclosed(block, event, found)
                block.closed = block.excused = True
        self.message_deltas.append(event)

    def _on_message_stop(self, event: StreamEvent, violated: str) -> None:
        if violated != DELTA_PRESENT:
            return
        for block in self.tracker.open_blocks():  # exception D
            self._report_unclosed(block, event, f"message_stop while block {block.index} is open")
        if not self.message_deltas and not self.lookahead.has_message_delta_after(event):
            self._report(violated, event, "message_stop without a message_delta before it", MESSAGE_DELTA)

    def _on_error(self, event: StreamEvent, violated: str) -> None:
        self.error = event

    # -- the end ----------------------------------------------------------------------------------------------------

    def _after_end(self, event: StreamEvent, kind: str, violated: str) -> None:
        """Reports the first event after the end (exception H); some clients still use its content, and so do we."""
        if not self.reported_after_end:
            self._report_illegal(violated, event)
        self.reported_after_end = True
        block = self.tracker.referred(event) if kind == BLOCK_DELTA else None
        if block is not None:
            self._append(block, event, report=False)
        elif kind == MESSAGE_DELTA:
            self.message_deltas.append(event)

    def _end(self) -> None:
        violated, ending = TABLE[self.state][END], self.response.ending
        if violated == LEGAL or ending not in (COMPLETE, RESET):  # exception I
            return
        if violated != TRUNCATED and ending == COMPLETE:
            self._report(violated, None, "the stream ended without message_stop", MESSAGE_STOP)
            return
        how = "the stream ended" if ending == COMPLETE else f"the connection broke ({self.response.detail})"
        last = f"after event #{self.events[-1].number}" if self.events else "without a single event"
        self._report(TRUNCATED, None, f"{how} {last}, {self.state}", "message_stop, or an error event")

    def _accumulate(self) -> None:
        """Completes the message as the official SDKs do: message_start, then the blocks, then each message_delta."""
        for block in self.tracker.blocks:
            block.finish()
        if self.message is None:
            return
        if self.tracker.blocks or not self.is_complete_at_start:
            self.message["content"] = [block.content for block in self.tracker.blocks]
        for event in self.message_deltas:
            delta, usage = event.fields.get("delta"), event.fields.get("usage")
            if isinstance(delta, dict):
                self.message.update({name: delta[name] for name in delta if name not in _SET_BY_MESSAGE_START})
            if isinstance(usage, dict):
                held = self.message.get("usage")
                # A later count replaces an earlier one, unless it is null.
                counts = {name: value for name, value in usage.items() if value is not None}
                self.message["usage"] = {**(held if isinstance(held, dict) else {}), **counts}


_HANDLERS: Final[Mapping[str, Callable[[_Walker, StreamEvent, str], None]]] = {
    MESSAGE_START: _Walker._on_message_start,
    BLOCK_START: _Walker._on_block_start,
    BLOCK_DELTA: _Walker._on_block_delta,
    BLOCK_STOP: _Walker._on_block_stop,
    MESSAGE_DELTA: _Walker._on_message_delta,
    MESSAGE_STOP: _Walker._on_message_stop,
    ERROR: _Walker._on_error,
}
"""What the walk does at each event, with the requirement that the table names for it (LEGAL for none)."""


def _stated_index(event: StreamEvent) -> str:
    return str(event.fields.get("index", "(no index)"))
