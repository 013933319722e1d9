"""Rules for robustness: an invalid or odd request gets an answer, and later requests still work.

The judge also asks these rules about exchanges without an answer. A front end may refuse a request in its own words,
or close the connection on an incomplete body: neither is a finding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import refusal, response_of
from messages_conformance.rules.catalogue import BREAKS, rule
from messages_conformance.rules.error_responses import bad_input
from messages_conformance.rules.recording_parts import PROBES
from messages_conformance.rules.verdict import SHOULD, STATUS, Finding

NO_ANSWER: Final = frozenset({"timeout", "disconnected"})
"""Kinds of failure of a target that was reached and did not answer."""

GONE: Final = NO_ANSWER | {"refused"}
"""Kinds of failure of a target that answered before and does not answer now."""

MAY_CLOSE: Final = "transport.request.size-limit"
"""The only refusal for which a target may close the connection: a body too large to be read to its end."""


def _needs_an_answer(exchange: Exchange) -> bool:
    known = exchange.response is not None or (exchange.failure is not None and exchange.failure.kind in NO_ANSWER)
    return bad_input(exchange) and known and MAY_CLOSE not in exchange.probes


@rule(
    "errors.bad-input-answered",
    SHOULD,
    harm=BREAKS,  # the client waits until its time limit
    source="RFC 9110, 15.5 (4xx); a client waits out its own timeout, 600 s in the official SDKs",
    applies=_needs_an_answer,
    raw=True,
    reads={PROBES},
)
def answers_bad_input(exchange: Exchange) -> Iterable[Finding]:
    """An invalid or odd request gets an answer: the target does not stay silent or close the connection."""
    if exchange.response is None and exchange.failure is not None:
        yield Finding(
            place=STATUS, found=exchange.failure.message, wanted="an answer; a 4xx status if the request is invalid"
        )


def _sent_after(probe: str) -> Callable[[Exchange], bool]:
    def applies(exchange: Exchange) -> bool:
        known = exchange.response is not None or (exchange.failure is not None and exchange.failure.kind in GONE)
        return probe in exchange.probes and known

    return applies


def _not_answered(exchange: Exchange) -> Iterator[Finding]:
    """Findings about a plain request that follows, and that was repeated if it failed once."""
    if exchange.response is None:
        assert exchange.failure is not None
        yield Finding(place=STATUS, found=exchange.failure.message, wanted="200: the request is valid")
    elif response_of(exchange).status >= 400:
        yield refusal(exchange, "200: the request is valid")


@rule(
    "transport.next-request-answered",
    SHOULD,
    harm=BREAKS,
    source="robustness: the broken request of one client must not be an outage for the others",
    applies=_sent_after("transport.next-request-answered"),
    raw=True,
    reads={PROBES},
    provoked="A plain request follows each request that is broken on the wire.",
)
def survives_broken_requests(exchange: Exchange) -> Iterable[Finding]:
    """After a request that is broken or odd on the wire, the next request is answered normally."""
    return _not_answered(exchange)


@rule(
    "stream.disconnect.client",
    SHOULD,
    harm=BREAKS,
    source="robustness",
    needs={"stream"},
    applies=_sent_after("stream.disconnect.client"),
    raw=True,
    reads={PROBES},
    provoked="The client closes a stream after its first delta, and a plain request follows.",
)
def survives_clients_that_leave(exchange: Exchange) -> Iterable[Finding]:
    """After a client closes a stream early, later requests are answered normally."""
    return _not_answered(exchange)
