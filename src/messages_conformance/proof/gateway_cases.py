"""Which cases a change of the reference gateway can affect, so that a trial sends these alone."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any, Final

from messages_conformance.gateway.cases import STREAM, Case, cases
from messages_conformance.gateway.cases import edges as edge_cases
from messages_conformance.gateway.cases import failures as failure_cases
from messages_conformance.gateway.cases import requests as request_cases
from messages_conformance.gateway.sending import IN_FULL
from messages_conformance.reference_gateway import PASSTHROUGH, VARIANT, Change
from messages_conformance.reference_gateway.chat_request import Refused, to_chat
from messages_conformance.upstream import Script

FEW: Final = frozenset({"text", "call", "system"})
"""Cases that are always sent."""


def relevant_cases(change: Change | None, mode: str) -> tuple[str, ...]:
    """The names of the cases that a change can affect; none means all of them, and several clients at once.

    Edits of requests affect the cases whose request they change. Edits of answers affect the cases about answers and
    broken answers; edits of events also affect the cases with pauses. Edits of errors affect the cases of refusals.
    """
    if change is not None and change.cases:
        return tuple(one.name for one in cases(mode) if one.name in change.cases)
    if change is None or change.flags or any(name.startswith("gateway.isolation.") for name in change.trips):
        return ()
    return tuple(one.name for one in cases(mode) if one.name in FEW or _affects(change, one, mode))


def _affects(change: Change, one: Case, mode: str) -> bool:
    if one.leaves:
        return "gateway.error.client-leaves" in change.trips
    if IN_FULL.intersection(one.observes):
        return bool(change.events) and change.kind == VARIANT
    if one.pauses or one.keeps_alive:
        return bool(change.events) and (change.kind == VARIANT or "gateway.stream." in str(change.trips))
    if change.reply is not None:
        return True
    if one.name in REFUSALS:
        return change.failed is not None
    if one.name in INWARDS and not (change.message or change.events):
        return bool(change.headers) or _changes_the_request(change, one, mode)
    if one.name in INWARDS:
        return False
    asks = bool(change.request or change.sent)
    return bool(change.message or change.events) or (asks and "answer." in str(change.trips))


def _asking() -> Iterator[Case]:
    """The cases about the way in."""
    yield from request_cases.cases()
    yield from edge_cases.requests()
    yield from (one for one in edge_cases.passing_on() if one.script == Script())


INWARDS: Final = frozenset(one.name for one in _asking())
REFUSALS: Final = frozenset(one.name for one in failure_cases.refusals())


def _changes_the_request(change: Change, one: Case, mode: str) -> bool:
    """Whether the body for the upstream is another one than the plain gateway sends, in any form of the case."""
    for form in one.forms:
        streams = {"stream": True} if form == STREAM else {}
        body = {"model": "m", "max_tokens": 1, **deepcopy(dict(one.request)), **streams}
        if _sent(change, body, mode) != _sent(None, body, mode):
            return True
    return False


def _sent(change: Change | None, body: dict[str, Any], mode: str) -> str:
    """The body for the upstream with its keys in order; empty for a request that is refused."""
    try:
        edited = body if change is None or change.request is None else change.request(deepcopy(body))
        sent = edited if mode == PASSTHROUGH else to_chat(edited).body
        return repr(sent if change is None or change.sent is None else change.sent(deepcopy(sent)))
    except (Refused, KeyError, TypeError, ValueError, AttributeError):
        return ""
