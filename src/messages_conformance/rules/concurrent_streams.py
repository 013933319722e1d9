"""The rule for streams at the same time: none has content of another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise
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


MOST_WORDS: Final = 64
"""At most this many of the words are looked for in each answer (our own: the suites have far fewer)."""


def _nonce(exchange: Exchange) -> str | None:
    """The made-up word that a streamed request asks for."""
    match = NONCE.search(prompt_of(exchange) or "") if streamed(exchange) else None
    return match.group(1) if match else None


def _overlap(exchanges: Sequence[Exchange]) -> bool:
    """Whether any two exchanges were in progress at the same time; unknown, and so false, without times."""
    timed = [exchange for exchange in exchanges if has(exchange, TIMES)]
    spans = sorted((one.started_s, one.started_s + response_of(one).ended_at_s) for one in timed)
    return any(following[0] < before[1] and before[0] < following[1] for before, following in pairwise(spans))


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
    owners: dict[str, Exchange] = {}
    for exchange, nonce in requested:
        owners.setdefault(nonce, exchange)
    compared = list(owners.items())[:MOST_WORDS]
    for exchange, own in requested:
        text = text_of(exchange).lower()
        others = [other for nonce, other in compared if nonce != own and nonce.lower() in text]
        if others:
            found = f"{shown(text_of(exchange))}, which belongs to exchange {others[0].number}"
            place = in_message(exchange, "/content")
            yield Finding(exchange=exchange.number, place=place, found=found, wanted=f"only {shown(own)}")
            return
    obeyed = [exchange for exchange, own in requested if own.lower() in text_of(exchange).lower()]
    if not _overlap(obeyed):
        failed = [
            f"{shown(own)}: {shown(text_of(exchange))}"
            for exchange, own in requested
            if own.lower() not in text_of(exchange).lower()
        ]
        why = "no two streams were in progress at the same time"
        yield Unverified(reason=f"the model did not write its word: requested {failed[0]}" if failed else why)
