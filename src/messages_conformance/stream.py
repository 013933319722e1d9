"""The event grammar of a streamed message: one table, one walk that goes on after an error, and what it adds up to.

How a stream goes (documentation, "Streaming messages"):

    stream  = *noise message_start *noise *( block *noise ) 1*( message_delta *noise ) message_stop *noise EOF
    block i = content_block_start(i) *( content_block_delta(i) / noise ) content_block_stop(i)     i = 0, 1, 2, ...
    noise   = ping / an event type that this edition does not know
    failure = any prefix of a stream, then error, then EOF

`TABLE` says the same, state by state. Blocks follow one another, their index is their place in the final content, and
each kind of block is built by its own kinds of delta, which schemas/blocks/<type>.json names.

The walk never stops at the first error. After an event that is illegal where it stands, it stands where that event
would have led, so that one fault is one deviation: a stream without `message_start` has that one fault, not a fault in
every later event. What has been said already is not said again for its consequences.
"""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, Final
from weakref import WeakKeyDictionary

from messages_conformance.contract import BlockType, block_types, delta_types, event_types
from messages_conformance.exchange import COMPLETE, RESET, UNPARSED, Response, StreamEvent, parse_json


class State(StrEnum):
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
ORDERED: Final = (MESSAGE_START, BLOCK_START, BLOCK_DELTA, BLOCK_STOP, MESSAGE_DELTA, MESSAGE_STOP, ERROR)
"""The events whose order is fixed. A ping and an unknown event may stand anywhere."""

DONE_SENTINEL: Final = "[DONE]"

LEADS_TO: Final[Mapping[str, State]] = {
    MESSAGE_START: State.BETWEEN,
    BLOCK_START: State.BLOCK,
    BLOCK_DELTA: State.BLOCK,
    BLOCK_STOP: State.BETWEEN,
    MESSAGE_DELTA: State.TAIL,
    MESSAGE_STOP: State.DONE,
    ERROR: State.FAILED,
}
"""Where the walk stands after an event, legal or not."""

_FIRST: Final = "stream.order.message-start-first"
_ONCE: Final = "stream.order.message-start-once"
_ORPHAN_DELTA: Final = "stream.order.block-start-before-delta"
_ORPHAN_STOP: Final = "stream.order.block-start-before-stop"
_CLOSED: Final = "stream.order.block-closed-once"
_AFTER_CLOSE: Final = "stream.order.no-delta-after-stop"
_SEQUENTIAL: Final = "stream.order.blocks-sequential"
_INDEX: Final = "stream.block.index-sequential"
_DELTA_PRESENT: Final = "stream.order.message-delta-present"
_LAST: Final = "stream.order.message-stop-last"
_STOP_ONCE: Final = "stream.order.message-stop-once"
_AFTER_ERROR: Final = "stream.error.event-shape"
_TRUNCATED: Final = "stream.error.no-silent-truncation"
_FITS: Final = "stream.delta.type-matches-block"

_STARTED: Final = frozenset({"id", "type", "role", "model", "content", "usage"})
"""Members that message_start alone sets: under these names a message_delta holds an unknown field, which is legal."""

LEGAL: Final = ""

TABLE: Final[Mapping[State, Mapping[str, str]]] = {
    # state: what each event violates when it comes there; LEGAL where it belongs.
    State.START: {
        MESSAGE_START: LEGAL,
        BLOCK_START: _FIRST,
        BLOCK_DELTA: _FIRST,
        BLOCK_STOP: _FIRST,
        MESSAGE_DELTA: _FIRST,
        MESSAGE_STOP: _FIRST,
        ERROR: LEGAL,
    },
    State.BETWEEN: {
        MESSAGE_START: _ONCE,
        BLOCK_START: LEGAL,
        BLOCK_DELTA: _ORPHAN_DELTA,
        BLOCK_STOP: _ORPHAN_STOP,
        MESSAGE_DELTA: LEGAL,
        MESSAGE_STOP: _DELTA_PRESENT,
        ERROR: LEGAL,
    },
    State.BLOCK: {
        MESSAGE_START: _ONCE,
        BLOCK_START: _CLOSED,
        BLOCK_DELTA: LEGAL,
        BLOCK_STOP: LEGAL,
        MESSAGE_DELTA: _CLOSED,
        MESSAGE_STOP: _DELTA_PRESENT,
        ERROR: LEGAL,
    },
    State.TAIL: {
        MESSAGE_START: _ONCE,
        # Whether a block may begin after a message_delta is stated nowhere; nothing is held against it.
        BLOCK_START: LEGAL,
        BLOCK_DELTA: _ORPHAN_DELTA,
        BLOCK_STOP: _ORPHAN_STOP,
        MESSAGE_DELTA: LEGAL,
        MESSAGE_STOP: LEGAL,
        ERROR: LEGAL,
    },
    State.DONE: {
        MESSAGE_START: _LAST,
        BLOCK_START: _LAST,
        BLOCK_DELTA: _LAST,
        BLOCK_STOP: _LAST,
        MESSAGE_DELTA: _LAST,
        MESSAGE_STOP: _STOP_ONCE,
        ERROR: _LAST,
    },
    State.FAILED: dict.fromkeys(ORDERED, _AFTER_ERROR),
}
"""What each event violates in each state: the stream's whole order, apart from the index of its blocks."""

