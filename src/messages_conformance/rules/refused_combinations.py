"""The rule for features that work alone and are refused together, or in one place of a conversation.

A single refusal shows nothing about a target: it may be a limit, or a feature that its model lacks. Here several
requests are refused in the same words, and each of their features was accepted elsewhere.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from messages_conformance.contract.probes import probes
from messages_conformance.exchange import ACCEPTED, REFUSED, Exchange
from messages_conformance.rules.accessors import (
    answered,
    beyond_context,
    cleanly_refused,
    near_miss,
    status_and_body,
    thinking_type,
)
from messages_conformance.rules.capability_refusals import PLACES
from messages_conformance.rules.catalogue import ANTHROPIC, BREAKS, RUN, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.request_features import accepted, features, is_prefilled, not_accepted_elsewhere
from messages_conformance.rules.verdict import MUST, STATUS, Finding, Unverified

MIN_REFUSED: Final = 2
"""At least this many different requests must be refused in the same words (our own)."""

MIN_ACCEPTED: Final = 2
"""At least this many requests with each of the features must be accepted (our own)."""

LIMIT: Final = re.compile(
    r"(?i)at most|at least|minimum|no more than|maximum|limit|exceed|up to|fewer|less than|too (?:many|long|large)|"
    r"not found|no access"
)
"""Words of a refusal for the size of a request, or for something that it names, which a correct server may give."""

JUDGED_ELSEWHERE: Final = frozenset({"request.context.complete", "request.parts.counted"})
"""Requests whose own rules compare answers, and judge no refusal."""

NOT_SPECIFIC: Final = JUDGED_ELSEWHERE | {"transport.path.post-messages"}
"""Rows that do not say what is refused."""


@rule(
    "request.combinations.accepted",
    MUST,
    harm=BREAKS,
    families={ANTHROPIC},
    source="the fields of the Messages API can be combined unless a document forbids it; maximhq/bifrost#6342, "
    "farion1231/cc-switch#3377 (GitHub), read 2026-12-01",
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="Tools, thinking, images, results and histories are sent alone and together.",
)
def accepts_features_together(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """Valid requests are not refused for a combination of features of which each is accepted elsewhere."""
    sent = [one for one in exchanges if answered(one) and one.creates_message]
    known: dict[str, int] = defaultdict(int)
    for one in filter(accepted, sent):
        for name in _features(one):
            known[name] += 1
    if not known:
        yield Unverified(reason="no request was accepted")
        return
    refusals: dict[str, list[Exchange]] = defaultdict(list)
    for one in filter(_is_refused, sent):
        if all(known[name] >= MIN_ACCEPTED for name in _features(one)):
            refusals[PLACES.sub(" ", cleanly_refused(one))].append(one)
    judged = {PLACES.sub(" ", cleanly_refused(one)) for one in sent if _is_judged(one, sent)}
    for words, alike in refusals.items():
        bodies = {one.request.body for one in alike}
        if len(bodies) >= MIN_REFUSED and words not in judged:
            yield _finding(alike)
            return


def _features(exchange: Exchange) -> Iterator[str]:
    """The coarse features of a request, and those that some models lack: a kind of thinking, and a prefill."""
    yield from features(exchange)
    if is_prefilled(exchange):
        yield "prefill"
    yield f"thinking.{thinking_type(exchange)}"


def _is_refused(exchange: Exchange) -> bool:
    """Whether a valid request is refused, and no rule of its own judges that."""
    if exchange.expect == REFUSED or near_miss(exchange) or exchange.origin is not None:
        return False
    judged = exchange.capability is not None or not JUDGED_ELSEWHERE.isdisjoint(exchange.probes)
    words = cleanly_refused(exchange)
    return judged and bool(words) and not LIMIT.search(words) and not beyond_context(exchange)


def _is_judged(exchange: Exchange, sent: Sequence[Exchange]) -> bool:
    """Whether a requirement about one kind of request reports this refusal."""
    if not cleanly_refused(exchange) or exchange.expect == REFUSED:
        return False
    rows = [probes()[name] for name in exchange.probes if name in probes() and name not in NOT_SPECIFIC]
    others = [one for one in sent if exchange.probes != one.probes]
    return any(
        not row.controlled or not not_accepted_elsewhere(exchange, others, without=row.own)
        for row in rows
        if row.expect == ACCEPTED
    )


def _finding(alike: Sequence[Exchange]) -> Finding:
    one = min(alike, key=lambda refused: len(refused.request.body))
    found = f"{status_and_body(one)}; so for {len(alike)} requests, each of whose features is accepted elsewhere"
    return Finding(exchange=one.number, place=STATUS, found=found, wanted="200: the request is valid")
