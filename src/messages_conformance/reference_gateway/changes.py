"""What a fault or a variant changes in the reference gateway, as one frozen row of edits and flags."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from messages_conformance.reference_gateway.http import Headers, HttpRequest

Fields = dict[str, Any]
Events = AsyncIterator[Fields]

PASSTHROUGH: Final = "passthrough"
TRANSLATES: Final = "translates"
RESPONSES: Final = "responses"
"""What a translating gateway speaks besides Chat Completions: the Responses API."""

MODES: Final = (PASSTHROUGH, TRANSLATES)
"""What a gateway promises: the same dialect behind it, or the Chat Completions API."""

FAULT: Final = "fault"
VARIANT: Final = "variant"


@dataclass(frozen=True, kw_only=True)
class Failed:
    """An error as the client gets it: status, headers and the envelope, or a body of another form."""

    status: int
    headers: Headers
    body: bytes


@dataclass(frozen=True, kw_only=True)
class Change:
    """One deviation of the gateway from its plain form. `trips` are the requirements that a fault violates.

    Edits take a value that they may change, and return it: `request` the client's body before translation, `sent` the
    body for the upstream, `headers` those for the upstream (with the client's request), `completion` and `chunks` an
    answer of the upstream before translation, whole and streamed, `message` a whole answer,
    `events` the events of a stream, `failed` an error, `reply` the headers of each answer (with the upstream's address
    and the key). `flags` are read by the gateway itself.
    """

    name: str
    summary: str
    kind: str = FAULT
    modes: tuple[str, ...] = MODES
    trips: frozenset[str] = frozenset()
    request: Callable[[Fields], Fields] | None = None
    sent: Callable[[Fields], Fields] | None = None
    headers: Callable[[dict[str, str], HttpRequest], dict[str, str]] | None = None
    completion: Callable[[Fields], Fields] | None = None
    chunks: Callable[[Events], Events] | None = None
    message: Callable[[Fields], Fields] | None = None
    events: Callable[[Events], Events] | None = None
    failed: Callable[[Failed], Failed] | None = None
    reply: Callable[[Headers, Mapping[str, str]], Headers] | None = None
    flags: frozenset[str] = frozenset()
    cases: frozenset[str] = frozenset()
    """The only cases of a run that it can change, where its edits do not show which."""


_registered: dict[tuple[str, str], Change] = {}


def add(change: Change) -> None:
    """Registers a change. Raises ValueError for a name that is taken."""
    key = (change.kind, change.name)
    if key in _registered:
        raise ValueError(f"the {change.kind} {change.name} of the reference gateway is there twice; rename one")
    _registered[key] = change


def registered(kind: str) -> tuple[Change, ...]:
    """The changes of one kind that are registered so far."""
    return tuple(change for (known, _), change in _registered.items() if known == kind)
