"""Verdicts on what follows a request that is odd, wrong or left alone: an answer, and an endpoint that still stands.

These rules are also asked about exchanges without an answer. What a front end may do with a request that never reaches
the application is no finding: refuse it in its own words, or hang up on a body that was cut off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules.accessors import response_of, shown
from messages_conformance.rules.catalogue import rule
from messages_conformance.rules.error_responses import bad_input
from messages_conformance.rules.recording_parts import PROBES
from messages_conformance.rules.verdict import SHOULD, STATUS, Finding

SILENCES: Final = frozenset({"timeout", "disconnected"})
"""Failures of a target that was reached and did not answer."""

GONE: Final = SILENCES | {"refused"}
"""Failures of a target that answered before, and does not now."""

MAY_HANG_UP: Final = "transport.request.size-limit"
"""The one refusal that may come as a closed connection: a body too large to be read to its end."""


def _owes_an_answer(exchange: Exchange) -> bool:
    known = exchange.response is not None or (exchange.failure is not None and exchange.failure.kind in SILENCES)
    return bad_input(exchange) and known and MAY_HANG_UP not in exchange.probes


@rule(
    "errors.bad-input-answered",
    SHOULD,
    source="RFC 9110, 15.5 (4xx); a client waits out its own timeout, 600 s in the official SDKs",
    applies=_owes_an_answer,
    raw=True,
    reads={PROBES},
)
def answers_bad_input(exchange: Exchange) -> Iterable[Finding]:
    """A wrong or odd request gets an answer: the target neither keeps silent nor hangs up."""
    if exchange.response is None and exchange.failure is not None:
        yield Finding(place=STATUS, found=exchange.failure.message, wanted="an answer, a 4xx status where it is wrong")


def _asked_after(probe: str) -> Callable[[Exchange], bool]:
    def applies(exchange: Exchange) -> bool:
        known = exchange.response is not None or (exchange.failure is not None and exchange.failure.kind in GONE)
        return probe in exchange.probes and known

    return applies


def _stands(exchange: Exchange) -> Iterator[Finding]:
    """The plainest request is answered, once more after it failed once."""
    if exchange.response is None:
        assert exchange.failure is not None
        yield Finding(place=STATUS, found=exchange.failure.message, wanted="200: the request is valid")
    elif response_of(exchange).status >= 400:
        said = shown(response_of(exchange).text.strip(), 160)
        yield Finding(place=STATUS, found=f"{response_of(exchange).status}: {said}", wanted="200: the request is valid")


@rule(
    "transport.next-request-answered",
    SHOULD,
    source="robustness: one client's broken request is another one's outage",
    applies=_asked_after("transport.next-request-answered"),
    raw=True,
    reads={PROBES},
    provoked="The plainest request follows each request that is broken on the wire.",
)
def outlives_broken_requests(exchange: Exchange) -> Iterable[Finding]:
    """After a request that is broken or odd on the wire the next one is answered as ever."""
    return _stands(exchange)


@rule(
    "stream.disconnect.client",
    SHOULD,
    source="robustness",
    needs={"stream"},
    applies=_asked_after("stream.disconnect.client"),
    raw=True,
    reads={PROBES},
    provoked="A stream is left after its first delta, and the plainest request follows.",
)
def outlives_clients_that_leave(exchange: Exchange) -> Iterable[Finding]:
    """A client that leaves in the middle of a stream does no harm to later requests."""
    return _stands(exchange)
