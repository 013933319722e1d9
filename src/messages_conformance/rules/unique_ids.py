"""Rules for ids that must be unique over a run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import (
    answered,
    has_message,
    ids,
    in_message,
    message_of,
    response_of,
    shown,
)
from messages_conformance.rules.catalogue import ANTHROPIC, LOSES, MISLEADS, RUN, rule
from messages_conformance.rules.recording_parts import IDS, RESPONSE_HEADERS
from messages_conformance.rules.verdict import MUST, Finding, Place, Unverified


def _unique(
    exchanges: Sequence[Exchange], read: Callable[[Exchange], Any], place: Callable[[Exchange], Place], what: str
) -> Iterator[Finding | Unverified]:
    seen: dict[str, Exchange] = {}
    repeated = 0
    for exchange in exchanges:
        value = read(exchange)
        if not isinstance(value, str) or not value:
            continue
        if value in seen:
            repeated += 1
            if repeated == 1:
                found = f"{shown(value)} again, as in exchange {seen[value].number}"
                yield Finding(exchange=exchange.number, place=place(exchange), found=found, wanted=f"a unique {what}")
        seen.setdefault(value, exchange)
    if len(seen) < 2 and not repeated:
        yield Unverified(reason=f"fewer than two answers have a {what}")


@rule(
    "response.id.unique",
    MUST,
    harm=LOSES,  # clients that store messages by id, such as LangGraph, replace one by the other
    source=sources.SEED,
    over=RUN,
    reads={IDS},
)
def gives_every_message_its_own_id(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """No two messages have the same id."""
    return _unique(
        [exchange for exchange in exchanges if has_message(exchange)],
        lambda exchange: ids.of(message_of(exchange) or {}),
        lambda exchange: in_message(exchange, "/id"),
        "message id",
    )


@rule(
    "headers.request-id.unique",
    MUST,
    harm=MISLEADS,
    families={ANTHROPIC},
    needs={"request-id"},
    source=f"{sources.OVERVIEW} (globally unique)",
    over=RUN,
    reads={RESPONSE_HEADERS},
)
def gives_every_answer_its_own_request_id(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """No two answers have the same request-id."""
    return _unique(
        [exchange for exchange in exchanges if answered(exchange)],
        lambda exchange: response_of(exchange).header("request-id"),
        lambda exchange: Place(header="request-id"),
        "request-id",
    )
