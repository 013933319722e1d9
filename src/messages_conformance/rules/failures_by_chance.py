"""The rule for 5xx that come and go: the same request fails, and succeeds or is refused when it is sent again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from messages_conformance.exchange import Exchange
from messages_conformance.rules import sources
from messages_conformance.rules.accessors import answered, response_of, status_and_body
from messages_conformance.rules.catalogue import BREAKS, RUN, rule
from messages_conformance.rules.recording_parts import PROBES, REQUEST
from messages_conformance.rules.verdict import SHOULD, STATUS, Finding, Unverified

BUSY: Final = frozenset({503, 529})
"""Statuses of a server that is busy: they are waited out, and are no failures."""

MIN_FAILURES: Final = 5
"""A server may fail now and then: so many different requests must fail in one run (our own)."""

MIN_SHARE: Final = 0.02
"""And they must be this share of its requests; no API of the field promises less than 99 % (our own)."""


@rule(
    "errors.status.intermittent-5xx",
    SHOULD,
    harm=BREAKS,
    source=f"{sources.ERRORS}; anthropics/claude-code#2728, anthropics/claude-code#6784 (GitHub), read 2026-11-30",
    over=RUN,
    reads={PROBES, REQUEST},
    provoked="A request that is answered with a 5xx is sent once more.",
)
def answers_at_the_first_attempt(exchanges: Sequence[Exchange]) -> Iterable[Finding | Unverified]:
    """A request that the target can answer or refuse does not often fail with a 5xx before."""
    sent = [one for one in exchanges if answered(one)]
    later = {one.request.identity for one in sent if one.probes and one.repeated and response_of(one).status < 500}
    # The judge gets the answer that failed without the probes of its request.
    failed = [one for one in sent if not one.probes and _is_failure(one) and one.request.identity in later]
    if not sent:
        yield Unverified(reason="nothing was answered")
    elif len(failed) >= MIN_FAILURES and len(failed) >= MIN_SHARE * len(sent):
        found = f"{status_and_body(failed[0])}; so in {len(failed)} of {len(sent)} answers, and not when sent again"
        yield Finding(
            exchange=failed[0].number, place=STATUS, found=found, wanted="the answer that came the second time"
        )


def _is_failure(exchange: Exchange) -> bool:
    status = response_of(exchange).status
    return status >= 500 and status not in BUSY
