"""Looks ahead in a stream: whether a block is stopped later, and whether a message_delta is still to come."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict

from messages_conformance.exchange import StreamEvent
from messages_conformance.stream.event_reading import index_of
from messages_conformance.stream.grammar import BLOCK_START, BLOCK_STOP, MESSAGE_DELTA, MESSAGE_START, MESSAGE_STOP


class StopLookahead:
    """The positions of starts and stops in a stream, so that each question costs one binary search."""

    def __init__(self, events: tuple[StreamEvent, ...]) -> None:
        self._position = {event: number for number, event in enumerate(events)}
        self._marks: dict[int, list[tuple[int, bool]]] = defaultdict(list)  # by index: (position, is it a stop)
        self._message_borders: list[int] = []  # positions of message_start and message_stop
        self._last_message_delta = -1
        for number, event in enumerate(events):
            index = index_of(event)
            if event.type == MESSAGE_DELTA:
                self._last_message_delta = number
            if event.type in (MESSAGE_START, MESSAGE_STOP):
                self._message_borders.append(number)
            elif event.type in (BLOCK_START, BLOCK_STOP) and index is not None:
                self._marks[index].append((number, event.type == BLOCK_STOP))

    def has_message_delta_after(self, event: StreamEvent) -> bool:
        """Whether a message_delta comes after the event."""
        return self._last_message_delta > self._position[event]

    def is_stopped_after(self, event: StreamEvent, index: int) -> bool:
        """Whether a stop with the index comes after the event, in the same message and before a new start with it."""
        position = self._position[event]
        marks = self._marks.get(index, [])
        following = bisect_right(marks, (position, True))
        if following == len(marks):
            return False
        number, is_stop = marks[following]
        border = bisect_right(self._message_borders, position)
        return is_stop and (border == len(self._message_borders) or number < self._message_borders[border])
