"""The rule for answers that belong to somebody else: made-up words of another request in an answer.

The suites ask for words that no model writes by chance. Each of them is in the requests that ask for it and nowhere
else. So an answer that has the word of another request belongs to another caller, or comes from a cache.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import has_message, in_message, shown, text_of
from messages_conformance.rules.catalogue import LEAKS, RUN, rule
from messages_conformance.rules.code_words import QUESTION
from messages_conformance.rules.echoed_text import PROMPT
from messages_conformance.rules.recording_parts import REQUEST
from messages_conformance.rules.verdict import MUST, Finding, Unverified

ASKS: Final = (QUESTION, PROMPT.strip().lower(), "reply with only this word: ")
"""Questions for made-up words, in lower case."""

WORD: Final = re.compile(r"\b[a-z]{3,}-[0-9]{2,}\b")
"""A made-up word."""

MIN_OWNERS: Final = 2
"""The words of at least this many different requests are compared."""


@rule(
    "response.content.own-answer",
    MUST,
    source="the meaning of a request; QuantumNous/new-api#5445 (GitHub), read 2026-11-30",
    harm=LEAKS,
    over=RUN,
    model_dependent=True,
    reads={REQUEST},
    provoked="Many requests ask for different made-up words, several of them at the same time.",
)
def answers_the_request_of_the_caller(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """An answer has no made-up words that only other requests contain."""
    answered = [exchange for exchange in exchanges if has_message(exchange)]
    owners: dict[str, Exchange] = {}
    for exchange in answered:
        for word in _asked_for(exchange):
            owners.setdefault(word, exchange)
    yield from _leaks(answered, owners)
    if len({owner.number for owner in owners.values()}) < MIN_OWNERS:
        yield Unverified(reason="no requests asked for different made-up words")


def _leaks(answered: Sequence[Exchange], owners: dict[str, Exchange]) -> Iterator[Finding]:
    for exchange in answered:
        text = text_of(exchange).lower()
        words = [word for word in owners if word in text]
        own = exchange.request.body.lower() if words else b""
        is_plain = own.lstrip().startswith(b"{")  # not compressed
        foreign = [word for word in words if is_plain and word.encode() not in own]
        if foreign:
            found = f"{shown(text_of(exchange))}, with {shown(foreign[0])}"
            wanted = f"an answer to this request; the word is from exchange {owners[foreign[0]].number}"
            place = in_message(exchange, "/content")
            yield Finding(exchange=exchange.number, place=place, found=found, wanted=wanted)
            return


def _asked_for(exchange: Exchange) -> set[str]:
    """The made-up words of a request that asks for such words."""
    sent = exchange.request.body.decode("utf-8", "replace").lower()
    return set(WORD.findall(sent)) if any(ask in sent for ask in ASKS) else set()