ENDS_WELL: Final = frozenset({State.DONE, State.FAILED})
"""The states in which a stream may end."""


def legal_in(state: State) -> tuple[str, ...]:
    """The ordered events that may come next; `ping` and unknown ones always may."""
    return tuple(event for event, violated in TABLE[state].items() if violated == LEGAL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Deviation:
    """One place where the stream leaves the grammar, and the requirement that this violates.

    `event` is None when it is the end of the stream that is wrong.
    """

    requirement: str
    found: str
    wanted: str
    event: StreamEvent | None = None
    pointer: str | None = None


@dataclass(slots=True, eq=False)
class Block:
    """One content block as it came: its start, its deltas, its stop.

    `implied` marks a block that the walk assumed because an event referred to it; nothing more is held against it.
    """

    index: int
    type: str | None
    start: StreamEvent | None
    content: dict[str, Any]
    implied: bool = False
    deltas: list[StreamEvent] = field(default_factory=list)
    stop: StreamEvent | None = None
    closed: bool = False
    superseded: bool = False
    json_text: str = ""
    json_into: str | None = None
    pieces: dict[tuple[str, str], list[Any]] = field(default_factory=dict)
    """What the deltas bring, by effect and field; joined at the end, so that the cost grows with the length alone."""

    def join(self) -> None:
        """Lets the pieces become content."""
        for (how, into), pieces in self.pieces.items():
            held = self.content.get(into)
            if how == "json":
                self.json_text, self.json_into = "".join(pieces), into
            elif how == "append":
                self.content[into] = (held if isinstance(held, str) else "") + "".join(pieces)
            else:
                self.content[into] = [*(held if isinstance(held, list) else []), *pieces]
        self.pieces = {}

    @property
    def definition(self) -> BlockType | None:
        return block_types().get(self.type) if self.type is not None else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Walk:
    """A stream read to its end: what deviates, and the message that it adds up to.

    `message` is None without a usable message_start. `usages` are the usage objects in order, each with its event.
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
        return self.state is State.DONE

    def of(self, requirement: str) -> tuple[Deviation, ...]:
        return tuple(deviation for deviation in self.deviations if deviation.requirement == requirement)


_walks: WeakKeyDictionary[Response, Walk] = WeakKeyDictionary()


def walk(response: Response) -> Walk:
    """The walk over a response's events; the same object for the same response."""
    if response not in _walks:
        walker = _Walker(response)
        _walks[response] = walker.run()
    return _walks[response]


def logical_events(response: Response) -> tuple[StreamEvent, ...]:
    """The events that were meant: an unfinished last one counts, blocks that lack a blank line are taken apart.

    What is wrong with the framing is judged on the events as they came; the order is judged on these.
    """
    if response not in _logical:
        events: list[StreamEvent] = []
        for event in response.events:
            if len(event.wire.names) < 2:
                events.append(event)
            else:
                events.extend(_taken_apart(event))
        _logical[response] = tuple(events)
    return _logical[response]


_logical: WeakKeyDictionary[Response, tuple[StreamEvent, ...]] = WeakKeyDictionary()


def _taken_apart(event: StreamEvent) -> Iterator[StreamEvent]:
    names, data = event.wire.names, event.wire.data
    lines = [] if data is None else data.split("\n")
    if len(names) != len(lines) or event.data is not UNPARSED:
        yield event
        return
    for name, line in zip(names, lines, strict=True):
        wire = type(event.wire)(
            offset_bytes=event.wire.offset_bytes,
            end_bytes=event.wire.end_bytes,
            names=(name,),
            data=line,
            data_offset_bytes=event.wire.data_offset_bytes,
            dispatched=event.wire.dispatched,
        )
        yield StreamEvent(number=event.number, at_s=event.at_s, wire=wire)


def is_sentinel(event: StreamEvent) -> bool:
    """True for OpenAI's end marker, with or without a name."""
    return event.wire.data is not None and event.wire.data.strip() == DONE_SENTINEL


class _Walker:
    """One pass over the events of one response."""

    def __init__(self, response: Response) -> None:
        self.response = response
        self.events = logical_events(response)
        self.state = State.START
        self.deviations: list[Deviation] = []
        self.blocks: list[Block] = []
        self.current: dict[int, Block] = {}  # the latest block of each index
        self.live: list[Block] = []  # those of them that may still be open
        self.doubled: set[int] = set()  # indexes under which two blocks were open at once
        self.adrift: set[int] = set()  # indexes that deltas named without any block to them
        self.overlapped: set[Block] = set()
        self.expected_index = 0
        self.places = 0  # how many blocks have begun; the next index is this too after one wrong index
        self.closings = _Closings(self.events)
        self.message: dict[str, Any] | None = None
        self.message_start: StreamEvent | None = None
        self.message_deltas: list[StreamEvent] = []
        self.error: StreamEvent | None = None
        self.told_after_end = False

    def run(self) -> Walk:
        for event in self.events:
            kind = event.type
            if kind is not None and kind in LEADS_TO and not is_sentinel(event):
                self._step(event, kind)
        self._end()
        self._assemble()
        return Walk(
            deviations=tuple(self.deviations),
            blocks=tuple(self.blocks),
            state=self.state,
            message=self.message,
            message_start=self.message_start,
            message_deltas=tuple(self.message_deltas),
            error=self.error,
            events=self.events,
        )

    # -- the walk ---------------------------------------------------------------------------------------------------

    def _step(self, event: StreamEvent, kind: str) -> None:
        violated = TABLE[self.state][kind]
        if self.state in ENDS_WELL:
            self._after_end(event, kind, violated)
            return
        handler = {
            MESSAGE_START: self._on_message_start,
            BLOCK_START: self._on_block_start,
            BLOCK_DELTA: self._on_block_delta,
            BLOCK_STOP: self._on_block_stop,
            MESSAGE_DELTA: self._on_message_delta,
            MESSAGE_STOP: self._on_message_stop,
            ERROR: self._on_error,
        }[kind]
        handler(event, violated)

    def _stand(self, kind: str) -> None:
        """Takes the place where the event leads; with a block still open, that is inside it."""
        led_to = LEADS_TO[kind]
        if led_to is State.BETWEEN and self._open():
            led_to = State.BLOCK
        elif led_to is State.BETWEEN and self.message_deltas:
            led_to = State.TAIL
        self.state = led_to

    def _deviate(
        self, requirement: str, event: StreamEvent | None, found: str, wanted: str, pointer: str | None = None
    ) -> None:
        self.deviations.append(
            Deviation(requirement=requirement, event=event, found=found, wanted=wanted, pointer=pointer)
        )

    def _illegal(self, violated: str, event: StreamEvent) -> None:
        legal = " or ".join(legal_in(self.state)) or "the end of the stream"
        self._deviate(violated, event, f"{event.type} {self.state}", legal)

    def _after_end(self, event: StreamEvent, kind: str, violated: str) -> None:
        if not self.told_after_end:
            self._deviate(violated, event, f"{kind} {self.state}", "the end of the stream")
        self.told_after_end = True
        # Some clients still take it in; and what it would have completed is not to be found incomplete as well.
        block = self._referred(event) if kind == BLOCK_DELTA else None
        if block is not None:
            self._append(block, event, told=True)
        elif kind == MESSAGE_DELTA:
            self.message_deltas.append(event)

    def _on_message_start(self, event: StreamEvent, violated: str) -> None:
        if violated and self.message_start is not None:  # a late one was missed already where the stream began
            self._illegal(violated, event)
            for block in self._open():
                block.closed = True
            self.expected_index = self.places = 0
            self.current.clear()
        else:
            self.message_start = event
            started = event.fields.get("message")
            self.message = copy.deepcopy(started) if isinstance(started, dict) else None
        self._stand(MESSAGE_START)

    def _on_block_start(self, event: StreamEvent, violated: str) -> None:
        if violated == _FIRST:
            self._illegal(violated, event)
        index = _index(event)
        stated = self.expected_index if index is None else index
        content = event.fields.get("content_block")
        body = copy.deepcopy(content) if isinstance(content, dict) else {}
        kind = body.get("type")
        block = Block(index=stated, type=kind if isinstance(kind, str) else None, start=event, content=body)
        previous = self.current.get(stated)
        if previous is not None and previous.start is None and not previous.closed:
            self._begin_late(previous, block)
            return
        unclosed = [other for other in self._open() if other.index != stated]
        if unclosed:
            self._overlaps(event, unclosed[-1])
        if stated not in (self.expected_index, self.places):
            self._deviate(
                _INDEX, event, f"index {stated}", f"index {self.expected_index}: the place in the content", "/index"
            )
            # What follows may name the block by the wrong index or by the right one.
            self.current[self.expected_index] = block
        if previous is not None and not previous.closed:
            previous.superseded = previous.closed = True
            self.doubled.add(stated)
            self.places -= 1
        self._add(block)
        self.expected_index = _following(event, stated)
        self._stand(BLOCK_START)

    def _begin_late(self, implied: Block, block: Block) -> None:
        """The start of a block whose deltas came before it: that was said when they came."""
        implied.start, implied.type, implied.content, implied.implied = block.start, block.type, block.content, False
        deltas, implied.deltas, implied.pieces = implied.deltas, [], {}
        for event in deltas:
            self._append(implied, event, told=True)
        self.live.append(implied)
        self._stand(BLOCK_START)

    def _overlaps(self, event: StreamEvent, block: Block) -> None:
        """The next block begins before the last one was stopped: either overlapping, or the stop is missing."""
        if self.closings.stops_later(block.index, event):
            if block in self.overlapped:
                return
            self.overlapped.add(block)
            found = f"block {_index(event)} starts while block {block.index} is open"
            self._deviate(_SEQUENTIAL, event, found, f"content_block_stop of block {block.index} first", "/index")
            return
        found = f"{event.type} while block {block.index} is open, which is never stopped"
        self._deviate(_CLOSED, event, found, f"content_block_stop of block {block.index} first")
        block.closed = True

    def _on_block_delta(self, event: StreamEvent, violated: str) -> None:
        block = self._referred(event)
        told = True
        if violated == _FIRST:
            self._illegal(violated, event)
            block = block or self._imply(event)
        elif block is None:
            found = f"a delta for block {self._named(event)}, which was never started"
            self._deviate(_ORPHAN_DELTA, event, found, self._wanted_index(), "/index")
            block = self._drift(event)
        elif block.closed and not block.implied:
            wanted = self._wanted_index()
            self._deviate(_AFTER_CLOSE, event, f"a delta for block {block.index}, which was stopped", wanted, "/index")
            block.implied = True
        else:
            told = block.implied
        self._append(block, event, told=told)
        self._stand(BLOCK_DELTA if self._open() else BLOCK_STOP)

    def _drift(self, event: StreamEvent) -> Block:
        """Where a delta belongs that names no block: in the open one under a wrong index, else in an unstarted one."""
        opened, index = self._open(), _index(event)
        if not opened or index is None:
            return self._imply(event)
        self.adrift.add(index)
        return opened[-1]

    def _on_block_stop(self, event: StreamEvent, violated: str) -> None:
        block, index = self._referred(event), _index(event)
        if violated == _FIRST:
            self._illegal(violated, event)
        elif block is None:
            if index not in self.adrift:
                found = f"a stop of block {self._named(event)}, which was never started"
                self._deviate(_ORPHAN_STOP, event, found, self._wanted_index(), "/index")
            block = self._left_open(event)
        elif block.superseded or (block.closed and block.implied):
            pass
        elif block.closed:
            found = f"a second stop of block {block.index}"
            self._deviate(_CLOSED, event, found, self._wanted_index(), "/index")
            block.implied = True
            block = self._left_open(event)
        if block is not None and not block.closed:
            block.closed, block.stop = True, event
            # Two open blocks under one index bring two stops, and the second is not a fault of its own.
            block.implied = block.implied or block.index in self.doubled
        elif block is None and index == self.expected_index:
            self._pass_place()
        self._stand(BLOCK_STOP)

    def _left_open(self, event: StreamEvent) -> Block | None:
        """The open block that no later event stops: a stop with a wrong index was meant for it."""
        waiting = [block for block in self._open() if not self.closings.stops_later(block.index, event)]
        return waiting[-1] if waiting else None

    def _on_message_delta(self, event: StreamEvent, violated: str) -> None:
        if violated == _FIRST:
            self._illegal(violated, event)
        ends = isinstance(event.fields.get("delta"), dict) and event.fields["delta"].get("stop_reason") is not None
        # "... stopped exactly once before message_delta carries the stop_reason": an earlier message_delta may come.
        if violated == _CLOSED and ends:
            for block in self._open():
                found = f"message_delta with a stop_reason while block {block.index} is open"
                self._deviate(_CLOSED, event, found, f"content_block_stop of block {block.index} first")
                block.closed = block.implied = True
        self.message_deltas.append(event)
        self.state = State.BLOCK if self._open() else State.TAIL

    def _on_message_stop(self, event: StreamEvent, violated: str) -> None:
        if violated == _FIRST:
            self._illegal(violated, event)
        else:
            for block in self._open():
                found = f"message_stop while block {block.index} is open"
                self._deviate(_CLOSED, event, found, f"content_block_stop of block {block.index} first")
            if not self.message_deltas and not self.closings.totals_later(event):  # a late one is told where it comes
                self._deviate(_DELTA_PRESENT, event, "message_stop without a message_delta before it", MESSAGE_DELTA)
        self._stand(MESSAGE_STOP)

    def _on_error(self, event: StreamEvent, violated: str) -> None:
        self.error = event
        self._stand(ERROR)

    def _end(self) -> None:
        if self.state in ENDS_WELL or self.response.ending not in (COMPLETE, RESET):
            return
        how = (
            "the stream ended" if self.response.ending == COMPLETE else f"the connection broke ({self.response.detail})"
        )
        if self.state is State.TAIL and self.response.ending == COMPLETE:
            self._deviate(_STOP_ONCE, None, f"{how} without message_stop", MESSAGE_STOP)
            return
        last = f"after event #{self.events[-1].number}" if self.events else "without a single event"
        self._deviate(_TRUNCATED, None, f"{how} {last}, {self.state}", "message_stop, or an error event")

    # -- blocks and their deltas ------------------------------------------------------------------------------------

    def _open(self) -> list[Block]:
        self.live = [block for block in self.live if not block.closed and not block.implied]
        return list(self.live)

    def _add(self, block: Block) -> None:
        self.blocks.append(block)
        self.live.append(block)
        self.current[block.index] = block
        self.adrift.discard(block.index)
        self.places += 1

    def _pass_place(self) -> None:
        """Counts a block of which nothing but its end, or its deltas, was seen."""
        self.expected_index += 1
        self.places += 1

    def _referred(self, event: StreamEvent) -> Block | None:
        """The block that a delta or stop means; without a usable index, the open one or else the last."""
        index = _index(event)
        if index is not None:
            return self.current.get(index)
        meant = self._open() or self.blocks
        return meant[-1] if meant else None

    def _named(self, event: StreamEvent) -> str:
        return str(event.fields.get("index", "(no index)"))

    def _wanted_index(self) -> str:
        opened = self._open()
        if opened:
            return f"index {opened[-1].index}, the open block"
        return f"content_block_start of block {self.expected_index} first"

    def _imply(self, event: StreamEvent) -> Block:
        index = _index(event)
        block = Block(
            index=self.expected_index if index is None else index,
            type=None,
            start=None,
            content={},
            implied=True,
        )
        self.blocks.append(block)
        self.current[block.index] = block
        if block.index == self.expected_index:
            self._pass_place()
        return block

    def _append(self, block: Block, event: StreamEvent, *, told: bool) -> None:
        """Lets a delta build its block; `told` when the event was found wrong already, so that it need not fit."""
        block.deltas.append(event)
        delta = event.fields.get("delta")
        kind = delta.get("type") if isinstance(delta, dict) else None
        if not isinstance(delta, dict) or not isinstance(kind, str):
            return
        if block.type is None and block.implied:
            block.type, block.content = _guess(kind)
        definition = block.definition
        if definition is None or kind not in delta_types():
            return  # nothing is known about this kind of block or delta, so nothing is held against it
        effect = definition.deltas.get(kind)
        if effect is None and told:
            return
        if effect is None:
            wanted = " or ".join(sorted(definition.deltas)) or "no delta at all"
            found = f"{kind} in a {definition.name} block"
            self._deviate(_FITS, event, found, wanted, "/delta/type")
            return
        value = delta.get(effect.field)
        if effect.how == "replace":
            block.content[effect.into] = value
        elif effect.how == "collect" or isinstance(value, str):
            block.pieces.setdefault((effect.how, effect.into), []).append(value)

    # -- what it adds up to -----------------------------------------------------------------------------------------

    def _assemble(self) -> None:
        for block in self.blocks:
            block.join()
            if block.json_into is not None and block.json_text:
                parsed = parse_json(block.json_text)
                block.content[block.json_into] = block.json_text if parsed is UNPARSED else parsed
        if self.message is None:
            return
        self.message["content"] = [block.content for block in self.blocks]
        for event in self.message_deltas:
            delta, usage = event.fields.get("delta"), event.fields.get("usage")
            if isinstance(delta, dict):
                self.message.update({name: value for name, value in delta.items() if name not in _STARTED})
            if isinstance(usage, dict):
                merged = self.message.get("usage")
                merged = dict(merged) if isinstance(merged, dict) else {}
                # The official accumulators overwrite a count with every later one that is not null.
                merged.update({name: value for name, value in usage.items() if value is not None})
                self.message["usage"] = merged


class _Closings:
    """Which blocks are stopped later: the positions of starts and stops by index, for answers without a search."""

    def __init__(self, events: tuple[StreamEvent, ...]) -> None:
        self.position = {event: number for number, event in enumerate(events)}
        self.by_index: dict[int, list[tuple[int, bool]]] = defaultdict(list)
        self.messages: list[int] = []
        self.last_total = -1
        for number, event in enumerate(events):
            index = _index(event)
            if event.type == MESSAGE_DELTA:
                self.last_total = number
            if event.type in (MESSAGE_START, MESSAGE_STOP):
                self.messages.append(number)
            elif event.type in (BLOCK_START, BLOCK_STOP) and index is not None:
                self.by_index[index].append((number, event.type == BLOCK_STOP))

    def totals_later(self, after: StreamEvent) -> bool:
        """Whether a message_delta is still to come."""
        return self.last_total > self.position[after]

    def stops_later(self, index: int, after: StreamEvent) -> bool:
        """Whether a stop of that index comes before a block of the same index starts anew, within the message."""
        position = self.position[after]
        marks = self.by_index.get(index, [])
        following = bisect_right(marks, (position, True))
        if following == len(marks):
            return False
        number, stops = marks[following]
        ended = bisect_right(self.messages, position)
        return stops and (ended == len(self.messages) or number < self.messages[ended])


def _index(event: StreamEvent) -> int | None:
    """The event's index when it is a usable one; what else stands there is judged as a shape, and read as absent."""
    index = event.fields.get("index")
    return index if isinstance(index, int) and not isinstance(index, bool) and index >= 0 else None


def _following(event: StreamEvent, stated: int) -> int:
    """The index that goes on from a start's own, a negative one included."""
    index = event.fields.get("index")
    return index + 1 if isinstance(index, int) and index < 0 else stated + 1


def _guess(delta_type: str) -> tuple[str | None, dict[str, Any]]:
    """The block type that a delta alone would belong to, when only one would do, and an empty block of it."""
    homes = [name for name, definition in block_types().items() if delta_type in definition.deltas]
    if len(homes) != 1:
        return None, {}
    return homes[0], {"type": homes[0]}


def known_event(event: StreamEvent) -> bool:
    """True when the contract knows the event's type."""
    return event.type in event_types()
