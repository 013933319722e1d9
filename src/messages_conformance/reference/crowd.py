"""How many requests an endpoint answers at the same time, for changes that happen only above a number of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from messages_conformance.reference.changes import RequestContext, Rewrite, Stage
from messages_conformance.reference.http import HttpRequest, HttpResponse, Piece

CROWD: Final = 8
"""The faults and variants under load happen with more than this many requests at the same time; ordinary runs send
fewer."""

HELD_S: Final = 0.04
"""How long an endpoint with such a change delays every answer, so that requests overlap; our own number."""

PACE_S: Final = 0.02
"""How long it waits before each event of a stream, for the same reason; our own number."""

IN_PROGRESS: Final = "in progress"
"""Key in the memory of an endpoint: the numbers of the requests whose answers are not sent yet."""


class _Watched:
    """Pieces that call a function when the last one is sent, or when nobody wants them any more."""

    def __init__(self, pieces: Iterable[Piece], ended: Callable[[], None]) -> None:
        self._pieces, self._ended = pieces, ended

    def __iter__(self) -> Iterator[Piece]:
        try:
            yield from self._pieces
        finally:
            self._ended()

    def __del__(self) -> None:
        self._ended()


def enter(request: HttpRequest, context: RequestContext) -> HttpRequest:
    """Counts a request for a message until its answer is sent."""
    if request.method == "POST" and request.path == "/v1/messages":
        context.memory.setdefault(IN_PROGRESS, set()).add(context.number)
    return request


def leave(response: HttpResponse, context: RequestContext) -> HttpResponse:
    """Holds the answer for a moment, and stops to count its request when it is sent."""
    inside: set[int] = context.memory.get(IN_PROGRESS, set())
    if context.number not in inside:
        return response
    pieces = response.pieces
    if response.is_stream:
        pieces = tuple((max(delay_s, PACE_S), data) for delay_s, data in pieces)
    watched = _Watched(pieces, lambda: inside.discard(context.number))
    return replace(response, pieces=watched, delay_s=max(response.delay_s, HELD_S))


COUNTING: Final[Mapping[Stage, Rewrite]] = MappingProxyType({Stage.REQUEST: enter, Stage.RESPONSE: leave})
"""What an endpoint also rewrites to count its requests."""


def in_progress(context: RequestContext) -> int:
    """How many requests for messages are being answered, this one included."""
    return len(context.memory.get(IN_PROGRESS, ()))


def crowded(context: RequestContext) -> bool:
    """Whether more requests than CROWD are being answered, and this one is among them."""
    return in_progress(context) > CROWD and context.number in context.memory[IN_PROGRESS]
