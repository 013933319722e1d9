"""The rule for streams at the same time: none has content of another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import (
    in_message,
    response_of,
    shown,
    streamed,
    text_of,
)
from messages_conformance.rules.catalogue import LEAKS, RUN, rule
from messages_conformance.rules.input_counts import prompt_of
from messages_conformance.rules.recording_parts import REQUEST, TIMES, has
from messages_conformance.rules.verdict import SHOULD, Finding, Unverified

NONCE: Final = re.compile(r"only this word: (\w+-\d+)$")


def _nonce(exchange: Exchange) -> str | None:
    """The made-up word that a streamed request asks for."""
    match = NONCE.search(prompt_of(exchange) or "") if streamed(exchange) else None
    return match.group(1) if match else None


def _overlap(one: Exchange, other: Exchange) -> bool:
    """Whether two exchanges were in progress at the same time; unknown, and so false, without times."""
    if not (has(one, TIMES) and has(other, TIMES)):
        return False
    return one.started_s < other.started_s + response_of(other).ended_at_s and (
        other.started_s < one.started_s + response_of(one).ended_at_s
    )


@rule(
    "stream.concurrent-isolation",
    SHOULD,
    source="robustness: a gateway that shares one queue between its streams mixes them",
    harm=LEAKS,
    needs={"stream"},
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Concurrent streams each ask for a different word.",
)
def keeps_streams_apart(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Each of several concurrent streams has its own answer and no part of another."""
    requested = [(exchange, nonce) for exchange in exchanges if (nonce := _nonce(exchange)) is not None]
    for exchange, own in requested:
        text = text_of(exchange).lower()
        others = [other for other, nonce in requested if nonce != own and nonce.lower() in text]
        if others:
            found = f"{shown(text_of(exchange))}, which belongs to exchange {others[0].number}"
            place = in_message(exchange, "/content")
            yield Finding(exchange=exchange.number, place=place, found=found, wanted=f"only {shown(own)}")
            return
    obeyed = [exchange for exchange, own in requested if own.lower() in text_of(exchange).lower()]
    if not any(_overlap(one, other) for one in obeyed for other in obeyed if one is not other):
        failed = [f"{shown(own)}: {shown(text_of(exchange))}" for exchange, own in requested if exchange not in obeyed]
        why = "no two streams were in progress at the same time"
        yield Unverified(reason=f"the model did not write its word: requested {failed[0]}" if failed else why)
