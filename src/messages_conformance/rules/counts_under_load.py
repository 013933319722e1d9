"""Rules for counts and ids under load: they belong to one request, however many are in progress."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import ALONE, Exchange
from messages_conformance.rules.accessors import (
    answered,
    closing_usage,
    ids,
    in_message,
    message_of,
    response_of,
    shown,
    total_input,
)
from messages_conformance.rules.catalogue import LOSES, MISBILLS, RUN, rule
from messages_conformance.rules.recording_parts import IDS, RESPONSE_HEADERS
from messages_conformance.rules.under_load import (
    COMPARED,
    alone_of,
    at_once,
    every,
    facts,
    under_load,
)
from messages_conformance.rules.verdict import MUST, NOT_PROVOKED, Finding, Place, Unverified

SLACK_TOKENS: Final = 8
SLACK_SHARE: Final = 0.05
"""Nonces have the same length but not the same number of tokens: one of 16 letters has 3 to 11 (our own)."""


@rule(
    "load.usage.input",
    MUST,
    harm=MISBILLS,
    source=COMPARED,
    applies=every(under_load, answered, lambda exchange: bool(closing_usage(exchange))),
    on_sight=True,
    provoked="The same request is sent alone and under load; only its nonce, always of the same length, differs.",
)
def bills_the_same_input(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """The same request has the same input tokens under load as alone."""
    alone, found = alone_of(exchange).input_tokens, total_input(closing_usage(exchange))
    if not alone:
        yield Unverified(reason="the answer has no input tokens alone")
    elif abs(found - alone) > max(SLACK_TOKENS, alone * SLACK_SHARE):
        what = f"{found:,} input tokens, while {at_once(exchange)}"
        yield Finding(place=in_message(exchange, "/usage"), found=what, wanted=f"about {alone:,}, as alone")


@rule(
    "load.ids.unique",
    MUST,
    harm=LOSES,  # clients that store messages by id replace one by the other
    source=COMPARED,
    over=RUN,
    on_sight=True,
    reads={IDS, RESPONSE_HEADERS},
    provoked="The ids of answers of a load test are compared with those before them.",
)
def repeats_no_id(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """No two answers under load have the same message id or the same request-id."""
    loaded = [one for one in exchanges if one.load is not None and one.succeeded and one.creates_message]
    if not loaded:
        yield Unverified(reason=NOT_PROVOKED)
        return
    alone_repeats: set[str] = set()
    for what, read, place in (("message id", _message_id, "/id"), ("request-id", _request_id, "")):
        seen: dict[str, Exchange] = {}
        for exchange in loaded:
            value = read(exchange)
            if not value:
                continue
            first = seen.setdefault(value, exchange)
            if first is exchange or what in alone_repeats:
                continue
            if facts(first).phase == facts(exchange).phase == ALONE:
                alone_repeats.add(what)  # the requirements about ids of ordinary runs report it
                continue
            where = in_message(exchange, place) if place else Place(header=what)
            found = f"{what} {shown(value)} again, as in exchange {first.number}, while {at_once(exchange)}"
            yield Finding(exchange=exchange.number, place=where, found=found, wanted=f"a {what} of its own")
            break


def _message_id(exchange: Exchange) -> str:
    value = ids.of(message_of(exchange) or {})
    return value if isinstance(value, str) else ""


def _request_id(exchange: Exchange) -> str:
    return response_of(exchange).header("request-id") or ""
