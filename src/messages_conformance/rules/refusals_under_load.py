"""Rules for refusals under load and for the time after it: a full server says so, and is as before when it is over."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from messages_conformance.exchange import AFTER, Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import body_of, response_of, status_and_body
from messages_conformance.rules.catalogue import BREAKS, HIDES, MISLEADS, rule
from messages_conformance.rules.headers import SPENT, missing_retry_after
from messages_conformance.rules.recording_parts import RESPONSE_HEADERS
from messages_conformance.rules.under_load import COMPARED, RETRIED, facts, under_load
from messages_conformance.rules.verdict import MUST, SHOULD, STATUS, Finding, Place, Unverified

FIGURES: Final = ("process_open_fds", "process_resident_memory_bytes")
"""The names of the figures that the client libraries of Prometheus give to each process."""

FIGURE: Final = re.compile(r"^(?P<name>\w+)(?:\{[^}]*\})? (?P<value>[0-9.eE+-]+)", re.M)

SPARE_FDS: Final = 64
FDS_PER_REQUEST: Final = 2
"""A server may keep a connection to each side of a request, and some more, in a pool (our own)."""

SPARE_BYTES: Final = 256 * 1024 * 1024
MEMORY_FACTOR: Final = 2
"""Caches and the memory of a runtime grow with the first load, and seldom by more than this (our own)."""


def _refused(exchange: Exchange) -> bool:
    return under_load(exchange) and exchange.response is not None and exchange.response.status >= 400


def _failed(exchange: Exchange) -> bool:
    return _refused(exchange) and response_of(exchange).status >= 500


@rule(
    "load.errors.retryable",
    MUST,
    harm=MISLEADS,  # a client gives up, or reports a key or a model as wrong
    source=f"{COMPARED}; {sources.sdk('_base_client.py _should_retry')}",
    applies=_refused,
    on_sight=True,
    provoked="Judged on every refusal of a load test.",
)
def refuses_with_a_status_for_later(exchange: Exchange) -> Iterable[Finding]:
    """What is accepted alone is refused under load only with 408, 409, 429 or 5xx, which clients send again."""
    if response_of(exchange).status not in RETRIED and not SPENT.search(response_of(exchange).text):
        found = f"{status_and_body(exchange)}, while {facts(exchange).in_flight} requests were in progress"
        yield Finding(place=STATUS, found=found, wanted="an answer as alone, or 429, 529 or another 5xx")


@rule(
    "load.errors.envelope",
    SHOULD,
    harm=MISLEADS,  # without a type and a message a client cannot say why it failed
    source=sources.ERRORS,
    applies=_failed,
    on_sight=True,
    provoked="Judged on every 5xx of a load test.",
)
def fails_with_an_envelope(exchange: Exchange) -> Iterable[Finding]:
    """A 5xx under load has an error object with a type and a message."""
    error = body_of(exchange).get("error")
    if not isinstance(error, Mapping) or not all(isinstance(error.get(name), str) for name in ("type", "message")):
        wanted = "an error object with type and message"
        yield Finding(place=Place(pointer=""), found=status_and_body(exchange), wanted=wanted)


@rule(
    "load.errors.retry-after",
    SHOULD,
    harm=MISLEADS,  # all clients come back at once
    source=f"{sources.RATE_LIMITS}; {sources.ERRORS}",
    applies=lambda exchange: _refused(exchange) and response_of(exchange).status == 429,
    on_sight=True,
    reads={RESPONSE_HEADERS},
    provoked="Judged on every 429 of a load test.",
)
def throttles_with_a_time(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """A 429 under load says with retry-after when to come back."""
    return missing_retry_after(exchange)


def _after(exchange: Exchange) -> bool:
    return exchange.load is not None and exchange.load.phase == AFTER


@rule(
    "load.recovery.answered",
    MUST,
    harm=BREAKS,
    source=COMPARED,
    applies=lambda exchange: _after(exchange) and exchange.creates_message,
    raw=True,
    on_sight=True,
    provoked="After a load test the requests of its beginning are sent again alone, each several times if it fails.",
)
def answers_again_after_the_load(exchange: Exchange) -> Iterable[Finding | Unverified]:
    """After the load has ended, requests are answered as before it."""
    alone = facts(exchange).alone
    if alone is None or not alone.accepted or exchange.succeeded:
        return
    if exchange.failure is not None and exchange.failure.kind == "refused":
        yield Unverified(reason=f"the target is not there any more: {exchange.failure.message}")
        return
    lost = exchange.failure.message if exchange.failure is not None else status_and_body(exchange)
    yield Finding(place=STATUS, found=f"{lost}, {len(exchange.waits)} times", wanted="an answer, as before the load")


def figures(text: str) -> Mapping[str, float]:
    """The figures of a process in the text format of Prometheus; those of several processes are added."""
    found: dict[str, float] = {}
    for match in FIGURE.finditer(text):
        if match["name"] in FIGURES:
            found[match["name"]] = found.get(match["name"], 0.0) + float(match["value"])
    return found


def _shows(name: str, exchange: Exchange) -> bool:
    if not _after(exchange) or exchange.creates_message or not exchange.succeeded:
        return False
    return name in facts(exchange).metrics_before and name in figures(response_of(exchange).text)


@rule(
    "load.connections.released",
    SHOULD,
    harm=HIDES,  # it works until no descriptor is left
    source=COMPARED,
    applies=lambda exchange: _shows(FIGURES[0], exchange),
    on_sight=True,
    provoked="With --metrics, the open files and connections of the target are read before and after a load test.",
)
def releases_its_connections(exchange: Exchange) -> Iterable[Finding]:
    """After a load test, the target has about as many open files and connections as before it."""
    before, now = facts(exchange).metrics_before[FIGURES[0]], figures(response_of(exchange).text)[FIGURES[0]]
    most = before + SPARE_FDS + FDS_PER_REQUEST * facts(exchange).in_flight
    if now > most:
        found = f"{now:,.0f} open files and connections, and {before:,.0f} before"
        yield Finding(place=Place(pointer=FIGURES[0]), found=found, wanted=f"at most {most:,.0f}")


@rule(
    "load.memory.released",
    SHOULD,
    harm=HIDES,  # it works until no memory is left
    source=COMPARED,
    applies=lambda exchange: _shows(FIGURES[1], exchange),
    on_sight=True,
    provoked="With --metrics, the memory of the target is read before and after a load test.",
)
def releases_its_memory(exchange: Exchange) -> Iterable[Finding]:
    """After a load test, the target has not several times the memory that it had before."""
    before, now = facts(exchange).metrics_before[FIGURES[1]], figures(response_of(exchange).text)[FIGURES[1]]
    most = before * MEMORY_FACTOR + SPARE_BYTES
    if now > most:
        found = f"{now / 1e6:,.0f} MB, and {before / 1e6:,.0f} MB before"
        yield Finding(place=Place(pointer=FIGURES[1]), found=found, wanted=f"at most {most / 1e6:,.0f} MB")
