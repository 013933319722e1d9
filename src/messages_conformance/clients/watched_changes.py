"""Counts the requests on which a fault or a variant of the reference endpoint has an effect.

A change has an effect when a stage leaves it with another value than it got. A client that sends no such request says
nothing about the change.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from messages_conformance.reference import HttpResponse, find_fault, find_variant
from messages_conformance.reference.changes import Change, RequestContext, Rewrite, Stage

PIECES: Final = 20_000
"""Pieces of a response that are compared (our own: no correct answer has more); some faults send without end."""


@dataclass(frozen=True, kw_only=True)
class WatchedChange:
    """A change that notes in `requests` the numbers of the requests on which it had an effect."""

    name: str
    at: Stage
    rewrite: Rewrite = field(repr=False)
    also: Mapping[Stage, Rewrite] = field(repr=False)
    needs_socket: bool
    requests: set[int] = field(repr=False)


def watched_fault(name: str) -> WatchedChange:
    """The fault, or `FAULT@CONDITION`; raises LookupError with similar names."""
    return watched(find_fault(name))


def watched_variant(name: str) -> WatchedChange:
    """The variant; raises LookupError with similar names."""
    return watched(find_variant(name))


def watched(change: Change) -> WatchedChange:
    """The same change, which notes its effects."""
    requests: set[int] = set()
    return WatchedChange(
        name=change.name,
        at=change.at,
        rewrite=_watching(change.rewrite, requests),
        also={stage: _watching(rewrite, requests) for stage, rewrite in change.also.items()},
        needs_socket=change.needs_socket,
        requests=requests,
    )


def _watching(rewrite: Rewrite, requests: set[int]) -> Rewrite:
    def watching(thing: Any, context: RequestContext) -> Any:
        thing = _readable(thing)
        before = copy.deepcopy(thing) if isinstance(thing, (dict, list)) else thing
        after = _readable(rewrite(thing, context))
        if not _same(before, after):
            requests.add(context.number)
        return after

    return watching


def _readable(thing: Any) -> Any:
    """The value; the lazy pieces of a response as a tuple, so that they can be compared and still be sent."""
    if not isinstance(thing, HttpResponse) or isinstance(thing.pieces, tuple):
        return thing
    pieces = iter(thing.pieces)
    first = tuple(itertools.islice(pieces, PIECES))
    return replace(thing, pieces=first if len(first) < PIECES else itertools.chain(first, pieces))


def _same(before: Any, after: Any) -> bool:
    """Equality as JSON has it: 1, 1.0 and true differ, also inside."""
    if isinstance(before, (dict, list)) and isinstance(after, (dict, list)):
        return repr(_without_default(before)) == repr(_without_default(after))
    return type(before) is type(after) and bool(before == after)


def _without_default(thing: dict[str, Any] | list[Any]) -> dict[str, Any] | list[Any]:
    """A request body without `"stream": false`, which means the same as no such field."""
    if not isinstance(thing, dict) or thing.get("stream") is not False:
        return thing
    return {name: value for name, value in thing.items() if name != "stream"}
